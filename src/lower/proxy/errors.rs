//! Replies that the proxy gives itself (manual 4.2): `errorfile`, `errorloc`, `errorloc302`, `errorloc303`.

use std::sync::Arc;

use super::ProxyDraft;
use crate::diag::{Diagnostic, Diagnostics, Word};
use crate::ir::ErrorReply;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::files::Reader;
use crate::lower::table::sentence;

/// Where a reply comes from.
pub(super) struct ErrorSource {
    status: u16,
    from: From,
}

enum From {
    File(Word),
    Redirect(Arc<[u8]>),
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
    pub(super) fn finish(&self, reader: &Reader<'_>, bufsize: usize, diags: &Diagnostics) -> Option<ErrorReply> {
        let raw = match &self.from {
            From::Redirect(raw) => raw.clone(),
            From::File(word) => match read(word, reader, bufsize) {
                Ok(raw) => raw,
                Err(message) => {
                    diags.push(Diagnostic::alert("errorfile", format!("errorfile : {message}")).at(word.span));
                    return None;
                }
            },
        };
        Some(ErrorReply { status: self.status, raw })
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
    let usage = "errorfile : expects <status_code> and <file> as arguments.";
    let (Some(code), Some(file)) = (words.next_word(), words.next_word()) else {
        return Err(sentence(words.end(), "missing", usage));
    };
    let status = status(code, "errorfile")?;
    draft.set_error(ErrorSource { status, from: From::File(file.clone()) });
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
    draft.set_error(ErrorSource { status, from: From::Redirect(head.into_bytes().into()) });
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
