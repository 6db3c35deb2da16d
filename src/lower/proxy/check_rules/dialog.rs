//! Options that check servers of known protocols: `option redis-check` and its like.

use std::sync::Arc;

use super::Chosen;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::proxy::ProxyDraft;
use crate::lower::table::sentence;
use crate::wire::dialog::{Dialog, MysqlClient};

const fn entry(
    meta: Meta,
    apply: fn(&mut Words<'_>, &mut ProxyDraft, &Scope<'_>) -> Result<()>,
) -> Setting<ProxyDraft> {
    Setting { meta, sections: Sections::D_BE, apply }
}

pub(in crate::lower::proxy) static SETTINGS: &[Setting<ProxyDraft>] = &[
    entry(
        Meta::new(
            "option redis-check",
            "option redis-check",
            "Checks servers by a PING in the protocol of Redis.",
            &[("option redis-check", "check redis")],
        ),
        |_, draft, _| choose(draft, Dialog::Redis),
    ),
    entry(
        Meta::new(
            "option smtpchk",
            "option smtpchk [<hello> <domain>]",
            "Checks mail servers: greeting, HELO or EHLO, QUIT. The default is 'HELO localhost'.",
            &[("option smtpchk EHLO example.org", "check smtp EHLO example.org")],
        ),
        |words, draft, _| {
            let (hello, domain) = (words.next_word(), words.next_word());
            let hello = match (hello.map(|word| word.as_str()), domain) {
                (Some(hello @ ("HELO" | "EHLO")), Some(domain)) => format!("{hello} {domain}"),
                _ => "HELO localhost".to_owned(),
            };
            choose(draft, Dialog::Smtp { hello: hello.into() })
        },
    ),
    entry(
        Meta::new(
            "option mysql-check",
            "option mysql-check [user <username> [post-41 | pre-41 | post-80]]",
            "Checks MySQL servers by their greeting, and with a user by a login without a password.",
            &[
                ("option mysql-check", "check mysql"),
                ("option mysql-check user haproxy", "check mysql user haproxy post-41"),
            ],
        ),
        mysql,
    ),
    entry(
        Meta::new(
            "option pgsql-check",
            "option pgsql-check user <username>",
            "Checks PostgreSQL servers by the beginning of a login.",
            &[("option pgsql-check user haproxy", "check pgsql user haproxy")],
        ),
        |words, draft, _| {
            let (user, name) = (words.take("user"), words.next_word());
            let Some(name) = name.filter(|_| user) else {
                let message = "'option pgsql-check' expects 'user <username>' as argument.";
                return Err(sentence(words.end(), "missing", message));
            };
            choose(draft, Dialog::Pgsql { user: name.as_str().into() })
        },
    ),
    entry(
        Meta::new(
            "option ldap-check",
            "option ldap-check",
            "Checks LDAP servers by an anonymous bind of version 3.",
            &[("option ldap-check", "check ldap")],
        ),
        |_, draft, _| choose(draft, Dialog::Ldap),
    ),
    entry(
        Meta::new(
            "option ssl-hello-chk",
            "option ssl-hello-chk",
            "Checks servers by a hello of SSL 3.0. Servers of today want 'check-ssl' on their line instead.",
            &[("option ssl-hello-chk", "check ssl-hello")],
        ),
        |_, draft, _| choose(draft, Dialog::TlsHello),
    ),
];

fn choose(draft: &mut ProxyDraft, dialog: Dialog) -> Result<()> {
    draft.check.kind = Some(Chosen::Dialog(Arc::new(dialog)));
    Ok(())
}

fn mysql(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    let Some(word) = words.next_word() else { return choose(draft, Dialog::Mysql { login: None }) };
    if word.as_str() != "user" {
        let message = format!("'option mysql-check' only supports optional values: 'user' (got '{word}').");
        return Err(sentence(word.span, "unknown", message));
    }
    let Some(user) = words.next_word() else {
        let message = "'option mysql-check user' expects <username> as argument.";
        return Err(sentence(words.end(), "missing", message));
    };
    let client = match words.next_word() {
        None => MysqlClient::Post41,
        Some(word) => match word.as_str() {
            "post-41" => MysqlClient::Post41,
            "pre-41" => MysqlClient::Pre41,
            "post-80" => MysqlClient::Post80,
            found => {
                let message =
                    format!("keyword 'user' only supports 'post-41', 'pre-41' and 'post-80' (got '{found}').");
                return Err(sentence(word.span, "unknown", message));
            }
        },
    };
    choose(draft, Dialog::Mysql { login: Some((user.as_str().into(), client)) })
}
