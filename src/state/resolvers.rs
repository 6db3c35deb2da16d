//! What is counted of name servers (management.txt 9.3 `show resolvers`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A `resolvers` section at run time.
pub struct ResolversState {
    /// Its name.
    pub name: String,
    /// Its name servers, in their order.
    pub servers: Vec<NameServerState>,
}

/// A name server's counters.
pub struct NameServerState {
    /// Its name.
    pub name: String,
    counts: [AtomicU64; DNS_COUNTS.len()],
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsCount {
    /// Questions sent.
    Sent,
    /// Questions that could not be sent.
    SendError,
    /// Valid answers.
    Valid,
    /// Answers that changed a server's address.
    Update,
    /// Answers that are aliases.
    Cname,
    /// Aliases of which nothing is known.
    CnameError,
    /// Answers without records.
    AnyError,
    /// Names that do not exist.
    Nx,
    /// Questions not answered in time.
    Timeout,
    /// Questions refused.
    Refused,
    /// Other errors.
    Other,
    /// Answers against the protocol.
    Invalid,
    /// Answers that are too long.
    TooBig,
    /// Answers that did not fit.
    Truncated,
    /// Answers that nobody waited for any more.
    Outdated,
}

/// All counters in their order, with their names.
pub static DNS_COUNTS: [(DnsCount, &str); 15] = [
    (DnsCount::Sent, "sent"),
    (DnsCount::SendError, "snd_error"),
    (DnsCount::Valid, "valid"),
    (DnsCount::Update, "update"),
    (DnsCount::Cname, "cname"),
    (DnsCount::CnameError, "cname_error"),
    (DnsCount::AnyError, "any_err"),
    (DnsCount::Nx, "nx"),
    (DnsCount::Timeout, "timeout"),
    (DnsCount::Refused, "refused"),
    (DnsCount::Other, "other"),
    (DnsCount::Invalid, "invalid"),
    (DnsCount::TooBig, "too_big"),
    (DnsCount::Truncated, "truncated"),
    (DnsCount::Outdated, "outdated"),
];

impl ResolversState {
    /// Counters at zero for name servers of these names.
    pub fn new<'a>(name: &str, servers: impl Iterator<Item = &'a str>) -> Self {
        let server = |name: &str| NameServerState { name: name.to_owned(), counts: Default::default() };
        ResolversState { name: name.to_owned(), servers: servers.map(server).collect() }
    }

    /// Whether it has name servers of these names, in this order.
    pub fn is_of<'a>(&self, name: &str, servers: impl Iterator<Item = &'a str>) -> bool {
        self.name == name && self.servers.iter().map(|server| server.name.as_str()).eq(servers)
    }
}

impl NameServerState {
    /// Counts one more.
    pub fn count(&self, what: DnsCount) {
        self.counts[what as usize].fetch_add(1, Relaxed);
    }

    /// How many there were.
    pub fn get(&self, what: DnsCount) -> u64 {
        self.counts[what as usize].load(Relaxed)
    }

    /// Sets everything to zero (`clear counters all`).
    pub fn clear(&self) {
        self.counts.iter().for_each(|count| count.store(0, Relaxed));
    }
}
