//! TLS (rustls with AWS-LC) over plain streams.
//!
//! | file | does |
//! |---|---|
//! | `accept` | TLS with clients, as a `bind` line wants it |
//! | `choose` | which certificate a client is shown |
//! | `connect` | TLS with servers, as a `server` line wants it |
//! | `verify` | whether a certificate is believed |
//! | `stream` | the connection: reads, writes, handshake, end |
//! | `records` | memory for records |
//! | `sessions` | sessions with clients that can be resumed |
//! | `names` | cipher suites and versions in OpenSSL's words |

mod accept;
mod choose;
mod connect;
mod errors;
mod names;
mod records;
mod sessions;
mod signer;
mod stream;
mod verify;

pub use accept::{Accepted, Acceptor, Asked};
pub use connect::{Connected, Connector};
pub use errors::error_of;
pub use names::{cipher_name, key_bits, version_name};
pub use stream::Tls;
