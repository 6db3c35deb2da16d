//! Bracketed classes and the escapes that stand for a byte or a set of bytes.

use super::RegexError;
use super::pcre::Input;

/// What an escape stands for.
pub(super) enum Escape {
    /// One byte.
    Byte(u8),
    /// A set, as it is written inside brackets.
    Set(&'static str),
}

/// Reads the rest of an escape that means the same inside and outside of brackets; `byte` follows the backslash.
pub(super) fn escape(byte: u8, input: &mut Input<'_>) -> Result<Escape, RegexError> {
    Ok(Escape::Byte(match byte {
        b'd' => return Ok(Escape::Set("0-9")),
        b'D' => return Ok(Escape::Set("\\x00-/:-\\xff")),
        b'w' => return Ok(Escape::Set("0-9A-Z_a-z")),
        b'W' => return Ok(Escape::Set("\\x00-/:-@\\x5b-\\x5e`\\x7b-\\xff")),
        b's' => return Ok(Escape::Set("\\t-\\r\\x20")),
        b'S' => return Ok(Escape::Set("\\x00-\\x08\\x0e-\\x1f!-\\xff")),
        b'h' => return Ok(Escape::Set("\\t\\x20\\xa0")),
        b'H' => return Ok(Escape::Set("\\x00-\\x08\\n-\\x1f!-\\x9f\\xa1-\\xff")),
        b'v' => return Ok(Escape::Set("\\n-\\r\\x85")),
        b'V' => return Ok(Escape::Set("\\x00-\\t\\x0e-\\x84\\x86-\\xff")),
        b'a' => 0x07,
        b'e' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0' => {
            input.at -= 1;
            // Up to three octal digits beginning with 0 are at most 0o77.
            input.digits(8, 3).unwrap_or(0) as u8
        }
        b'x' => hexadecimal(input)?,
        b'o' if input.eat(b"{") => {
            let value = input.digits(8, 3);
            braced(value, input)?
        }
        b'c' => match input.next() {
            Some(letter @ b' '..=b'~') => letter.to_ascii_uppercase() ^ 0x40,
            _ => return input.wrong("\\c is not followed by a printable character"),
        },
        b'p' | b'P' | b'X' => return input.unsupported("a Unicode property"),
        b'C' => return input.unsupported("\\C"),
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => return input.wrong("unrecognized character follows \\"),
        _ => byte,
    }))
}

fn hexadecimal(input: &mut Input<'_>) -> Result<u8, RegexError> {
    if input.eat(b"{") {
        let value = input.digits(16, 8);
        return braced(value, input);
    }
    // Two hexadecimal digits fit; none at all is a NUL.
    Ok(input.digits(16, 2).unwrap_or(0) as u8)
}

fn braced(value: Option<u32>, input: &mut Input<'_>) -> Result<u8, RegexError> {
    match value.map(u8::try_from) {
        Some(Ok(byte)) if input.eat(b"}") => Ok(byte),
        Some(Err(_)) => input.unsupported("a character above 255"),
        _ => input.wrong("a number in braces is expected"),
    }
}

/// One element of a class.
enum Element {
    Byte(u8),
    Set(String),
}

/// Rewrites a class; its opening bracket has been read.
pub(super) fn translate(input: &mut Input<'_>) -> Result<String, RegexError> {
    let mut out = String::from(if input.eat(b"^") { "[^" } else { "[" });
    // A closing bracket that comes first is literal.
    let mut first = true;
    let mut quoted = false;
    loop {
        let start = match element(input, first, &mut quoted)? {
            None => break,
            Some(Element::Set(set)) => {
                out.push_str(&set);
                first = false;
                continue;
            }
            Some(Element::Byte(byte)) => byte,
        };
        first = false;
        let dash = input.at;
        let is_range = !quoted && input.eat(b"-") && !matches!(input.peek(), Some(b']') | None);
        let end = if is_range { element(input, true, &mut quoted)? } else { None };
        match end {
            Some(Element::Byte(end)) if end < start => return input.wrong("range out of order in character class"),
            Some(Element::Byte(end)) => {
                member(start, &mut out);
                out.push('-');
                member(end, &mut out);
            }
            Some(Element::Set(_)) => return input.wrong("invalid range in character class"),
            None => {
                member(start, &mut out);
                if !quoted && input.at != dash {
                    out.push_str("\\-");
                }
            }
        }
    }
    out.push(']');
    Ok(out)
}

/// The next element, or none at the closing bracket. `quoted` is true between `\Q` and `\E`.
fn element(input: &mut Input<'_>, first: bool, quoted: &mut bool) -> Result<Option<Element>, RegexError> {
    loop {
        if input.eat(b"\\E") {
            *quoted = false;
            continue;
        }
        if !*quoted && input.eat(b"\\Q") {
            *quoted = true;
            continue;
        }
        let Some(byte) = input.next() else { return input.wrong("missing terminating ] for character class") };
        return Ok(Some(match byte {
            _ if *quoted => Element::Byte(byte),
            b']' if !first => return Ok(None),
            b'[' if matches!(input.peek(), Some(b':')) => match posix(input)? {
                Some(set) => Element::Set(set),
                None => Element::Byte(byte),
            },
            b'[' if matches!(input.peek(), Some(b'.' | b'=')) && closes(input) => {
                return input.unsupported("a POSIX collating element");
            }
            b'\\' => return in_class(input).map(Some),
            _ => Element::Byte(byte),
        }));
    }
}

fn in_class(input: &mut Input<'_>) -> Result<Element, RegexError> {
    let Some(byte) = input.next() else { return input.wrong("\\ at the end of the pattern") };
    match byte {
        b'b' => Ok(Element::Byte(0x08)),
        b'1'..=b'7' => {
            input.at -= 1;
            match input.digits(8, 3).map(u8::try_from) {
                Some(Ok(byte)) => Ok(Element::Byte(byte)),
                _ => input.wrong("an octal number above 377"),
            }
        }
        b'N' | b'R' | b'B' | b'X' => input.wrong("escape sequence is invalid in character class"),
        _ => Ok(match escape(byte, input)? {
            Escape::Byte(byte) => Element::Byte(byte),
            Escape::Set(set) => Element::Set(set.to_owned()),
        }),
    }
}

/// `[:alpha:]` after its bracket; none if it is no such name.
fn posix(input: &mut Input<'_>) -> Result<Option<String>, RegexError> {
    let Some(end) = input.rest().windows(2).position(|part| part == b":]") else { return Ok(None) };
    let name = &input.rest()[1..end.max(1)];
    if !name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'^') {
        return Ok(None);
    }
    let plain = name.strip_prefix(b"^").unwrap_or(name);
    match POSIX.iter().find(|known| known.as_bytes() == plain) {
        Some(known) => {
            let not = if plain.len() < name.len() { "^" } else { "" };
            input.at += end + 2;
            Ok(Some(format!("[:{not}{known}:]")))
        }
        None => input.wrong("unknown POSIX class name"),
    }
}

/// `[.x.]` or `[=x=]` is really there: the next bracket closes it.
fn closes(input: &Input<'_>) -> bool {
    let [mark, rest @ ..] = input.rest() else { return false };
    let bracket = rest.iter().position(|byte| matches!(byte, b'[' | b']'));
    bracket.is_some_and(|at| at > 0 && rest[at] == b']' && rest[at - 1] == *mark)
}

fn member(byte: u8, out: &mut String) {
    match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\x{byte:02x}")),
    }
}

const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];
