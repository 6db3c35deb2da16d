//! `server` options of the PROXY protocol (manual 5.2): which header is sent, and what a header of version 2 says besides addresses.

use super::ServerDraft;
use crate::diag::Word;
use crate::expr::{LogFormat, Style};
use crate::ir::{ProxyFacts, ProxyProtocol, ProxyV2};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;

/// What the options of a line have set. Version 2 goes above version 1; what it says is kept where it is not sent.
#[derive(Clone, Default)]
pub(super) struct ProxyOptions {
    v1: bool,
    v2: bool,
    facts: ProxyFacts,
    /// `set-proxy-v2-tlv-fmt`: types and formats.
    tlvs: Vec<(u8, Word)>,
}

type Apply = fn(&mut Words<'_>, &mut ServerDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<ServerDraft> {
    Setting { meta, sections: Sections::BE, apply }
}

/// A word without arguments.
macro_rules! word {
    ($name:literal, $doc:literal, $shown:literal, $change:expr) => {
        entry(Meta::new($name, $name, $doc, &[(concat!("server a 127.0.0.1:80 ", $name), $shown)]), |_, draft, _| {
            let change: fn(&mut ProxyOptions) = $change;
            change(&mut draft.proxy);
            Ok(())
        })
    };
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[
    word!("send-proxy", "Sends a PROXY protocol header of version 1 on every connection.", "send-proxy", |set| {
        set.v1 = true;
    }),
    word!("no-send-proxy", "Takes back a 'send-proxy' of 'default-server'.", "server a", |set| set.v1 = false),
    word!("send-proxy-v2", "Sends a PROXY protocol header of version 2 on every connection.", "send-proxy-v2", |set| {
        set.v2 = true;
    }),
    word!("no-send-proxy-v2", "Takes back a 'send-proxy-v2' of 'default-server'.", "server a", |set| set.v2 = false),
    word!(
        "send-proxy-v2-ssl",
        "Sends a PROXY protocol header of version 2 that says whether and how the client speaks TLS.",
        "send-proxy-v2 ssl",
        |set| set.send_with(ProxyFacts::SSL)
    ),
    word!("no-send-proxy-v2-ssl", "Takes back a 'send-proxy-v2-ssl' of 'default-server'.", "server a", |set| {
        set.v2 = false;
        set.facts.remove(ProxyFacts::SSL);
    }),
    word!(
        "send-proxy-v2-ssl-cn",
        "Is 'send-proxy-v2-ssl' with the common name of the client's certificate.",
        "send-proxy-v2 ssl,cert-cn",
        |set| set.send_with(ProxyFacts::SSL | ProxyFacts::CERT_CN)
    ),
    word!("no-send-proxy-v2-ssl-cn", "Takes back a 'send-proxy-v2-ssl-cn' of 'default-server'.", "server a", |set| {
        set.v2 = false;
        set.facts.remove(ProxyFacts::SSL | ProxyFacts::CERT_CN);
    }),
    entry(
        Meta::new(
            "proxy-v2-options",
            "proxy-v2-options <option>[,<option> ...]",
            "Says what a PROXY protocol header of version 2 contains besides addresses: 'ssl' (see 'send-proxy-v2-ssl'), 'cert-cn', \
             'ssl-cipher', 'cert-sig' and 'cert-key' (of the server's certificate), 'authority' (the name that the client asked for), \
             'crc32c' (a checksum), 'unique-id' (see 'unique-id-format').",
            &[("server a 127.0.0.1:80 send-proxy-v2 proxy-v2-options ssl,crc32c", "send-proxy-v2 ssl,crc32c")],
        ),
        facts,
    ),
    entry(
        Meta::new(
            "set-proxy-v2-tlv-fmt",
            "set-proxy-v2-tlv-fmt(<id>) <fmt>",
            "Adds a TLV of this type to PROXY protocol headers of version 2: a number up to 255, and the format of its value.",
            &[(
                "server a 127.0.0.1:80 send-proxy-v2 set-proxy-v2-tlv-fmt(0xE0) %[src]",
                "send-proxy-v2 tlv 0xe0 '%[src]'",
            )],
        ),
        tlv,
    ),
];

fn facts(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    let span = words.span();
    let list = words.next_word().map_or("", |word| word.as_str());
    for name in list.split(',') {
        let Some(fact) = ProxyFacts::from_option(name) else {
            return Err(sentence(span, "unknown", format!("'{name}' : proxy v2 option not implemented.")));
        };
        draft.proxy.facts |= fact;
    }
    Ok(())
}

/// The type stands behind the name, in the word before the cursor.
fn tlv(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    let name = words.last().cloned();
    let inner = name.as_ref().and_then(|name| name.as_str().split_once('(')?.1.strip_suffix(')')).unwrap_or_default();
    let kind = match inner.strip_prefix("0x").or_else(|| inner.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => inner.parse(),
    };
    let kind = kind.map_err(|_| {
        words.error_last(format!("expects a TLV type, a number from 0 to 255, in parentheses (got '{inner}')"))
    })?;
    draft.proxy.tlvs.push((kind, words.expect("a format.")?.clone()));
    Ok(())
}

impl ProxyOptions {
    fn send_with(&mut self, facts: ProxyFacts) {
        self.v2 = true;
        self.facts |= facts;
    }

    /// The header is sent.
    pub(super) fn sends(&self) -> bool {
        self.v1 || self.v2
    }

    pub(super) fn finish(&self, scope: &Scope<'_>) -> Result<Option<ProxyProtocol>> {
        if !self.v2 {
            return Ok(self.v1.then_some(ProxyProtocol::V1));
        }
        let scope = scope.at(Hook::UseServer);
        let bind = |(kind, format): &(u8, Word)| Ok((*kind, LogFormat::bind_as(format, &scope, Style::Text)?));
        let tlvs = self.tlvs.iter().map(bind).collect::<Result<_>>()?;
        Ok(Some(ProxyProtocol::V2(Box::new(ProxyV2 { facts: self.facts, tlvs }))))
    }
}
