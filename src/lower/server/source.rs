//! `source` of servers and backends (manual 4.2 and 5.2): the local address that connections come from.

use std::net::SocketAddr;

use super::ServerDraft;
use crate::base::addr::{Accepts, Host, Ports};
use crate::keyword::{Meta, Result, Sections, Setting, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::Shared;

/// A `source` address; port 0 lets the kernel choose.
#[derive(Clone, Copy, Debug)]
pub(in crate::lower) struct SourceDraft {
    pub(in crate::lower) addr: SocketAddr,
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[Setting {
    meta: Meta::new(
        "source",
        "source <address>[:<port>]",
        "Sets the local address, and the port, that connections to the server come from.",
        &[("server a 127.0.0.1:80 source 127.0.0.2", "source 127.0.0.2:0")],
    ),
    sections: Sections::BE,
    apply: |words, draft, _| {
        draft.source = Some(SourceDraft::read(words, &draft.shared)?);
        Ok(())
    },
}];

impl SourceDraft {
    /// Reads everything behind `source`.
    pub(in crate::lower) fn read(words: &mut Words<'_>, shared: &Shared) -> Result<SourceDraft> {
        let Some(word) = words.next_word() else {
            let message = "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.";
            return Err(sentence(words.end(), "missing", message));
        };
        let place = format!("'source {word}' : ");
        let address = shared.address(word, &Accepts::SOURCE);
        let address = address.map_err(|error| sentence(word.span, "address", format!("{place}{}", error.message)))?;
        let port = match address.ports {
            Ports::None => 0,
            Ports::One(port) => port,
            _ => return Err(not_yet(word.span, "a port range behind 'source'")),
        };
        for option in ["usesrc", "interface"] {
            if words.peek_str() == option {
                return Err(not_yet(words.span(), &format!("'source ... {option}'")));
            }
        }
        match address.host {
            Host::Ip(ip) => Ok(SourceDraft { addr: SocketAddr::new(ip, port) }),
            _ => {
                let message = format!("{place}invalid address: '{word}' in '{word}'");
                let error = sentence(word.span, "address", message);
                Err(Box::new(error.help("write an IP address of this machine")))
            }
        }
    }
}
