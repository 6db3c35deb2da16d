//! `crt-list` files (manual 5.1): a certificate a line, with the names it is for. Options in brackets are not supported yet.

use std::sync::Arc;

use super::certs::load_certs;
use crate::ir::{self, CertChain, CertListEntry};
use crate::keyword::known::{self, Class};
use crate::lower::files::Reader;

/// What a list holds.
#[derive(Default)]
pub(in crate::lower) struct CertList {
    /// Certificates with the filter `*`: shown where no name fits.
    pub(in crate::lower) defaults: Vec<Arc<CertChain>>,
    /// All others.
    pub(in crate::lower) named: Vec<Arc<CertChain>>,
    /// Its lines, for those who ask.
    pub(in crate::lower) lines: Vec<CertListEntry>,
}

impl CertList {
    /// What the runtime socket shows of it.
    pub(in crate::lower) fn shown(self, path: &str) -> ir::CertList {
        ir::CertList { path: path.to_owned(), entries: self.lines }
    }
}

/// Reads a list and every certificate in it; relative names stand under `base`.
pub(in crate::lower) fn load_list(path: &str, base: Option<&str>, reader: &Reader<'_>) -> Result<CertList, String> {
    let text = reader.read(path).map_err(|why| format!("unable to open crt-list '{path}': {why}."))?;
    let text = String::from_utf8_lossy(&text);
    let mut list = CertList::default();
    for (line, number) in text.lines().zip(1..) {
        let fail = |why: String| format!("in crt-list '{path}', line {number}: {why}");
        let Some(entry) = Entry::parse(line).map_err(fail)? else { continue };
        let file = match base {
            Some(base) if !entry.file.starts_with('/') => format!("{}/{}", base.trim_end_matches('/'), entry.file),
            _ => entry.file.to_owned(),
        };
        list.lines.push(entry.line(number, &file));
        for cert in load_certs(&file, reader).map_err(fail)? {
            let cert = if entry.names.is_empty() { cert } else { renamed(&cert, &entry.names) };
            if entry.default { list.defaults.push(cert) } else { list.named.push(cert) }
        }
    }
    Ok(list)
}

/// The lines that a directory stands for.
pub(in crate::lower) fn directory(path: &str, certs: &[Arc<CertChain>]) -> ir::CertList {
    let line = |(number, cert): (u32, &Arc<CertChain>)| CertListEntry {
        line: number,
        file: cert.path.clone(),
        filters: String::new(),
        names: Vec::new(),
    };
    ir::CertList { path: path.to_owned(), entries: (1..).zip(certs).map(line).collect() }
}

/// A line that the runtime socket adds to a list (management.txt 9.3 `add ssl crt-list`).
pub fn list_line(line: &str) -> Result<CertListEntry, String> {
    let entry = Entry::parse(line)?.ok_or("the line names no certificate")?;
    Ok(entry.line(0, entry.file))
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    file: &'a str,
    filters: &'a str,
    /// The names of the filters in lower case; empty means the certificate's own.
    names: Vec<String>,
    default: bool,
}

impl<'a> Entry<'a> {
    /// `None` for a comment or an empty line.
    fn parse(line: &'a str) -> Result<Option<Entry<'a>>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (file, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim_start();
        let filters = match rest.strip_prefix('[') {
            None => rest,
            Some(options) => {
                let (options, filters) = options.split_once(']').ok_or("a '[' is not closed by ']'.")?;
                if let Some(option) = options.split_whitespace().next() {
                    return Err(refused(option));
                }
                filters
            }
        };
        let mut entry = Entry { file, filters: rest.trim_end(), names: Vec::new(), default: false };
        for filter in filters.split_whitespace() {
            match filter {
                "*" => entry.default = true,
                // Manual: a '!' in front of a '*' is ignored.
                _ if filter.starts_with("!*") => {}
                _ if filter.starts_with('!') => return Err(format!("the filter '{filter}' is not supported yet.")),
                name => entry.names.push(name.to_ascii_lowercase()),
            }
        }
        Ok(Some(entry))
    }

    fn line(&self, line: u32, file: &str) -> CertListEntry {
        CertListEntry { line, file: file.to_owned(), filters: self.filters.to_owned(), names: self.names.clone() }
    }
}

/// The error for an option of a single certificate.
fn refused(option: &str) -> String {
    match known::find(Class::Other, option).filter(|known| known.place.contains("crt-list")) {
        Some(known) => {
            format!("'{option}' is known to HAProxy 3.4, not supported by hydroxy yet; see {}.", known.manual())
        }
        None => format!("unknown ssl keyword '{option}' in brackets."),
    }
}

/// The same certificate for other names.
fn renamed(cert: &CertChain, names: &[String]) -> Arc<CertChain> {
    Arc::new(CertChain {
        path: cert.path.clone(),
        chain: cert.chain.clone(),
        key: cert.key.clone_key(),
        names: names.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_file_and_filters() {
        let parse = |line| Entry::parse(line).map(|entry| entry.map(|entry| (entry.file, entry.names, entry.default)));
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("# comment"), Ok(None));
        assert_eq!(parse("a.pem"), Ok(Some(("a.pem", vec![], false))));
        assert_eq!(parse("a.pem *"), Ok(Some(("a.pem", vec![], true))));
        let names = vec!["*.example.org".to_owned(), "example.org".to_owned()];
        assert_eq!(parse("a.pem\t[] *.Example.org example.org"), Ok(Some(("a.pem", names, false))));
        assert!(parse("a.pem [alpn h2]").is_err());
        assert!(parse("a.pem [").is_err());
        assert!(parse("a.pem *.x.org !y.x.org").is_err());
    }
}
