//! Command line, load, signals, demo.
