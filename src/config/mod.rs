//! Bytes to words to AST: quotes, escapes, environment variables, `.if`, sections. Knows no keyword but the four of the
//! global section that change the environment, and reads no file: texts are passed in.

mod ast;
mod block;
mod condition;
mod directive;
mod env;
mod lexer;
mod predicate;
mod read;
mod version;
mod words;

pub use crate::diag::Word;
pub use ast::{Ast, Line, Section};
pub use directive::eval_condition;
pub use env::{Env, Identity, InvalidName};
pub use predicate::Facts;
pub use read::{Input, Options, configuration_files, read};
pub use words::{LineContext, words};
