//! `http-check expect`, `tcp-check expect`: what a good answer to a health check is.

use regex::bytes::{Regex, RegexBuilder};

use super::Family;
use crate::base::hex::from_hex;
use crate::diag::{Span, Word};
use crate::expr::{Expr, LogFormat};
use crate::ir::check::{Comparison, HeaderNameMatch, HeaderValueMatch, TextMatch};
use crate::ir::{Expect, ExpectMatch};
use crate::keyword::{Hook, Result, Scope, Words};
use crate::lower::table::sentence;

/// Reads everything behind `http-check expect` or `tcp-check expect`.
pub(super) fn read(words: &mut Words<'_>, scope: &Scope<'_>, family: Family) -> Result<Expect> {
    let scope = scope.at(Hook::Check);
    let rule = family.rule();
    if words.is_empty() {
        let message = format!("'{rule} expect' : expects at least a matching pattern as arguments.");
        return Err(sentence(words.end(), "missing", message));
    }
    let mut found = None;
    let mut expect = Options { rule, ..Options::default() };
    while let Some(word) = words.next_word() {
        if expect.read(word.as_str(), words, &scope)? {
            continue;
        }
        let (negate, name) = match word.as_str() {
            "!" => (true, words.next_word().map_or("", |word| word.as_str())),
            text => text.strip_prefix('!').map_or((false, text), |name| (true, name)),
        };
        if found.is_some() {
            let message = match family {
                Family::Http => "'http-check expect' : only on pattern expected.",
                Family::Tcp => "'tcp-check expect' : only one pattern expected.",
            };
            return Err(sentence(word.span, "twice", message));
        }
        let what = match family {
            Family::Http => pattern(name, word, words, &scope),
            Family::Tcp => tcp_pattern(name, word, words, &scope),
        };
        found = Some((negate, what?));
    }
    let Some((negate, what)) = found else {
        let message = format!("'{rule} expect' : no pattern found.");
        return Err(sentence(words.end(), "missing", message));
    };
    Ok(Expect {
        negate,
        what,
        ok_status: expect.ok_status,
        error_status: expect.error_status,
        timeout_status: expect.timeout_status,
        on_success: expect.on_success,
        on_error: expect.on_error,
        status_code: expect.status_code,
        min_recv: expect.min_recv,
        comment: expect.comment,
    })
}

/// What may stand around the pattern.
#[derive(Default)]
struct Options {
    /// `http-check`, `tcp-check`
    rule: &'static str,
    ok_status: Option<&'static str>,
    error_status: Option<&'static str>,
    timeout_status: Option<&'static str>,
    on_success: Option<LogFormat>,
    on_error: Option<LogFormat>,
    status_code: Option<Expr>,
    min_recv: Option<usize>,
    comment: Option<Box<str>>,
}

impl Options {
    /// Reads the value of an option; false if `name` is none.
    fn read(&mut self, name: &str, words: &mut Words<'_>, scope: &Scope<'_>) -> Result<bool> {
        let rule = self.rule;
        match name {
            "comment" => self.comment = Some(value(words, name, rule)?.as_str().into()),
            "min-recv" => {
                let word = value(words, name, rule)?;
                let bytes = word.as_str().parse().ok().filter(|bytes| (-1..=i64::from(i32::MAX)).contains(bytes));
                let bytes: i64 = bytes.ok_or_else(|| {
                    let message = format!("'{rule} expect' : 'min-recv' expects -1 or an integer from 0 to INT_MAX.");
                    sentence(word.span, "range", message)
                })?;
                self.min_recv = usize::try_from(bytes).ok();
            }
            "ok-status" => self.ok_status = Some(status(words, name, rule, &["L7OK", "L7OKC", "L6OK", "L4OK"])?),
            "error-status" => {
                self.error_status = Some(status(words, name, rule, &["L7OKC", "L7RSP", "L7STS", "L6RSP", "L4CON"])?);
            }
            "tout-status" => self.timeout_status = Some(status(words, name, rule, &["L7TOUT", "L6TOUT", "L4TOUT"])?),
            "on-success" => self.on_success = Some(LogFormat::bind(value(words, name, rule)?, scope)?),
            "on-error" => self.on_error = Some(LogFormat::bind(value(words, name, rule)?, scope)?),
            "status-code" => {
                let word = value(words, name, rule)?;
                let mut inner = Words::new(std::slice::from_ref(word), word.span.after());
                self.status_code = Some(Expr::bind(&mut inner, scope)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn pattern(name: &str, word: &Word, words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ExpectMatch> {
    match name {
        "status" => {
            let codes = value(words, name, HTTP)?;
            Ok(ExpectMatch::Status(ranges(codes)?))
        }
        "rstatus" => Ok(ExpectMatch::StatusRegex(regex(value(words, name, HTTP)?, false, HTTP)?)),
        "string" => Ok(ExpectMatch::Body(value(words, name, HTTP)?.as_bytes().into())),
        "rstring" => Ok(ExpectMatch::BodyRegex(regex(value(words, name, HTTP)?, false, HTTP)?)),
        "string-lf" => Ok(ExpectMatch::BodyFormat(LogFormat::bind(value(words, name, HTTP)?, scope)?)),
        "hdr" | "fhdr" => header(name == "fhdr", words, scope),
        _ => {
            let message = format!(
                "'http-check expect' : only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', \
                 '[!]rstatus', [!]hdr, [!]fhdr or comment but got '{word}' as argument."
            );
            Err(sentence(word.span, "unknown", message))
        }
    }
}

fn tcp_pattern(name: &str, word: &Word, words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ExpectMatch> {
    let rule = Family::Tcp.rule();
    match name {
        "string" => Ok(ExpectMatch::Body(value(words, name, rule)?.as_bytes().into())),
        "rstring" => Ok(ExpectMatch::BodyRegex(regex(value(words, name, rule)?, false, rule)?)),
        "string-lf" => Ok(ExpectMatch::BodyFormat(LogFormat::bind(value(words, name, rule)?, scope)?)),
        "binary" => {
            let digits = value(words, name, rule)?;
            let bytes = from_hex(digits.as_bytes()).map_err(|fault| {
                sentence(digits.span, "hex", format!("'{rule} expect' : invalid binary string ({fault})."))
            })?;
            Ok(ExpectMatch::Binary(bytes.into()))
        }
        "rbinary" => Ok(ExpectMatch::BinaryRegex(regex(value(words, name, rule)?, false, rule)?)),
        "binary-lf" => Ok(ExpectMatch::BinaryFormat(LogFormat::bind(value(words, name, rule)?, scope)?)),
        _ => {
            let message = format!(
                "'{rule} expect' : only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf', \
                 '[!]rbinary', '[!]binary-lf' or comment but got '{word}' as argument."
            );
            Err(sentence(word.span, "unknown", message))
        }
    }
}

/// `{ name | name-lf } [-m <meth>] <name> [{ value | value-lf } [-m <meth>] <value>]`
fn header(full: bool, words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ExpectMatch> {
    let usage = "'http-check expect' : 'hdr' expects a 'name' or 'name-lf' and optionally a 'value' or 'value-lf'.";
    let how = match words.peek_str() {
        "name" => text_match,
        "name-lf" => format_match,
        _ => return Err(sentence(words.span(), "missing", usage)),
    };
    words.next_word();
    let name = HeaderNameMatch { how: how(words, scope)? };
    let how = match words.peek_str() {
        "value" => Some(text_match as fn(&mut Words<'_>, &Scope<'_>) -> Result<TextMatch>),
        "value-lf" => Some(format_match as _),
        _ => None,
    };
    let value = match how {
        Some(how) => {
            words.next_word();
            Some(HeaderValueMatch { how: how(words, scope)? })
        }
        None => None,
    };
    Ok(ExpectMatch::Header { name, value, full })
}

/// A comparison with a text that is made anew for each check, which a regular expression cannot be.
fn format_match(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<TextMatch> {
    let how = match method(words)? {
        ("str", _) => Comparison::Str,
        ("beg", _) => Comparison::Beg,
        ("end", _) => Comparison::End,
        ("sub", _) => Comparison::Sub,
        (_, span) => {
            let message = "'http-check expect' : '-m' only supports 'str', 'beg', 'sub' or 'end' with a format string.";
            return Err(sentence(span, "unknown", message));
        }
    };
    Ok(TextMatch::Format(how, LogFormat::bind(value(words, "hdr", HTTP)?, scope)?))
}

/// `-m <method>`, and where it stands.
fn method<'a>(words: &mut Words<'a>) -> Result<(&'a str, Span)> {
    let method = match words.take("-m") {
        true => value(words, "-m", HTTP)?.as_str(),
        false => "str",
    };
    Ok((method, words.last().map_or(words.end(), |word| word.span)))
}

/// Names of fields are in lower case when they are compared.
fn text_match(words: &mut Words<'_>, _: &Scope<'_>) -> Result<TextMatch> {
    let name = words.last().is_some_and(|word| word.as_str() == "name");
    let (method, span) = method(words)?;
    let pattern = value(words, "hdr", HTTP)?;
    let text = || pattern.as_bytes().into();
    match method {
        "str" => Ok(TextMatch::Str(text())),
        "beg" => Ok(TextMatch::Beg(text())),
        "end" => Ok(TextMatch::End(text())),
        "sub" => Ok(TextMatch::Sub(text())),
        "reg" => Ok(TextMatch::Reg(regex(pattern, name, HTTP)?)),
        _ => {
            let message = "'http-check expect' : '-m' only supports 'str', 'beg', 'sub', 'end' or 'reg'.";
            Err(sentence(span, "unknown", message))
        }
    }
}

fn value<'a>(words: &mut Words<'a>, name: &str, rule: &str) -> Result<&'a Word> {
    let message = || format!("'{rule} expect' : '{name}' expects a <pattern> as argument.");
    words.next_word().ok_or_else(|| sentence(words.end(), "missing", message()))
}

fn status(words: &mut Words<'_>, name: &str, rule: &str, known: &[&'static str]) -> Result<&'static str> {
    let word = value(words, name, rule)?;
    let found = known.iter().find(|status| status.eq_ignore_ascii_case(word.as_str()));
    found.copied().ok_or_else(|| {
        let list = known.join(", ");
        let message = format!("'{rule} expect' : '{name}' only supports {list} (got '{word}').");
        sentence(word.span, "unknown", message)
    })
}

/// `200-399,401`
fn ranges(word: &Word) -> Result<Vec<(u16, u16)>> {
    let one = |text: &str| {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (low, high) = (low.parse::<u16>().ok()?, high.parse::<u16>().ok()?);
        ((100..=999).contains(&low) && low <= high && high <= 999).then_some((low, high))
    };
    let all: Option<Vec<(u16, u16)>> = word.as_str().split(',').map(one).collect();
    all.ok_or_else(|| {
        let message = match word.as_str().chars().find(|c| !c.is_ascii_digit() && !matches!(c, '-' | ',')) {
            Some(bad) => format!("'http-check expect' : invalid character '{bad}' in the list of status codes."),
            None => format!("'http-check expect' : invalid list of status codes '{word}'."),
        };
        let error = sentence(word.span, "range", message);
        Box::new(error.help("write codes and ranges such as 200-299,401"))
    })
}

fn regex(word: &Word, any_case: bool, rule: &str) -> Result<Regex> {
    RegexBuilder::new(word.as_str()).case_insensitive(any_case).build().map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        sentence(word.span, "regex", format!("'{rule} expect' : regex '{word}' is invalid ({why})."))
    })
}

const HTTP: &str = Family::Http.rule();
