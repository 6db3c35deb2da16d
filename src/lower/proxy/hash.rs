//! Algorithms that choose a server by a hash (manual 4.2): `balance uri`, `url_param`, `hdr`, `rdp-cookie` and `hash`, `hash-type`
//! and relatives.

use super::ProxyDraft;
use crate::diag::{Diagnostic, Lead, Span, Word};
use crate::expr::Expr;
use crate::ir::{Affinity, Balance, HashFunction, HashOn, HashType, KeyPart};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::choice;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "hash-type",
            "hash-type { map-based | consistent } [{ sdbm | djb2 | crc32 | none } [avalanche]]",
            "Sets how a hash becomes a server, and how what is hashed becomes a number. The default is map-based sdbm; consistent alone \
             means sdbm avalanche.",
            &[
                ("hash-type consistent", "hash-type consistent sdbm avalanche"),
                ("hash-type map-based djb2", "hash-type map-based djb2"),
            ],
        ),
        sections: Sections::D_BE,
        apply: hash_type,
    },
    Setting {
        meta: Meta::new(
            "hash-balance-factor",
            "hash-balance-factor <percent>",
            "Keeps servers of a consistent or random choice within this many percent of their share of the load; 0 is no bound.",
            &[("hash-balance-factor 150", "hash-balance-factor 150")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let span = words.span();
            let word = words.next_word();
            let Some(word) = word else {
                return Err(sentence(span, "missing", "'hash-balance-factor' expects an integer argument."));
            };
            let factor = word.as_str().parse().ok().filter(|factor| *factor == 0 || *factor > 100);
            let message = "'hash-balance-factor' must be 0 or greater than 100.";
            draft.out.choosing.factor = factor.ok_or_else(|| sentence(span, "range", message))?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "hash-preserve-affinity",
            "hash-preserve-affinity { always | maxconn | maxqueue }",
            "Sets which servers a hash passes over: none, those at their 'maxconn', or those whose queue is full.",
            &[("hash-preserve-affinity maxconn", "hash-preserve-affinity maxconn")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let all = [Affinity::Always, Affinity::MaxConn, Affinity::MaxQueue];
            let at = choice(words, &["always", "maxconn", "maxqueue"])?;
            draft.out.choosing.affinity = all.get(at).copied().unwrap_or_default();
            Ok(())
        },
    },
];

fn hash_type(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    let span = words.span();
    let consistent = match words.next_word().map_or("", |word| word.as_str()) {
        "consistent" => true,
        "map-based" => false,
        _ => return Err(sentence(span, "unknown", "'hash-type' only supports 'consistent' and 'map-based'.")),
    };
    let Some(word) = words.next_word() else {
        draft.out.choosing.hash_type = HashType { consistent, function: HashFunction::Sdbm, avalanche: consistent };
        return Ok(());
    };
    let function = match word.as_str() {
        "sdbm" => HashFunction::Sdbm,
        "djb2" => HashFunction::Djb2,
        "crc32" => HashFunction::Crc32,
        "none" => HashFunction::None,
        "wt6" => return Err(not_yet(word.span, "the function 'wt6'")),
        _ => {
            let message = "'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions.";
            return Err(sentence(word.span, "unknown", message));
        }
    };
    let avalanche = match words.next_word() {
        None => false,
        Some(word) if word.as_str() == "avalanche" => true,
        Some(word) => {
            let message = "'hash-type' only supports 'avalanche' as a modifier for hash functions.";
            return Err(sentence(word.span, "unknown", message));
        }
    };
    draft.out.choosing.hash_type = HashType { consistent, function, avalanche };
    Ok(())
}

/// Whether a word of `balance` names an algorithm of this file.
pub(super) fn names(word: &str) -> bool {
    matches!(word, "uri" | "url_param" | "hash") || ["hdr(", "rdp-cookie"].iter().any(|name| word.starts_with(name))
}

/// Reads what stands behind the name, `word`.
pub(super) fn read(
    word: &str,
    span: Span,
    words: &mut Words<'_>,
    draft: &ProxyDraft,
    scope: &Scope<'_>,
) -> Result<Balance> {
    let text: Vec<&str> = std::iter::once(word).chain(words.rest().iter().map(Word::as_str)).collect();
    let text = text.join(" ");
    let scope = scope.at(Hook::UseServer);
    let argument = word.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
    let seven = matches!(word, "uri" | "url_param") || word.starts_with("hdr(");
    let mut posted = None;
    let (key, part) = match (word, argument) {
        ("uri", _) => uri(words)?,
        ("url_param", _) => {
            let Some(name) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "balance url_param requires an URL parameter name."));
            };
            posted = modifier(words, "balance url_param", "check_post")?.then(|| format!("req.body_param({name})"));
            // What once said how long to wait for the body has no meaning any more.
            if posted.is_some() {
                words.next_word();
            }
            (format!("url_param({name})"), KeyPart::Whole)
        }
        ("hash", _) => return expression(words, span, &text, &scope),
        (_, Some("")) if seven => {
            return Err(sentence(span, "missing", "balance hdr requires an http header field name."));
        }
        (_, Some(name)) if seven => {
            let domain = modifier(words, &format!("balance {word}"), "use_domain_only")?;
            (format!("req.hdr({name},1)"), if domain { KeyPart::Domain } else { KeyPart::Field })
        }
        (_, None) => ("req.rdp_cookie(mstshash)".to_owned(), KeyPart::Whole),
        (_, Some("")) => return Err(sentence(span, "missing", "balance rdp-cookie : missing cookie name.")),
        (_, Some(name)) => (format!("req.rdp_cookie({name})"), KeyPart::Whole),
    };
    if seven && !scope.http {
        if draft.kind != Sections::DEFAULTS {
            let title = draft.title();
            let message =
                format!("Layer 7 hash not possible for {title} (needs 'mode http'). Falling back to round robin.");
            scope.diags.push(Diagnostic::warning("hash-mode", message).at(span).lead(Lead::Config));
        }
        return Ok(Balance::RoundRobin);
    }
    let bind = |text: String| {
        let word = [Word::new(text, span)];
        Expr::shared(&mut Words::new(&word, span), &scope)
    };
    let posted = posted.map(bind).transpose()?;
    Ok(Balance::Hash(Box::new(HashOn { text: text.into(), key: bind(key)?, posted, part })))
}

/// The expression of `balance hash`.
fn expression(words: &mut Words<'_>, span: Span, text: &str, scope: &Scope<'_>) -> Result<Balance> {
    if words.is_empty() {
        return Err(sentence(span, "missing", "balance hash requires a sample expression."));
    }
    let key = Expr::shared(words, scope)?;
    if let Some(more) = words.peek() {
        let message = format!("balance hash takes no other argument (got '{more}').");
        return Err(sentence(more.span, "unknown", message));
    }
    Ok(Balance::Hash(Box::new(HashOn { text: text.into(), key, posted: None, part: KeyPart::Whole })))
}

/// The options of `uri`.
fn uri(words: &mut Words<'_>) -> Result<(String, KeyPart)> {
    let (mut len, mut depth, mut query, mut fetch) = (None, None, false, "url");
    while let Some(word) = words.next_word() {
        match word.as_str() {
            name @ ("len" | "depth") => {
                let span = words.span();
                let found = words.next_word().map_or("", Word::as_str);
                let number: Option<u32> = found.parse().ok().filter(|number| *number > 0);
                let message = format!("balance uri : '{name}' expects a positive integer (got '{found}').");
                let number = number.ok_or_else(|| sentence(span, "range", message))?;
                *(if name == "len" { &mut len } else { &mut depth }) = Some(number);
            }
            "whole" => query = true,
            "path-only" => fetch = "pathq",
            name => {
                let message = format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{name}')."
                );
                return Err(sentence(word.span, "unknown", message));
            }
        }
    }
    Ok((fetch.to_owned(), KeyPart::Uri { len, depth, query }))
}

/// Whether the one modifier that may follow does.
fn modifier(words: &mut Words<'_>, what: &str, name: &str) -> Result<bool> {
    match words.next_word() {
        None => Ok(false),
        Some(word) if word.as_str() == name => Ok(true),
        Some(word) => {
            let message = format!("{what} only accepts '{name}' modifier (got '{word}').");
            Err(sentence(word.span, "unknown", message))
        }
    }
}
