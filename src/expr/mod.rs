//! Sample fetches, converters, ACLs and log-format.
