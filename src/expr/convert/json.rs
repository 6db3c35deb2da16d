//! Converters that write and read JSON.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::text;
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "json",
            "json([<input-code>])",
            "Escapes text for a JSON string, in ASCII. The input is ascii (bytes, the default) or utf8, which yields nothing on an error; \
             utf8s drops wrong sequences, utf8p takes overlong ones, utf8ps does both.",
            &[
                ("str('a\"b/c'),json", "a\\\"b\\/c"),
                ("bin(c3a9),json(utf8)", "\\u00e9"),
                ("bin(c3a9),json", "\\u00c3\\u00a9"),
                ("bin(c3a9e9),json(utf8)", ""),
                ("bin(c3a9e9),json(utf8s)", "\\u00e9"),
                ("bin(c0afc3a9),json(utf8p)", "\\/\\u00e9"),
                ("bin(0a1f7f),json(utf8)", "\\n\\u001f\\u007f"),
                ("bin(f09f9880),json(utf8s)", ""),
            ],
        ),
        Type::Str,
        Type::Str,
        |words, _| json(words),
    ),
    Convert::new(
        Meta::new(
            "json_query",
            "json_query(<json_path>[,<output_type>])",
            "The value at a JSON path such as `$.a.b[0]`: text, number, truth value or array (as its JSON text). A number with a fraction \
             is text; with the type int it is cut to an integer. A dot in a name is written `\\.`.",
            &[
                ("str('{\"a\":{\"b\":5}}'),json_query($.a.b)", "5"),
                ("str('{\"a\":[1,{\"b\":\"x\"}]}'),json_query('$.a[1].b')", "x"),
                ("str('{\"a\":1.50}'),json_query($.a)", "1.5"),
                ("str('{\"a\":1.50}'),json_query($.a,int)", "1"),
                ("str('{\"a\":true}'),json_query($.a)", "1"),
                ("str('{\"a\":[\"b\",\"c\"]}'),json_query($.a)", "[\"b\",\"c\"]"),
                ("str('{\"a\":{}}'),json_query($.b)", ""),
                ("str(no),json_query($.a)", ""),
            ],
        ),
        Type::Str,
        Type::Any,
        |words, _| json_query(words),
    ),
];

/// How the input of `json` is decoded.
#[derive(Clone, Copy)]
struct Decoder {
    utf8: bool,
    /// Wrong sequences are dropped.
    silent: bool,
    /// Overlong sequences are taken.
    permissive: bool,
}

fn json(words: &mut Words<'_>) -> Result<ConvertFn> {
    let (utf8, silent, permissive) = match args::opt_word(words).map_or("ascii", Word::as_str) {
        "ascii" => (false, false, false),
        "utf8" => (true, false, false),
        "utf8s" => (true, true, false),
        "utf8p" => (true, false, true),
        "utf8ps" => (true, true, true),
        _ => {
            let message =
                "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'";
            return Err(words.error_last(message));
        }
    };
    let decoder = Decoder { utf8, silent, permissive };
    text(move |text| {
        if text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/')) {
            return Some(Value::Str(text));
        }
        let mut out = Vec::with_capacity(text.len() + 16);
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (point, length) = decoder.next(rest);
            rest = &rest[length..];
            match point {
                // Four digits is all that an escape has.
                Some(point @ ..=0xffff) => escape(point, &mut out),
                _ if decoder.silent => {}
                _ => return None,
            }
        }
        Some(Value::string(out))
    })
}

impl Decoder {
    /// The next character, `None` if it is wrong, and how many bytes it takes. `text` is not empty.
    fn next(self, text: &[u8]) -> (Option<u32>, usize) {
        let first = text[0];
        let (more, bits, least) = match first {
            _ if !self.utf8 => return (Some(u32::from(first)), 1),
            ..=0x7f => return (Some(u32::from(first)), 1),
            0xc0..=0xdf => (1, first & 0x1f, 0x80),
            0xe0..=0xef => (2, first & 0x0f, 0x800),
            0xf0..=0xf7 => (3, first & 0x07, 0x1_0000),
            _ => return (None, 1),
        };
        let mut point = u32::from(bits);
        for at in 1..=more {
            match text.get(at) {
                Some(byte @ 0x80..=0xbf) => point = point << 6 | u32::from(byte & 0x3f),
                _ => return (None, at),
            }
        }
        let overlong = point < least && !self.permissive;
        let forbidden = matches!(point, 0xd800..=0xdfff | 0xfffe | 0xffff | 0x11_0000..);
        ((!overlong && !forbidden).then_some(point), more + 1)
    }
}

fn escape(point: u32, out: &mut Vec<u8>) {
    let short = match point {
        0x22 => b'"',
        0x5c => b'\\',
        0x2f => b'/',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        // Printable ASCII is one byte.
        0x20..=0x7e => return out.push(point as u8),
        _ => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u");
            return out.extend([12, 8, 4, 0].map(|shift| DIGITS[(point >> shift & 15) as usize]));
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

pub(super) fn json_query(words: &mut Words<'_>) -> Result<ConvertFn> {
    let word = args::word(words, "string")?;
    if word.is_empty() {
        return Err(words.error_last("json_path must not be empty"));
    }
    let Some(path) = path(word.as_str()) else {
        let error = words.error_last(format!("json_path '{}' is not a path", word.as_str()));
        return Err(Box::new(error.help("write '$', then '.name' or '[index]' for each step, as in '$.a.b[0]'")));
    };
    let as_int = match args::opt_word(words).map(Word::as_str) {
        None => false,
        Some("int") => true,
        Some(_) => return Err(words.error_last("output_type only supports \"int\" as argument")),
    };
    text(move |text| {
        let whole: Json = serde_json::from_slice(&text).ok()?;
        let found = path.iter().try_fold(&whole, |at, step| match step {
            Step::Name(name) => at.get(name),
            Step::Index(index) => at.get(index),
        })?;
        value(found, as_int)
    })
}

fn value(found: &Json, as_int: bool) -> Option<Value<'static>> {
    match found {
        Json::Bool(found) => Some(Value::Bool(*found)),
        Json::String(text) => Some(Value::Str(Cow::Owned(text.clone().into_bytes()))),
        Json::Array(_) => serde_json::to_vec(found).ok().map(Value::string),
        Json::Number(number) => {
            let float = number.as_f64()?;
            match number.as_i64() {
                Some(number) => Some(Value::Int(number)),
                // Casts cut what is out of range.
                None if as_int || (float.fract() == 0.0 && float.abs() < 1e15) => Some(Value::Int(float as i64)),
                None => Some(Value::string(short(float).into_bytes())),
            }
        }
        Json::Null | Json::Object(_) => None,
    }
}

/// A number as `%g` of printf(3) writes it: six digits, without zeros at the end.
fn short(number: f64) -> String {
    let scientific = format!("{number:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        let places = usize::try_from(5 - exponent).unwrap_or(0);
        trimmed(&format!("{number:.places$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
    }
}

/// The steps of a path such as `$.a.b[0]`; names may hold escaped dots.
fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, more) = inner.split_once(']')?;
            steps.push(match index.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')) {
                Some(name) => Step::Name(name.to_owned()),
                None => Step::Index(index.parse().ok()?),
            });
            rest = more;
            continue;
        }
        let inner = rest.strip_prefix('.')?;
        let mut name = String::new();
        let mut chars = inner.char_indices();
        let mut end = inner.len();
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                char => name.push(char),
            }
        }
        if name.is_empty() {
            return None;
        }
        steps.push(Step::Name(name));
        rest = &inner[end..];
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_printf_makes_them() {
        assert_eq!(short(1.5), "1.5");
        assert_eq!(short(12_345_678_901_234_567_890.0), "1.23457e+19");
        assert_eq!(short(2.345_678_9), "2.34568");
        assert_eq!(short(0.000_012), "1.2e-05");
        assert_eq!(short(-0.5), "-0.5");
        assert_eq!(short(123_456.7), "123457");
    }

    #[test]
    fn paths_are_cut_into_steps() {
        let name = |name: &str| Step::Name(name.to_owned());
        assert_eq!(path("$"), Some(vec![]));
        assert_eq!(path("$.a.b[0].c"), Some(vec![name("a"), name("b"), Step::Index(0), name("c")]));
        assert_eq!(path("$.my\\.key"), Some(vec![name("my.key")]));
        assert_eq!(path("$['a.b']"), Some(vec![name("a.b")]));
        for wrong in ["a", "$a", "$.", "$..a", "$[", "$[x]", ""] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }
}
