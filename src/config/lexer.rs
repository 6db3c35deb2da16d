//! The grammar of quotes, escapes and variables (manual 2.2 and 2.3) as nom parsers: bytes to pieces of words. Looking
//! variables up and building words is `words`' business.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::combinator::{consumed, map, opt, peek, recognize, value, verify};
use nom::error::{ErrorKind, ParseError};
use nom::multi::many0;
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// What a word is made of. The slice beside each piece is what was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece<'i> {
    /// Bytes that stand for themselves.
    Plain(&'i [u8]),
    /// A resolved escape.
    Byte(u8),
    /// Text between single quotes.
    Strong(&'i [u8]),
    /// What stands between double quotes.
    Weak(Vec<(&'i [u8], Piece<'i>)>),
    Variable(Variable<'i>),
}

/// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable<'i> {
    pub name: &'i [u8],
    /// Each word of the value becomes a word of the line.
    pub split: bool,
    pub default: Option<&'i [u8]>,
}

/// Why a line cannot be cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing special: another parser may fit.
    NoMatch,
    UnmatchedQuote,
    BadHex,
    UnmatchedBrace,
    BadFirstCharacter,
    BadExpansion,
}

/// A fault and the rest of the line from where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<'i> {
    pub rest: &'i [u8],
    pub fault: Fault,
}

type Parsed<'i, T> = IResult<&'i [u8], T, At<'i>>;

impl<'i> ParseError<&'i [u8]> for At<'i> {
    fn from_error_kind(rest: &'i [u8], _: ErrorKind) -> At<'i> {
        At { rest, fault: Fault::NoMatch }
    }

    fn append(_: &'i [u8], _: ErrorKind, other: At<'i>) -> At<'i> {
        other
    }
}

/// What separates words.
pub(super) fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(is_blank).parse(input)
}

/// One piece of a word, with what was written. Fails without a fault at a blank, a comment and the end.
pub(super) fn piece(input: &[u8]) -> Parsed<'_, (&[u8], Piece<'_>)> {
    let plain = map(take_while1(|byte| !is_special(byte)), Piece::Plain);
    consumed(alt((plain, escape(false), strong, weak, literal_backslash))).parse(input)
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'\'' | b'"' | b'#') || is_blank(byte)
}

fn strong(input: &[u8]) -> Parsed<'_, Piece<'_>> {
    let (inside, _) = tag("'").parse(input)?;
    let (behind, text) = take_till(|byte| byte == b'\'').parse(inside)?;
    match behind.split_first() {
        Some((_, rest)) => Ok((rest, Piece::Strong(text))),
        None => fail(input, Fault::UnmatchedQuote),
    }
}

fn weak(input: &[u8]) -> Parsed<'_, Piece<'_>> {
    let (inside, _) = tag("\"").parse(input)?;
    let plain = map(take_while1(|byte| !matches!(byte, b'\\' | b'"' | b'$')), Piece::Plain);
    let one = alt((plain, escape(true), map(variable, Piece::Variable), literal_backslash));
    let (behind, pieces) = many0(consumed(one)).parse(inside)?;
    match behind.split_first() {
        Some((_, rest)) => Ok((rest, Piece::Weak(pieces))),
        None => fail(input, Fault::UnmatchedQuote),
    }
}

/// A backslash and what it protects; `$` is special between double quotes only.
fn escape<'i>(quoted: bool) -> impl Parser<&'i [u8], Output = Piece<'i>, Error = At<'i>> {
    let simple = alt((
        value(b'\n', tag("n")),
        value(b'\r', tag("r")),
        value(b'\t', tag("t")),
        byte_of(move |byte| matches!(byte, b'\\' | b'\'' | b'"' | b'#' | b' ' | b'\t') || quoted && byte == b'$'),
    ));
    let simple = map(preceded(tag("\\"), simple), Piece::Byte);
    alt((simple, map(hex, Piece::Byte)))
}

fn hex(input: &[u8]) -> Parsed<'_, u8> {
    let (digits, _) = tag("\\x").parse(input)?;
    let digit = |at: usize| digits.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    match (digit(0), digit(1)) {
        // Two hexadecimal digits are at most 255.
        (Some(high), Some(low)) => Ok((&digits[2..], (high * 16 + low) as u8)),
        _ => fail(input, Fault::BadHex),
    }
}

/// A backslash before anything else, also at the end of the line, stands for itself.
fn literal_backslash(input: &[u8]) -> Parsed<'_, Piece<'_>> {
    map(tag("\\"), Piece::Plain).parse(input)
}

fn variable(input: &[u8]) -> Parsed<'_, Variable<'_>> {
    let (behind, _) = tag("$").parse(input)?;
    let (_, braced) = opt(peek(tag("{"))).parse(behind)?;
    if braced.is_none() {
        let (rest, name) = name(behind)?;
        return Ok((rest, Variable { name, split: false, default: None }));
    }
    // The brace is ASCII and present: it was just seen.
    let (rest, name) = name(&behind[1..])?;
    let (rest, split) = match rest.first() {
        Some(b'[') => match tag::<_, _, At<'_>>("[*]").parse(rest) {
            Ok((rest, _)) => (rest, true),
            Err(_) => return fail(rest, Fault::BadExpansion),
        },
        _ => (rest, false),
    };
    let (rest, default) = opt(preceded(tag("-"), take_till(|byte| byte == b'}'))).parse(rest)?;
    match rest.split_first() {
        Some((b'}', rest)) => Ok((rest, Variable { name, split, default })),
        _ => fail(behind, Fault::UnmatchedBrace),
    }
}

/// A variable's name; only the pseudo-variables start with a dot.
fn name(input: &[u8]) -> Parsed<'_, &[u8]> {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let pseudo = alt((tag(".FILE"), tag(".LINE"), tag(".SECTION")));
    let ordinary = recognize((byte_of(first), take_while(rest)));
    match alt((pseudo, ordinary)).parse(input) {
        Err(nom::Err::Error(_)) => fail(input, Fault::BadFirstCharacter),
        parsed => parsed,
    }
}

fn byte_of<'i>(wanted: impl Fn(u8) -> bool) -> impl Parser<&'i [u8], Output = u8, Error = At<'i>> {
    verify(nom::number::complete::u8, move |&byte| wanted(byte))
}

fn fail<T>(rest: &[u8], fault: Fault) -> Parsed<'_, T> {
    Err(nom::Err::Failure(At { rest, fault }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(input: &str) -> Result<Piece<'_>, (usize, Fault)> {
        match piece(input.as_bytes()) {
            Ok((_, (_, piece))) => Ok(piece),
            Err(nom::Err::Failure(at) | nom::Err::Error(at)) => Err((input.len() - at.rest.len(), at.fault)),
            Err(nom::Err::Incomplete(_)) => unreachable!("only complete parsers are used"),
        }
    }

    #[test]
    fn escapes_outside_quotes() {
        assert_eq!(one("\\ x"), Ok(Piece::Byte(b' ')));
        assert_eq!(one("\\#x"), Ok(Piece::Byte(b'#')));
        assert_eq!(one("\\x4Ab"), Ok(Piece::Byte(b'J')));
        assert_eq!(one("\\q"), Ok(Piece::Plain(b"\\")));
        assert_eq!(one("\\$"), Ok(Piece::Plain(b"\\")));
        assert_eq!(one("\\"), Ok(Piece::Plain(b"\\")));
        assert_eq!(one("\\x4"), Err((0, Fault::BadHex)));
        assert_eq!(one("a\\ b"), Ok(Piece::Plain(b"a")));
    }

    #[test]
    fn variables_between_double_quotes() {
        let variable = |input| match one(input) {
            Ok(Piece::Weak(pieces)) => match pieces.into_iter().next() {
                Some((_, Piece::Variable(variable))) => Ok(variable),
                other => panic!("{other:?}"),
            },
            Ok(other) => panic!("{other:?}"),
            Err(at) => Err(at),
        };
        let named = |name| Variable { name, split: false, default: None };
        assert_eq!(variable("\"$A_1-b\""), Ok(named(b"A_1")));
        assert_eq!(variable("\"${A}\""), Ok(named(b"A")));
        assert_eq!(variable("\"${.LINE}\""), Ok(named(b".LINE")));
        assert_eq!(variable("\"${A-x y}\""), Ok(Variable { default: Some(b"x y"), ..named(b"A") }));
        assert_eq!(variable("\"${A[*]-}\""), Ok(Variable { split: true, default: Some(b""), ..named(b"A") }));
        assert_eq!(variable("\"$\""), Err((2, Fault::BadFirstCharacter)));
        assert_eq!(variable("\"${}\""), Err((3, Fault::BadFirstCharacter)));
        assert_eq!(variable("\"${A\""), Err((2, Fault::UnmatchedBrace)));
        assert_eq!(variable("\"${A[*}\""), Err((4, Fault::BadExpansion)));
    }
}
