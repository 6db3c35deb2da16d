//! The data plane on real sockets: free ports, deadlines, reads to the end.

mod fixture;
mod http;
mod pool;
mod reload;
mod tls;
mod tls_peers;
