//! Actions that answer: deny, return, tarpit (manual 4.4 `return`), and the arguments that describe their answer.

use std::sync::{Arc, OnceLock};

use super::header::header_name;
use super::words::exactly;
use crate::diag::{Diagnostic, Span, Word, suggest};
use crate::expr::LogFormat;
use crate::http::{HeaderName, status};
use crate::keyword::{ErrorGroup, FileRef, Hook, Meta, Needs, Result, Scope, Words, error_at};
use crate::rules::{Action, Bound, Final, Hooks, Txn, Verdict, error_file};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "deny",
            "deny [ { status | deny_status } <code> ] [ content-type <type> ] [ { default-errorfiles | errorfile <file> | \
             errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> } ] [ hdr <name> <fmt> ]*",
            "Ends the rule set and answers with an error: 403 to a request, 502 to a response, unless a status is given. Without \
             arguments, or with deny_status only, the proxy's error file for that status is sent; else see return.",
            &[
                ("deny", "deny 403"),
                ("deny deny_status 429", "deny 429"),
                ("deny status 429", "deny reply HTTP/1.1 429 Too Many Requests|content-length: 0"),
                (
                    "deny content-type text/plain string no hdr retry-after 5",
                    "deny reply HTTP/1.1 403 Forbidden|retry-after: 5|content-length: 2|content-type: text/plain||no",
                ),
            ],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
        bind: |words, scope| {
            let status = if scope.hook == Hook::HttpResponse { 502 } else { 403 };
            bind(words, scope, status, &DENY)
        },
    },
    Action {
        meta: Meta::new(
            "return",
            "return [ status <code> ] [ content-type <type> ] [ { default-errorfiles | errorfile <file> | \
             errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> } ] [ hdr <name> <fmt> ]*",
            "Ends the rule set and answers: with an empty response, the proxy's error file for the status, a whole response from a \
             file, or a body from a file, a text or a format string. The status is 200 unless given (200 to 599).",
            &[
                ("return", "reply HTTP/1.1 200 OK|content-length: 0"),
                ("return status 204", "reply HTTP/1.1 204 No Content"),
                ("return status 503 default-errorfiles", "reply 503"),
                (
                    "return content-type text/plain lf-string \"Hello %[src]\"",
                    "reply HTTP/1.1 200 OK|content-length: 15|content-type: text/plain||Hello 192.0.2.7",
                ),
                ("return hdr x-a %[path]", "reply HTTP/1.1 200 OK|x-a: /a/b|content-length: 0"),
            ],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
        bind: |words, scope| bind(words, scope, 200, &RETURN),
    },
    Action {
        meta: Meta::new(
            "tarpit",
            "tarpit [ { status | deny_status } <code> ] [ content-type <type> ] [ { default-errorfiles | errorfile <file> | \
             errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> } ] [ hdr <name> <fmt> ]*",
            "Ends the rule set and answers as deny does, but only after `timeout tarpit`. The status is 500 unless given.",
            &[("tarpit", "tarpit 500"), ("tarpit deny_status 429", "tarpit 429")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| bind(words, scope, 500, &TARPIT),
    },
];

/// Appends the start line of an answer.
pub(super) fn start_line(code: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(code).as_bytes());
    out.push(b' ');
    out.extend_from_slice(status::reason(code).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A formatted value must not end its line: what is left of line ends from `start` on becomes blanks.
pub(super) fn clean(out: &mut [u8], start: usize) {
    let value = out.get_mut(start..).unwrap_or_default();
    value.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).for_each(|byte| *byte = b' ');
}

/// How an action reports its answer, by who made it.
struct Outcomes {
    /// `deny_status` may be written for `status`; without arguments, error files answer.
    denies: bool,
    status: fn(u16) -> Final,
    reply: fn(u16) -> Final,
}

const DENY: Outcomes = Outcomes { denies: true, status: Final::Deny, reply: Final::DenyReply };
const RETURN: Outcomes = Outcomes { denies: false, status: Final::ReplyStatus, reply: Final::Reply };
const TARPIT: Outcomes = Outcomes { denies: true, status: Final::Tarpit, reply: Final::TarpitReply };

/// What the answer is made of.
enum Content {
    Empty,
    ErrorFiles,
    /// A whole response.
    Response(Late),
    /// A body.
    Body(Late),
    Format(LogFormat),
}

/// What was made of a file, or what is wrong with it.
type Loaded = std::result::Result<Box<[u8]>, String>;

/// Bytes that are there once the files have been read.
type Late = Arc<OnceLock<Box<[u8]>>>;

/// An answer with a head of its own.
pub struct Reply {
    status: u16,
    content_type: Option<Box<[u8]>>,
    content: Content,
    headers: Vec<(HeaderName, LogFormat)>,
}

fn bind(words: &mut Words<'_>, scope: &Scope<'_>, default: u16, outcomes: &'static Outcomes) -> Result<Bound> {
    let mut draft = Draft { status: None, status_word: "", content_type: None, content: None, headers: Vec::new() };
    let start = words.span();
    while draft.argument(words, scope, outcomes)? {}
    let reply = draft.finish(start, scope, default, outcomes)?;
    if matches!(reply.content, Content::ErrorFiles) {
        let outcome = (outcomes.status)(reply.status);
        return Ok(Bound::new(Needs::empty(), move |_| Verdict::Done(outcome)));
    }
    let outcome = (outcomes.reply)(reply.status);
    Ok(Bound::new(reply.needs(), move |txn| {
        reply.write(txn);
        Verdict::Done(outcome)
    }))
}

/// What stands for a status instead of the proxy's own answer (`http-error`).
pub enum ErrorSource {
    /// Nothing: what was said before is forgotten.
    Default,
    /// A whole response in a file.
    File(Word),
    /// The response of an `http-errors` section, if it has one.
    Group(Option<Arc<[u8]>>),
    /// A response made of a body and fields.
    Reply(Reply),
}

/// Reads the arguments of `http-error`: the status, and what stands for it.
pub fn bind_error(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<(u16, ErrorSource)> {
    let start = words.span();
    let mut draft = Draft { status: None, status_word: "", content_type: None, content: None, headers: Vec::new() };
    while draft.argument(words, scope, &RETURN)? {}
    let Some(status) = draft.status else {
        return Err(error_at(start, "expects at least a <status> as arguments."));
    };
    if status::error_page(status).is_none() {
        return Err(error_at(start, format!("status code '{status}' not handled.")));
    }
    let whole = match &draft.content {
        Some((_, Source::ErrorFiles)) => Some(ErrorSource::Default),
        Some((_, Source::ErrorFile(path, span))) => Some(ErrorSource::File(Word::new(path.as_str(), *span))),
        Some((_, Source::Group(name))) => Some(ErrorSource::Group(error_group(name, scope)?.reply(status).cloned())),
        _ => None,
    };
    // Tells what is left without effect, too.
    let reply = draft.finish(start, scope, status, &RETURN)?;
    Ok((status, whole.unwrap_or(ErrorSource::Reply(reply))))
}

impl Reply {
    /// What its format strings read.
    pub fn needs(&self) -> Needs {
        let body = if let Content::Format(format) = &self.content { format.needs() } else { Needs::empty() };
        self.headers.iter().fold(body, |needs, (_, value)| needs | value.needs())
    }

    /// Writes the whole answer to `txn.reply`.
    pub fn write(&self, txn: &mut Txn<'_>) {
        let mut out = std::mem::take(txn.reply);
        out.clear();
        match &self.content {
            Content::Response(bytes) => out.extend_from_slice(bytes.get().map_or(&[][..], |bytes| bytes)),
            Content::Body(bytes) => self.write_with(txn, bytes.get().map_or(&[][..], |bytes| bytes), &mut out),
            Content::Format(format) => txn.with_text(format, |txn, body| self.write_with(txn, body, &mut out)),
            Content::Empty | Content::ErrorFiles => self.write_with(txn, b"", &mut out),
        }
        *txn.reply = out;
    }

    fn write_with(&self, txn: &Txn<'_>, body: &[u8], out: &mut Vec<u8>) {
        start_line(self.status, out);
        let ctx = txn.ctx();
        for (name, value) in &self.headers {
            let line = out.len();
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            let start = out.len();
            value.render(&ctx, out);
            // A field without a value is left out, as in HAProxy.
            if out.len() == start {
                out.truncate(line);
                continue;
            }
            clean(out, start);
            out.extend_from_slice(b"\r\n");
        }
        if self.status != 204 {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if let Some(kind) = self.content_type.as_ref().filter(|_| !body.is_empty()) {
            out.extend_from_slice(b"content-type: ");
            out.extend_from_slice(kind);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    }
}

/// The arguments read so far.
struct Draft {
    status: Option<u16>,
    /// `status` or `deny_status`, as written last.
    status_word: &'static str,
    content_type: Option<Box<[u8]>>,
    /// With the keyword that named it.
    content: Option<(&'static str, Source)>,
    headers: Vec<(HeaderName, LogFormat)>,
}

enum Source {
    ErrorFiles,
    ErrorFile(String, Span),
    /// An `http-errors` section.
    Group(Word),
    File(String, Span),
    Text(Box<[u8]>),
    Format(LogFormat),
}

impl Draft {
    /// Reads one argument; false at the first word that is none.
    fn argument(&mut self, words: &mut Words<'_>, scope: &Scope<'_>, outcomes: &Outcomes) -> Result<bool> {
        let Some(word) = words.peek() else { return Ok(false) };
        let keyword = match word.as_str() {
            "status" => "status",
            "deny_status" if outcomes.denies => "deny_status",
            "content-type" => "content-type",
            "hdr" => "hdr",
            other => return self.source(other, words, scope),
        };
        words.next_word();
        match keyword {
            "hdr" => {
                let [name, value] = exactly(words, "'hdr' expects <name> and <value> as arguments")?;
                let (name, value) = (header_name(name, scope), LogFormat::bind(value, scope)?);
                if matches!(name.as_bytes(), b"content-length" | b"transfer-encoding") {
                    let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
                    warn(scope, words.span(), &format!("header '{name}' always ignored by the http reply."));
                } else {
                    self.headers.push((name, value));
                }
            }
            "content-type" => {
                let [kind] = exactly(words, "'content-type' expects <ctype> as argument")?;
                self.content_type = Some(kind.as_bytes().into());
            }
            _ => {
                let [code] = exactly(words, "'status' expects <status_code> as argument")?;
                let number = code.as_str().parse().unwrap_or(0);
                if !(200..600).contains(&number) {
                    return Err(words.error_last(format!("Unexpected status code '{}'", code.as_str())));
                }
                (self.status, self.status_word) = (Some(number), keyword);
            }
        }
        Ok(true)
    }

    /// Reads where the content comes from.
    fn source(&mut self, keyword: &str, words: &mut Words<'_>, scope: &Scope<'_>) -> Result<bool> {
        const SOURCES: [&str; 7] =
            ["default-errorfiles", "errorfile", "errorfiles", "file", "lf-file", "string", "lf-string"];
        let Some(keyword) = SOURCES.into_iter().find(|source| *source == keyword) else { return Ok(false) };
        words.next_word();
        if let Some((before, _)) = &self.content {
            return Err(words.error_last(format!("unexpected '{keyword}' argument, '{before}' already defined")));
        }
        if keyword == "default-errorfiles" {
            self.content = Some((keyword, Source::ErrorFiles));
            return Ok(true);
        }
        let what = match keyword {
            "errorfiles" => "<name>",
            "string" | "lf-string" => "<str>",
            _ => "<fmt>",
        };
        // An empty text is a body, an empty file name is none.
        let word = words.next_word().filter(|word| !word.is_empty() || (keyword.ends_with("string") && word.quoted));
        let Some(word) = word else { return Err(words.error_here(format!("'{keyword}' expects {what} as argument"))) };
        let path = || word.as_str().to_owned();
        let source = match keyword {
            "errorfile" => Source::ErrorFile(path(), word.span),
            "file" => Source::File(path(), word.span),
            "errorfiles" => Source::Group(word.clone()),
            "string" => Source::Text(word.as_bytes().into()),
            "lf-file" => Source::Format(from_file(word, scope)?),
            _ => Source::Format(LogFormat::bind(word, scope)?),
        };
        self.content = Some((keyword, source));
        Ok(true)
    }

    fn finish(self, start: Span, scope: &Scope<'_>, default: u16, outcomes: &Outcomes) -> Result<Reply> {
        let error = |message: String| Box::new(Diagnostic::alert("bad-argument", message).at(start));
        let status = self.status.unwrap_or(default);
        let bare = self.content.is_none() && self.headers.is_empty() && self.content_type.is_none();
        let implied = outcomes.denies && bare && self.status_word != "status";
        let keyword = self.content.as_ref().map_or("", |(keyword, _)| keyword);
        let source = if implied { Some(Source::ErrorFiles) } else { self.content.map(|(_, source)| source) };
        let complete = matches!(source, Some(Source::ErrorFiles | Source::ErrorFile(..) | Source::Group(_)));
        if complete && status::error_page(status).is_none() {
            let keyword = if implied { "default-errorfiles" } else { keyword };
            return Err(error(format!("status code '{status}' not handled by default with '{keyword}' argument")));
        }
        if complete && !self.headers.is_empty() {
            warn(scope, start, "hdr parameters ignored by the http reply when used with an errorfile.");
        }
        if (source.is_none() || complete)
            && let Some(kind) = &self.content_type
        {
            let kind = String::from_utf8_lossy(kind);
            let why = if complete { "an errorfile answers" } else { "neither errorfile nor payload defined" };
            warn(scope, start, &format!("content-type '{kind}' ignored by the http reply because {why}."));
        }
        let has_body = match &source {
            Some(Source::Text(text)) => !text.is_empty(),
            Some(Source::Format(_)) => true,
            _ => false,
        };
        if has_body && status == 204 {
            return Err(error("No body expected for 204 responses".to_owned()));
        }
        if has_body && self.content_type.is_none() {
            return Err(error(NO_TYPE.to_owned()));
        }
        let content = match source {
            None => Content::Empty,
            Some(Source::ErrorFiles) => Content::ErrorFiles,
            Some(Source::Group(name)) => of_group(&name, status, scope)?,
            Some(Source::Text(text)) => Content::Body(Arc::new(OnceLock::from(text))),
            Some(Source::Format(format)) => Content::Format(format),
            Some(Source::ErrorFile(path, span)) => Content::Response(read(scope, path, span, error_file::normalize)),
            Some(Source::File(path, span)) => {
                let (typed, bodiless) = (self.content_type.is_some(), status == 204);
                Content::Body(read(scope, path, span, move |bytes| match bytes {
                    [] => Ok(Box::default()),
                    _ if bodiless => Err("No body expected for 204 responses".to_owned()),
                    _ if !typed => Err(NO_TYPE.to_owned()),
                    bytes => Ok(bytes.into()),
                }))
            }
        };
        Ok(Reply { status, content_type: self.content_type, content, headers: self.headers })
    }
}

/// The whole response that an `http-errors` section has for a status; without one, an empty response, as in HAProxy.
fn of_group(name: &Word, status: u16, scope: &Scope<'_>) -> Result<Content> {
    let group = error_group(name, scope)?;
    let Some(raw) = group.reply(status) else {
        let text =
            format!("status '{status}' referenced by an http reply not declared in http-errors section '{name}'.");
        warn(scope, name.span, &text);
        return Ok(Content::Empty);
    };
    Ok(Content::Response(Arc::new(OnceLock::from(Box::from(&**raw)))))
}

/// The `http-errors` section that a word names.
pub fn error_group<'s>(name: &Word, scope: &Scope<'s>) -> Result<&'s ErrorGroup> {
    scope.names.error_group(name.as_str()).ok_or_else(|| {
        let known = scope.names.error_groups.get().into_iter().flatten().map(|group| group.name.as_str());
        let error = error_at(name.span, format!("unknown http-errors section '{name}'."));
        match suggest(name.as_str(), known) {
            Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
            None => error,
        }
    })
}

/// The format string that a file holds.
fn from_file(word: &Word, scope: &Scope<'_>) -> Result<LogFormat> {
    let text = scope.names.text(word.as_str());
    let text = text.map_err(|_| error_at(word.span, format!("error opening file '{word}'")))?;
    LogFormat::bind(&Word::new(&*text, word.span), scope)
}

/// Has a file read later; what `of` makes of it is then there.
fn read(scope: &Scope<'_>, path: String, span: Span, of: impl FnOnce(&[u8]) -> Loaded + 'static) -> Late {
    let late = Late::default();
    let filled = late.clone();
    scope.files.borrow_mut().push(FileRef {
        path: Some(path),
        span,
        optional: false,
        load: Box::new(move |bytes, _| {
            let made = of(bytes)?;
            // Nobody else fills it.
            let _ = filled.set(made);
            Ok(())
        }),
    });
    late
}

fn warn(scope: &Scope<'_>, span: Span, message: &str) {
    scope.diags.push(Diagnostic::warning("reply-argument", message).at(span));
}

const NO_TYPE: &str = "a content type must be defined when non-empty payload is configured";
