//! Compares samples with patterns by one matching method (manual 7.1): casts the sample to what the method looks at.

use std::sync::Arc;

use crate::base::value::{Type, Value};
use crate::pattern::{MatchKind, PatternSet};
use crate::state::PatternList;

/// A matching method and its patterns.
pub(super) struct Matcher {
    kind: MatchKind,
    lists: Box<[Arc<PatternList<()>>]>,
}

impl Matcher {
    pub fn new(kind: MatchKind, lists: Vec<Arc<PatternList<()>>>) -> Matcher {
        Matcher { kind, lists: lists.into_boxed_slice() }
    }

    /// Whether any pattern matches the sample.
    #[inline]
    pub fn matches(&self, value: Value<'_>) -> bool {
        match self.kind {
            MatchKind::Found => true,
            MatchKind::Bool => value.cast(Type::Bool) == Some(Value::Bool(true)),
            MatchKind::Int | MatchKind::Version => match value.cast(Type::Int) {
                Some(Value::Int(value)) => self.any(|set| set.matches_int(value)),
                _ => false,
            },
            MatchKind::Ip => match value.cast(Type::Addr) {
                Some(Value::Ipv4(ip)) => self.any(|set| set.matches_ip(ip.into())),
                Some(Value::Ipv6(ip)) => self.any(|set| set.matches_ip(ip.into())),
                _ => false,
            },
            MatchKind::Bin => match value.cast(Type::Bin) {
                Some(Value::Bin(bytes)) => self.any(|set| set.matches(&bytes)),
                _ => false,
            },
            _ => match value.cast(Type::Str) {
                Some(Value::Str(text)) => self.any(|set| set.matches(&text)),
                _ => false,
            },
        }
    }

    #[inline]
    fn any(&self, found: impl Fn(&PatternSet<()>) -> bool) -> bool {
        self.lists.iter().any(|list| list.read(&found))
    }
}

/// The method that is meant where none is named (manual 7.1); `None` where one must be.
pub(super) fn default_kind(out: Type) -> Option<MatchKind> {
    match out {
        Type::Bool => Some(MatchKind::Bool),
        Type::Int => Some(MatchKind::Int),
        Type::Addr | Type::Ipv4 | Type::Ipv6 => Some(MatchKind::Ip),
        Type::Str | Type::Meth => Some(MatchKind::Str),
        Type::Bin | Type::Any | Type::Same => None,
    }
}

/// The type that a sample is cast to.
pub(super) fn looks_at(kind: MatchKind) -> Type {
    match kind {
        MatchKind::Found => Type::Any,
        MatchKind::Bool => Type::Bool,
        MatchKind::Int | MatchKind::Version => Type::Int,
        MatchKind::Ip => Type::Addr,
        MatchKind::Bin => Type::Bin,
        _ => Type::Str,
    }
}
