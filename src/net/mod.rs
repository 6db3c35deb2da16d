//! Sockets, listeners, TLS, buffers, connection pools.
