//! Today's words for the directives of releases up to 2.0 that work on whole lines: `reqrep ^([^\ :]*)\ /a/(.*) \1\ /\2` says
//! `http-request replace-uri ^/a/(.*) '/\1'`. They are shown, not run: the rules run as those releases ran them.

use crate::diag::Word;

/// Words to write instead.
pub(super) struct Modern {
    pub(super) words: Vec<Word>,
    /// They do the same to every message of today's clients and servers; else they come near.
    pub(super) exact: bool,
}

/// What a pattern on lines looks at.
enum Part<'a> {
    /// The target: the pattern behind the method, and whether the method is group 1.
    Target(&'a str, bool),
    /// The value of a header field: its name and the pattern behind the blanks.
    Field(&'a str, &'a str),
}

/// Today's words for a line, if there are any for its pattern.
pub(super) fn modern(line: &[Word]) -> Option<Modern> {
    let (first, rest) = line.split_first()?;
    let (request, verb) = match first.as_str() {
        name if name.starts_with("req") => (true, name.strip_prefix("req")?),
        name => (false, name.strip_prefix("rsp")?),
    };
    let (fold, verb) = match verb.strip_prefix('i') {
        Some(verb) => (true, verb),
        None => (false, verb),
    };
    let (pattern, rest) = rest.split_first()?;
    let part = Part::of(pattern.as_str())?;
    let set = if request { "http-request" } else { "http-response" };
    let mut texts = vec![set.to_owned()];
    let mut exact = true;
    let condition = match verb {
        "rep" => {
            let (by, condition) = rest.split_first()?;
            texts.extend(replaced(&part, by.as_str(), fold)?);
            texts.extend(condition.iter().map(|word| word.as_str().to_owned()));
            None
        }
        "del" => {
            let Part::Field(name, value) = part else { return None };
            texts.extend(["del-header".to_owned(), name.to_owned()]);
            exact = matches!(value, "" | ".*" | ".*$");
            if exact {
                texts.extend(rest.iter().map(|word| word.as_str().to_owned()));
                None
            } else {
                Some(rest)
            }
        }
        "setbe" => {
            let (backend, condition) = rest.split_first()?;
            texts = vec!["use_backend".to_owned(), backend.as_str().to_owned()];
            Some(condition)
        }
        "deny" | "tarpit" => {
            texts.push(verb.to_owned());
            Some(rest)
        }
        "allow" | "pass" => {
            texts.push("allow".to_owned());
            exact = false;
            Some(rest)
        }
        _ => return None,
    };
    if let Some(condition) = condition {
        texts.extend(with_test(condition, &test(&part, request, fold)?)?);
    }
    Some(Modern { words: texts.into_iter().map(|text| Word::new(text, first.span)).collect(), exact })
}

impl Part<'_> {
    fn of(pattern: &str) -> Option<Part<'_>> {
        for (method, grouped) in METHODS {
            if let Some(target) = pattern.strip_prefix(method) {
                // What stands behind a blank is the version, which no action of today sees.
                let target = target.strip_suffix(" HTTP.*").unwrap_or(target);
                return (!target.contains(' ') && !target.is_empty()).then_some(Part::Target(target, grouped));
            }
        }
        let (name, value) = pattern.strip_prefix('^')?.split_once(':')?;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !plain || name.is_empty() {
            return None;
        }
        let value = BLANKS.iter().find_map(|blanks| value.strip_prefix(blanks)).unwrap_or(value);
        Some(Part::Field(name, value))
    }
}

/// Patterns of a method and the blank behind it, and whether the method is a group.
const METHODS: [(&str, bool); 9] = [
    ("^([^ :]*) ", true),
    ("^([^: ]*) ", true),
    ("^([^ ]*) ", true),
    ("^([^ :]+) ", true),
    ("^([^ ]+) ", true),
    ("^[^: ]* ", false),
    ("^[^ :]* ", false),
    ("^[^ ]* ", false),
    ("^[^ ]+ ", false),
];

/// Patterns of the blanks behind the colon of a field.
const BLANKS: [&str; 6] = ["[ ]*", "[ ]+", "[[:space:]]*", " *", " +", " "];

/// The action that replaces the part.
fn replaced(part: &Part<'_>, by: &str, fold: bool) -> Option<Vec<String>> {
    let (mut words, pattern, by) = match part {
        Part::Target(pattern, true) => {
            let by = by.strip_prefix("\\1 ")?;
            (vec!["replace-uri".to_owned()], *pattern, renumbered(by)?)
        }
        Part::Target(..) => return None,
        Part::Field(name, pattern) => {
            let (to, value) = by.split_once(':')?;
            if !to.eq_ignore_ascii_case(name) || value.contains("\\0") {
                return None;
            }
            (vec!["replace-header".to_owned(), (*name).to_owned()], *pattern, value.trim_start().to_owned())
        }
    };
    if by.contains(['\n', ' ']) && matches!(part, Part::Target(..)) || by.contains('\n') || by.is_empty() {
        return None;
    }
    words.push(anchored(pattern, fold));
    words.push(by.replace('%', "%%"));
    Some(words)
}

/// The pattern for the part alone.
fn anchored(pattern: &str, fold: bool) -> String {
    let ignoring = if fold { "(?i)" } else { "" };
    match pattern {
        "" | ".*" | ".*$" => ".*".to_owned(),
        _ => format!("{ignoring}^{pattern}"),
    }
}

/// A replacement without group 1, which was the method; none if it uses that or the whole match.
fn renumbered(by: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = by.chars();
    while let Some(char) = chars.next() {
        out.push(char);
        if char != '\\' {
            continue;
        }
        match chars.next()? {
            '0' | '1' => return None,
            digit @ '2'..='9' => out.push(char::from(digit as u8 - 1)),
            other => out.push(other),
        }
    }
    Some(out)
}

/// The test for the part, in braces.
fn test(part: &Part<'_>, request: bool, fold: bool) -> Option<Vec<String>> {
    let (fetch, pattern) = match part {
        Part::Target(pattern, _) => ("url".to_owned(), *pattern),
        Part::Field(name, pattern) => (format!("{}.fhdr({name})", if request { "req" } else { "res" }), *pattern),
    };
    let mut words = vec!["{".to_owned(), fetch, "-m".to_owned()];
    if matches!(pattern, "" | ".*" | ".*$") {
        words.push("found".to_owned());
    } else {
        words.push("reg".to_owned());
        if fold {
            words.push("-i".to_owned());
        }
        words.push(format!("^{pattern}"));
    }
    words.push("}".to_owned());
    Some(words)
}

/// A condition that also needs the test; none where `unless` stands before more than one term.
fn with_test(condition: &[Word], test: &[String]) -> Option<Vec<String>> {
    let mut words = vec!["if".to_owned()];
    let Some((first, terms)) = condition.split_first() else {
        words.extend_from_slice(test);
        return Some(words);
    };
    if first.as_str() == "unless" {
        let (term, more) = terms.split_first()?;
        // One term: a name, or words in one pair of braces.
        let braces = |mark: &str| terms.iter().filter(|word| word.as_str() == mark).count();
        let anonymous = term.as_str() == "{" && braces("{") == 1 && terms.last()?.as_str() == "}" && braces("}") == 1;
        if !more.is_empty() && !anonymous {
            return None;
        }
        words.push(format!("!{term}"));
        words.extend(more.iter().map(|word| word.as_str().to_owned()));
    } else {
        for term in terms {
            if matches!(term.as_str(), "or" | "||") {
                words.extend_from_slice(test);
            }
            words.push(term.as_str().to_owned());
        }
    }
    words.extend_from_slice(test);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::super::line_of;
    use super::*;
    use crate::diag::Span;

    fn shown(line: &[&str]) -> Option<String> {
        let words: Vec<Word> = line.iter().map(|word| Word::new(*word, Span::nowhere())).collect();
        modern(&words).map(|found| format!("{}{}", line_of(&found.words), if found.exact { "" } else { " (near)" }))
    }

    #[test]
    fn targets_and_fields_have_words_of_today() {
        let cases: [(&[&str], Option<&str>); 14] = [
            (&["reqrep", "^([^ :]*) /static/(.*)", "\\1 /\\2"], Some(r"http-request replace-uri ^/static/(.*) '/\1'")),
            (
                &["reqirep", "^([^ ]*) /a[/]?(.*)", "\\1 /b/\\2", "if", "x"],
                Some(r"http-request replace-uri (?i)^/a[/]?(.*) '/b/\1' if x"),
            ),
            (&["reqirep", "^Host:", "Host: b.example"], Some("http-request replace-header Host .* b.example")),
            (
                &["rsprep", "^Set-Cookie: (.*)", "Set-Cookie: \\1; Secure"],
                Some(r"http-response replace-header Set-Cookie ^(.*) '\1; Secure'"),
            ),
            (&["reqirep", "^(X-Forwarded-For:)(.*)", "X-Forwarded-For2:\\2"], None),
            (&["reqirep", "^[^: ]* /img[/ ].*", "\\0\nCookie: b=2"], None),
            (&["rspidel", "^Server:.*$", "unless", "keep"], Some("http-response del-header Server unless keep")),
            (
                &["reqidel", "^Cookie: backend="],
                Some("http-request del-header Cookie if { req.fhdr(Cookie) -m reg -i ^backend= } (near)"),
            ),
            (
                &["reqdeny", "^[^: ]* /admin", "if", "a", "or", "b"],
                Some("http-request deny if a { url -m reg ^/admin } or b { url -m reg ^/admin }"),
            ),
            (
                &["reqitarpit", r"^[^: ]* /.*\.(dll|exe)", "unless", "a"],
                Some(r"http-request tarpit if !a { url -m reg -i '^/.*\.(dll|exe)' }"),
            ),
            (
                &["rspdeny", "^Content-Type:[ ]*audio/mp3"],
                Some("http-response deny if { res.fhdr(Content-Type) -m reg ^audio/mp3 }"),
            ),
            (&["reqallow", "^X-Pass:"], Some("http-request allow if { req.fhdr(X-Pass) -m found } (near)")),
            (&["reqisetbe", "^Host: img", "static"], Some("use_backend static if { req.fhdr(Host) -m reg -i ^img }")),
            (&["reqdeny", "^X-A: b", "unless", "a", "b"], None),
        ];
        for (line, expected) in cases {
            assert_eq!(shown(line).as_deref(), expected, "{line:?}");
        }
    }
}
