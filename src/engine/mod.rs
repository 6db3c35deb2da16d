//! The data plane: accepts connections, runs the rules, forwards to servers, counts.
//!
//! # Life of a connection
//!
//! `listener` takes a permit and accepts; `session` opens the connection on a core, does its handshakes and runs the
//! `tcp-request connection` and `session` rules; `http` serves one request after the other. For each request a recycled `Stream`
//! is filled: `http::request` reads the head, `http::rules` decides, `http::attempt` gets a response from a server (`choose`,
//! `place`, `connect`), `http::response` and `http::exchange` send it, `finish` counts and logs. A `Flow` moves one direction
//! of a message between the two connections; `tunnel` moves both without looking. In TCP mode `tcp` does the same for the one stream
//! of the connection, with `tunnel` for the transfer.
//!
//! # Who owns what
//!
//! - A task owns its client connection and, during a request, the connection to the server. Between requests the latter lies in the
//!   server's `pool`, in the list of the core.
//! - Received bytes lie in `buffer::Buf`s: the session's for the client, the `Upstream`'s for the server. Heads are indexes
//!   into them until they are sent; then the buffer goes back to the core.
//! - `Live` is a configuration made ready, shared by all cores; `Local` is a core's part of it. A session holds the `Local` it began
//!   with and takes the present one between requests.
//! - Counts that must go down again (`Permit`, `Occupied`, `queue::Slot`, `Upstream`) do so when dropped, so that no path forgets.
//!
//! # Deadlines
//!
//! One `timer::Slot` per session. Whoever waits stores the deadline that counts at the moment; `watch::Watch` says which.
//!
//! # Seams
//!
//! `service::Service` (statistics page), `log::stream` (log lines), `tunnel::run` (TCP mode), `choose::choose` (balancing),
//! `Engine::run_on` (work of other modules on a core), `servers::change` and `servers::checked` (states of servers).

pub mod buffer;
pub mod carry;
pub mod check;
pub mod choose;
pub mod connect;
pub mod core;
pub mod fault;
pub mod finish;
pub mod flow;
pub mod framing;
pub mod handshake;
mod hashed;
pub mod hooks;
mod http;
pub mod listener;
pub mod live;
pub mod log;
pub mod permit;
pub mod persist;
pub mod place;
pub mod pool;
mod preamble;
pub mod queue;
mod ramp;
pub mod resolve;
mod restore;
pub mod retry;
pub mod roster;
pub mod run;
pub mod servers;
pub mod service;
pub mod session;
pub mod sockets;
mod squeeze;
mod stick;
mod sticky;
pub mod stream;
mod tcp;
pub mod timer;
pub mod tunnel;
pub mod watch;

pub use carry::view;
pub use restore::restore;
pub use run::{Engine, Options, start};
pub use service::{Call, Service};
pub use sockets::{BindFailure, Sockets};
