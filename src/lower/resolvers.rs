//! `resolvers` sections (manual 5.3.2).

use std::net::IpAddr;
use std::sync::LazyLock;

use super::files::Reader;
use super::table::{Draft, Prefix, Table, not_yet, sentence};
use super::values::{SharedRef, millis};
use crate::base::addr::{Accepts, Host, Ports, Transport};
use crate::diag::{Diagnostic, Diagnostics, Lead, Span, Word};
use crate::ir::resolvers::Hold;
use crate::ir::{NameServer, Resolvers};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};

/// The directives of `resolvers`.
pub(super) static TABLE: LazyLock<Table<ResolversDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// The only family.
pub(super) static FAMILIES: &[&[Setting<ResolversDraft>]] = &[SETTINGS];

/// The section that is there in any case.
pub(super) const DEFAULT: &str = "default";

/// A `resolvers` section being read.
pub(super) struct ResolversDraft {
    out: Resolvers,
    shared: SharedRef,
    prefix: Prefix,
    servers: Vec<Found>,
}

enum Found {
    Server(Word, NameServer),
    /// `parse-resolv-conf`: those of the system stand here.
    System(Span),
}

impl Draft for ResolversDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl ResolversDraft {
    pub(super) fn new(name: &str, shared: SharedRef) -> Self {
        let hold = Hold { valid: 10_000, obsolete: 0, nx: 30_000, timeout: 30_000, refused: 30_000, other: 30_000 };
        let out = Resolvers {
            name: name.to_owned(),
            servers: Vec::new(),
            retries: 3,
            resolve_ms: 1000,
            retry_ms: 1000,
            payload: 512,
            hold,
        };
        ResolversDraft { out, shared, prefix: Prefix::None, servers: Vec::new() }
    }

    /// The section that is made where none is called `default`: the system's name servers, if there are any.
    pub(super) fn automatic(shared: SharedRef, reader: &Reader<'_>) -> Resolvers {
        let mut out = ResolversDraft::new(DEFAULT, shared).out;
        out.servers = system(reader).unwrap_or_default();
        out
    }

    /// Puts the system's name servers into their places.
    pub(super) fn finish(mut self, span: Span, reader: &Reader<'_>, diags: &Diagnostics) -> Resolvers {
        for found in self.servers {
            match found {
                Found::Server(_, server) => self.out.servers.push(server),
                Found::System(span) => match system(reader) {
                    Ok(servers) => {
                        for server in servers {
                            if !self.out.servers.iter().any(|other| other.name == server.name) {
                                self.out.servers.push(server);
                            }
                        }
                    }
                    Err(why) => diags.push(*sentence(span, "file", why)),
                },
            }
        }
        if self.out.servers.is_empty() {
            let text = format!("resolvers '{}' has no nameservers configured!", self.out.name);
            diags.push(Diagnostic::warning("no-nameservers", text).at(span).lead(Lead::Place));
        }
        self.out
    }
}

/// The name servers of `/etc/resolv.conf`, called by their addresses.
fn system(reader: &Reader<'_>) -> std::result::Result<Vec<NameServer>, String> {
    let text = reader.read(RESOLV_CONF).map_err(|why| format!("failed to open {RESOLV_CONF}: {why}."))?;
    let text = String::from_utf8_lossy(&text);
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        Some((address, address.parse::<IpAddr>().ok()?))
    });
    let mut servers: Vec<NameServer> = Vec::new();
    for (name, ip) in addresses {
        if !servers.iter().any(|other| other.name == name) {
            servers.push(NameServer { name: name.to_owned(), addr: (ip, DNS_PORT).into(), stream: false });
        }
    }
    Ok(servers)
}

const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;

static SETTINGS: &[Setting<ResolversDraft>] = &[
    Setting {
        meta: Meta::new(
            "nameserver",
            "nameserver <name> <address>:<port>",
            "Adds a name server. It is asked over UDP, behind 'tcp@' over TCP.",
            &[("nameserver dns1 10.0.0.1:53", ""), ("nameserver dns2 tcp@[2001:db8::1]:53", "")],
        ),
        sections: Sections::RESOLVERS,
        apply: nameserver,
    },
    Setting {
        meta: Meta::new(
            "parse-resolv-conf",
            "parse-resolv-conf",
            "Adds the name servers of /etc/resolv.conf.",
            &[("nameserver dns1 10.0.0.1:53\n parse-resolv-conf", "")],
        ),
        sections: Sections::RESOLVERS,
        apply: |words, draft, _| {
            draft.servers.push(Found::System(words.end()));
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "hold",
            "hold { nx | refused | timeout | other | valid | obsolete } <period>",
            "Sets how far back a valid answer outweighs an invalid one, for how long 'do-resolve' uses an answer again \
             (valid, 10s), and for how long what is not in an answer any more stays in use (obsolete, 0s). The default is 30s.",
            &[("nameserver dns1 10.0.0.1:53\n hold nx 10s", "")],
        ),
        sections: Sections::RESOLVERS,
        apply: hold,
    },
    Setting {
        meta: Meta::new(
            "resolve_retries",
            "resolve_retries <nb>",
            "Sets how often a question is sent before it counts as failed. The default is 3.",
            &[("nameserver dns1 10.0.0.1:53\n resolve_retries 2", "")],
        ),
        sections: Sections::RESOLVERS,
        apply: |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "'resolve_retries' expects <nb> as argument."));
            };
            draft.out.retries = word.as_str().parse().map_err(|_| {
                let message = format!("'resolve_retries' expects a number, found '{word}'.");
                sentence(word.span, "number", message)
            })?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "timeout",
            "timeout { resolve | retry } <time>",
            "Sets how long an answer lasts for servers (resolve) and how long an answer is waited for (retry). The default is 1s.",
            &[("nameserver dns1 10.0.0.1:53\n timeout retry 500ms", "")],
        ),
        sections: Sections::RESOLVERS,
        apply: timeout,
    },
    Setting {
        meta: Meta::new(
            "accepted_payload_size",
            "accepted_payload_size <nb>",
            "Sets how many bytes an answer over UDP may have, which name servers are told. The default is 512.",
            &[("nameserver dns1 10.0.0.1:53\n accepted_payload_size 4096", "")],
        ),
        sections: Sections::RESOLVERS,
        apply: payload,
    },
];

fn nameserver(words: &mut Words<'_>, draft: &mut ResolversDraft, _: &Scope<'_>) -> Result<()> {
    let (Some(name), Some(word)) = (words.next_word(), words.next_word()) else {
        let message = "'nameserver' expects <name> and <addr>[:<port>] as arguments.";
        return Err(sentence(words.end(), "missing", message));
    };
    let same = |found: &&Found| matches!(found, Found::Server(other, _) if other.as_str() == name.as_str());
    if let Some(Found::Server(first, _)) = draft.servers.iter().find(same) {
        let place = draft.shared.place(first.span);
        let message = format!("nameserver '{name}' has same name as another nameserver (declared at {place}).");
        let error = sentence(name.span, "duplicate-name", message).lead(Lead::ParsingTight);
        return Err(Box::new(error.place(first.span, "first one")));
    }
    let lead = format!("'nameserver {name}' : ");
    let address = draft.shared.address(word, &Accepts::NAMESERVER);
    let address = address.map_err(|error| sentence(word.span, "address", format!("{lead}{}", error.message)))?;
    let (Host::Ip(ip), Ports::One(port)) = (&address.host, address.ports) else {
        let message = format!("{lead}invalid address: '{word}' is not an IP address with a port");
        return Err(sentence(word.span, "address", message));
    };
    let stream = match address.transport {
        Transport::Default | Transport::Datagram => false,
        Transport::Stream => true,
        Transport::Quic | Transport::Mptcp => {
            return Err(Box::new(not_yet(word.span, "this kind of address").context(lead)));
        }
    };
    if let Some(option) = words.peek() {
        if stream {
            let what = format!("'{option}' of a name server");
            return Err(Box::new(not_yet(option.span, &what).context(lead)));
        }
        // HAProxy has always passed over what stands behind the address of one that is asked over UDP.
        while words.next_word().is_some() {}
    }
    let server = NameServer { name: name.as_str().to_owned(), addr: (*ip, port).into(), stream };
    draft.servers.push(Found::Server(name.clone(), server));
    Ok(())
}

fn hold(words: &mut Words<'_>, draft: &mut ResolversDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(event) = words.next_word().filter(|_| !words.is_empty()) else {
        let message = "'hold' expects an <event> and a <time> as arguments.";
        let error = sentence(words.end(), "missing", message);
        return Err(Box::new(
            error.help("<event> can be either 'valid', 'nx', 'refused', 'timeout', 'obsolete' or 'other'"),
        ));
    };
    let hold = &mut draft.out.hold;
    let slot = match event.as_str() {
        "valid" => &mut hold.valid,
        "obsolete" => &mut hold.obsolete,
        "nx" => &mut hold.nx,
        "timeout" => &mut hold.timeout,
        "refused" => &mut hold.refused,
        "other" => &mut hold.other,
        _ => {
            let message = format!(
                "'hold' unknown <event>: '{event}', expects either 'nx', 'timeout', 'valid', 'obsolete' or 'other'."
            );
            return Err(sentence(event.span, "unknown", message));
        }
    };
    *slot = millis(words, scope, "hold")?;
    Ok(())
}

fn timeout(words: &mut Words<'_>, draft: &mut ResolversDraft, scope: &Scope<'_>) -> Result<()> {
    const EXPECTS: &str = "'timeout' expects 'retry' or 'resolve' and <time> as arguments";
    let Some(event) = words.next_word() else {
        return Err(sentence(words.end(), "missing", format!("{EXPECTS}.")));
    };
    let (slot, name) = match event.as_str() {
        "resolve" => (&mut draft.out.resolve_ms, "timeout resolve"),
        "retry" => (&mut draft.out.retry_ms, "timeout retry"),
        _ => return Err(sentence(event.span, "unknown", format!("{EXPECTS} got '{event}'."))),
    };
    if words.is_empty() {
        return Err(sentence(words.end(), "missing", format!("'{name}' expects <time> as argument.")));
    }
    // Without a pause, name servers would be asked without end.
    *slot = millis(words, scope, name)?.max(1);
    Ok(())
}

fn payload(words: &mut Words<'_>, draft: &mut ResolversDraft, _: &Scope<'_>) -> Result<()> {
    let Some(word) = words.next_word() else {
        return Err(sentence(words.end(), "missing", "'accepted_payload_size' expects <nb> as argument."));
    };
    let size = word.as_str().parse::<u16>().ok().filter(|size| *size >= DNS_HEADER);
    draft.out.payload = size.ok_or_else(|| {
        let message = format!("'accepted_payload_size' must be between {DNS_HEADER} and 65535 inclusive (was {word}).");
        sentence(word.span, "range", message)
    })?;
    Ok(())
}

/// Bytes of the shortest message.
const DNS_HEADER: u16 = 12;
