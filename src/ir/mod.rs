//! The validated configuration as data.
