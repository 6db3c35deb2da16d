//! The parser of log-format strings: one word in, items out.

use super::alias;
use super::{Flags, Item, LogFormat, Style};
use crate::diag::{Diagnostic, Word, suggest};
use crate::expr::bind::UNAVAILABLE;
use crate::expr::{Expr, timezone};
use crate::keyword::known::{self, Class};
use crate::keyword::{Error, Needs, Result, Scope};

impl LogFormat {
    /// Parses a format string; the hook of the scope decides on its style and on what its expressions may read.
    pub fn bind(word: &Word, scope: &Scope<'_>) -> Result<LogFormat> {
        LogFormat::bind_as(word, scope, Style::of(scope.hook))
    }

    /// Parses a format string whose style is not that of its hook: `unique-id-format`, `set-var-fmt`.
    pub fn bind_as(word: &Word, scope: &Scope<'_>, style: Style) -> Result<LogFormat> {
        timezone::local();
        let mut parser =
            Parser { word, at: 0, scope, style, global: base_flags(style, scope), text: Vec::new(), items: Vec::new() };
        parser.run()?;
        parser.flush();
        let needs = parser.items.iter().fold(Needs::empty(), |needs, item| needs | item.needs());
        Ok(LogFormat { items: parser.items.into_boxed_slice(), needs, text: word.as_str().into() })
    }
}

impl Item {
    fn needs(&self) -> Needs {
        match self {
            Item::Text(_) | Item::Byte(_) | Item::Blank => Needs::empty(),
            Item::Alias(alias, _) => alias.needs,
            Item::Expr(expr, _) => expr.needs(),
        }
    }
}

fn base_flags(style: Style, scope: &Scope<'_>) -> Flags {
    let style = match style {
        Style::Log => Flags::LOG,
        Style::Http | Style::UniqueId => Flags::HTTP,
        Style::Text => Flags::empty(),
    };
    if scope.proxy.is_some() && !scope.http { style | Flags::TCP } else { style }
}

struct Parser<'a> {
    word: &'a Word,
    at: usize,
    scope: &'a Scope<'a>,
    style: Style,
    /// What `%{...}o` has set for the items that follow.
    global: Flags,
    /// Literal text not yet made an item.
    text: Vec<u8>,
    items: Vec<Item>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<()> {
        let merges = matches!(self.style, Style::Log | Style::UniqueId);
        while let Some(byte) = self.byte() {
            match byte {
                b'%' if self.peek(1) == Some(b'%') => {
                    self.text.push(b'%');
                    self.at += 2;
                }
                b'%' => self.item()?,
                b' ' if merges => {
                    self.flush();
                    if !matches!(self.items.last(), Some(Item::Blank)) {
                        self.items.push(Item::Blank);
                    }
                    self.at += 1;
                }
                byte => {
                    self.text.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok(())
    }

    /// What stands behind a `%`: an optional name, optional flags, then an alias or an expression.
    fn item(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        if self.byte() == Some(b'(') {
            self.name(start)?;
        }
        let mut flags = self.global;
        if self.byte() == Some(b'{') {
            flags = self.flags(start)?;
        }
        match self.byte() {
            None if self.at == start + 1 => Err(self.error(start, "truncated line after '%'")),
            Some(b'[') => self.expression(flags),
            Some(byte) if byte.is_ascii_alphanumeric() => self.alias(flags),
            _ if self.at > start + 1 => {
                let text =
                    format!("parse argument modifier without variable name near '{}'", self.part(start, self.at));
                Err(self.error(start, text))
            }
            _ => {
                let text = format!(
                    "unexpected variable name near '{}' at position {} line : '{}'. \
                     Maybe you want to write a single '%', use the syntax '%%'",
                    self.part(self.at, self.at + 1),
                    self.at,
                    self.word.as_str()
                );
                Err(self.error(start, text))
            }
        }
    }

    /// `(name)` or `(name:type)`: the key of structured encodings, without effect in plain text.
    fn name(&mut self, start: usize) -> Result<()> {
        let Some(end) = self.find(b')') else {
            let text = format!("missing ')' after '{}'", self.part(start, self.word.as_bytes().len()));
            return Err(self.error(start, text));
        };
        let inner = self.part(self.at + 1, end);
        if let Some((_, kind)) = inner.split_once(':')
            && !matches!(kind, "str" | "sint" | "bool")
        {
            let text = format!("unexpected output type '{kind}' in '{inner}': it must be 'str', 'sint' or 'bool'");
            return Err(self.error(start, text));
        }
        self.at = end + 1;
        Ok(())
    }

    /// `{+Q,-X}`: the flags of one item, or of all that follow when the item is `%o`.
    fn flags(&mut self, start: usize) -> Result<Flags> {
        let Some(end) = self.find(b'}') else {
            let text = format!("truncated line after '{}'", self.part(self.at + 1, self.word.as_bytes().len()));
            return Err(self.error(start, text));
        };
        let mut flags = self.global;
        for flag in self.part(self.at + 1, end).split(',').map(str::trim) {
            let (on, name) = match flag.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, flag.strip_prefix('+').unwrap_or(flag)),
            };
            let bit = match name {
                "" => continue,
                "Q" => Flags::QUOTE,
                "X" => Flags::HEX,
                "E" => Flags::ESCAPE,
                "bin" => Flags::BIN,
                "json" | "cbor" => return Err(encoding_not_yet(name, self.word.part(start..end + 1))),
                _ => {
                    let text = format!("log-format flag '{name}' is not known and has no effect");
                    let found = Diagnostic::warning("unknown-flag", text).at(self.word.part(start..end + 1));
                    self.scope.diags.push(found.help("the flags are Q, X, E, bin, json and cbor"));
                    continue;
                }
            };
            flags.set(bit, on);
        }
        self.at = end + 1;
        Ok(flags)
    }

    fn alias(&mut self, flags: Flags) -> Result<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let name = self.part(start, self.at);
        if name == "o" {
            self.global = flags;
            return Ok(());
        }
        let Some(found) = alias::find(&name) else { return Err(self.unknown(&name, start)) };
        if found.http && flags.contains(Flags::TCP) {
            return Err(self.error(start - 1, format!("format alias '{name}' is reserved for HTTP mode")));
        }
        self.flush();
        self.items.push(Item::Alias(found, flags));
        Ok(())
    }

    fn unknown(&self, name: &str, start: usize) -> Error {
        if let Some(error) = known::not_yet(Class::Alias, name, self.word.part(start - 1..self.at)) {
            return error;
        }
        let text = format!(
            "no such format alias '{name}'. If you wanted to emit the '%' character verbatim, you need to use '%%'"
        );
        let mut error = self.error(start - 1, text);
        let near = || suggest(name, known::names(Class::Alias)).map(|near| format!("did you mean '%{near}'?"));
        if let Some(help) = known::elsewhere(Class::Alias, name).or_else(near) {
            *error = error.help(help);
        }
        error
    }

    fn expression(&mut self, flags: Flags) -> Result<()> {
        let start = self.at + 1;
        let Some(end) = closing_bracket(self.word.as_bytes(), start) else {
            let rest = self.part(start, self.word.as_bytes().len());
            return Err(self.error(start - 1, format!("missing ']' after '{rest}'")));
        };
        let inner = Word::new(self.word.as_bytes()[start..end].to_vec(), self.word.part(start..end));
        let expr = Expr::bind_str(&inner, self.scope).map_err(|mut error| {
            if error.code != UNAVAILABLE {
                *error = error.context(format!("failed to parse sample expression <{}> : ", inner.as_str()));
            }
            error
        })?;
        self.flush();
        let mut flags = flags;
        // Only `%o` may ask for raw bytes (8.2.6).
        flags.set(Flags::BIN, self.global.contains(Flags::BIN));
        if flags.contains(Flags::HTTP) {
            // HAProxy quotes aliases in HTTP messages, but not expressions.
            flags.remove(Flags::QUOTE);
        }
        self.items.push(Item::Expr(expr, flags));
        self.at = end + 1;
        Ok(())
    }

    fn flush(&mut self) {
        match *self.text {
            [] => return,
            [byte] => self.items.push(Item::Byte(byte)),
            _ => self.items.push(Item::Text(self.text.as_slice().into())),
        }
        self.text.clear();
    }

    fn byte(&self) -> Option<u8> {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.word.as_bytes().get(self.at + ahead).copied()
    }

    fn find(&self, byte: u8) -> Option<usize> {
        let rest = self.word.as_bytes().get(self.at..)?;
        memchr::memchr(byte, rest).map(|at| self.at + at)
    }

    fn part(&self, start: usize, end: usize) -> String {
        let bytes = self.word.as_bytes();
        let end = end.min(bytes.len());
        String::from_utf8_lossy(&bytes[start.min(end)..end]).into_owned()
    }

    /// An error about what was read from `start` on.
    fn error(&self, start: usize, message: impl Into<String>) -> Error {
        let end = self.at.max(start + 1).min(self.word.as_bytes().len());
        Box::new(Diagnostic::alert("log-format", message).at(self.word.part(start..end)))
    }
}

fn encoding_not_yet(name: &str, span: crate::diag::Span) -> Error {
    let text = format!("log-format flag '{name}' is known to HAProxy 3.4, not supported by hydroxy yet");
    Box::new(Diagnostic::alert("not-yet", text).at(span).help("see configuration.txt, chapter 8.2.6"))
}

/// The bracket that ends an expression: not one inside parentheses, where quotes and backslashes count.
fn closing_bracket(text: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') if depth > 0 => at += 1,
            (Some(_), _) => {}
            (None, b'\'' | b'"') if depth > 0 => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, b']') if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
