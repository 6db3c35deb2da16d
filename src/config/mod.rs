//! Bytes to words to AST: quotes, escapes, environment variables, `.if`, sections. Knows no keyword.

mod env;
mod lexer;
mod words;

pub use crate::diag::Word;
pub use env::{Env, Identity, InvalidName};
pub use words::{LineContext, words};
