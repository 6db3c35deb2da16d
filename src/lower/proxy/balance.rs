//! How servers are chosen (manual 4.2): `balance`, `retries`, `retry-on`, `http-reuse`, `source`.

use super::{ProxyDraft, hash};
use crate::ir::proxy::RetryOn;
use crate::ir::{Balance, Reuse};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::server::SourceDraft;
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::integer;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "balance",
            "balance { roundrobin | static-rr | leastconn | first | source | random[(draws)] | uri [len <n>] [depth <n>] [whole] \
             [path-only] | url_param <name> [check_post] | hdr(<name>) [use_domain_only] | rdp-cookie[(<name>)] | hash <expression> }",
            "Sets how servers are chosen. The default is random, with --compat 3.2 and older roundrobin.",
            &[
                ("balance leastconn", "balance leastconn"),
                ("balance random(3)", "balance random(3)"),
                ("mode http\n    balance uri depth 2", "balance uri depth 2"),
                ("mode http\n    balance url_param id check_post", "balance url_param id check_post"),
                ("mode http\n    balance hdr(host) use_domain_only", "balance hdr(host) use_domain_only"),
                ("balance rdp-cookie", "balance rdp-cookie"),
                ("mode http\n    balance hash req.cook(id),lower", "balance hash req.cook(id),lower"),
            ],
        ),
        sections: Sections::D_BE,
        apply: balance,
    },
    Setting {
        meta: Meta::new(
            "retries",
            "retries <number>",
            "Sets how often a connection to a server is tried again. The default is 3.",
            &[("retries 5", "retries 5")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            if words.is_empty() {
                return Err(words.error_here("expects an integer argument (dispatch counts for one)."));
            }
            draft.out.retries = integer(words, 0, 1_000_000)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "retry-on",
            "retry-on <event> ...",
            "Sets on which failures a request is sent again, to the same server or another.",
            &[("retry-on conn-failure empty-response 503", "retry-on conn-failure empty-response 503")],
        ),
        sections: Sections::D_BE,
        apply: retry_on,
    },
    Setting {
        meta: Meta::new(
            "option redispatch",
            "[no] option redispatch [<interval>]",
            "Lets retries go to another server: the last one, or every so many.",
            &[("option redispatch", "redispatch -1"), ("option redispatch 1", "redispatch 1")],
        ),
        sections: Sections::D_BE,
        apply: redispatch,
    },
    Setting {
        meta: Meta::new(
            "option allbackups",
            "[no] option allbackups",
            "Uses all backup servers at once, not only the first one, when no other server is up.",
            &[("option allbackups", "allbackups")],
        ),
        sections: Sections::D_BE,
        apply: |_, draft, _| {
            draft.out.choosing.all_backups = crate::lower::table::Draft::flag(draft, false);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-reuse",
            "http-reuse { never | safe | aggressive | always }",
            "Sets when an idle connection to a server may carry the requests of another client. The default is safe.",
            &[("http-reuse always", "http-reuse always")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let word = words.next_word();
            let (text, span) = word.map_or(("", words.end()), |word| (word.as_str(), word.span));
            draft.out.reuse = match text {
                "never" => Reuse::Never,
                "safe" => Reuse::Safe,
                "aggressive" => Reuse::Aggressive,
                "always" => Reuse::Always,
                _ => {
                    let message = "'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.";
                    return Err(sentence(span, "unknown", message));
                }
            };
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "source",
            "source <address>[:<port>] [usesrc { <address>[:<port>] | client | clientip | hdr_ip(<name>[,<occ>]) }] \
             [interface <name>]",
            "Sets the local address, and the port, that connections to servers come from; see the option of `server` lines.",
            &[("source 127.0.0.2", "")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            draft.source = Some(SourceDraft::read(words, &draft.shared, false)?);
            Ok(())
        },
    },
];

fn balance(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let word = words.next_word();
    let (text, span) = word.map_or(("", words.end()), |word| (word.as_str(), word.span));
    let name = text.split('(').next().unwrap_or_default();
    draft.out.balance = match name {
        // A bare 'balance' stands in many files; HAProxy takes it for the oldest algorithm.
        "" if word.is_none() => Balance::RoundRobin,
        "roundrobin" => Balance::RoundRobin,
        "static-rr" => Balance::StaticRr,
        "leastconn" => Balance::LeastConn,
        "first" => Balance::First,
        "source" => Balance::Source,
        "random" => Balance::Random(draws(text, span)?),
        _ if hash::names(text) => hash::read(text, span, words, draft, scope)?,
        "log-hash" | "sticky" => {
            return Err(not_yet(span, &format!("'balance {name}'")));
        }
        _ => {
            let message = "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', \
                           'hdr(name)' and 'rdp-cookie(name)' options.";
            return Err(sentence(span, "unknown", message));
        }
    };
    Ok(())
}

/// The argument of `random`: of how many servers drawn the least loaded is taken.
fn draws(text: &str, span: crate::diag::Span) -> Result<u32> {
    let Some((_, rest)) = text.split_once('(') else { return Ok(2) };
    let argument = rest.strip_suffix(')').unwrap_or(rest);
    let bad = |what: String| sentence(span, "range", format!("balance random : {what}"));
    let draws: u32 = argument.parse().map_err(|_| bad(format!("'{argument}' is not a number of draws.")))?;
    if draws == 0 { Err(bad("number of draws must be at least 1.".to_owned())) } else { Ok(draws) }
}

fn retry_on(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    if words.is_empty() {
        let message = "'retry-on' needs at least one keyword to specify when to retry";
        return Err(sentence(words.end(), "missing", message));
    }
    let mut on = RetryOn::empty();
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "none" if on.is_empty() && words.is_empty() => {}
            "none" => {
                let message = "'retry-on' 'none' keyword only usable alone";
                return Err(sentence(word.span, "alone", message));
            }
            "all-retryable-errors" => {
                on |= RetryOn::CONN_FAILURE
                    | RetryOn::EMPTY_RESPONSE
                    | RetryOn::JUNK_RESPONSE
                    | RetryOn::RESPONSE_TIMEOUT
                    | RetryOn::EARLY_DATA
                    | RetryOn::S500
                    | RetryOn::S502
                    | RetryOn::S503
                    | RetryOn::S504;
            }
            name => match RetryOn::NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, flag)) => on |= *flag,
                None => {
                    let error = sentence(word.span, "unknown", format!("'retry-on': unknown keyword '{name}'"));
                    let known: Vec<&str> = RetryOn::NAMES.iter().map(|(known, _)| *known).collect();
                    return Err(Box::new(error.help(format!("keywords are none, {}", known.join(", ")))));
                }
            },
        }
    }
    draft.out.retry_on = on;
    Ok(())
}

fn redispatch(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    let on = crate::lower::table::Draft::flag(draft, false);
    let interval = if words.is_empty() { -1 } else { integer(words, i32::MIN, i32::MAX)? };
    draft.out.redispatch = (on && interval != 0).then_some(interval);
    Ok(())
}
