//! Server selection, pure.
