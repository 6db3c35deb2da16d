//! The converter regsub: replaces what a regular expression matches.

use super::text;
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Scope, Words};
use crate::pattern::regex::{Groups, Regex, Template};

pub(super) static CONVERTERS: &[Convert] = &[Convert::new(
    Meta::new(
        "regsub",
        "regsub(<regex>,<subst>[,<flags>])",
        "Replaces the first match of the expression, with flag g all of them; flag i ignores case. \\1 to \\9 stand for groups.",
        &[
            ("str(abcb),regsub(b,X)", "aXcb"),
            ("str(aBcb),regsub(b,X,gi)", "aXcX"),
            ("str(foo12bar),regsub(\"(foo|bar)([0-9]+)?\",\"\\2\\1\",i)", "12foobar"),
            ("str(/////a///b/c/),regsub(/+,/,g)", "/a/b/c/"),
            ("str(abc),regsub(x*,-,g)", "-a-b-c-"),
        ],
    ),
    Type::Str,
    Type::Str,
    bind,
)];

fn bind(words: &mut Words<'_>, _: &Scope<'_>) -> Result<ConvertFn> {
    let pattern = args::word(words, "regex")?;
    let span = pattern.span;
    let template = Template::new(args::word(words, "string")?.as_bytes());
    let flags = args::opt_word(words).map_or("", Word::as_str);
    if let Some(flag) = flags.chars().find(|flag| !matches!(flag, 'i' | 'g')) {
        return Err(words.error_last(format!("invalid regex flag '{flag}', only 'i' and 'g' are supported")));
    }
    let regex = Regex::new(pattern.as_bytes(), flags.contains('i')).map_err(|error| {
        let message = format!("error in regex '{}' : {error}", pattern.as_str());
        args::error(span, message)
    })?;
    let all = flags.contains('g');
    text(move |text| {
        let mut groups = Groups::new();
        let mut out = Vec::new();
        let mut copied = 0;
        let mut from = 0;
        while from <= text.len() && regex.captures(&text, from, &mut groups) {
            // A match always has the group that is all of it.
            let Some(Some((start, end))) = groups.first().copied() else { break };
            out.extend_from_slice(&text[copied..start]);
            template.expand(&text, &groups, &mut out);
            copied = end;
            // An empty match must not be found again at the same place.
            from = if end == start { end + 1 } else { end };
            if !all {
                break;
            }
        }
        if copied == 0 && out.is_empty() && from == 0 {
            return Some(Value::Str(text));
        }
        out.extend_from_slice(&text[copied..]);
        Some(Value::string(out))
    })
}
