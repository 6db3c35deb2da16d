//! The validated configuration as data: what `-c` has proved and the engine may rely on. Nothing here is checked again.

mod balance;
pub mod bind;
mod bind_dump;
pub mod check;
mod check_dump;
pub mod compression;
pub mod cpu;
pub mod dump;
pub mod global;
pub mod log;
pub mod names;
pub mod persist;
pub mod proxy;
pub mod resolvers;
pub mod server;
pub mod socket;
pub mod stats;

pub use crate::expr::Marks;
pub use balance::{Affinity, Balance, Choosing, HashFunction, HashOn, HashType, KeyPart};
pub use bind::{
    Bind, BindAddr, BindTls, CertChain, CertList, CertListEntry, ClientAuth, ProtocolVersion, RecordSizes,
    TlsAlgorithms, TlsVersions,
};
pub use check::{Agent, Check, CheckKind, Expect, ExpectMatch, HttpCheckStep, TcpCheckStep};
pub use compression::{Coding, Compression};
pub use cpu::{CpuMap, CpuPin, CpuSet};
pub use dump::dump;
pub use global::{Global, Group, RuntimeSocket, SocketSizes, User, Userlist};
pub use log::{LogFormatName, LogTarget, LogTo};
pub use names::{CaseMap, ForwardedField, NodePart, RestrictNames};
pub use persist::{Cookie, CookieMode, CookieOptions, PersistRule, Persistence};
pub use proxy::{
    BackendChoice, ConnectionMode, ErrorAnswer, ErrorReply, Forwarded, LogFormats, Mode, Proxy, Reuse, Section,
    ServerChoice, StickRule, Timeouts,
};
pub use resolvers::{AcceptFamilies, NameServer, Resolve, Resolvers};
pub use server::{
    HashKey, PortSpec, ProxyFacts, ProxyProtocol, ProxyV2, Saved, SavedAgent, SavedCheck, Server, ServerAddr,
    ServerTls, Track, Verify,
};
pub use socket::{Foreign, Probes, Sockets, Source};
pub use stats::Stats;

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::id::ProxyId;
use crate::base::stick::TableSpec;
use crate::state::patterns::PatternRef;

/// A loaded configuration. Immutable; a reload, or a change from the runtime socket, builds a new one beside it.
#[derive(Clone)]
pub struct Ir {
    /// The `global` section.
    pub global: Global,
    /// Frontends, backends and listen sections; index is `ProxyId`. `defaults` are already applied.
    pub proxies: Vec<Arc<Proxy>>,
    /// Index is `UserlistId`. Bound expressions hold their own reference.
    pub userlists: Vec<Arc<Userlist>>,
    /// Stick tables; index is `TableId`.
    pub tables: Vec<TableSpec>,
    /// `resolvers` sections; the last is `default` where no section is called so.
    pub resolvers: Vec<Arc<Resolvers>>,
    /// Backends and listens by name, for `use_backend %[...]`.
    pub backends: HashMap<Box<[u8]>, ProxyId>,
    /// Lists of patterns that the runtime socket shows and changes, by their numbers.
    pub patterns: Vec<Arc<PatternRef>>,
    /// Slots for session variables.
    pub sess_vars: usize,
    /// Slots for transaction variables.
    pub txn_vars: usize,
}

impl Ir {
    /// The proxy. Ids come from this configuration, so it exists.
    pub fn proxy(&self, id: ProxyId) -> &Arc<Proxy> {
        &self.proxies[id.index()]
    }
}
