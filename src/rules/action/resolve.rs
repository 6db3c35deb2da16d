//! do-resolve: the address of a host that a request names (manual 4.4).

use std::net::IpAddr;

use crate::base::addr::IpFamily;
use crate::base::value::Value;
use crate::diag::Word;
use crate::expr::{Expr, args};
use crate::keyword::{Meta, Result, Scope, VarSlot, Words, error_at};
use crate::rules::{Action, Bound, Hooks, Lookup, Txn, Verdict, Wanted};

pub(super) static ACTIONS: &[Action] = &[Action {
    meta: Meta::new(
        "do-resolve",
        "do-resolve(<var>,<resolvers>[,ipv4|ipv6]) <expr>",
        "Asks name servers for the address of the host that the expression tells, and sets the variable to it. The variable is not \
         set if there is none. The stream waits meanwhile.",
        &[("do-resolve(txn.ip,default,ipv4) req.hdr(host)", "resolve example.com")],
    ),
    hooks: Hooks::HTTP_REQ.union(Hooks::TCP_REQ_CONT),
    bind,
}];

/// Reads the text between the parentheses as one word, then the expression.
fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let inner = words.next_word().filter(|word| !word.as_str().is_empty()).ok_or_else(|| words.error_here(EXPECTS))?;
    let parts: Vec<&str> = inner.as_str().split(',').collect();
    let (name, resolvers, prefer) = match parts.as_slice() {
        [name, resolvers] => (*name, *resolvers, None),
        [name, resolvers, "ipv4"] => (*name, *resolvers, Some(IpFamily::V4)),
        [name, resolvers, "ipv6"] => (*name, *resolvers, Some(IpFamily::V6)),
        _ => return Err(words.error_here(EXPECTS)),
    };
    let var = args::variable_of(&Word::new(name, inner.part(0..name.len())), scope)?;
    let at = name.len() + 1;
    let span = inner.part(at..at + resolvers.len());
    let known = scope.names.resolvers.iter().position(|known| known.name == resolvers);
    let resolvers = known.ok_or_else(|| {
        let error = error_at(span, format!("unable to find required resolvers '{resolvers}'"));
        let names = scope.names.resolvers.iter().map(|known| known.name.as_str());
        match crate::diag::suggest(resolvers, names) {
            Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
            None => error,
        }
    })?;
    let expr = Expr::bind(words, scope)?;
    Ok(Bound::new(expr.needs(), move |txn| {
        let host = expr.with_value(&txn.ctx(), |value| {
            let mut text = Vec::new();
            value.write_to(&mut text);
            text
        });
        let Some(host) = host.and_then(|host| String::from_utf8(host).ok()).filter(|host| !host.is_empty()) else {
            return Verdict::Next;
        };
        let wanted = Wanted { resolvers, name: host, prefer };
        match std::mem::take(txn.lookup) {
            Lookup::Found(asked, found) if asked == wanted => {
                set(txn, var, found);
                Verdict::Next
            }
            _ => {
                *txn.lookup = Lookup::Wanted(wanted);
                Verdict::Resolve
            }
        }
    }))
}

fn set(txn: &mut Txn<'_>, var: VarSlot, found: Option<IpAddr>) {
    if let Some(ip) = found {
        txn.vars.set_anywhere(txn.view, var, Value::addr(ip));
    }
}

const EXPECTS: &str = "expects (<varname>,<resolvers>[,<options>]) <expr>. Available options are 'ipv4' and 'ipv6'.";
