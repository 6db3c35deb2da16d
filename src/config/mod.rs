//! Bytes to words to AST: quotes, escapes, environment variables, `.if`, sections. Knows no keyword.

pub use crate::diag::Word;
