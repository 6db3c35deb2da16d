//! The HTTP message model and the HTTP/1 codec; no I/O.
