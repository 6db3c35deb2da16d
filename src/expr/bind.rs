//! Binds expressions: cuts `fetch(args),converter(args)` into calls (manual 2.2, 7.3), finds each in its table and checks the
//! types along the chain. Does not evaluate and does not know ACLs.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::expression::BoundConvert;
use super::{Convert, Expr, Fetch, args, convert, fetch};
use crate::base::value::Type;
use crate::diag::{Diagnostic, Span, Word, suggest};
use crate::keyword::known::{self, Class};
use crate::keyword::{Error, Needs, Result, Scope, Words};

impl Expr {
    /// Binds the expression at the start of the words: one word, and after it every word that begins with a converter's name.
    ///
    /// It is an error if nothing the fetch reads is there at `scope.hook`.
    pub fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Expr> {
        let span = words.span();
        let Some(word) = words.next_word() else { return Err(missing_fetch(span)) };
        let mut chain = Chain::start(word, scope, &find_fetch)?;
        while let Some(more) = words.peek() {
            let name = Cut::new(more).name();
            if name.is_empty() || convert::find(name).is_none() {
                break;
            }
            words.next_word();
            chain.converters(&mut Cut::new(more), scope)?;
        }
        let expr = chain.finish();
        if expr.is_available(scope) {
            return Ok(expr);
        }
        let message = format!(
            "fetch method '{}' extracts information from '{}', none of which is available here",
            expr.name(),
            needs_text(expr.needs)
        );
        Err(unavailable(span, message, scope))
    }

    /// Binds a word that is one expression and nothing else, as between `%[` and `]`.
    ///
    /// It is an error if nothing the fetch reads is there at `scope.hook`.
    pub fn bind_str(word: &Word, scope: &Scope<'_>) -> Result<Expr> {
        let expr = Expr::bind_word(word, scope, &find_fetch)?;
        if expr.is_available(scope) {
            return Ok(expr);
        }
        let message = format!(
            "sample fetch <{}> may not be reliably used here because it needs '{}' which is not available here",
            expr.name(),
            needs_text(expr.needs)
        );
        Err(unavailable(word.span, message, scope))
    }

    /// As [`Expr::bind`], shared with every equal expression of the same proxy.
    pub fn shared(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Arc<Expr>> {
        Expr::bind(words, scope)?.interned(scope)
    }

    /// The equal expression already bound in this proxy, if there is one, else this one. (What it reads by default, such as
    /// the backend of `nbsrv`, depends on the proxy.)
    pub(super) fn interned(self, scope: &Scope<'_>) -> Result<Arc<Expr>> {
        let key = format!("{:?} {}", scope.proxy, self.text);
        scope.intern(&key, || Ok(self))
    }

    /// Whether nothing stands behind the fetch.
    pub(super) fn is_plain(&self) -> bool {
        self.converts.is_empty()
    }

    /// One word, with the fetch found by `resolve`; whether it is available is not asked.
    pub(super) fn bind_word(word: &Word, scope: &Scope<'_>, resolve: Resolve<'_>) -> Result<Expr> {
        Chain::start(word, scope, resolve).map(Chain::finish)
    }

    /// Whether something that the fetch reads is there at the scope's hook.
    pub(super) fn is_available(&self, scope: &Scope<'_>) -> bool {
        scope.offers().intersects(self.needs)
    }

    /// The name of the fetch, as written.
    pub fn name(&self) -> &str {
        self.text.split(['(', ',']).next().unwrap_or("")
    }
}

/// Finds the fetch of a name or says why there is none.
pub(super) type Resolve<'r> = &'r dyn Fn(&str, Span) -> Result<&'static Fetch>;

/// The name that an expression begins with.
pub(super) fn first_name(word: &Word) -> &str {
    Cut::new(word).name()
}

/// The fetch of that name, or an error that tells an unknown name from one that is not supported.
pub(super) fn find_fetch(name: &str, span: Span) -> Result<&'static Fetch> {
    if let Some(found) = fetch::find(name) {
        return found.meta.refusal(span).map_or(Ok(found), Err);
    }
    if let Some(error) = known::not_yet(Class::Fetch, name, span) {
        return Err(error);
    }
    if name.starts_with("lua.") {
        return Err(lua(name, span));
    }
    let found = Diagnostic::alert("unknown-fetch", format!("unknown fetch method '{name}'")).at(span);
    let names = fetch::all().map(|fetch| fetch.meta.name).chain(known::names(Class::Fetch));
    Err(Box::new(suggested(found, Class::Fetch, name, names)))
}

fn find_convert(name: &str, span: Span) -> Result<&'static Convert> {
    if let Some(found) = convert::find(name) {
        return found.meta.refusal(span).map_or(Ok(found), Err);
    }
    if let Some(error) = known::not_yet(Class::Converter, name, span) {
        return Err(error);
    }
    if name.starts_with("lua.") {
        return Err(lua(name, span));
    }
    let found = Diagnostic::alert("unknown-converter", format!("unknown converter '{name}'")).at(span);
    let names = convert::all().map(|convert| convert.meta.name).chain(known::names(Class::Converter));
    Err(Box::new(suggested(found, Class::Converter, name, names)))
}

fn lua(name: &str, span: Span) -> Error {
    let message = format!("'{name}' needs Lua, which is known to HAProxy 3.4, not supported by hydroxy yet");
    Box::new(Diagnostic::alert("not-yet", message).at(span).label("not supported yet"))
}

/// What the name means elsewhere, else a similar name.
fn suggested<'c>(found: Diagnostic, class: Class, name: &str, names: impl Iterator<Item = &'c str>) -> Diagnostic {
    let near = || suggest(name, names).map(|near| format!("did you mean '{near}'?"));
    match known::elsewhere(class, name).or_else(near) {
        Some(help) => found.help(help),
        None => found,
    }
}

fn missing_fetch(span: Span) -> Error {
    let found = Diagnostic::alert("missing-fetch", "missing fetch method").at(span);
    Box::new(found.help("write a sample fetch such as 'req.hdr(host)'"))
}

fn unavailable(span: Span, message: String, scope: &Scope<'_>) -> Error {
    let found = Diagnostic::alert(UNAVAILABLE, message).at(span);
    Box::new(found.note(format!("this is a '{}' rule", scope.hook.name())))
}

/// What a fetch reads, in HAProxy's words.
pub(super) fn needs_text(needs: Needs) -> String {
    let texts: Vec<&str> = NEEDS.iter().filter(|(need, _)| needs.contains(*need)).map(|(_, text)| *text).collect();
    texts.join(",")
}

/// A chain being bound.
struct Chain {
    expr: Expr,
    converts: Vec<BoundConvert>,
    text: String,
    /// Of the value so far.
    out: Type,
}

impl Chain {
    fn start(word: &Word, scope: &Scope<'_>, resolve: Resolve<'_>) -> Result<Chain> {
        let mut cut = Cut::new(word);
        let name = cut.name();
        if name.is_empty() {
            return Err(missing_fetch(word.span));
        }
        let fetch = resolve(name, word.part(0..cut.at))?;
        let before = format!("fetch method '{name}' : ");
        let call = cut.arguments().map_err(|error| contextual(*error, &before))?;
        let mut words = Words::new(&call.words, call.end);
        let bound = (fetch.bind)(&mut words, scope);
        let bound = bound.map_err(|error| match error.code {
            args::ARGUMENT_TYPE => contextual(*error, &before),
            _ => contextual(*error, &format!("invalid args in fetch method '{name}' : ")),
        })?;
        call.finish(&words, word).map_err(|error| contextual(*error, &before))?;
        if !cut.at_end_or_comma() {
            let message = format!("missing comma after fetch keyword '{name}'");
            return Err(args::error(word.part(cut.at..cut.text.len()), message));
        }
        let mut text = String::new();
        call.write(&mut text, fetch.meta.name);
        let expr =
            Expr { fetch: bound, converts: Box::default(), out: fetch.out, needs: fetch.needs, text: Box::default() };
        let mut chain = Chain { out: fetch.out, expr, converts: Vec::new(), text };
        cut.skip_comma();
        chain.converters(&mut cut, scope)?;
        Ok(chain)
    }

    /// The converters of one word, up to its end.
    fn converters(&mut self, cut: &mut Cut<'_>, scope: &Scope<'_>) -> Result<()> {
        while !cut.is_empty() {
            let from = cut.at;
            let name = cut.name();
            // HAProxy overlooks commas that separate nothing.
            if !name.is_empty() || !cut.at_end_or_comma() {
                self.converter(name, from, cut, scope)?;
            }
            cut.skip_comma();
        }
        Ok(())
    }

    fn converter(&mut self, name: &str, from: usize, cut: &mut Cut<'_>, scope: &Scope<'_>) -> Result<()> {
        let span = cut.word.part(from..cut.at.max(from + 1));
        let convert = find_convert(name, span)?;
        if !self.out.casts_to(convert.takes) {
            let message = format!("converter '{name}' cannot be applied");
            let (takes, out) = (convert.takes.name(), self.out.name());
            let found = Diagnostic::alert("converter-type", message).at(span);
            return Err(Box::new(found.label(format!("takes {takes}, but what stands before it yields {out}"))));
        }
        let at = |n: usize| format!("invalid arg {n} in converter '{name}' : ");
        let call = cut.arguments().map_err(|error| contextual(*error, &at(1)))?;
        let mut words = Words::new(&call.words, call.end);
        let bound = (convert.bind)(&mut words, scope).map_err(|error| match error.code {
            args::ARGUMENT_TYPE => contextual(*error, &at(words.position() + usize::from(words.is_empty()))),
            _ => contextual(*error, &format!("invalid args in converter '{name}' : ")),
        })?;
        call.finish(&words, cut.word).map_err(|error| contextual(*error, &at(words.position() + 1)))?;
        if !cut.at_end_or_comma() {
            let message = format!("missing comma after converter '{name}'");
            return Err(args::error(cut.word.part(cut.at..cut.text.len()), message));
        }
        self.text.push(',');
        call.write(&mut self.text, name);
        self.converts.push(BoundConvert { takes: convert.takes, convert: bound });
        if convert.out != Type::Same {
            self.out = convert.out;
        }
        Ok(())
    }

    fn finish(mut self) -> Expr {
        self.expr.converts = self.converts.into_boxed_slice();
        self.expr.out = self.out;
        self.expr.text = self.text.into_boxed_str();
        self.expr
    }
}

fn contextual(error: Diagnostic, before: &str) -> Error {
    Box::new(error.context(before))
}

/// Cuts a word into names and argument lists.
struct Cut<'w> {
    word: &'w Word,
    text: &'w [u8],
    at: usize,
}

impl<'w> Cut<'w> {
    fn new(word: &'w Word) -> Cut<'w> {
        Cut { word, text: word.as_bytes(), at: 0 }
    }

    fn is_empty(&self) -> bool {
        self.at >= self.text.len()
    }

    fn at_end_or_comma(&self) -> bool {
        self.text.get(self.at).is_none_or(|byte| *byte == b',')
    }

    fn skip_comma(&mut self) {
        self.at += usize::from(self.text.get(self.at) == Some(&b','));
    }

    /// Takes a keyword: letters, digits and a few signs.
    fn name(&mut self) -> &'w str {
        let rest = &self.text[self.at.min(self.text.len())..];
        let length = rest.iter().position(|byte| !is_name(*byte)).unwrap_or(rest.len());
        self.at += length;
        std::str::from_utf8(&rest[..length]).unwrap_or("")
    }

    /// Takes the parentheses, if they follow, and what is between them.
    fn arguments(&mut self) -> Result<Call> {
        let open = self.at;
        if self.text.get(open) != Some(&b'(') {
            return Ok(Call { words: Vec::new(), raw: Vec::new(), end: self.word.part(open..open), close: open });
        }
        let (mut words, mut raw) = (Vec::new(), Vec::new());
        let mut from = open + 1;
        loop {
            let Some((bytes, stop)) = argument(self.text, from) else {
                let span = self.word.part(open..self.text.len());
                return Err(Box::new(
                    Diagnostic::alert(args::ARGUMENT_TYPE, "expected ')'").at(span).label("never closed"),
                ));
            };
            words.push(Word::new(bytes, self.word.part(from..stop)));
            raw.push(from..stop);
            self.at = stop + 1;
            if self.text.get(stop) == Some(&b')') {
                // Empty parentheses hold no argument.
                if raw.len() == 1 && open + 1 == stop {
                    (words, raw) = (Vec::new(), Vec::new());
                }
                return Ok(Call { words, raw, end: self.word.part(stop..stop + 1), close: stop });
            }
            from = stop + 1;
        }
    }
}

/// One argument from `from` on: its bytes without quotes, and where the comma or parenthesis behind it stands.
///
/// Quotes and escapes are those of the manual's chapter 2.2 without `\#`, `\$` and `\xNN`.
fn argument(text: &[u8], from: usize) -> Option<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    let mut quote = None;
    let mut at = from;
    loop {
        let byte = *text.get(at)?;
        match (quote, byte) {
            (None, b',' | b')') => return Some((bytes, at)),
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None | Some(b'"'), b'\\') => {
                match (quote, text.get(at + 1)) {
                    (_, Some(b'n')) => bytes.push(b'\n'),
                    (_, Some(b'r')) => bytes.push(b'\r'),
                    (_, Some(b't')) => bytes.push(b'\t'),
                    (_, Some(b'\\')) => bytes.push(b'\\'),
                    (_, Some(b'"')) => bytes.push(b'"'),
                    (None, Some(sign @ (b'\'' | b' '))) => bytes.push(*sign),
                    // Anything else is no escape: the backslash stays.
                    _ => {
                        bytes.push(b'\\');
                        at += 1;
                        continue;
                    }
                }
                at += 1;
            }
            _ => bytes.push(byte),
        }
        at += 1;
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+')
}

/// The argument list of one keyword.
struct Call {
    /// Quotes removed.
    words: Vec<Word>,
    /// Where each stands in the text.
    raw: Vec<Range<usize>>,
    end: Span,
    /// Where the closing parenthesis stands.
    close: usize,
}

impl Call {
    /// Every argument must have been read.
    fn finish(&self, words: &Words<'_>, word: &Word) -> Result<()> {
        let taken = words.position();
        let Some(first) = self.raw.get(taken) else { return Ok(()) };
        let from = first.start - usize::from(taken > 0);
        let rest = String::from_utf8_lossy(word.as_bytes().get(from..self.close + 1).unwrap_or_default()).into_owned();
        let found = Diagnostic::alert(args::ARGUMENT_TYPE, format!("expected ')' before '{rest}'"));
        Err(Box::new(found.at(word.part(first.clone())).label("one argument too many")))
    }

    /// Appends the normalised text: what is written again reads the same.
    fn write(&self, out: &mut String, name: &str) {
        out.push_str(name);
        let Some(last) = self.words.iter().rposition(|word| !word.is_empty()) else { return };
        for (at, word) in self.words.iter().take(last + 1).enumerate() {
            out.push(if at == 0 { '(' } else { ',' });
            let text = word.as_str();
            if text.contains(|c: char| "(),'\"\\".contains(c) || c.is_whitespace() || c.is_control()) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\"{}\"", text.escape_debug());
            } else {
                out.push_str(text);
            }
        }
        out.push(')');
    }
}

/// The code of errors about an expression that has nothing to read at its place.
pub(super) const UNAVAILABLE: &str = "unavailable";

const NEEDS: &[(Needs, &str)] = &[
    (Needs::INTERNAL, "internal state"),
    (Needs::CLIENT_L4, "client address"),
    (Needs::CLIENT_L5, "client-side connection"),
    (Needs::REQ_BYTES, "request buffer"),
    (Needs::REQ_HEAD, "HTTP request headers"),
    (Needs::REQ_KEPT, "HTTP request"),
    (Needs::REQ_BODY, "HTTP request headers"),
    (Needs::BACKEND, "backend"),
    (Needs::SERVER, "server"),
    (Needs::RES_BYTES, "response buffer"),
    (Needs::RES_HEAD, "HTTP response headers"),
    (Needs::RES_KEPT, "HTTP response"),
    (Needs::RES_BODY, "HTTP response headers"),
    (Needs::LOG, "log"),
    (Needs::SERVER_SOCKET, "server connection"),
];
