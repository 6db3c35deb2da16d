//! Sessions, streams, forwarding, health checks, logs.
