//! Rewrites PCRE syntax into that of the `regex` crate, byte for byte; what only PCRE knows is refused by name.
//!
//! The output is ASCII and means the same to both engines: bytes from 0x80 on are written `\xHH`, which is that byte for
//! the linear engine and the character of that number for the backtracking one, which reads samples accordingly.

use super::RegexError;
use super::class;

/// An expression in the engines' syntax.
#[derive(Debug)]
pub(super) struct Translated {
    pub text: String,
    /// It needs the backtracking engine.
    pub backtracks: bool,
    /// It uses `$` outside of multi-line mode.
    pub dollar: bool,
    /// It uses `\b` or `\B`.
    boundaries: bool,
}

/// Rewrites an expression.
pub(super) fn translate(pattern: &[u8]) -> Result<Translated, RegexError> {
    let translated = rewrite(pattern, false)?;
    // The backtracking engine knows letters beyond ASCII, so boundaries are spelled out for it.
    if translated.backtracks && translated.boundaries { rewrite(pattern, true) } else { Ok(translated) }
}

fn rewrite(pattern: &[u8], spell_boundaries: bool) -> Result<Translated, RegexError> {
    let text = String::with_capacity(pattern.len() + 8);
    let out = Translated { text, backtracks: false, dollar: false, boundaries: false };
    let groups = count_groups(pattern);
    let (names, opened) = (Vec::new(), 0);
    let mut translator = Translator {
        input: Input { pattern, at: 0 },
        out,
        flags: Flags::default(),
        open: Vec::new(),
        groups,
        opened,
        names,
        spell_boundaries,
    };
    while let Some(byte) = translator.input.next() {
        translator.item(byte)?;
    }
    match translator.open.is_empty() {
        true => Ok(translator.out),
        false => Err(RegexError::Syntax { at: pattern.len(), why: "missing closing parenthesis" }),
    }
}

/// A cursor over the expression.
pub(super) struct Input<'p> {
    pub pattern: &'p [u8],
    pub at: usize,
}

impl Input<'_> {
    pub fn peek(&self) -> Option<u8> {
        self.pattern.get(self.at).copied()
    }

    pub fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub fn rest(&self) -> &[u8] {
        &self.pattern[self.at..]
    }

    /// Skips `prefix` if it comes next.
    pub fn eat(&mut self, prefix: &[u8]) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    /// Takes everything up to `end`, which is skipped.
    pub fn until(&mut self, end: &[u8]) -> Option<&[u8]> {
        let start = self.at;
        let len = self.pattern[start..].windows(end.len()).position(|part| part == end)?;
        self.at = start + len + end.len();
        Some(&self.pattern[start..start + len])
    }

    pub fn wrong<T>(&self, why: &'static str) -> Result<T, RegexError> {
        Err(RegexError::Syntax { at: self.at.saturating_sub(1), why })
    }

    pub fn unsupported<T>(&self, what: &'static str) -> Result<T, RegexError> {
        Err(RegexError::Unsupported { at: self.at.saturating_sub(1), what })
    }

    /// One to `most` digits of a base, as a number.
    pub fn digits(&mut self, base: u32, most: usize) -> Option<u32> {
        let len = self.rest().iter().take(most).take_while(|byte| char::from(**byte).is_digit(base)).count();
        let digits = std::str::from_utf8(&self.rest()[..len]).ok()?;
        let value = u32::from_str_radix(digits, base).ok()?;
        self.at += len;
        Some(value)
    }
}

/// Inline flags that change how text is read.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// `(?x)`: white space and comments do not count.
    extended: bool,
    /// `(?m)`: `$` is left to the engine.
    multi_line: bool,
}

struct Translator<'p> {
    input: Input<'p>,
    out: Translated,
    flags: Flags,
    /// The flags to go back to at each closing parenthesis.
    open: Vec<Flags>,
    /// Capturing groups in the whole expression.
    groups: u32,
    /// Capturing groups opened so far.
    opened: u32,
    /// Numbers of named groups; the engines see numbers only, since one of them cannot mix both.
    names: Vec<(String, u32)>,
    spell_boundaries: bool,
}

impl Translator<'_> {
    fn item(&mut self, byte: u8) -> Result<(), RegexError> {
        match byte {
            b'\\' => return self.escape(),
            b'[' => {
                let text = class::translate(&mut self.input)?;
                self.out.text.push_str(&text);
            }
            b'(' => return self.group(),
            b')' => {
                let Some(flags) = self.open.pop() else { return self.input.wrong("unmatched closing parenthesis") };
                self.flags = flags;
                self.out.text.push(')');
            }
            b'{' => match self.repetition() {
                Some(text) => {
                    self.out.text.push_str(&text);
                    self.quantified();
                }
                None => self.out.text.push_str("\\{"),
            },
            b'*' | b'+' | b'?' => {
                self.out.text.push(char::from(byte));
                self.quantified();
            }
            b'$' => {
                self.out.dollar |= !self.flags.multi_line;
                self.out.text.push('$');
            }
            b'^' | b'|' | b'.' => self.out.text.push(char::from(byte)),
            b'#' if self.flags.extended => while self.input.next().is_some_and(|byte| byte != b'\n') {},
            b' ' | b'\t'..=b'\r' if self.flags.extended => {}
            _ => literal(byte, &mut self.out.text),
        }
        Ok(())
    }

    /// After a quantifier: `?` makes it lazy, `+` possessive.
    fn quantified(&mut self) {
        if self.input.eat(b"?") {
            self.out.text.push('?');
        } else if self.input.eat(b"+") {
            self.out.text.push('+');
            self.out.backtracks = true;
        }
    }

    /// `{n}`, `{n,}` or `{n,m}` after the brace; anything else is a literal brace.
    fn repetition(&mut self) -> Option<String> {
        let len = self.input.rest().iter().position(|byte| *byte == b'}')?;
        let text = std::str::from_utf8(&self.input.rest()[..len]).ok()?;
        let (least, most) = text.split_once(',').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if least.is_empty() || !digits(least) || !digits(most) {
            return None;
        }
        let text = format!("{{{text}}}");
        self.input.at += len + 1;
        Some(text)
    }

    fn escape(&mut self) -> Result<(), RegexError> {
        let Some(byte) = self.input.next() else { return self.input.wrong("\\ at the end of the pattern") };
        match byte {
            b'1'..=b'9' => return self.reference(),
            b'b' | b'B' => {
                self.out.boundaries = true;
                match (self.spell_boundaries, byte) {
                    (false, _) => push_escaped(byte, &mut self.out.text),
                    (true, b'b') => self.out.text.push_str(BOUNDARY),
                    (true, _) => self.out.text.push_str(NO_BOUNDARY),
                }
            }
            b'A' | b'z' => push_escaped(byte, &mut self.out.text),
            b'Z' => {
                self.out.dollar = true;
                self.out.text.push('$');
            }
            b'K' => {
                self.out.backtracks = true;
                self.out.text.push_str("\\K");
            }
            b'R' => self.out.text.push_str("(?:\\r\\n|[\\n-\\r\\x85])"),
            b'N' => self.out.text.push_str("[^\\n]"),
            b'E' => {}
            b'Q' => {
                let end = self.input.rest().windows(2).position(|part| part == b"\\E");
                let quoted = &self.input.rest()[..end.unwrap_or(self.input.rest().len())];
                quoted.iter().for_each(|byte| literal(*byte, &mut self.out.text));
                self.input.at += quoted.len();
            }
            b'k' => return self.named_reference(),
            b'g' => return self.numbered_reference(),
            b'G' => return self.input.unsupported("\\G"),
            _ => match class::escape(byte, &mut self.input)? {
                class::Escape::Byte(byte) => literal(byte, &mut self.out.text),
                class::Escape::Set(set) => self.out.text.push_str(&format!("[{set}]")),
            },
        }
        Ok(())
    }

    /// `\1` and up: a back reference if there is such a group, else an octal number.
    fn reference(&mut self) -> Result<(), RegexError> {
        let start = self.input.at - 1;
        self.input.at = start;
        let number = self.input.digits(10, 3).unwrap_or(u32::MAX);
        if number < 10 || number <= self.groups {
            return self.back_reference(number);
        }
        self.input.at = start;
        match self.input.digits(8, 3) {
            Some(byte @ 0..=255) => {
                literal(byte as u8, &mut self.out.text);
                Ok(())
            }
            _ => self.input.wrong("reference to a group that does not exist"),
        }
    }

    fn back_reference(&mut self, number: u32) -> Result<(), RegexError> {
        if number == 0 || number > self.groups {
            return self.input.wrong("reference to a group that does not exist");
        }
        self.out.backtracks = true;
        // In a group of its own, so that a digit that follows is not taken for part of it.
        self.out.text.push_str(&format!("(?:\\{number})"));
        Ok(())
    }

    /// `\g1`, `\g{1}`, `\g{-1}`.
    fn numbered_reference(&mut self) -> Result<(), RegexError> {
        let braced = self.input.eat(b"{");
        let relative = self.input.eat(b"-");
        let number = self.input.digits(10, 3);
        if braced && !self.input.eat(b"}") {
            return self.input.unsupported("\\g with a name");
        }
        match number {
            Some(number) if !relative => self.back_reference(number),
            Some(number) => self.back_reference((self.opened + 1).saturating_sub(number)),
            None => self.input.unsupported("\\g as a subroutine call"),
        }
    }

    fn named_reference(&mut self) -> Result<(), RegexError> {
        let name = if self.input.eat(b"<") {
            self.input.until(b">")
        } else if self.input.eat(b"{") {
            self.input.until(b"}")
        } else if self.input.eat(b"'") {
            self.input.until(b"'")
        } else {
            None
        };
        let name = name.and_then(group_name).map(str::to_owned);
        self.back_reference_by(name)
    }

    fn back_reference_by(&mut self, name: Option<String>) -> Result<(), RegexError> {
        let Some(name) = name else { return self.input.wrong("a group's name is expected") };
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, number)) => self.back_reference(*number),
            None => self.input.wrong("reference to a group that does not exist"),
        }
    }

    fn group(&mut self) -> Result<(), RegexError> {
        if self.input.rest().starts_with(b"*") {
            return self.input.unsupported("a verb such as (*UTF)");
        }
        if !self.input.eat(b"?") {
            self.opened += 1;
            return self.open_group("(");
        }
        if self.input.eat(b":") {
            return self.open_group("(?:");
        }
        for prefix in ["=", "!", "<=", "<!", ">"] {
            if self.input.eat(prefix.as_bytes()) {
                self.out.backtracks = true;
                return self.open_group(&format!("(?{prefix}"));
            }
        }
        if self.input.eat(b"#") {
            return self
                .input
                .until(b")")
                .map(drop)
                .map_or_else(|| self.input.wrong("missing ) after (?# comment"), Ok);
        }
        if self.input.eat(b"P=") {
            let name = self.input.until(b")").and_then(group_name).map(str::to_owned);
            return self.back_reference_by(name);
        }
        let end: &[u8] = if self.input.eat(b"P<") || self.input.eat(b"<") {
            b">"
        } else if self.input.eat(b"'") {
            b"'"
        } else {
            return self.flag_group();
        };
        let Some(name) = self.input.until(end).and_then(group_name).map(str::to_owned) else {
            return self.input.wrong("a group's name is missing or not made of letters, digits and underscores");
        };
        if self.names.iter().any(|(known, _)| *known == name) {
            return self.input.wrong("two groups have the same name");
        }
        self.opened += 1;
        self.names.push((name, self.opened));
        self.open_group("(")
    }

    /// `(?i)` or `(?i:`; white space flags are applied here and not passed on.
    fn flag_group(&mut self) -> Result<(), RegexError> {
        let (mut flags, mut on, mut passed) = (self.flags, true, String::new());
        loop {
            match self.input.next() {
                Some(b'-') if on => {
                    on = false;
                    passed.push('-');
                }
                Some(b'x') => flags.extended = on,
                Some(flag @ (b'i' | b'm' | b's' | b'U')) => {
                    if flag == b'm' {
                        flags.multi_line = on;
                    }
                    passed.push(char::from(flag));
                }
                Some(end @ (b')' | b':')) => {
                    let passed = passed.strip_suffix('-').unwrap_or(&passed);
                    if end == b':' {
                        self.open_group(&format!("(?{passed}:"))?;
                    } else if !passed.is_empty() {
                        self.out.text.push_str(&format!("(?{passed})"));
                    }
                    self.flags = flags;
                    return Ok(());
                }
                Some(b'|') => return self.input.unsupported("branch reset (?|"),
                Some(b'(') => return self.input.unsupported("a conditional group"),
                Some(b'R' | b'&' | b'P' | b'+' | b'0'..=b'9') => return self.input.unsupported("recursion"),
                _ => return self.input.wrong("unrecognized character after (?"),
            }
        }
    }

    fn open_group(&mut self, text: &str) -> Result<(), RegexError> {
        if self.open.len() == MOST_NESTED {
            return self.input.wrong("parentheses are nested too deeply");
        }
        self.open.push(self.flags);
        self.out.text.push_str(text);
        Ok(())
    }
}

/// Appends a byte that stands for itself.
pub(super) fn literal(byte: u8, out: &mut String) {
    match byte {
        b'\\' | b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'|' | b'[' | b']' | b'{' | b'}' | b'^' | b'$' => {
            push_escaped(byte, out);
        }
        b' '..=b'~' => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\x{byte:02x}")),
    }
}

fn push_escaped(byte: u8, out: &mut String) {
    out.push('\\');
    out.push(char::from(byte));
}

fn group_name(name: &[u8]) -> Option<&str> {
    let good = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let starts = name.first().is_some_and(|byte| !byte.is_ascii_digit());
    if good && starts { std::str::from_utf8(name).ok() } else { None }
}

/// Counts capturing groups, to tell back references from octal numbers.
fn count_groups(pattern: &[u8]) -> u32 {
    let mut input = Input { pattern, at: 0 };
    let mut count = 0;
    while let Some(byte) = input.next() {
        match byte {
            b'\\' if input.eat(b"Q") => drop(input.until(b"\\E")),
            b'\\' => drop(input.next()),
            b'[' => drop(class::translate(&mut input)),
            b'(' => {
                let rest = input.rest();
                let named = [&b"?P<"[..], b"?<", b"?'"].iter().any(|start| rest.starts_with(start));
                let looks_back = rest.starts_with(b"?<=") || rest.starts_with(b"?<!");
                count += u32::from((named && !looks_back) || !(rest.starts_with(b"?") || rest.starts_with(b"*")));
            }
            _ => {}
        }
    }
    count
}

/// `\b` and `\B` for ASCII only.
const BOUNDARY: &str = "(?:(?<=[0-9A-Z_a-z])(?![0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?=[0-9A-Z_a-z]))";
const NO_BOUNDARY: &str = "(?:(?<=[0-9A-Z_a-z])(?=[0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?![0-9A-Z_a-z]))";

/// The engines' parsers recurse, so nesting is bounded; PCRE's own default is 250.
const MOST_NESTED: usize = 200;
