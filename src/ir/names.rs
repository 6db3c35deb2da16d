//! `option forwarded`, and the names of header fields: `option http-restrict-req-hdr-names`, `h1-case-adjust`.

use std::collections::HashMap;
use std::fmt;

use crate::expr::Expr;

/// `option forwarded`: the element that is added.
#[derive(Default)]
pub struct ForwardedField {
    /// `proto`
    pub proto: bool,
    /// `host`
    pub host: Option<NodePart>,
    /// `by`
    pub by_name: Option<NodePart>,
    /// `by_port`
    pub by_port: Option<NodePart>,
    /// `for`
    pub for_name: Option<NodePart>,
    /// `for_port`
    pub for_port: Option<NodePart>,
}

impl fmt::Display for ForwardedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.proto { "forwarded proto" } else { "forwarded" })?;
        let parts = [
            ("host", &self.host),
            ("by", &self.by_name),
            ("by_port", &self.by_port),
            ("for", &self.for_name),
            ("for_port", &self.for_port),
        ];
        for (name, part) in parts {
            match part {
                None => {}
                Some(NodePart::Own) => write!(f, " {name}")?,
                Some(NodePart::Expr(_)) => write!(f, " {name}-expr")?,
            }
        }
        Ok(())
    }
}

/// Where a part comes from.
pub enum NodePart {
    /// The connection or the request itself.
    Own,
    /// An expression.
    Expr(Expr),
}

/// `option http-restrict-req-hdr-names`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestrictNames {
    /// `preserve`
    #[default]
    Preserve,
    /// `delete`
    Delete,
    /// `reject`
    Reject,
}

/// `h1-case-adjust`: names as they are written to those who want them so, by names in lower case.
#[derive(Debug, Default)]
pub struct CaseMap {
    names: HashMap<Box<[u8]>, Box<[u8]>>,
}

impl CaseMap {
    /// Adds a pair; why it may not be added, if so.
    pub fn add(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        if !from.eq_ignore_ascii_case(to) {
            return Err("<from> and <to> must not differ except for the case");
        }
        if self.names.contains_key(from) {
            return Err("duplicate entry");
        }
        self.names.insert(from.into(), to.into());
        Ok(())
    }

    /// The names in lines of fields, which are as long as before.
    pub fn adjust(&self, lines: &mut [u8]) {
        for line in lines.split_inclusive_mut(|byte| *byte == b'\n') {
            let Some(end) = memchr::memchr(b':', line) else { continue };
            if let Some(name) = line.get_mut(..end)
                && let Some(written) = self.names.get(&*name)
            {
                name.copy_from_slice(written);
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_length() {
        let mut map = CaseMap::default();
        assert_eq!(map.add(b"host", b"HOST"), Ok(()));
        assert_eq!(map.add(b"host", b"Host"), Err("duplicate entry"));
        assert!(map.add(b"a", b"B").is_err());
        let mut head = b"GET http://host:80/ HTTP/1.1\r\nhost: host:80\r\nx-host: a\r\n\r\n".to_vec();
        map.adjust(&mut head);
        assert_eq!(head, b"GET http://host:80/ HTTP/1.1\r\nHOST: host:80\r\nx-host: a\r\n\r\n");
    }
}
