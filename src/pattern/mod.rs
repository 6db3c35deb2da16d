//! Matchers over sets of patterns.
