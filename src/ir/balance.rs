//! How servers are chosen (manual 4.2 `balance`, `hash-type` and relatives).

use std::fmt;
use std::sync::Arc;

use super::proxy::Section;
use crate::expr::Expr;

/// `balance`.
pub enum Balance {
    /// `roundrobin`
    RoundRobin,
    /// `static-rr`
    StaticRr,
    /// `leastconn`
    LeastConn,
    /// `first`
    First,
    /// `source`
    Source,
    /// `random(draws)`
    Random(u32),
    /// `uri`, `url_param`, `hdr`, `rdp-cookie` and `hash`: by what a request says.
    Hash(Box<HashOn>),
}

impl Balance {
    /// Whether a server is chosen by who asks or for what: then the same one is chosen next time.
    pub fn is_by_hash(&self) -> bool {
        matches!(self, Balance::Source | Balance::Hash(_))
    }
}

/// What says how servers are chosen, besides the algorithm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choosing {
    /// `hash-type`.
    pub hash_type: HashType,
    /// `hash-balance-factor`; 0 is no bound.
    pub factor: u32,
    /// `hash-preserve-affinity`.
    pub affinity: Affinity,
    /// `option allbackups`.
    pub all_backups: bool,
    /// `option prefer-last-server`.
    pub prefer_last: bool,
    /// `http-check disable-on-404`, unless servers are checked in another way than over HTTP.
    pub leaves_on_404: bool,
}

/// What is hashed to choose a server.
pub struct HashOn {
    /// As in the configuration.
    pub text: Box<str>,
    /// What is looked at.
    pub key: Arc<Expr>,
    /// Where it may stand instead, in a body (`check_post`).
    pub posted: Option<Arc<Expr>>,
    /// How much of it counts.
    pub part: KeyPart,
}

/// How much of a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// All of it.
    Whole,
    /// Of a URI: at most so many bytes (`len`), with so many slashes (`depth`), and the query string only with `whole`.
    Uri {
        /// `len`
        len: Option<u32>,
        /// `depth`
        depth: Option<u32>,
        /// `whole`
        query: bool,
    },
    /// All of a field that is not empty.
    Field,
    /// Of a host name: the main domain (`use_domain_only`).
    Domain,
}

/// `hash-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashType {
    /// `consistent`, not `map-based`.
    pub consistent: bool,
    /// The function.
    pub function: HashFunction,
    /// `avalanche`
    pub avalanche: bool,
}

/// The function of `hash-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashFunction {
    /// `sdbm`
    #[default]
    Sdbm,
    /// `djb2`
    Djb2,
    /// `crc32`
    Crc32,
    /// `none`: the key is a number.
    None,
}

/// `hash-preserve-affinity`: which servers a hash passes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// None.
    #[default]
    Always,
    /// Those that serve as many as they may.
    MaxConn,
    /// Those whose queue is full.
    MaxQueue,
}

impl fmt::Display for HashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.consistent { "consistent" } else { "map-based" };
        let function = match self.function {
            HashFunction::Sdbm => "sdbm",
            HashFunction::Djb2 => "djb2",
            HashFunction::Crc32 => "crc32",
            HashFunction::None => "none",
        };
        write!(f, "{method} {function}{}", if self.avalanche { " avalanche" } else { "" })
    }
}

impl Affinity {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Affinity::Always => "always",
            Affinity::MaxConn => "maxconn",
            Affinity::MaxQueue => "maxqueue",
        }
    }
}

impl Section {
    /// Whether servers may come and go, and their weights change (manual 4.2 `balance`).
    pub fn balances_dynamically(&self) -> bool {
        match self.balance {
            Balance::RoundRobin | Balance::LeastConn | Balance::First | Balance::Random(_) => true,
            Balance::Source | Balance::Hash(_) => self.choosing.hash_type.consistent,
            Balance::StaticRr => false,
        }
    }
}
