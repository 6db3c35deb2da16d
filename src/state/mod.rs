//! Shared run-time data; no I/O.
