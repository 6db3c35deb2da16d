//! Bytes to words to AST; knows no keyword.
