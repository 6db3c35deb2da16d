//! The arguments of `stick-table` (manual 11.1). They are read twice: for their names, before anything is bound, and where the line
//! is applied and its errors are told.

use super::table::{not_yet, sentence};
use crate::base::duration;
use crate::base::size;
use crate::base::stick::{DataType, KeyType, ServerKey, Shape, Stored, TableSpec};
use crate::config::Line;
use crate::diag::{Diagnostic, Diagnostics, Span, Word};
use crate::keyword::{Result, WITHOUT_EFFECT, Words};

/// The table that a line declares, for those who refer to it. Errors are told when the line is applied.
pub(super) fn declared(line: &Line, name: &str) -> TableSpec {
    let mut words = Words::new(line.arguments(), line.end());
    read(&mut words, name, &Diagnostics::new()).unwrap_or_else(|_| TableSpec::new(name, KeyType::String))
}

/// Reads the arguments; warnings go to `diags`.
pub(super) fn read(words: &mut Words<'_>, name: &str, diags: &Diagnostics) -> Result<TableSpec> {
    let (mut spec, mut has_type) = (TableSpec::new(name, KeyType::String), false);
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "type" => {
                key_type(words, &mut spec)?;
                has_type = true;
            }
            "size" => spec.size = table_size(words)?,
            "expire" => spec.expire_ms = Some(expire(words)?),
            "nopurge" => spec.nopurge = true,
            "srvkey" => spec.server_key = server_key(words)?,
            "store" => store(words, &mut spec, diags)?,
            "brates-factor" => spec.brates_factor = factor(words)?,
            "peers" => {
                argument(words, "peers")?;
                return Err(not_yet(word.span, "'stick-table ... peers'"));
            }
            "write-to" => {
                argument(words, "write-to")?;
                without_effect(word, diags);
            }
            "recv-only" => without_effect(word, diags),
            other => return Err(problem(word.span, format!("unknown argument '{other}'."))),
        }
    }
    if spec.size == 0 {
        return Err(problem(words.end(), "missing size."));
    }
    if !has_type {
        return Err(problem(words.end(), "missing type."));
    }
    if spec.nopurge && spec.expire_ms.is_none() {
        let text = "stick-table: 'nopurge' without 'expire' keeps the first entries for ever once the table is full.";
        diags.push(Diagnostic::warning("nopurge", text).at(words.end()).help("add 'expire' and a time"));
    }
    spec.store.sort_unstable();
    Ok(spec)
}

fn key_type(words: &mut Words<'_>, spec: &mut TableSpec) -> Result<()> {
    let span = words.span();
    spec.key = match words.next_word().map_or("", Word::as_str) {
        "ip" | "ipv4" => KeyType::Ipv4,
        "ipv6" => KeyType::Ipv6,
        "integer" => KeyType::Integer,
        "string" => KeyType::String,
        "binary" => KeyType::Binary,
        other => {
            let error = problem(span, format!("unknown type '{other}'."));
            return Err(Box::new(error.help("types are ip, ipv4, ipv6, integer, string and binary")));
        }
    };
    if matches!(spec.key, KeyType::String | KeyType::Binary) && words.take("len") {
        let span = words.span();
        let found = words.next_word().and_then(|word| word.as_str().parse().ok());
        spec.len = found
            .filter(|len| (1..=MAX_LEN).contains(len))
            .ok_or_else(|| sentence(span, "range", "'len' expects a positive integer argument."))?;
    }
    Ok(())
}

fn table_size(words: &mut Words<'_>) -> Result<u32> {
    let word = argument(words, "size")?;
    let found = size::parse(word.as_str()).map_err(|error| match error {
        size::SizeError::Unexpected { found, .. } => {
            problem(word.span, format!("unexpected character '{found}' in argument of 'size'."))
        }
        error => problem(word.span, format!("{error} in argument of 'size'.")),
    })?;
    u32::try_from(found).map_err(|_| problem(word.span, format!("size '{word}' is more than a table can hold.")))
}

fn expire(words: &mut Words<'_>) -> Result<u64> {
    let word = argument(words, "expire")?;
    duration::millis(word.as_str()).map(u64::from).map_err(|error| match error {
        duration::DurationError::Unexpected { found, .. } => {
            problem(word.span, format!("unexpected character '{found}' in argument of 'expire'."))
        }
        error => problem(word.span, format!("{error} in argument of 'expire'.")),
    })
}

fn server_key(words: &mut Words<'_>) -> Result<ServerKey> {
    let word = argument(words, "srvkey")?;
    match word.as_str() {
        "name" => Ok(ServerKey::Name),
        "addr" => Ok(ServerKey::Addr),
        other => Err(sentence(word.span, "unknown", format!("stick-table : unknown server key type '{other}'."))),
    }
}

fn factor(words: &mut Words<'_>) -> Result<u32> {
    let word = argument(words, "brates-factor")?;
    let found = word.as_str().parse().ok().filter(|factor| (1..=1024).contains(factor));
    found.ok_or_else(|| problem(word.span, "'brates-factor' expects an integer between 1 and 1024."))
}

/// A list of types of data. Those with two arguments hold a comma themselves.
fn store(words: &mut Words<'_>, spec: &mut TableSpec, diags: &Diagnostics) -> Result<()> {
    // HAProxy takes the end of the line for an empty list.
    let Some(word) = words.next_word() else { return Ok(()) };
    let text = word.as_str();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth == 0
        });
        let len = end.unwrap_or(rest.len());
        let span = word.part(at..at + len);
        let stored = stored(&rest[..len], span)?;
        add(spec, stored, span, diags)?;
        at += len + 1;
    }
    Ok(())
}

fn stored(text: &str, span: Span) -> Result<Stored> {
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').unwrap_or(rest))),
        None => (text, None),
    };
    let Some(data) = DataType::find(name) else {
        let error = problem(span, format!("unknown store option '{name}'."));
        let near = crate::diag::suggest(name, DataType::ALL.iter().map(|data| data.name()));
        return Err(match near {
            Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
            None => error,
        });
    };
    let missing = || problem(span, format!("missing argument to store option '{name}'."));
    let bad = || problem(span, format!("error when processing store option '{name}'."));
    let period = |text: &str| match duration::millis(text) {
        Ok(period_ms @ 1..) => Ok(period_ms),
        Ok(0) => {
            let error = problem(span, format!("the period of store option '{name}' is 0."));
            Err(Box::new(error.help("write a time such as 10s")))
        }
        Err(_) => Err(bad()),
    };
    let elements = |text: &str| -> Result<u16> {
        let message = format!("array size is out of allowed range (1-100) for store option '{name}'.");
        let found = text.parse().map_err(|_| bad())?;
        if (1..=100).contains(&found) { Ok(found) } else { Err(problem(span, message)) }
    };
    let mut stored = Stored { data, elements: 1, period_ms: 0 };
    match (data.shape(), arguments) {
        (Shape::Number | Shape::Server, None) => {}
        (Shape::Number | Shape::Server, Some(_)) => {
            return Err(problem(span, format!("unexpected argument to store option '{name}'.")));
        }
        (_, None | Some("")) => return Err(missing()),
        (Shape::Rate, Some(text)) => stored.period_ms = period(text)?,
        (Shape::Numbers, Some(text)) => stored.elements = elements(text)?,
        (Shape::Rates, Some(text)) => {
            let (count, time) = text.split_once(',').ok_or_else(missing)?;
            (stored.elements, stored.period_ms) = (elements(count)?, period(time)?);
        }
    }
    Ok(stored)
}

fn add(spec: &mut TableSpec, stored: Stored, span: Span, diags: &Diagnostics) -> Result<()> {
    let data = stored.data;
    if spec.store.iter().any(|old| old.data == data) {
        let text = format!("stick-table: store option '{}' already enabled, ignored.", data.name());
        diags.push(Diagnostic::warning("duplicate", text).at(span));
        return Ok(());
    }
    let array_of = |data: DataType| data.in_array().map(|(array, _)| array);
    let clash = |old: &Stored| array_of(old.data) == Some(data) || array_of(data) == Some(old.data);
    if spec.store.iter().any(clash) {
        let array = array_of(data).unwrap_or(data);
        let legacy = match array {
            DataType::Gpt => "gpt0",
            DataType::GpcRate => "gpc[0/1]_rate",
            _ => "gpc[0/1]",
        };
        let array = array.name();
        return Err(problem(
            span,
            format!(
                "simultaneous usage of '{array}' and '{legacy}' in a same table is not permitted as '{array}' overrides \
                 '{legacy}'."
            ),
        ));
    }
    spec.store.push(stored);
    Ok(())
}

fn argument<'a>(words: &mut Words<'a>, name: &str) -> Result<&'a Word> {
    words.next_word().ok_or_else(|| problem(words.end(), format!("missing argument after '{name}'.")))
}

fn problem(span: Span, message: impl std::fmt::Display) -> crate::keyword::Error {
    sentence(span, "stick-table", format!("stick-table: {message}"))
}

/// Words that say what to do with updates of peers.
fn without_effect(word: &Word, diags: &Diagnostics) {
    let text = format!("'{word}' has no effect: it counts for tables with 'peers' only, which are refused themselves");
    diags.push(Diagnostic::notice(WITHOUT_EFFECT, text).at(word.span));
}

/// Longer keys are refused: they would not fit into a buffer.
const MAX_LEN: usize = 16_384;
