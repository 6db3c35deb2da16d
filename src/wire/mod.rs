//! Byte formats other than HTTP; no I/O.
