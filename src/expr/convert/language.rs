//! The converter language: chooses from an `Accept-Language` value.

use super::text;
use crate::base::value::{Type, Value};
use crate::expr::{Convert, ConvertFn, args};
use crate::http::list::Elements;
use crate::keyword::{Meta, Result, Scope, Words};

pub(super) static CONVERTERS: &[Convert] = &[Convert::new(
    Meta::new(
        "language",
        "language(<value>[;<value>...][,<default>])",
        "The language of the list that the input, an `Accept-Language` value, prefers; else the default. A variant such as `fr-CH` also \
         stands for its base, unless the list has it. Weights of 0 exclude.",
        &[
            ("str(\"fr;q=0.8, en;q=0.9, de\"),language(fr;en)", "en"),
            ("str(\"fr-FR;q=0.8, en;q=0.7\"),language(fr;en)", "fr"),
            ("str(\"fr-FR;q=0.8, en;q=0.7\"),language(fr-FR;en)", "fr-FR"),
            ("str(\"fr;q=0, en\"),language(fr,xx)", "xx"),
            ("str(es),language(fr)", ""),
            ("str(\"en;q=0.5,fr;q=0.5\"),language(fr;en)", "en"),
        ],
    ),
    Type::Str,
    Type::Str,
    bind,
)];

fn bind(words: &mut Words<'_>, _: &Scope<'_>) -> Result<ConvertFn> {
    let list = args::word(words, "string")?.as_bytes();
    let offered: Vec<Vec<u8>> = list.split(|byte| *byte == b';').map(<[u8]>::to_vec).collect();
    let default = args::opt_word(words).map(|word| word.as_bytes().to_vec());
    text(move |text| {
        let mut best: Option<(&[u8], u32)> = None;
        for element in Elements::new(&text) {
            let mut parts = element.bytes.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix(b"q=")).map_or(1000, weight);
            let base = name.split(|byte| *byte == b'-').next().unwrap_or_default();
            let find = |name: &[u8]| offered.iter().find(|offer| offer.as_slice() == name);
            let Some(offer) = find(name).or_else(|| find(base)) else { continue };
            // The first of equal weights wins.
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((offer, weight));
            }
        }
        best.map(|(offer, _)| offer.to_vec()).or_else(|| default.clone()).map(Value::string)
    })
}

/// A weight (RFC 9110, 12.4.2) in thousandths; what is none counts as 0.
fn weight(text: &[u8]) -> u32 {
    let text = std::str::from_utf8(text).unwrap_or("");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let thousandths = digits.map(char::from).try_fold(0, |n, digit| Some(n * 10 + digit.to_digit(10)?));
    match (whole, thousandths) {
        ("1", Some(_)) => 1000,
        ("0", Some(thousandths)) => thousandths,
        _ => 0,
    }
}
