//! The request of a health check: `option httpchk` and `http-check send`.

use super::odd_version;
use crate::diag::{Diagnostics, Span, Word};
use crate::expr::LogFormat;
use crate::ir::HttpCheckStep;
use crate::keyword::{Hook, Result, Scope, Words, error_at};
use crate::lower::table::sentence;

/// A request being described; what is not said has HAProxy's defaults: `OPTIONS / HTTP/1.0`.
#[derive(Default)]
pub(super) struct Request {
    method: Option<Box<str>>,
    uri: Option<LogFormat>,
    version: Option<Box<str>>,
    headers: Vec<(Box<str>, LogFormat)>,
    body: Option<LogFormat>,
}

impl Request {
    /// Reads everything behind `http-check send`.
    pub(super) fn read(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Request> {
        let scope = scope.at(Hook::Check);
        let mut request = Request::default();
        while let Some(word) = words.next_word() {
            let missing = |words: &Words<'_>| {
                let message = format!("'http-check send' : '{word}' expects a string as argument.");
                sentence(words.end(), "missing", message)
            };
            match word.as_str() {
                "meth" => request.set_method(words.next_word().ok_or_else(|| missing(words))?)?,
                "uri" => request.set_uri(words.next_word().ok_or_else(|| missing(words))?, &scope)?,
                "uri-lf" => {
                    request.uri = Some(LogFormat::bind(words.next_word().ok_or_else(|| missing(words))?, &scope)?)
                }
                "ver" => {
                    let version = words.next_word().ok_or_else(|| missing(words))?;
                    request.set_version(version, scope.diags, &scope)?;
                }
                "hdr" => request.read_header(words, &scope)?,
                "body" => request.body = Some(literal(words.next_word().ok_or_else(|| missing(words))?, &scope)?),
                "body-lf" => {
                    request.body = Some(LogFormat::bind(words.next_word().ok_or_else(|| missing(words))?, &scope)?)
                }
                // It is told of a rule that fails, which one that sends cannot.
                "comment" => {
                    words.next_word().ok_or_else(|| missing(words))?;
                }
                _ => {
                    let message = format!(
                        "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' \
                         but got '{word}' as argument."
                    );
                    return Err(sentence(word.span, "unknown", message));
                }
            }
        }
        Ok(request)
    }

    pub(super) fn set_method(&mut self, word: &Word) -> Result<()> {
        if !word.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(error_at(word.span, format!("invalid method '{word}'.")));
        }
        self.method = Some(word.as_str().into());
        Ok(())
    }

    pub(super) fn set_uri(&mut self, word: &Word, scope: &Scope<'_>) -> Result<()> {
        self.uri = Some(literal(word, scope)?);
        Ok(())
    }

    /// `HTTP/1.0`, `HTTP/1.1`; what stands behind it in the same word are header fields, as releases before 2.2 had it.
    pub(super) fn set_version(&mut self, word: &Word, diags: &Diagnostics, scope: &Scope<'_>) -> Result<()> {
        let text = word.as_str();
        let (version, rest) = match text.find("\r\n") {
            Some(at) => (&text[..at], &text[at + 2..]),
            None => (text, ""),
        };
        let valid = version.strip_prefix("HTTP/").is_some_and(|number| {
            matches!(number.as_bytes(), [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
        });
        if !valid {
            let error = error_at(word.span, format!("invalid HTTP version '{version}'."));
            return Err(Box::new(error.help("write HTTP/1.0 or HTTP/1.1")));
        }
        self.version = Some(version.into());
        if rest.is_empty() {
            return Ok(());
        }
        diags.push(odd_version(word));
        for line in rest.split("\r\n").take_while(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                return Err(error_at(word.span, format!("'{line}' is not a header field.")));
            };
            self.headers.push((name.trim().into(), literal(&Word::new(value.trim(), word.span), scope)?));
        }
        if let Some((_, body)) = rest.split_once("\r\n\r\n").filter(|(_, body)| !body.is_empty()) {
            self.body = Some(literal(&Word::new(body, word.span), scope)?);
        }
        Ok(())
    }

    pub(super) fn set_host(&mut self, word: &Word, scope: &Scope<'_>) -> Result<()> {
        self.headers.push(("host".into(), LogFormat::bind(word, scope)?));
        Ok(())
    }

    fn read_header(&mut self, words: &mut Words<'_>, scope: &Scope<'_>) -> Result<()> {
        let (Some(name), Some(value)) = (words.next_word(), words.next_word()) else {
            let message = "'http-check send' : 'hdr' expects <name> and <value> as arguments.";
            return Err(sentence(words.end(), "missing", message));
        };
        super::super::http::header_name(name)?;
        let lower = name.as_str().to_ascii_lowercase();
        if matches!(lower.as_str(), "content-length" | "transfer-encoding") {
            // Framing is the check's own business (manual 4.2 `http-check send`).
            return Ok(());
        }
        self.headers.push((lower.into(), LogFormat::bind(value, scope)?));
        Ok(())
    }

    /// The value of `Host`, where it is literal.
    pub(super) fn host(&self) -> Option<String> {
        let value = self.headers.iter().find(|(name, _)| &**name == "host").map(|(_, value)| value)?;
        value.literal().map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// This request with what another one says on top.
    pub(super) fn completed(self, other: Request) -> Request {
        let mut headers = self.headers;
        headers.extend(other.headers);
        Request {
            method: other.method.or(self.method),
            uri: other.uri.or(self.uri),
            version: other.version.or(self.version),
            headers,
            body: other.body.or(self.body),
        }
    }

    pub(super) fn step(self) -> HttpCheckStep {
        HttpCheckStep::Send {
            method: self.method.unwrap_or_else(|| "OPTIONS".into()),
            uri: self.uri,
            version: self.version.unwrap_or_else(|| "HTTP/1.0".into()),
            headers: self.headers,
            body: self.body,
        }
    }
}

/// A format string that is text only.
pub(super) fn literal(word: &Word, scope: &Scope<'_>) -> Result<LogFormat> {
    let escaped: Vec<u8> =
        word.as_bytes().iter().flat_map(|&byte| [byte].repeat(1 + usize::from(byte == b'%'))).collect();
    let span = if escaped.len() == word.as_bytes().len() { word.span } else { Span::nowhere() };
    LogFormat::bind(&Word::new(escaped, span), scope)
}
