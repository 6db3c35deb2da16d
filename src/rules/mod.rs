//! Actions, rule sets and verdicts.
