//! Runtime socket and stats page.
