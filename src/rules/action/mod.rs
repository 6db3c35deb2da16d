//! The table of actions (manual 4.3 and 4.4), one file per family, and the search by name.

mod verdict;

use super::Action;

pub use verdict::LITERAL_REDIRECT;

/// All actions.
pub static FAMILIES: &[&[Action]] = &[verdict::ACTIONS];

/// Every action. A name may stand in more than one entry when its arguments differ between rule sets.
pub fn all() -> impl Iterator<Item = &'static Action> {
    FAMILIES.iter().copied().flatten()
}
