//! The table of actions (manual 4.3 and 4.4), one file per family.

mod auth;
mod binary;
mod capture;
mod connection;
mod header;
mod line;
mod marks;
mod pattern;
mod redirect;
mod reply;
mod resolve;
mod service;
mod sticky;
mod stream;
mod target;
mod tuning;
mod variable;
mod verdict;
mod wait;
mod words;

use super::Action;

pub use line::OLD_LINES;
pub use redirect::LITERAL as LITERAL_REDIRECT;
pub use reply::{ErrorSource, Reply, bind_error, error_group};
pub use variable::Assignment;

/// All actions.
pub static FAMILIES: &[&[Action]] = &[
    auth::ACTIONS,
    binary::ACTIONS,
    capture::ACTIONS,
    connection::ACTIONS,
    header::ACTIONS,
    marks::ACTIONS,
    pattern::ACTIONS,
    redirect::ACTIONS,
    reply::ACTIONS,
    resolve::ACTIONS,
    service::ACTIONS,
    sticky::ACTIONS,
    stream::ACTIONS,
    target::ACTIONS,
    tuning::ACTIONS,
    variable::ACTIONS,
    verdict::ACTIONS,
    wait::ACTIONS,
];

/// Every action. A name may stand in more than one entry when its arguments differ between rule sets.
pub fn all() -> impl Iterator<Item = &'static Action> {
    FAMILIES.iter().copied().flatten()
}
