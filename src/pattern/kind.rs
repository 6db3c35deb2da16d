//! The matching methods of `-m` and what they have in common.

/// A matching method (manual 7.1, `-m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchKind {
    /// `found`: the sample exists.
    Found,
    /// `bool`: the sample is not zero.
    Bool,
    /// `int`: integer ranges.
    Int,
    /// Versions written `MAJOR.MINOR`, as `req.ssl_ver` is compared with; implied by the keyword, never named.
    Version,
    /// `ip`: addresses and networks.
    Ip,
    /// `bin`: bytes written in hexadecimal.
    Bin,
    /// `len`: the sample's length as integer.
    Len,
    /// `str`: the whole sample.
    Str,
    /// `sub`: a substring.
    Sub,
    /// `reg`: a regular expression.
    Reg,
    /// `beg`: a prefix.
    Beg,
    /// `end`: a suffix.
    End,
    /// `dir`: a part between slashes.
    Dir,
    /// `dom`: a part between dots, colons, slashes and question marks.
    Dom,
}

impl MatchKind {
    /// The method that `-m NAME` selects.
    pub fn from_name(name: &[u8]) -> Option<MatchKind> {
        NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, kind)| *kind)
    }

    /// The name as `-m` takes it; versions are written as the integers that they are.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("int", |(name, _)| name)
    }

    /// Every name that [`MatchKind::from_name`] knows, for suggestions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// The method looks at integers: operators such as `gt` may stand before its patterns.
    pub fn takes_operators(self) -> bool {
        matches!(self, MatchKind::Int | MatchKind::Version | MatchKind::Len)
    }

    /// The method has no patterns; those given are ignored (manual 7.1: "found", "bool").
    pub fn ignores_patterns(self) -> bool {
        matches!(self, MatchKind::Found | MatchKind::Bool)
    }
}

const NAMES: &[(&str, MatchKind)] = &[
    ("found", MatchKind::Found),
    ("bool", MatchKind::Bool),
    ("int", MatchKind::Int),
    ("ip", MatchKind::Ip),
    ("bin", MatchKind::Bin),
    ("len", MatchKind::Len),
    ("str", MatchKind::Str),
    ("sub", MatchKind::Sub),
    ("reg", MatchKind::Reg),
    ("beg", MatchKind::Beg),
    ("end", MatchKind::End),
    ("dir", MatchKind::Dir),
    ("dom", MatchKind::Dom),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in MatchKind::names() {
            assert_eq!(MatchKind::from_name(name.as_bytes()).map(MatchKind::name), Some(name));
        }
        assert_eq!(MatchKind::from_name(b"regex"), None);
        assert_eq!(MatchKind::Version.name(), "int");
    }
}
