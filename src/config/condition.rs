//! The conditions of `.if`, `.elif` and `-cc` (manual 2.4): the grammar. What predicates mean is `predicate`'s business.

use super::env::Env;
use super::predicate::{self, Facts, Predicate};
use crate::base::arguments::{ArgumentsError, arguments};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, digit1, hex_digit1, multispace0, one_of};
use nom::combinator::{cut, map, opt, peek, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// A condition as a tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Constant(bool),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Test(&'static Predicate, Vec<String>),
}

/// Why a text is no condition, in HAProxy's words, and the byte where it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConditionError {
    pub message: String,
    pub at: usize,
}

/// Evaluates a condition given as one text. Nothing at all is false.
pub(super) fn evaluate(text: &str, env: &Env, facts: &Facts<'_>) -> Result<bool, ConditionError> {
    Ok(parse(text)?.evaluate(env, facts))
}

pub(super) fn parse(text: &str) -> Result<Condition, ConditionError> {
    if text.trim().is_empty() {
        return Ok(Condition::Constant(false));
    }
    let offset = |rest: &str| text.len() - rest.len();
    let unparsable = |rest: &str| ConditionError {
        message: format!("unparsable conditional expression '{rest}'"),
        at: offset(rest),
    };
    match any(text, DEEPEST) {
        Ok((rest, condition)) => match rest.chars().next() {
            None => Ok(condition),
            // An operator without anything behind it stays in the rest.
            Some('&' | '|') if rest.starts_with("&&") || rest.starts_with("||") => Err(unparsable(rest)),
            Some(found) => Err(ConditionError {
                message: format!("unexpected character '{found}' at the end of conditional expression '{text}'"),
                at: offset(rest),
            }),
        },
        Err(nom::Err::Error(at) | nom::Err::Failure(at)) => match at.message {
            Some(message) => Err(ConditionError { message, at: offset(at.rest) }),
            // Something is missing at the end: show all of it.
            None if at.rest.is_empty() => Err(unparsable(text)),
            None => Err(unparsable(at.rest)),
        },
        Err(nom::Err::Incomplete(_)) => Err(unparsable(text)),
    }
}

impl Condition {
    pub(super) fn evaluate(&self, env: &Env, facts: &Facts<'_>) -> bool {
        match self {
            Condition::Constant(value) => *value,
            Condition::Not(inner) => !inner.evaluate(env, facts),
            Condition::All(terms) => terms.iter().all(|term| term.evaluate(env, facts)),
            Condition::Any(terms) => terms.iter().any(|term| term.evaluate(env, facts)),
            Condition::Test(predicate, arguments) => (predicate.holds)(arguments, env, facts),
        }
    }
}

/// A failure and where; without a message the whole rest is unparsable.
#[derive(Debug, Clone, PartialEq)]
struct At<'i> {
    rest: &'i str,
    message: Option<String>,
}

impl<'i> ParseError<&'i str> for At<'i> {
    fn from_error_kind(rest: &'i str, _: ErrorKind) -> At<'i> {
        At { rest, message: None }
    }

    fn append(_: &'i str, _: ErrorKind, other: At<'i>) -> At<'i> {
        other
    }
}

type Parsed<'i, T> = IResult<&'i str, T, At<'i>>;

fn any(input: &str, depth: u32) -> Parsed<'_, Condition> {
    chain(input, "||", |input| all(input, depth), Condition::Any)
}

fn all(input: &str, depth: u32) -> Parsed<'_, Condition> {
    chain(input, "&&", |input| term(input, depth), Condition::All)
}

/// Operands with an operator between them; a single operand stays itself.
fn chain<'i>(
    input: &'i str,
    operator: &str,
    operand: impl Fn(&'i str) -> Parsed<'i, Condition>,
    join: fn(Vec<Condition>) -> Condition,
) -> Parsed<'i, Condition> {
    let (mut rest, first) = operand(input)?;
    let mut operands = vec![first];
    while let Ok((behind, _)) = terminated(tag::<_, _, At<'_>>(operator), multispace0).parse(rest) {
        if behind.is_empty() {
            break;
        }
        let (behind, next) = operand(behind)?;
        operands.push(next);
        rest = behind;
    }
    match <[Condition; 1]>::try_from(operands) {
        Ok([single]) => Ok((rest, single)),
        Err(operands) => Ok((rest, join(operands))),
    }
}

fn term(input: &str, depth: u32) -> Parsed<'_, Condition> {
    let negations = preceded(multispace0, many0_count(terminated(char('!'), multispace0)));
    let atom = alt((constant, move |input| parenthesised(input, depth), test));
    let (rest, (negations, condition)) = terminated((negations, atom), multispace0).parse(input)?;
    let condition = if negations % 2 == 1 { Condition::Not(Box::new(condition)) } else { condition };
    Ok((rest, condition))
}

/// An integer as C writes it; anything but zero is true.
fn constant(input: &str) -> Parsed<'_, Condition> {
    let hexadecimal = preceded(alt((tag("0x"), tag("0X"))), hex_digit1);
    let digits = preceded(opt(one_of("+-")), alt((hexadecimal, digit1)));
    map(digits, |digits: &str| Condition::Constant(digits.bytes().any(|digit| digit != b'0'))).parse(input)
}

fn parenthesised(input: &str, depth: u32) -> Parsed<'_, Condition> {
    let (inside, _) = char('(').parse(input)?;
    let Some(depth) = depth.checked_sub(1) else {
        return fail(input, format!("conditional expression is nested more than {DEEPEST} times"));
    };
    // What is wrong inside stays wrong: no other reading of the parenthesis can help.
    let (rest, condition) = cut(|input| any(input, depth)).parse(inside)?;
    match rest.strip_prefix(')') {
        Some(rest) => Ok((rest, condition)),
        None => fail(input, format!("expected ')' after conditional expression '{input}'")),
    }
}

fn test(input: &str) -> Parsed<'_, Condition> {
    let word = recognize(take_while(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    let (rest, name) = terminated(word, peek(nom::combinator::rest)).parse(input)?;
    let Some(predicate) = predicate::find(name) else {
        return Err(nom::Err::Error(At { rest: input, message: None }));
    };
    let Some(inside) = rest.strip_prefix('(') else {
        return checked(predicate, Vec::new(), rest, rest);
    };
    let used = format!("of predicate '{name}' used in conditional expression");
    match arguments(inside) {
        Err(ArgumentsError::Unclosed(at) | ArgumentsError::UnmatchedQuote(at)) => {
            let at = inside.get(at..).unwrap_or_default();
            fail(at, format!("expected ')' in argument 1 {used}"))
        }
        Ok((found, end)) => {
            let rest = inside.get(end..).unwrap_or_default();
            if let Some(extra) = found.get(predicate.arguments) {
                // The separator in front of it is one byte.
                let at = inside.get(extra.range.start - 1..).unwrap_or_default();
                return fail(at, format!("expected ')' before '{at}' in argument 1 {used}"));
            }
            let close = inside.get(end - 1..).unwrap_or_default();
            checked(predicate, found.into_iter().map(|argument| argument.text).collect(), rest, close)
        }
    }
}

/// Fills up what may be left out and checks the rest; `close` is where the arguments end.
fn checked<'i>(
    predicate: &'static Predicate,
    mut found: Vec<String>,
    rest: &'i str,
    close: &'i str,
) -> Parsed<'i, Condition> {
    let Predicate { name, arguments, .. } = predicate;
    if found.is_empty() {
        found.push(String::new());
    }
    if found.len() < *arguments {
        let message = format!(
            "missing arguments (got {}/{arguments}), type 'string' expected in argument 1 of predicate '{name}' used in \
             conditional expression",
            found.len()
        );
        return fail(close, message);
    }
    match found.iter().find(|argument| !(predicate.accepts)(argument)) {
        Some(bad) => fail(rest, format!("invalid argument to conditional expression predicate '{name}': '{bad}'")),
        None => Ok((rest, Condition::Test(predicate, found))),
    }
}

fn fail<T>(rest: &str, message: String) -> Parsed<'_, T> {
    Err(nom::Err::Failure(At { rest, message: Some(message) }))
}

/// How deep parentheses may nest: the parser is recursive and must not exhaust the stack.
const DEEPEST: u32 = 100;

#[cfg(test)]
mod tests {
    //! The expectations were seen with HAProxy 2.8.

    use super::*;

    fn eval(text: &str) -> Result<bool, String> {
        let env = Env::from_iter([("HOME", "/root")]);
        let facts = Facts {
            version: "2.8.25-5cf5d0683",
            features: &["OPENSSL", "SSL"],
            openssl_version: Some("3.0.15"),
            ssl_library: "OpenSSL 3.0.15 3 Sep 2024",
            awslc_api: Some(33),
            enabled: &["POLL", "EPOLL"],
        };
        evaluate(text, &env, &facts).map_err(|error| format!("{} @{}", error.message, error.at + 1))
    }

    #[test]
    fn operators_and_constants() {
        for (text, value) in [
            ("", false),
            ("  ", false),
            ("0", false),
            ("00", false),
            ("-0", false),
            ("1", true),
            ("-1", true),
            ("+1", true),
            ("0x1", true),
            ("4294967296", true),
            ("99999999999999999999999", true),
            (" 1 ", true),
            ("!1", false),
            ("!!1", true),
            ("! ! 0", false),
            ("(1)", true),
            ("( 1 )", true),
            ("(!1)", false),
            ("1&&0", false),
            ("1 || 0", true),
            ("0 || 0 && 1", false),
            ("1 || 0 && 0", true),
            ("!(1)&&1", false),
            ("1 && (0 || 1)", true),
        ] {
            assert_eq!(eval(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn predicates() {
        for (text, value) in [
            ("defined(HOME)", true),
            ("defined( HOME )", false),
            ("defined(\"HOME\")", true),
            ("defined()", false),
            ("defined", false),
            ("streq(a,a)", true),
            ("streq(a, a)", false),
            ("streq(,)", true),
            ("streq(\"a,b\",\"a,b\")", true),
            ("strneq(a,b)", true),
            ("strstr(abc,b)", true),
            ("strstr(abc,)", true),
            ("strstr(abc,x)", false),
            ("feature(OPENSSL)", true),
            ("feature(openssl)", false),
            ("version_atleast(2.8)", true),
            ("version_atleast(2.8.26)", false),
            ("version_atleast(2.9-dev1)", false),
            ("version_before(2.9-dev1)", true),
            ("version_atleast(2.8.25-1)", false),
            ("version_atleast(x)", true),
            ("openssl_version_atleast(1.1.1a)", true),
            ("openssl_version_before(3.0.0)", false),
            ("ssllib_name_startswith(OpenSSL)", true),
            ("ssllib_name_startswith(wolfSSL)", false),
            ("awslc_api_atleast(33)", true),
            ("awslc_api_before(33)", false),
            ("enabled(EPOLL)", true),
            ("enabled(NOPE)", false),
            ("streq(a,b)||streq(a,a)", true),
        ] {
            assert_eq!(eval(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn errors_are_haproxys() {
        for (text, error) in [
            ("1x", "unexpected character 'x' at the end of conditional expression '1x' @2"),
            ("1 & 0", "unexpected character '&' at the end of conditional expression '1 & 0' @3"),
            ("(1))", "unexpected character ')' at the end of conditional expression '(1))' @4"),
            ("((1)", "expected ')' after conditional expression '((1)' @1"),
            ("(1 2)", "expected ')' after conditional expression '(1 2)' @1"),
            ("!", "unparsable conditional expression '!' @1"),
            ("!()", "unparsable conditional expression ')' @3"),
            ("1 && ", "unparsable conditional expression '&& ' @3"),
            ("&& 1", "unparsable conditional expression '&& 1' @1"),
            ("1 || nope(", "unparsable conditional expression 'nope(' @6"),
            ("0 && nope", "unparsable conditional expression 'nope' @6"),
            ("Defined(HOME)", "unparsable conditional expression 'Defined(HOME)' @1"),
            ("1 &&& 0", "unparsable conditional expression '& 0' @5"),
            ("defined (HOME)", "unexpected character '(' at the end of conditional expression 'defined (HOME)' @9"),
            (
                "defined(HOME,B)",
                "expected ')' before ',B)' in argument 1 of predicate 'defined' used in conditional expression @13",
            ),
            ("defined(HOME", "expected ')' in argument 1 of predicate 'defined' used in conditional expression @13"),
            (
                "streq(a)",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in \
                 conditional expression @8",
            ),
            (
                "streq(a,b,c)",
                "expected ')' before ',c)' in argument 1 of predicate 'streq' used in conditional expression @10",
            ),
            (
                "openssl_version_atleast(x)",
                "invalid argument to conditional expression predicate 'openssl_version_atleast': 'x' @27",
            ),
        ] {
            assert_eq!(eval(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(eval(&nested(100)), Ok(true));
        assert_eq!(eval(&nested(101)).unwrap_err(), "conditional expression is nested more than 100 times @101");
        assert!(eval(&"(".repeat(100_000)).is_err());
        assert_eq!(eval(&format!("{}1", "!".repeat(100_000))), Ok(true));
    }
}
