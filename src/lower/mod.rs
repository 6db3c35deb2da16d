//! AST to IR: the tables of sections, directives, `bind` and `server` options, and [`load`], the one step that reads files.
//!
//! Names are collected first (`names`), then each line is looked up in its table and applied to a draft (`sections`), then
//! drafts become IR. Expressions, conditions, rules and format strings are bound by `expr` and `rules`.

mod bind;
mod checks;
mod compat;
pub mod dynamic;
mod files;
mod global;
mod http_errors;
mod legacy;
mod load;
mod log_target;
mod names;
mod patterns;
mod proxy;
mod reference;
mod resolvers;
mod saved;
mod sections;
mod server;
mod stick_table;
mod table;
pub mod tls;
mod tracking;
mod userlist;
mod values;

#[cfg(test)]
mod tests;

pub use compat::Compat;
pub use files::{Disk, Files, Memory, system_message};
pub use load::{LoadInput, Loaded, Overrides, ZERO_WARNING, load};
pub use reference::{Entry, entries, sections};
