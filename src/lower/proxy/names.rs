//! `option forwarded`, and what becomes of the names of header fields and of trailers (manual 4.2).

use super::ProxyDraft;
use crate::diag::{Diagnostic, Word};
use crate::expr::Expr;
use crate::ir::{ForwardedField, NodePart, RestrictNames};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{Draft, Prefix, sentence};

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "option forwarded",
            "[no] option forwarded [ proto ] [ host | host-expr <expr> ] [ by | by-expr <expr> ] [ by_port | by_port-expr <expr> ] \
             [ for | for-expr <expr> ] [ for_port | for_port-expr <expr> ]",
            "Adds an element to 'Forwarded' (RFC 7239) in requests: without arguments, the protocol and the client's address.",
            &[
                ("option forwarded", "forwarded proto for"),
                ("option forwarded host by-expr str(_a)", "forwarded host by-expr"),
            ],
        ),
        sections: Sections::D_BE,
        apply: forwarded,
    },
    Setting {
        meta: Meta::new(
            "option http-restrict-req-hdr-names",
            "option http-restrict-req-hdr-names { preserve | delete | reject }",
            "Deletes fields of requests whose names have other characters than letters, digits and hyphens, or answers 403 to them.",
            &[("option http-restrict-req-hdr-names delete", "restrict-names Delete")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, _| {
            let values = "option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option.";
            draft.out.restrict_names = match words.next_word().map(Word::as_str) {
                Some("preserve") => RestrictNames::Preserve,
                Some("delete") => RestrictNames::Delete,
                Some("reject") => RestrictNames::Reject,
                None => return Err(sentence(words.end(), "missing", format!("missing parameter. {values}"))),
                Some(other) => {
                    return Err(words_error(words, format!("invalid parameter '{other}'. {values}")));
                }
            };
            Ok(())
        },
    },
    flag!(
        "h1-case-adjust-bogus-client",
        Sections::D_FE,
        "Sends names of fields to clients as 'h1-case-adjust' writes them.",
        "case-adjust client",
        adjust_client
    ),
    flag!(
        "h1-case-adjust-bogus-server",
        Sections::D_BE,
        "Sends names of fields to servers as 'h1-case-adjust' writes them.",
        "case-adjust server",
        adjust_server
    ),
    flag!(
        "http-drop-request-trailers",
        Sections::D_BE,
        "Drops the trailers of requests.",
        "drop-request-trailers",
        drop_request_trailers
    ),
    flag!(
        "http-drop-response-trailers",
        Sections::D_FE,
        "Drops the trailers of responses.",
        "drop-response-trailers",
        drop_response_trailers
    ),
];

fn words_error(words: &Words<'_>, message: String) -> crate::keyword::Error {
    sentence(words.last().map_or(words.end(), |word| word.span), "unknown", message)
}

fn forwarded(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    if std::mem::take(draft.prefix()) != Prefix::None {
        words.take_rest();
        draft.out.forwarded = None;
        return Ok(());
    }
    let mut out = ForwardedField::default();
    if words.is_empty() {
        (out.proto, out.for_name) = (true, Some(NodePart::Own));
    }
    while let Some(word) = words.next_word() {
        let (name, of_expr) = match word.as_str().strip_suffix("-expr") {
            Some(name) => (name, true),
            None => (word.as_str(), false),
        };
        let place = match name {
            "proto" if !of_expr => {
                out.proto = true;
                continue;
            }
            "host" => &mut out.host,
            "by" => &mut out.by_name,
            "by_port" => &mut out.by_port,
            "for" => &mut out.for_name,
            "for_port" => &mut out.for_port,
            _ => {
                let values = "'proto', 'host', 'host-expr', 'by', 'by-expr', 'by_port', 'by_port-expr', 'for', 'for-expr', \
                              'for_port' and 'for_port-expr'";
                return Err(words_error(words, format!("'option forwarded' only supports optional values: {values}.")));
            }
        };
        *place = Some(match of_expr {
            false => NodePart::Own,
            true => {
                let Some(text) = words.next_word() else {
                    return Err(sentence(words.end(), "missing", format!("'{word}' expects <expr> as argument.")));
                };
                let expr = Expr::bind_str(text, &scope.at(Hook::HttpRequest)).map_err(|error| {
                    Box::new(error.context(format!("failed to parse 'option forwarded' expression '{text}' in : ")))
                })?;
                NodePart::Expr(expr)
            }
        });
    }
    for (port, name, side) in [(&out.by_port, &out.by_name, "by"), (&out.for_port, &out.for_name, "for")] {
        if port.is_some() && name.is_none() {
            let text = format!(
                "'option forwarded' : '{side}_port' will be ignored because both '{side}' and '{side}-expr' are unset"
            );
            scope.diags.push(Diagnostic::warning("forwarded", text).at(draft.line));
        }
    }
    draft.out.forwarded = Some(Box::new(out));
    Ok(())
}
