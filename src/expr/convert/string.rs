//! Converters on text: case, length, trimming, fields, words, comparison, concatenation.

use std::borrow::Cow;
use std::ops::Range;

use super::{part, text, variable_text};
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Scope, VarSlot, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new("lower", "lower", "The text in lower case (ASCII letters).", &[("str(AbC),lower", "abc")]),
        Type::Str,
        Type::Str,
        |_, _| text(|text| Some(Value::Str(changed(text, |text| text.make_ascii_lowercase(), u8::is_ascii_uppercase)))),
    ),
    Convert::new(
        Meta::new("upper", "upper", "The text in upper case (ASCII letters).", &[("str(AbC),upper", "ABC")]),
        Type::Str,
        Type::Str,
        |_, _| text(|text| Some(Value::Str(changed(text, |text| text.make_ascii_uppercase(), u8::is_ascii_lowercase)))),
    ),
    Convert::new(
        Meta::new(
            "length",
            "length",
            "The length of the text in bytes.",
            &[("str(abc),length", "3"), ("int(1234),length", "4")],
        ),
        Type::Str,
        Type::Int,
        |_, _| text(|text| Some(Value::Int(text.len() as i64))),
    ),
    Convert::new(
        Meta::new(
            "ltrim",
            "ltrim(<chars>)",
            "The text without these characters at its start.",
            &[("str(xxabcx),ltrim(x)", "abcx")],
        ),
        Type::Str,
        Type::Str,
        |words, _| {
            let chars = chars(words)?;
            text(move |text| {
                let start = text.iter().position(|byte| !chars.contains(byte)).unwrap_or(text.len());
                let end = text.len();
                Some(Value::Str(part(text, start..end)))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "rtrim",
            "rtrim(<chars>)",
            "The text without these characters at its end.",
            &[("str(xabcxy),rtrim(yx)", "xabc")],
        ),
        Type::Str,
        Type::Str,
        |words, _| {
            let chars = chars(words)?;
            text(move |text| {
                let end = text.iter().rposition(|byte| !chars.contains(byte)).map_or(0, |at| at + 1);
                Some(Value::Str(part(text, 0..end)))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "cut_crlf",
            "cut_crlf",
            "The text up to the first carriage return or line feed.",
            &[("bin(610a62),cut_crlf", "a")],
        ),
        Type::Str,
        Type::Str,
        |_, _| {
            text(|text| {
                let end = memchr::memchr2(b'\r', b'\n', &text).unwrap_or(text.len());
                Some(Value::Str(part(text, 0..end)))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "reverse",
            "reverse",
            "The text with its bytes in reverse order.",
            &[("str(example.com),reverse", "moc.elpmaxe")],
        ),
        Type::Str,
        Type::Str,
        |_, _| {
            text(|text| {
                let mut text = text.into_owned();
                text.reverse();
                Some(Value::string(text))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "reverse_dom",
            "reverse_dom",
            "The labels of a host name in reverse order; a dot at its end is overlooked, an empty label is an error.",
            &[("str(mail.example.com.),reverse_dom", "com.example.mail"), ("str(a..b),reverse_dom", "")],
        ),
        Type::Str,
        Type::Str,
        |_, _| text(|text| reverse_labels(&text).map(Value::string)),
    ),
    Convert::new(
        Meta::new(
            "field",
            "field(<index>,<delimiters>[,<count>])",
            "The field of that number, from the start (1) or the end (-1), and with a count that many; 0 means all that follow.",
            &[
                ("str(f1_f2_f3__f5),field(5,_)", "f5"),
                ("str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5"),
                ("str(f1_f2_f3__f5),field(2,_,2)", "f2_f3"),
                ("str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_"),
                ("str(f1_f2_f3__f5),field(-3,_,0)", "f1_f2_f3"),
                ("str(f1_f2_f3__f5),field(6,_)", ""),
            ],
        ),
        Type::Str,
        Type::Str,
        |words, _| pieces(words, false),
    ),
    Convert::new(
        Meta::new(
            "word",
            "word(<index>,<delimiters>[,<count>])",
            "As field, but empty fields do not count.",
            &[
                ("str(f1_f2_f3__f5),word(4,_)", "f5"),
                ("str(f1_f2_f3__f5),word(3,_,2)", "f3__f5"),
                ("str(f1_f2_f3__f5),word(-2,_,3)", "f1_f2_f3"),
                ("str(f1_f2_f3__f5),word(-3,_,0)", "f1_f2"),
                ("str(/f1////f2/),word(-1,/)", "f2"),
                ("str(f1_f2),word(3,_)", ""),
            ],
        ),
        Type::Str,
        Type::Str,
        |words, _| pieces(words, true),
    ),
    Convert::new(
        Meta::new(
            "concat",
            "concat([<start>[,<var>[,<end>]]])",
            "The text, followed by a fixed text, the value of a variable and another fixed text.",
            &[
                ("str(abc),concat(<,txn.old,>)", "abc<5>"),
                ("str(abc),concat(,txn.none,>)", "abc>"),
                ("str(abc),concat()", "abc"),
            ],
        ),
        Type::Str,
        Type::Str,
        concat,
    ),
    Convert::new(
        Meta::new(
            "add_item",
            "add_item(<delim>[,<var>[,<suff>]])",
            "The text, followed by the value of a variable and a fixed text; the delimiter stands between, if both sides are not empty.",
            &[
                ("str(a),add_item(;,txn.old)", "a;5"),
                ("str(),add_item(;,txn.old,x)", "5x"),
                ("str(a),add_item(;,txn.none)", "a"),
                ("str(a),add_item(;,,x)", "a;x"),
            ],
        ),
        Type::Str,
        Type::Str,
        add_item,
    ),
    Convert::new(
        Meta::new(
            "strcmp",
            "strcmp(<var>)",
            "Compares with the text of a variable: 0 if equal, less than 0 if the text is smaller, else greater than 0.",
            &[
                ("str(some text),strcmp(txn.text)", "0"),
                ("str(some),strcmp(txn.text)", "-1"),
                ("str(x),strcmp(txn.none)", ""),
            ],
        ),
        Type::Str,
        Type::Int,
        |words, scope| {
            let var = args::variable(words, scope)?;
            Ok(Box::new(move |ctx, value| match (value, ctx.variable(var)?.cast(Type::Str)?) {
                (Value::Str(left), Value::Str(right)) => Some(Value::Int(compare(&left, &right))),
                _ => None,
            }))
        },
    ),
    Convert::new(
        Meta::new(
            "secure_memcmp",
            "secure_memcmp(<var>)",
            "True if the bytes equal those of a variable; the time it takes does not tell how many do.",
            &[("str(some text),secure_memcmp(txn.text)", "1"), ("str(Some text),secure_memcmp(txn.text)", "0")],
        ),
        Type::Bin,
        Type::Bool,
        |words, scope| {
            let var = args::variable(words, scope)?;
            Ok(Box::new(move |ctx, value| match (value, ctx.variable(var)?.cast(Type::Bin)?) {
                (Value::Bin(left), Value::Bin(right)) => Some(Value::Bool(equal_in_constant_time(&left, &right))),
                _ => None,
            }))
        },
    ),
    Convert::new(
        Meta::new(
            "iif",
            "iif(<true>,<false>)",
            "The first text if the input is true, else the second.",
            &[("bool(1),iif(https,http)", "https"), ("int(0),iif(a,b)", "b")],
        ),
        Type::Bool,
        Type::Str,
        |words, _| {
            let yes = args::word(words, "string")?.as_bytes().to_vec();
            let no = args::word(words, "string")?.as_bytes().to_vec();
            Ok(Box::new(move |_, value| match value {
                // The texts are short and the closure outlives the value's lifetime, so that they are copied.
                Value::Bool(true) => Some(Value::string(yes.clone())),
                Value::Bool(false) => Some(Value::string(no.clone())),
                _ => None,
            }))
        },
    ),
    Convert::new(
        Meta::new(
            "param",
            "param(<name>[,<delim>])",
            "The value of the first parameter of that name, in text such as a query; `&` separates unless another sign is given.",
            &[
                ("str(a=b&c=d&a=r),param(a)", "b"),
                ("str(a=1;b=2;c=4),param(b,;)", "2"),
                ("str(a&b=c),param(a)", ""),
                ("str(a=b),param(x)", ""),
            ],
        ),
        Type::Str,
        Type::Str,
        param,
    ),
];

/// The text after a change, which is only made if some byte asks for it.
fn changed(text: Cow<'_, [u8]>, change: fn(&mut [u8]), asks: fn(&u8) -> bool) -> Cow<'_, [u8]> {
    if !text.iter().any(asks) {
        return text;
    }
    let mut text = text.into_owned();
    change(&mut text);
    Cow::Owned(text)
}

fn chars(words: &mut Words<'_>) -> Result<Vec<u8>> {
    Ok(args::opt_word(words).map_or_else(Vec::new, |word| word.as_bytes().to_vec()))
}

fn reverse_labels(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let mut out = Vec::with_capacity(text.len());
    for label in text.rsplit(|byte| *byte == b'.') {
        if label.is_empty() {
            return None;
        }
        if !out.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(label);
    }
    Some(out)
}

fn pieces(words: &mut Words<'_>, skip_empty: bool) -> Result<ConvertFn> {
    let index = args::int(words)?;
    if index == 0 {
        return Err(words.error_last("Unexpected value 0 for index"));
    }
    let delimiters = args::word(words, "string")?.as_bytes().to_vec();
    if delimiters.is_empty() {
        return Err(words.error_last("Empty separators list"));
    }
    let count = args::opt_int(words)?.unwrap_or(1);
    text(move |text| {
        let range = piece(&text, index, &delimiters, count, skip_empty)?;
        Some(Value::Str(part(text, range)))
    })
}

/// Where `count` pieces lie, the one with number `index` being the first (or from the end, the last).
fn piece(text: &[u8], index: i64, delimiters: &[u8], count: i64, skip_empty: bool) -> Option<Range<usize>> {
    let starts = std::iter::once(0).chain(positions(text, delimiters).map(|at| at + 1));
    let ends = positions(text, delimiters).chain(std::iter::once(text.len()));
    let all = starts.zip(ends).filter(|(start, end)| !skip_empty || start < end);
    let skip = usize::try_from(index.unsigned_abs() - 1).ok()?;
    // Without a count, all that follow in the direction of counting.
    let more = match count {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(1) - 1,
    };
    if index > 0 {
        let mut rest = all.skip(skip);
        let (start, end) = rest.next()?;
        Some(start..rest.take(more).last().map_or(end, |(_, end)| end))
    } else {
        let pieces: smallvec::SmallVec<[(usize, usize); 16]> = all.collect();
        let mut rest = pieces.iter().rev().skip(skip);
        let (start, end) = *rest.next()?;
        Some(rest.take(more).next_back().map_or(start, |(start, _)| *start)..end)
    }
}

fn positions<'t>(text: &'t [u8], delimiters: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    text.iter().enumerate().filter(|(_, byte)| delimiters.contains(byte)).map(|(at, _)| at)
}

fn concat(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let start = fixed(words);
    let var = opt_variable(words, scope)?;
    let end = fixed(words);
    Ok(Box::new(move |ctx, value| {
        let Value::Str(text) = value else { return None };
        let mut out = text.into_owned();
        out.extend_from_slice(&start);
        if let Some(var) = var {
            variable_text(ctx, var, &mut out);
        }
        out.extend_from_slice(&end);
        Some(Value::string(out))
    }))
}

fn add_item(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let delimiter = args::word(words, "string")?.as_bytes().to_vec();
    let var = opt_variable(words, scope)?;
    let end = fixed(words);
    if var.is_none() && end.is_empty() {
        return Err(words.error_here("one of the optional arguments has to be nonempty"));
    }
    Ok(Box::new(move |ctx, value| {
        let Value::Str(text) = value else { return None };
        let mut out = text.into_owned();
        let before = out.len();
        out.extend_from_slice(if before > 0 { &delimiter } else { b"" });
        let item = out.len();
        if let Some(var) = var {
            variable_text(ctx, var, &mut out);
        }
        out.extend_from_slice(&end);
        if out.len() == item {
            out.truncate(before);
        }
        Some(Value::string(out))
    }))
}

fn param(words: &mut Words<'_>, _: &Scope<'_>) -> Result<ConvertFn> {
    let name = args::word(words, "string")?.as_bytes().to_vec();
    let delimiter = match args::opt_word(words).map(Word::as_bytes) {
        None => b'&',
        Some([delimiter]) => *delimiter,
        Some(_) => return Err(words.error_last("Delimiter must be exactly 1 character")),
    };
    text(move |text| {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(delimiter, &text).map(|at| at + 1));
        let found = starts.into_iter().find_map(|start| {
            let rest = text[start..].strip_prefix(&name[..])?;
            let from = start + name.len();
            match rest.first() {
                None => Some(from..from),
                Some(byte) if *byte == delimiter => Some(from..from),
                Some(b'=') => {
                    let len = memchr::memchr(delimiter, &rest[1..]).unwrap_or(rest.len() - 1);
                    Some(from + 1..from + 1 + len)
                }
                Some(_) => None,
            }
        })?;
        Some(Value::Str(part(text, found)))
    })
}

fn fixed(words: &mut Words<'_>) -> Vec<u8> {
    words.next_word().map_or_else(Vec::new, |word| word.as_bytes().to_vec())
}

fn opt_variable(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Option<VarSlot>> {
    args::opt_word(words).map(|word| args::variable_of(word, scope)).transpose()
}

/// As strcmp(3): the difference of the first bytes that differ, else of the lengths.
fn compare(left: &[u8], right: &[u8]) -> i64 {
    let differ = left.iter().zip(right).find(|(left, right)| left != right);
    match differ {
        Some((left, right)) => i64::from(*left) - i64::from(*right),
        None => (left.len() as i64 - right.len() as i64).signum(),
    }
}

fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && std::hint::black_box(left.iter().zip(right).fold(0, |differ, (left, right)| differ | (left ^ right))) == 0
}
