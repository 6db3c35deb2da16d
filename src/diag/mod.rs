//! Where a text came from and what is wrong with it: source map, spans, spanned words, diagnostics, their renderer.
//!
//! Every parser of the crate that reads configuration reports through these types. The module formats text, it never
//! writes to a stream and never decides whether the program goes on.

mod collector;
mod diagnostic;
mod render;
mod span;
mod suggest;
mod word;

pub use collector::Diagnostics;
pub use diagnostic::{Code, Diagnostic, Lead, Note, Result, Severity};
pub use render::Renderer;
pub use span::{FileId, SourceMap, Span, Spanned};
pub use suggest::{suggest, suggestions};
pub use word::{Step, Word};
