//! Certificates and authorities: files in memory, numbered as the original saved them.

use std::collections::BTreeMap;

use super::specs::Specs;
use crate::discovery::list;
use crate::discovery::note::Note;
use crate::discovery::text::Origin;
use crate::discovery::variables::Proxy;

/// What TLS listeners are given.
pub(super) struct Certificates {
    /// The words of a `bind` line, if there is a certificate.
    pub(super) bind: Option<String>,
    /// Whose words these are.
    pub(super) origin: Origin,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) origins: BTreeMap<String, Origin>,
}

/// Where the original kept certificates; what is mounted there counts too.
const FOLDER: &str = "/certs/";
const AUTHORITY: &str = "/cacerts/cert0.pem";

impl Certificates {
    pub(super) fn of(proxy: Proxy<'_>, specs: &Specs<'_>, notes: &mut Vec<Note>) -> Certificates {
        let mut found = Certificates {
            bind: None,
            origin: Origin::proxy("CERT_FOLDER"),
            files: BTreeMap::new(),
            origins: BTreeMap::new(),
        };
        let mut words = proxy.set("CERT_FOLDER").map(|folder| format!("ssl crt {folder}")).unwrap_or_default();
        if words.is_empty() {
            found.number(proxy, specs, notes);
            if let Some(first) = found.origins.values().next() {
                found.origin = first.clone();
                words = format!("ssl crt {FOLDER}");
            }
        }
        if let Some(path) = proxy.set("CA_CERT_FILE") {
            words.push_str(&format!(" ca-file {path} verify required"));
        } else if let Some(text) = proxy.set("CA_CERT") {
            found.save(AUTHORITY.to_owned(), text, Origin::proxy("CA_CERT"));
            words.push_str(&format!(" ca-file {AUTHORITY} verify required"));
        }
        // An authority alone made the original bind `:443 ca-file ...` without TLS, which no HAProxy starts with.
        match words.starts_with("ssl") {
            true => found.bind = Some(words),
            false if words.is_empty() => {}
            false => notes
                .push(Note::error("CA_CERT and CA_CERT_FILE have no effect: there is no certificate to listen with")),
        }
        found
    }

    /// The order in which the original numbers certificates; the first is the one for clients that name no host.
    fn number(&mut self, proxy: Proxy<'_>, specs: &Specs<'_>, notes: &mut Vec<Note>) {
        let own =
            ["DEFAULT_SSL_CERT", "SSL_CERT"].into_iter().find_map(|name| Some((proxy.set(name)?, Origin::proxy(name))));
        let mut all: Vec<(&str, Origin)> = own.into_iter().collect();
        for name in proxy.set("EXTRA_SSL_CERTS").map(list::plain).into_iter().flatten() {
            match proxy.set(name) {
                Some(text) => all.push((text, Origin::proxy(name))),
                None => notes.push(Note::error(format!("EXTRA_SSL_CERTS: the variable '{name}' is not set"))),
            }
        }
        for name in ["DEFAULT_SSL_CERT", "SSL_CERT"] {
            let of = |spec| specs.attribute(Some(spec), name).map(|(text, key)| (text, Origin::service(name, key)));
            all.extend(specs.ordered().filter_map(of));
        }
        for (number, (text, origin)) in all.into_iter().enumerate() {
            self.save(format!("{FOLDER}cert{number}.pem"), text, origin);
        }
    }

    /// `\n` in two characters stands for a line's end.
    fn save(&mut self, path: String, text: &str, origin: Origin) {
        self.files.insert(path.clone(), text.replace("\\n", "\n").into_bytes());
        self.origins.insert(path, origin);
    }
}
