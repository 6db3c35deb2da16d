//! Cuts the text between the parentheses of fetches, converters and predicates into arguments: the second level of quoting
//! (manual 2.2). Typing the arguments is the caller's business.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::one_of;
use nom::combinator::{consumed, map, value};
use nom::multi::many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};
use std::ops::Range;

/// One argument without its quotes and backslashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    pub text: String,
    /// What was written, as bytes of the input.
    pub range: Range<usize>,
}

/// Why the arguments cannot be cut, and the byte of the input where it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentsError {
    /// The input ends before the closing parenthesis.
    Unclosed(usize),
    /// A quote is opened here and never closed.
    UnmatchedQuote(usize),
}

/// Cuts `input`, which starts behind the opening parenthesis.
///
/// Returns the arguments and the offset behind the closing parenthesis. `()` has no argument, `(,)` two empty ones. Blanks
/// belong to the arguments.
pub fn arguments(input: &str) -> Result<(Vec<Argument>, usize), ArgumentsError> {
    let mut found = Vec::new();
    let mut rest = input;
    loop {
        let start = input.len() - rest.len();
        // Taking pieces cannot fail: none is enough.
        let (behind, pieces) = many0(consumed(piece)).parse(rest).unwrap_or((rest, Vec::new()));
        let end = input.len() - behind.len();
        let text = pieces.into_iter().flat_map(|(_, text)| text).collect::<String>();
        found.push(Argument { text, range: start..end });
        let mut next = behind.chars();
        match next.next() {
            Some(',') => rest = next.as_str(),
            Some(')') => {
                // Only `()` itself leaves the one argument without any text.
                if found.len() == 1 && start == end {
                    found.clear();
                }
                return Ok((found, end + 1));
            }
            Some(_) => return Err(ArgumentsError::UnmatchedQuote(end)),
            None => return Err(ArgumentsError::Unclosed(end)),
        }
    }
}

type Parsed<'i, T> = IResult<&'i str, T>;

/// Stops in front of a separator, the closing parenthesis, and a quote that is never closed.
fn piece(input: &str) -> Parsed<'_, Vec<&str>> {
    alt((
        map(take_while1(|c| !matches!(c, '\\' | '\'' | '"' | ',' | ')')), |text| vec![text]),
        map(escape, |text| vec![text]),
        map(delimited(tag("'"), nom::bytes::complete::take_till(|c| c == '\''), tag("'")), |text| vec![text]),
        delimited(tag("\""), many0(weak), tag("\"")),
    ))
    .parse(input)
}

fn weak(input: &str) -> Parsed<'_, &str> {
    alt((take_while1(|c| !matches!(c, '\\' | '"')), escape)).parse(input)
}

/// The escapes of the first level without `\#`, `\$` and `\xNN`; any other backslash stands for itself.
fn escape(input: &str) -> Parsed<'_, &str> {
    let resolved = alt((
        value("\n", tag("n")),
        value("\r", tag("r")),
        value("\t", tag("t")),
        map(consumed(one_of("\\'\" \t")), |(text, _)| text),
    ));
    alt((preceded(tag("\\"), resolved), tag("\\"))).parse(input)
}

#[cfg(test)]
mod tests {
    //! The expectations were seen with HAProxy 2.8.

    use super::*;

    fn texts(input: &str) -> Vec<String> {
        let (found, end) = arguments(input).unwrap();
        assert_eq!(end, input.len(), "{input}");
        found.into_iter().map(|argument| argument.text).collect()
    }

    #[test]
    fn quotes_and_escapes_protect_separators() {
        for (input, expected) in [
            ("a,b)", &["a", "b"][..]),
            (")", &[]),
            (",)", &["", ""]),
            (r#""")"#, &[""]),
            (r#""a,b",'c)d')"#, &["a,b", "c)d"]),
            (r#"a"b,c"d)"#, &["ab,cd"]),
            (r#"a\"b,"a\"b")"#, &["a\"b", "a\"b"]),
            ("a'b c'd)", &["ab cd"]),
            (r"a\tb\ c\\d)", &["a\tb c\\d"]),
            // Not resolved at this level.
            (r#"\x41,\#,\q,"\$")"#, &["\\x41", "\\#", "\\q", "\\$"]),
            // A backslash does not protect a comma.
            (r"a\,b)", &["a\\", "b"]),
            (" a , b )", &[" a ", " b "]),
            ("a(b)", &["a(b"]),
        ] {
            assert_eq!(texts(input), expected, "{input}");
        }
    }

    #[test]
    fn ranges_show_what_was_written() {
        let input = r#""a,b",c) tail"#;
        let (found, end) = arguments(input).unwrap();
        assert_eq!(found.iter().map(|argument| &input[argument.range.clone()]).collect::<Vec<_>>(), [r#""a,b""#, "c"]);
        assert_eq!(&input[end..], " tail");
    }

    #[test]
    fn what_is_open_is_an_error() {
        assert_eq!(arguments("a,b"), Err(ArgumentsError::Unclosed(3)));
        assert_eq!(arguments(""), Err(ArgumentsError::Unclosed(0)));
        assert_eq!(arguments(r#"a,"b)"#), Err(ArgumentsError::UnmatchedQuote(2)));
        assert_eq!(arguments("'b)"), Err(ArgumentsError::UnmatchedQuote(0)));
        assert_eq!(arguments(r"a\"), Err(ArgumentsError::Unclosed(2)));
    }
}
