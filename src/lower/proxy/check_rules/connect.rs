//! `http-check connect`, `tcp-check connect`: a new connection within a health check.

use std::net::IpAddr;

use super::Family;
use crate::base::addr::{Accepts, Host};
use crate::expr::Expr;
use crate::ir::check::{CheckConnect, PortOf};
use crate::keyword::{Hook, Result, Scope, Words};
use crate::lower::proxy::ProxyDraft;
use crate::lower::table::{not_yet, sentence};
use crate::lower::tls::{only_http1, read_alpn};
use crate::lower::values::integer;

/// Reads everything behind `connect`.
pub(super) fn read(
    words: &mut Words<'_>,
    draft: &ProxyDraft,
    scope: &Scope<'_>,
    family: Family,
) -> Result<CheckConnect> {
    let mut to = CheckConnect::default();
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "default" => to.default = true,
            "port" => to.port = Some(port(words, scope)?),
            "addr" => to.addr = Some(address(words, draft)?),
            "ssl" => to.tls = true,
            "sni" => to.sni = Some(words.expect("a string as argument.")?.as_str().into()),
            "alpn" => to.alpn = Some(alpn(words, scope, family)?),
            "send-proxy" => to.send_proxy = true,
            "linger" => to.linger = true,
            "comment" => to.comment = Some(words.expect("a string as argument.")?.as_str().into()),
            "proto" if family == Family::Http && words.peek_str() == "h1" => {
                words.next_word();
            }
            "proto" if family == Family::Tcp && words.peek_str() == "none" => {
                words.next_word();
            }
            "via-socks4" | "proto" => return Err(not_yet(word.span, &format!("'{} connect {word}'", family.rule()))),
            _ => {
                let message = format!(
                    "'{} connect' : expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or \
                     'via-socks4', 'linger', 'default' but got '{word}' as argument.",
                    family.rule()
                );
                return Err(sentence(word.span, "unknown", message));
            }
        }
    }
    Ok(to)
}

fn port(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<PortOf> {
    let word = words.peek();
    match word.filter(|word| !word.as_str().bytes().all(|byte| byte.is_ascii_digit())) {
        Some(_) => Expr::bind(words, &scope.at(Hook::Check)).map(PortOf::Expr),
        None => integer(words, 1, u16::MAX).map(PortOf::Fixed),
    }
}

fn address(words: &mut Words<'_>, draft: &ProxyDraft) -> Result<IpAddr> {
    let word = words.expect("<addr> as argument")?;
    match draft.shared.address(word, &Accepts::CHECK)?.host {
        Host::Ip(ip) => Ok(ip),
        _ => Err(not_yet(word.span, "'addr' with anything but an IP address")),
    }
}

/// HTTP is not spoken in version 2; what a generic check says is the configuration's own business.
fn alpn(words: &mut Words<'_>, scope: &Scope<'_>, family: Family) -> Result<Vec<Vec<u8>>> {
    let names = read_alpn(words)?;
    Ok(match (family, words.last()) {
        (Family::Http, Some(word)) => only_http1(names, word, scope.diags),
        _ => names,
    })
}
