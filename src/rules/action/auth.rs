//! The action auth: asks the client for a user name and a password.

use super::words::exactly;
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Final, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[Action {
    meta: Meta::new(
        "auth",
        "auth [realm <realm>]",
        "Ends the rule set and answers 401 with a challenge for basic authentication. The realm is the proxy's name unless given.",
        &[
            ("auth realm \"my realm\"", "challenge 401 www-authenticate: Basic realm=\"my realm\""),
            ("auth", "challenge 401 www-authenticate: Basic realm=\"www\""),
        ],
    ),
    hooks: Hooks::HTTP_REQ,
    bind: auth,
}];

fn auth(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let realm = if words.take("realm") {
        let [realm] = exactly(words, "missing realm value.")?;
        realm.as_bytes().to_vec()
    } else {
        let proxy = scope.proxy.and_then(|id| scope.names.proxies.get(id.index()));
        proxy.map_or_else(Vec::new, |proxy| proxy.name.as_bytes().to_vec())
    };
    let mut line = b"www-authenticate: Basic realm=\"".to_vec();
    // A quote would end the realm, a line end the field: HAProxy refuses neither, RFC 9110 (5.6.4) wants them escaped.
    for byte in realm {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b'\r' | b'\n' | 0 => line.push(b' '),
            byte => line.push(byte),
        }
    }
    line.extend_from_slice(b"\"\r\n");
    Ok(Bound::new(Needs::empty(), move |txn| {
        txn.reply.clear();
        txn.reply.extend_from_slice(&line);
        Verdict::Done(Final::Challenge(401))
    }))
}
