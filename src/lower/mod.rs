//! AST to IR.
