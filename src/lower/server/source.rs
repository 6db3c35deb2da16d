//! `source` of servers and backends (manual 4.2 and 5.2): the local address that connections come from.

use std::net::SocketAddr;
use std::sync::Arc;

use super::ServerDraft;
use crate::base::addr::{Accepts, Host, Ports};
use crate::diag::Word;
use crate::expr::Expr;
use crate::ir::{Foreign, Source};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::{Shared, text};

/// What stands behind `source`.
#[derive(Clone, Debug)]
pub(in crate::lower) struct SourceDraft {
    addr: SocketAddr,
    last_port: Option<u16>,
    foreign: Option<ForeignDraft>,
    interface: Option<Box<str>>,
}

/// What stands behind `usesrc`.
#[derive(Clone, Debug)]
enum ForeignDraft {
    Addr(SocketAddr),
    Client,
    ClientIp,
    /// The expression that yields the address.
    Field(Word),
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[Setting {
    meta: Meta::new(
        "source",
        "source <address>[:<port>[-<port>]] [usesrc { <address>[:<port>] | client | clientip | hdr_ip(<name>[,<occ>]) }] \
         [interface <name>]",
        "Sets the local address, and the port or ports, that connections to the server come from. 'usesrc' shows the server another \
         address, which need not be one of this machine: the client's, or the one in a header field. 'interface' binds to a network \
         interface.",
        &[
            ("server a 127.0.0.1:80 source 127.0.0.2", "source 127.0.0.2:0"),
            (
                "server a 127.0.0.1:80 source 127.0.0.2:1024-2048 interface lo",
                "source 127.0.0.2:1024-2048 interface lo",
            ),
            ("server a 127.0.0.1:80 source 0.0.0.0 usesrc clientip", "source 0.0.0.0:0 usesrc clientip"),
        ],
    ),
    sections: Sections::BE,
    apply: |words, draft, _| {
        draft.source = Some(SourceDraft::read(words, &draft.shared, true)?);
        Ok(())
    },
}];

impl SourceDraft {
    /// Reads everything behind `source`; `ranges` of ports are for servers only.
    pub(in crate::lower) fn read(words: &mut Words<'_>, shared: &Shared, ranges: bool) -> Result<SourceDraft> {
        let Some(word) = words.next_word() else {
            let message = "'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.";
            return Err(sentence(words.end(), "missing", message));
        };
        let (addr, last_port) =
            address(word, "source", shared, if ranges { &Accepts::SOURCE } else { &Accepts::CHECK })?;
        let mut source = SourceDraft { addr, last_port, foreign: None, interface: None };
        loop {
            match words.peek_str() {
                "usesrc" => {
                    words.next_word();
                    source.foreign = foreign(words, shared)?;
                }
                "interface" => {
                    words.next_word();
                    source.interface = Some(text(words, "an interface name.")?.into());
                }
                _ => return Ok(source),
            }
        }
    }

    /// Binds what is an expression.
    pub(in crate::lower) fn finish(&self, scope: &Scope<'_>) -> Result<Arc<Source>> {
        let foreign = match &self.foreign {
            None => None,
            Some(ForeignDraft::Addr(addr)) => Some(Foreign::Addr(*addr)),
            Some(ForeignDraft::Client) => Some(Foreign::Client),
            Some(ForeignDraft::ClientIp) => Some(Foreign::ClientIp),
            Some(ForeignDraft::Field(word)) => Some(Foreign::Field(Expr::bind_str(word, &scope.at(Hook::UseServer))?)),
        };
        let (addr, last_port, interface) = (self.addr, self.last_port, self.interface.clone());
        Ok(Arc::new(Source { addr, last_port, foreign, interface }))
    }
}

/// The address of this machine or another, with what its port says.
fn address(word: &Word, option: &str, shared: &Shared, accepts: &Accepts) -> Result<(SocketAddr, Option<u16>)> {
    let place = format!("'{option} {word}' : ");
    let address = shared.address(word, accepts);
    let address = address.map_err(|error| sentence(word.span, "address", format!("{place}{}", error.message)))?;
    let (port, last) = match address.ports {
        Ports::One(port) => (port, None),
        ports @ Ports::Range(..) => {
            let (low, high) = ports.range();
            (low, Some(high))
        }
        _ => (0, None),
    };
    match address.host {
        Host::Ip(ip) => Ok((SocketAddr::new(ip, port), last)),
        _ => {
            let message = format!("{place}invalid address: '{word}' in '{word}'");
            Err(Box::new(sentence(word.span, "address", message).help("write an IP address")))
        }
    }
}

/// None where the occurrence is 0, which turns the feature off.
fn foreign(words: &mut Words<'_>, shared: &Shared) -> Result<Option<ForeignDraft>> {
    let Some(word) = words.next_word() else {
        let message = "'usesrc' expects <addr>[:<port>], 'client', 'clientip', or 'hdr_ip(name,#)' as argument.";
        return Err(sentence(words.end(), "missing", message));
    };
    Ok(Some(match word.as_str() {
        "client" => ForeignDraft::Client,
        "clientip" => ForeignDraft::ClientIp,
        text => match text.strip_prefix("hdr_ip(") {
            Some(inner) => return field(word, inner.trim_end_matches(')')),
            None => ForeignDraft::Addr(address(word, "usesrc", shared, &Accepts::CHECK)?.0),
        },
    }))
}

/// `hdr_ip(<name>[,<occ>])`: by default the last occurrence.
fn field(word: &Word, inner: &str) -> Result<Option<ForeignDraft>> {
    let (name, occurrence) = match inner.split_once(',') {
        Some((name, occurrence)) => (name.trim(), occurrence.trim().parse().ok()),
        None => (inner.trim(), Some(-1)),
    };
    let Some(occurrence) = occurrence.filter(|_| !name.is_empty()) else {
        let message = "'usesrc' expects 'hdr_ip(<name>[,<occ>])' with a field's name and a number.";
        return Err(sentence(word.span, "field", message));
    };
    if occurrence < -10 {
        let message = "usesrc hdr_ip(name,num) does not support negative occurrences values smaller than 10.";
        return Err(sentence(word.span, "range", message));
    }
    let expr = Word::new(format!("req.hdr_ip({name},{occurrence})"), word.span);
    Ok((occurrence != 0).then_some(ForeignDraft::Field(expr)))
}
