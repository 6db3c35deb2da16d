//! Replies that the proxy gives itself (manual 4.2): `errorfile`, `errorfiles`, `errorloc`, `errorloc302`, `errorloc303`, `http-error`.

use std::sync::Arc;

use super::ProxyDraft;
use crate::diag::{Diagnostic, Diagnostics, Word};
use crate::ir::{ErrorAnswer, ErrorReply};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::files::Reader;
use crate::lower::table::sentence;
use crate::rules::action::{self, Reply, bind_error, error_group};

/// Where a reply comes from.
pub(in crate::lower) struct ErrorSource {
    status: u16,
    from: From,
}

enum From {
    File(Word),
    Ready(Arc<[u8]>),
    Made(Reply),
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "errorfile",
            "errorfile <code> <file>",
            "Sends a file, head and body, instead of the proxy's own reply of this status. An empty file closes silently.",
            &[("errorfile 503 503.http", "error 503")],
        ),
        sections: Sections::D_PROXY,
        apply: errorfile,
    },
    Setting {
        meta: Meta::new(
            "errorfiles",
            "errorfiles <name> [<code>...]",
            "Takes the replies of an 'http-errors' section over, all or those of some statuses.",
            &[("errorfiles site", "error 503"), ("errorfiles site 404", "error 404")],
        ),
        sections: Sections::D_PROXY,
        apply: errorfiles,
    },
    Setting {
        meta: Meta::new(
            "http-error",
            "http-error status <code> [ content-type <type> ] [ { default-errorfiles | errorfile <file> | \
             errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> } ] [ hdr <name> <fmt> ]*",
            "Says what is sent instead of the proxy's own reply of this status: an empty body, a file, a text, a format string.",
            &[
                ("http-error status 503 content-type text/plain string sorry", "error 503 made"),
                ("http-error status 503 errorfile 503.http", "error 503"),
                ("http-error status 404 errorfiles site", "error 404"),
            ],
        ),
        sections: Sections::D_PROXY,
        apply: http_error,
    },
    redirect("errorloc", "errorloc <code> <url>", |words, draft, _| errorloc(words, draft, "errorloc", 302)),
    redirect("errorloc302", "errorloc302 <code> <url>", |words, draft, _| errorloc(words, draft, "errorloc302", 302)),
    redirect("errorloc303", "errorloc303 <code> <url>", |words, draft, _| errorloc(words, draft, "errorloc303", 303)),
];

const fn redirect(
    name: &'static str,
    usage: &'static str,
    apply: fn(&mut Words<'_>, &mut ProxyDraft, &Scope<'_>) -> Result<()>,
) -> Setting<ProxyDraft> {
    let doc = "Redirects to a URL instead of sending the proxy's own reply of this status.";
    Setting {
        meta: Meta::new(name, usage, doc, &[("errorloc 503 http://sorry.example.org/", "error 503")]),
        sections: Sections::D_PROXY,
        apply,
    }
}

impl ErrorSource {
    /// The complete reply; what is wrong with the file is told.
    pub(in crate::lower) fn finish(
        self,
        reader: &Reader<'_>,
        bufsize: usize,
        diags: &Diagnostics,
    ) -> Option<ErrorReply> {
        let raw = match self.from {
            From::Ready(raw) => raw,
            From::Made(reply) => {
                return Some(ErrorReply { status: self.status, answer: ErrorAnswer::Made(reply) });
            }
            From::File(word) => match read(&word, reader, bufsize) {
                Ok(raw) => raw,
                Err(message) => {
                    diags.push(Diagnostic::alert("errorfile", format!("errorfile : {message}")).at(word.span));
                    return None;
                }
            },
        };
        Some(ErrorReply { status: self.status, answer: ErrorAnswer::Raw(raw) })
    }
}

fn read(word: &Word, reader: &Reader<'_>, bufsize: usize) -> std::result::Result<Arc<[u8]>, String> {
    let raw = reader.read(word.as_str()).map_err(|_| format!("error opening file '{word}'."))?;
    if raw.len() > bufsize {
        return Err(format!("custom message file '{word}' is too large: {} bytes, at most {bufsize}.", raw.len()));
    }
    if raw.is_empty() {
        return Ok(raw);
    }
    check_head(&raw).map(|()| raw).map_err(|why| format!("unable to parse file '{word}': {why}."))
}

/// A reply must begin with a status line and complete header fields.
fn check_head(raw: &[u8]) -> std::result::Result<(), &'static str> {
    if !raw.starts_with(b"HTTP/1.") && !raw.starts_with(b"HTTP/2") {
        return Err("it does not start with a status line such as 'HTTP/1.0 503 Service Unavailable'");
    }
    let mut lines = raw.split_inclusive(|byte| *byte == b'\n');
    lines.next();
    for line in lines {
        match line.trim_ascii_end() {
            b"" if line.ends_with(b"\n") => return Ok(()),
            field if field.contains(&b':') => {}
            _ => return Err("a header field has no colon"),
        }
    }
    Err("the header fields do not end with an empty line")
}

fn errorfile(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    draft.set_error(ErrorSource::file(words)?);
    Ok(())
}

impl ErrorSource {
    /// `<code> <file>`
    pub(in crate::lower) fn file(words: &mut Words<'_>) -> Result<ErrorSource> {
        let usage = "errorfile : expects <status_code> and <file> as arguments.";
        let (Some(code), Some(file)) = (words.next_word(), words.next_word()) else {
            return Err(sentence(words.end(), "missing", usage));
        };
        let status = status(code, "errorfile")?;
        Ok(ErrorSource { status, from: From::File(file.clone()) })
    }
}

fn errorfiles(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(name) = words.next_word() else {
        return Err(sentence(words.end(), "missing", "errorfiles : expects <name> as argument."));
    };
    let group = error_group(name, scope)?;
    let codes = words.take_rest();
    for code in codes {
        let status = status(code, "errorfiles")?;
        if group.reply(status).is_none() {
            let text = format!("status '{status}' not declared in http-errors section '{name}'.");
            scope.diags.push(Diagnostic::warning("errorfiles", text).at(code.span));
        }
    }
    let wanted = |status: u16| codes.is_empty() || codes.iter().any(|code| code.as_str().parse() == Ok(status));
    for (status, raw) in group.replies.iter().filter(|(status, _)| wanted(*status)) {
        draft.set_error(ErrorSource { status: *status, from: From::Ready(raw.clone()) });
    }
    Ok(())
}

fn http_error(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let (status, source) = bind_error(words, &scope.at(Hook::HttpError))?;
    if let Some(word) = words.peek() {
        return Err(sentence(word.span, "left-over", format!("http-error : unknown keyword '{word}'.")));
    }
    let from = match source {
        action::ErrorSource::Default => {
            draft.errors.retain(|other| other.status != status);
            return Ok(());
        }
        action::ErrorSource::File(word) => From::File(word),
        action::ErrorSource::Group(Some(raw)) => From::Ready(raw),
        action::ErrorSource::Group(None) => return Ok(()),
        action::ErrorSource::Reply(reply) => From::Made(reply),
    };
    draft.set_error(ErrorSource { status, from });
    Ok(())
}

fn errorloc(words: &mut Words<'_>, draft: &mut ProxyDraft, name: &str, with: u16) -> Result<()> {
    let (Some(code), Some(url)) = (words.next_word(), words.next_word()) else {
        return Err(sentence(
            words.end(),
            "missing",
            format!("{name} : expects <status_code> and <url> as arguments."),
        ));
    };
    let status = status(code, name)?;
    if url.as_bytes().iter().any(|byte| byte.is_ascii_control()) {
        return Err(sentence(url.span, "control", format!("{name} : the URL contains a control character.")));
    }
    let reason = if with == 303 { "See Other" } else { "Found" };
    let head =
        format!("HTTP/1.1 {with} {reason}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: {url}\r\n\r\n");
    draft.set_error(ErrorSource { status, from: From::Ready(head.into_bytes().into()) });
    Ok(())
}

impl ProxyDraft {
    fn set_error(&mut self, source: ErrorSource) {
        self.errors.retain(|other| other.status != source.status);
        self.errors.push(source);
    }
}

fn status(code: &Word, name: &str) -> Result<u16> {
    let found = code.as_str().parse::<u16>().ok();
    match found.filter(|status| STATUSES.contains(status)) {
        Some(status) => Ok(status),
        None => {
            let error = sentence(code.span, "status", format!("{name} : status code '{code}' not handled."));
            let known: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
            Err(Box::new(error.help(format!("statuses are {}", known.join(", ")))))
        }
    }
}

/// What the proxy can answer by itself (manual 4.2 `errorfile`).
const STATUSES: [u16; 19] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 425, 429, 431, 500, 501, 502, 503, 504];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_needs_a_complete_head() {
        assert_eq!(check_head(b"HTTP/1.0 503 No\r\ncontent-type: text/html\r\n\r\n<html>"), Ok(()));
        assert_eq!(check_head(b"HTTP/1.0 503 No\n\nbody"), Ok(()));
        assert!(check_head(b"<html>").is_err());
        assert!(check_head(b"HTTP/1.0 503 No\r\ncontent-type: text/html\r\n").is_err());
        assert!(check_head(b"HTTP/1.0 503 No\r\nnonsense\r\n\r\n").is_err());
    }
}
