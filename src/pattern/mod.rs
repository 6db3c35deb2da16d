//! Matchers over sets of patterns (manual 7.1), updatable at run time, with an optional value per pattern for maps.
//!
//! [`PatternSet`] is the whole interface: it is built once from patterns of one matching method, answers whether (and
//! with which pattern) a sample matches, and can be changed while others keep using an older clone. [`file`] splits
//! pattern files into lines. Reading files, resolving names and casting samples to what a method wants are left to others.

pub mod file;
mod index;
mod int;
mod kind;
mod pool;
pub mod regex;
mod set;

pub use int::{IntOp, IntRange};
pub use kind::MatchKind;
pub use set::{Builder, Hit, PatternError, PatternFault, PatternSet};
