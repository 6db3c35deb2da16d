//! The configuration language: words, conditions, whole files, addresses.

use hydroxy::base::addr::Accepts;
use hydroxy::base::{duration, size};
use hydroxy::config::{Env, Facts, Input, LineContext, Options, Word, eval_condition, read, words as cut};
use hydroxy::diag::{Diagnostics, Renderer, SourceMap};

/// A line: every word lies within the line, words do not overlap, and quoting a word keeps its text.
pub fn words(line: &[u8]) {
    let env = environment();
    let found = Diagnostics::new();
    let Ok(words) = cut_line(line, &env, &found) else { return };
    let mut end = 0;
    for word in &words {
        let columns = word.span.columns();
        assert!(columns.start < columns.end && columns.end <= line.len(), "{word:?} is not within the line");
        // Words of one expanded value share their place.
        assert!(columns.start >= end || word.expanded, "{word:?} overlaps the word before it");
        end = columns.end;
        for at in 0..word.as_bytes().len() {
            let part = word.part(at..at + 1);
            assert!(word.span.start <= part.start && part.end <= word.span.end, "byte {at} of {word:?} is outside");
        }
    }
    let quoted = words.iter().map(quote).collect::<Vec<_>>().join(&b" "[..]);
    let again = cut_line(&quoted, &env, &Diagnostics::new()).expect("quoted words are words");
    assert!(words.iter().map(Word::as_bytes).eq(again.iter().map(Word::as_bytes)), "{words:?} became {again:?}");
}

/// The text of a condition, with and without the tokenizer's escapes.
pub fn conditions(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let value = eval_condition(&text, &environment(), &FACTS);
    if let Ok(value) = value {
        let negated = eval_condition(&format!("!({text})"), &environment(), &FACTS);
        // Nothing may stand between parentheses, a comment hides the closing one, and so does nesting too deep.
        if let Ok(negated) = negated {
            assert_eq!(negated, !value, "{text}");
        }
    }
}

/// A whole file: whatever it holds, it is read, and what was found can be drawn.
pub fn files(text: &[u8]) {
    let found = Diagnostics::new();
    let options = Options { sections: &["global", "defaults", "frontend", "backend"], facts: FACTS };
    let ast = read(vec![Input::new("fuzz.cfg", text)], environment(), &options, &found);
    let lines = ast.sections.iter().flat_map(|section| std::iter::once(&section.head).chain(&section.lines));
    for line in lines {
        assert!(!line.words.is_empty());
        for word in &line.words {
            let source = ast.sources.line(word.span.file, word.span.line).expect("the line exists");
            assert!(source.get(word.span.columns()).is_some_and(|written| !written.is_empty()), "{word:?}");
        }
    }
    let found = found.take();
    // Drawing thousands of findings says no more than drawing some.
    assert!(!Renderer::new(1).render_all(found.iter().take(20), &ast.sources).contains('\0'));
}

/// Addresses, times and sizes.
pub fn addresses(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let env = |name: &str| (name == "A").then(|| "[::1]:80".to_owned());
    for accepts in [Accepts::BIND, Accepts::SERVER, Accepts::LOG, Accepts::SOURCE, Accepts::NAMESERVER] {
        match accepts.parse(&text, env) {
            Ok(address) => assert!(address.sockets().count() <= 65_536),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        let _ = accepts.parse_list(&text, env);
    }
    let _ = (duration::millis(&text), duration::seconds(&text), size::parse(&text));
}

fn cut_line(line: &[u8], env: &Env, found: &Diagnostics) -> hydroxy::diag::Result<Vec<Word>> {
    let mut sources = SourceMap::new();
    let file = sources.add("fuzz.cfg", line);
    cut(line, &LineContext { env, file, file_name: "fuzz.cfg", line: 1, section: b"web" }, found)
}

/// The word between single quotes; what cannot stand there is escaped outside of them.
fn quote(word: &Word) -> Vec<u8> {
    let mut out = b"'".to_vec();
    for &byte in word.as_bytes() {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            b'\n' => out.extend_from_slice(b"'\\n'"),
            b'\r' => out.extend_from_slice(b"'\\r'"),
            _ => out.push(byte),
        }
    }
    out.push(b'\'');
    out
}

fn environment() -> Env {
    Env::from_iter([("A", "1"), ("LIST", " a  b "), ("EMPTY", ""), ("ODD", "q\"u'o\\te $A\n")])
}

const FACTS: Facts<'static> = Facts {
    version: "3.4.0",
    features: &["OPENSSL"],
    openssl_version: Some("1.1.1"),
    ssl_library: "AWS-LC 1.40.0",
    awslc_api: Some(35),
    enabled: &["EPOLL"],
};
