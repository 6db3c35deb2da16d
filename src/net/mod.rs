//! Sockets: listeners, client and server connections as one type of stream, TLS. Knows addresses and options of the IR, but no
//! sessions, rules or HTTP messages; those are `engine`'s.

pub mod connect;
pub mod io;
pub mod listen;
pub mod marks;
pub mod probes;
pub mod sizes;
pub mod tcp;
pub mod tls;
