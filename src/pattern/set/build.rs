//! Building sets: reading patterns as their method wants them, and what can be wrong with them.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::int::{IntFault, IntOp, IntRange};
use super::super::kind::MatchKind;
use super::super::pool::Pool;
use super::super::regex::RegexError;
use super::PatternSet;
use super::base::{Base, Parsed};
use crate::base::hex::{HexFault, from_hex};
use crate::base::ipnet::{IpNet, IpNetError};

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' cannot be matched: {fault}")]
pub struct PatternError {
    /// Which of the patterns pushed, from 0.
    pub at: usize,
    /// The pattern.
    pub text: String,
    /// What is wrong with it.
    pub fault: PatternFault,
}

impl PatternError {
    /// Whether the pattern may be a host name where an address was expected.
    pub fn is_name(&self) -> bool {
        self.fault == PatternFault::Ip(IpNetError::Address)
    }
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// Not an integer or a range of integers.
    #[error(transparent)]
    Int(#[from] IntFault),
    /// Not a network; with [`IpNetError::Address`] it may be a host name.
    #[error(transparent)]
    Ip(#[from] IpNetError),
    /// `bin`: a digit is missing.
    #[error("an even number of hex digit is expected")]
    OddHex,
    /// `bin`: not a digit.
    #[error("an hex digit is expected (found '{0}')")]
    NotHex(char),
    /// Not a regular expression that the engines know.
    #[error("the regular expression is invalid: {0}")]
    Regex(RegexError),
    /// More than an index can hold.
    #[error("the patterns are too many or too large together")]
    TooMany,
}

/// Collects patterns for a [`PatternSet`].
#[derive(Debug)]
pub struct Builder<V> {
    kind: MatchKind,
    fold: bool,
    op: IntOp,
    texts: Pool,
    parsed: Parsed,
    values: Vec<V>,
    serials: Vec<u32>,
}

impl<V> Builder<V> {
    /// Starts a set; `fold` is `-i`.
    pub fn new(kind: MatchKind, fold: bool) -> Builder<V> {
        let parsed = match kind {
            MatchKind::Int | MatchKind::Version | MatchKind::Len => Parsed::Ranges(Vec::new()),
            MatchKind::Ip => Parsed::Nets(Vec::new()),
            MatchKind::Bin => Parsed::Bytes(Pool::default()),
            _ => Parsed::Texts,
        };
        let (texts, values, serials) = (Pool::default(), Vec::new(), Vec::new());
        Builder { kind, fold, op: IntOp::Eq, texts, parsed, values, serials }
    }

    /// The operator for the integers that follow.
    pub fn operator(&mut self, op: IntOp) {
        self.op = op;
    }

    /// Adds a pattern as it is written.
    pub fn push(&mut self, text: &[u8], value: V) -> Result<(), PatternError> {
        self.push_numbered(text, value, self.values.len() as u32)
    }

    /// The same; what is no address may be a host name that `address` knows.
    pub fn push_or_resolve(
        &mut self,
        text: &[u8],
        value: V,
        address: impl FnOnce(&str) -> Option<IpAddr>,
    ) -> Result<(), PatternError> {
        let is_name = matches!(self.parsed, Parsed::Nets(_)) && matches!(IpNet::parse(text), Err(IpNetError::Address));
        let found = std::str::from_utf8(text).ok().filter(|_| is_name).and_then(address);
        match found.and_then(|ip| IpNet::parse(ip.to_string().as_bytes()).ok()) {
            Some(net) => self.push_net(text, net, value),
            None => self.push(text, value),
        }
    }

    /// Adds a network under another name: a host name that the caller has resolved.
    pub fn push_net(&mut self, text: &[u8], net: IpNet, value: V) -> Result<(), PatternError> {
        if let Parsed::Nets(nets) = &mut self.parsed {
            nets.push(net);
        }
        self.store(text, value, self.values.len() as u32)
    }

    /// Indexes what was pushed.
    pub fn finish(self) -> Result<PatternSet<V>, PatternError> {
        let mut set = Builder::empty(self.kind, self.fold, self.values.len() as u32);
        set.base = Arc::new(self.base()?);
        Ok(set)
    }

    pub(super) fn empty(kind: MatchKind, fold: bool, next_serial: u32) -> PatternSet<V> {
        // Without patterns there is nothing to read or to index, so building cannot fail.
        let nothing = || Base::new(kind, fold, Pool::default(), Parsed::Texts, Vec::new(), Vec::new());
        let (base, recent) = (nothing().ok().map(Arc::new), nothing().ok().map(Arc::new));
        let (Some(base), Some(recent)) = (base, recent) else { unreachable!("an empty base is always valid") };
        let (removed, changed) = (Vec::new(), Vec::new());
        PatternSet { kind, fold, base, recent, has_recent: false, removed, changed, next_serial }
    }

    pub(super) fn base(self) -> Result<Base<V>, PatternError> {
        let Builder { kind, fold, texts, parsed, values, serials, .. } = self;
        let names = texts.clone();
        Base::new(kind, fold, texts, parsed, values, serials).map_err(|(at, fault)| error(at, names.at(at), fault))
    }

    pub(super) fn push_numbered(&mut self, text: &[u8], value: V, serial: u32) -> Result<(), PatternError> {
        self.read(text).map_err(|fault| error(self.values.len(), text, fault))?;
        self.store(text, value, serial)
    }

    /// Takes over pattern `at` of a base, which must exist and be of the same method, with another value.
    pub(super) fn copy(
        &mut self,
        base: &Base<V>,
        at: u32,
        text: &[u8],
        serial: u32,
        value: V,
    ) -> Result<(), PatternError> {
        let at = at as usize;
        match (&mut self.parsed, &base.parsed) {
            (Parsed::Ranges(mine), Parsed::Ranges(theirs)) => mine.push(theirs[at]),
            (Parsed::Nets(mine), Parsed::Nets(theirs)) => mine.push(theirs[at]),
            (Parsed::Bytes(mine), Parsed::Bytes(theirs)) => drop(mine.push(theirs.at(at))),
            _ => {}
        }
        self.store(text, value, serial)
    }

    fn store(&mut self, text: &[u8], value: V, serial: u32) -> Result<(), PatternError> {
        if !self.texts.push(text) {
            return Err(error(self.values.len(), text, PatternFault::TooMany));
        }
        self.values.push(value);
        self.serials.push(serial);
        Ok(())
    }

    fn read(&mut self, text: &[u8]) -> Result<(), PatternFault> {
        match &mut self.parsed {
            Parsed::Texts => {}
            Parsed::Ranges(ranges) if self.kind == MatchKind::Version => {
                ranges.push(IntRange::parse_version(text, self.op)?);
            }
            Parsed::Ranges(ranges) => ranges.push(IntRange::parse(text, self.op)?),
            Parsed::Nets(nets) => nets.push(IpNet::parse(text)?),
            Parsed::Bytes(keys) => {
                let key = hex(text)?;
                if !keys.push(&key) {
                    return Err(PatternFault::TooMany);
                }
            }
        }
        Ok(())
    }
}

fn error(at: usize, text: &[u8], fault: PatternFault) -> PatternError {
    PatternError { at, text: String::from_utf8_lossy(text).into_owned(), fault }
}

/// The bytes that pairs of hexadecimal digits stand for.
fn hex(text: &[u8]) -> Result<Vec<u8>, PatternFault> {
    from_hex(text).map_err(|fault| match fault {
        HexFault::Odd => PatternFault::OddHex,
        HexFault::NotHex(found) => PatternFault::NotHex(found),
    })
}
