//! One line to words: quotes, escapes and environment variables are resolved here and nowhere else (manual 2.2, 2.3).

use super::env::Env;
use super::lexer::{self, Fault, Piece, Variable};
use crate::diag::{Diagnostic, Diagnostics, FileId, Lead, Result, Span, Step, Word};
use std::borrow::Cow;

/// Where a line stands and what its variables mean.
#[derive(Debug, Clone, Copy)]
pub struct LineContext<'a> {
    pub env: &'a Env,
    pub file: FileId,
    /// The value of `.FILE`.
    pub file_name: &'a str,
    /// Line number from 1, the value of `.LINE`.
    pub line: u32,
    /// The value of `.SECTION`: the section's name, else its keyword, else nothing.
    pub section: &'a [u8],
}

/// Cuts a line, given without its line feed, into words. A comment ends it.
///
/// An error is worded and placed as HAProxy does. Findings that do not stop the line go to `found`.
pub fn words(line: &[u8], context: &LineContext<'_>, found: &Diagnostics) -> Result<Vec<Word>> {
    let at = |columns| Span::new(context.file, context.line, columns);
    if let Some(nul) = memchr::memchr(0, line) {
        return Err(Diagnostic::alert("stray-nul", format!("Stray NUL character at position {}.", nul + 1))
            .lead(Lead::ParsingTight)
            .at(at(nul..nul + 1))
            .help("the file is binary or was damaged: remove the byte"));
    }
    let end = memchr::memchr(b'\r', line).unwrap_or(line.len());
    let text = line.get(..end).unwrap_or(line);
    let words =
        Builder::new(text, context).run().map_err(|failure| explain(failure, at(failure.at..failure.at + 1)))?;
    if !words.is_empty() && line.get(end + 1..).is_some_and(|rest| !rest.trim_ascii().is_empty()) {
        found.push(
            Diagnostic::warning("stray-cr", format!("carriage return at position {} ends the line", end + 1))
                .lead(Lead::ParsingTight)
                .at(at(end..line.len()))
                .label("everything from here on is ignored")
                .help("end lines with a line feed, or write '\\r' for a carriage return within a word"),
        );
    }
    if let Some(word) = words.iter().find(|word| word.as_bytes().contains(&0)) {
        return Err(Diagnostic::alert("nul-escape", "'\\x00' cannot be part of a word")
            .lead(Lead::ParsingTight)
            .at(word.span)
            .help("HAProxy would end the word there; remove the escape and what follows it"));
    }
    Ok(words)
}

/// A fault and its column.
#[derive(Clone, Copy)]
struct Failure {
    fault: Fault,
    at: usize,
}

struct Builder<'a> {
    line: &'a [u8],
    context: &'a LineContext<'a>,
    done: Vec<Word>,
    text: Vec<u8>,
    steps: Vec<Step>,
    /// Where the word under construction starts in the line.
    start: usize,
    /// Where the source continues if the next byte stands for itself.
    expected: usize,
    /// Something of the word exists, even if it is empty text.
    present: bool,
    quoted: bool,
    expanded: bool,
}

impl<'a> Builder<'a> {
    fn new(line: &'a [u8], context: &'a LineContext<'a>) -> Builder<'a> {
        Builder {
            line,
            context,
            done: Vec::new(),
            text: Vec::new(),
            steps: Vec::new(),
            start: 0,
            expected: 0,
            present: false,
            quoted: false,
            expanded: false,
        }
    }

    fn run(mut self) -> Result<Vec<Word>, Failure> {
        let mut rest = self.line;
        loop {
            // Taking blanks cannot fail: none is enough.
            rest = lexer::blanks(rest).map_or(rest, |(rest, _)| rest);
            if matches!(rest.first(), None | Some(b'#')) {
                return Ok(self.done);
            }
            self.open(self.offset(rest));
            rest = self.word(rest)?;
        }
    }

    /// Reads one word and returns what is behind it.
    fn word(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], Failure> {
        loop {
            match lexer::piece(rest) {
                Ok((behind, (written, piece))) => {
                    let at = self.offset(rest);
                    self.piece(at, written, piece);
                    rest = behind;
                }
                Err(nom::Err::Failure(at)) => return Err(Failure { fault: at.fault, at: self.offset(at.rest) }),
                // A blank, a comment or the end of the line ends the word.
                Err(_) => {
                    self.close(self.offset(rest));
                    return Ok(rest);
                }
            }
        }
    }

    fn piece(&mut self, at: usize, written: &'a [u8], piece: Piece<'a>) {
        match piece {
            Piece::Plain(text) => self.append(text, at),
            Piece::Byte(byte) => {
                self.quoted = true;
                self.replace(&[byte], at, written.len());
            }
            Piece::Strong(text) => {
                self.quoted = true;
                self.append(text, at + 1);
            }
            Piece::Weak(pieces) => {
                self.quoted = true;
                self.present |= pieces.is_empty();
                let mut at = at + 1;
                for (written, piece) in pieces {
                    self.piece(at, written, piece);
                    at += written.len();
                }
            }
            Piece::Variable(variable) => self.variable(at, written.len(), &variable),
        }
    }

    fn variable(&mut self, at: usize, length: usize, variable: &Variable<'a>) {
        let value = self.context.value(variable.name).or(variable.default.map(Cow::Borrowed)).unwrap_or_default();
        self.expanded = true;
        if variable.split {
            self.split(at, length, &value);
        } else {
            self.replace(&value, at, length);
        }
    }

    /// Blanks in the value separate words, except in front of the first.
    fn split(&mut self, at: usize, length: usize, value: &[u8]) {
        let blank = |&byte: &u8| lexer::is_blank(byte) || matches!(byte, b'\n' | b'\r');
        for (index, part) in value.split(blank).enumerate() {
            if index > 0 && self.present {
                self.close(at + length);
                self.open(at);
                self.quoted = true;
                self.expanded = true;
            }
            if !part.is_empty() {
                self.replace(part, at, length);
            }
        }
    }

    fn open(&mut self, at: usize) {
        self.start = at;
        self.expected = at;
        self.present = false;
        self.quoted = false;
        self.expanded = false;
    }

    fn append(&mut self, text: &[u8], at: usize) {
        if at != self.expected {
            self.steps.push(Step { text: narrow(self.text.len()), source: narrow(at), width: 0 });
        }
        self.text.extend_from_slice(text);
        self.expected = at + text.len();
        self.present = true;
    }

    /// Adds text that was written as something else, `width` bytes long.
    fn replace(&mut self, text: &[u8], at: usize, width: usize) {
        self.steps.push(Step { text: narrow(self.text.len()), source: narrow(at), width: narrow(width) });
        self.text.extend_from_slice(text);
        // Whatever follows starts a step of its own, also where lengths happen to agree.
        self.expected = usize::MAX;
        self.present = true;
    }

    /// Ends the word, unless nothing is there: an expansion of nothing leaves no word.
    fn close(&mut self, end: usize) {
        if !self.present {
            return;
        }
        let span = Span::new(self.context.file, self.context.line, self.start..end);
        let mut word = Word::resolved(std::mem::take(&mut self.text), span, std::mem::take(&mut self.steps));
        word.quoted = self.quoted;
        word.expanded = self.expanded;
        self.done.push(word);
        self.present = false;
    }

    /// Where `rest`, a tail of the line, starts.
    fn offset(&self, rest: &[u8]) -> usize {
        self.line.len() - rest.len()
    }
}

impl LineContext<'_> {
    fn value(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        match name {
            b".FILE" => Some(Cow::Borrowed(self.file_name.as_bytes())),
            b".LINE" => Some(Cow::Owned(self.line.to_string().into_bytes())),
            b".SECTION" => Some(Cow::Borrowed(self.section)),
            _ => self.env.value(name).map(Cow::Borrowed),
        }
    }
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn explain(failure: Failure, span: Span) -> Diagnostic {
    let (code, what, label, help) = match failure.fault {
        Fault::UnmatchedQuote | Fault::NoMatch => (
            "unmatched-quote",
            "unmatched quote",
            "opened here, never closed",
            "close it on the same line, or write a backslash before it if it is part of the text",
        ),
        Fault::BadHex => (
            "bad-hex",
            "truncated or invalid hexadecimal sequence",
            "two hexadecimal digits are expected after '\\x'",
            "write '\\\\x' if a backslash followed by an 'x' is meant",
        ),
        Fault::UnmatchedBrace => (
            "unmatched-brace",
            "unmatched brace in environment variable name",
            "no '}' closes this brace after the name",
            "write \"${NAME}\" or \"${NAME-default}\"; names consist of letters, digits and '_'",
        ),
        Fault::BadFirstCharacter => (
            "bad-variable",
            "forbidden first char in environment variable name",
            "a name starts with a letter or '_'",
            "write '\\$' if a dollar sign is meant, or use single quotes",
        ),
        Fault::BadExpansion => (
            "bad-expansion",
            "truncated or invalid word expansion sequence",
            "only '[*]' may stand here",
            "write \"${NAME[*]}\" to turn each word of the value into an argument",
        ),
    };
    Diagnostic::alert(code, format!("{what} at position {}:", failure.at + 1))
        .lead(Lead::ParsingTight)
        .at(span)
        .label(label)
        .help(help)
}

#[cfg(test)]
mod tests {
    //! The expectations were seen with HAProxy 2.6 and 2.8, except where a test says otherwise.

    use super::*;
    use crate::diag::SourceMap;

    fn cut(line: impl AsRef<[u8]>, env: &[(&str, &str)]) -> (Result<Vec<Word>>, Vec<Diagnostic>) {
        let (env, found) = (env.iter().copied().collect(), Diagnostics::new());
        let file = SourceMap::new().add("t.cfg", line.as_ref());
        let context = LineContext { env: &env, file, file_name: "t.cfg", line: 7, section: b"web" };
        (words(line.as_ref(), &context, &found), found.take())
    }

    fn texts(line: impl AsRef<[u8]>, env: &[(&str, &str)]) -> Vec<String> {
        let (words, found) = cut(line, env);
        assert_eq!(found, []);
        words.unwrap().iter().map(|word| word.as_str().to_owned()).collect()
    }

    fn error(line: impl AsRef<[u8]>) -> String {
        cut(line, &[]).0.unwrap_err().message
    }

    #[test]
    fn blanks_and_comments_separate() {
        assert_eq!(texts("  bind\t:80 \x0b x\x0c # y", &[]), ["bind", ":80", "x"]);
        assert_eq!(texts("global#this is it", &[]), ["global"]);
        assert_eq!(texts("a \"#b\"#c", &[]), ["a", "#b"]);
        assert_eq!(texts(" # only a comment", &[]), [""; 0]);
        assert_eq!(texts("", &[]), [""; 0]);
    }

    #[test]
    fn quotes_and_escapes_are_resolved() {
        for (line, word) in [
            (r#"a"b c"d'e f'g"#, "ab cde fg"),
            (r#""a b'c""#, "a b'c"),
            (r#"'a\b"c$d\#e'"#, r#"a\b"c$d\#e"#),
            (r#"a\ b\tc\\d\"e\'f\#"#, "a b\tc\\d\"e'f#"),
            (r#""a\ b\tc\\d\"e\'f\#""#, "a b\tc\\d\"e'f#"),
            (r"a\x41\x4ab\nd\re", "aAJb\nd\re"),
            (r"a\qb", r"a\qb"),
            (r#""a\qb""#, r"a\qb"),
            (r"abc\", r"abc\"),
            ("\\\tx", "\tx"),
            // Outside quotes a dollar is plain and its backslash stays.
            (r"a\$b$c", r"a\$b$c"),
            (r#""a\$b""#, "a$b"),
            (r#""""#, ""),
            ("''", ""),
        ] {
            assert_eq!(texts(line, &[]), [word], "{line}");
        }
    }

    #[test]
    fn variables_are_resolved_between_double_quotes_only() {
        let env = [("A", "x"), ("E", ""), ("V", "a\"b\\x41 $c")];
        for (line, word) in [
            (r#""$A-b.c""#, "x-b.c"),
            (r#""${A}b""#, "xb"),
            (r#""$A$E${A}""#, "xx"),
            ("$A", "$A"),
            ("${A}", "${A}"),
            ("'$A'", "$A"),
            (r#""${Q}""#, ""),
            (r#""${Q-d e}""#, "d e"),
            (r#""${E-d}""#, ""),
            (r#""${Q-$A}""#, "$A"),
            (r#""${Q-a\}b}c""#, "a\\b}c"),
            (r#""${Q-a"b}""#, "a\"b"),
            // Values are inserted as they are.
            (r#""$V""#, "a\"b\\x41 $c"),
            (r#""$A[*]""#, "x[*]"),
            (r#""${.FILE}:${.LINE}:$.SECTION.""#, "t.cfg:7:web."),
        ] {
            assert_eq!(texts(line, &env), [word], "{line}");
        }
    }

    #[test]
    fn words_of_a_value_become_words_of_the_line() {
        let env = [("A", "x  y"), ("L", " x"), ("T", "x "), ("B", " "), ("N", "x\ny"), ("S", "x\\ y")];
        assert_eq!(texts(r#"a "${A[*]}" b"#, &env), ["a", "x", "y", "b"]);
        assert_eq!(texts(r#""pre${A[*]}post""#, &env), ["prex", "ypost"]);
        assert_eq!(texts(r#""pre${L[*]}""#, &env), ["pre", "x"]);
        assert_eq!(texts(r#""${T[*]}post""#, &env), ["x", "post"]);
        assert_eq!(texts(r#""${S[*]}b""#, &env), ["x\\", "yb"]);
        assert_eq!(texts(r#""a b${A[*]}c d""#, &env), ["a bx", "yc d"]);
        assert_eq!(texts(r#"a "${Q[*]}" b"#, &env), ["a", "b"]);
        assert_eq!(texts(r#""${Q[*]-p q}z""#, &env), ["p", "qz"]);
        assert_eq!(texts(r#""${N[*]}""#, &env), ["x", "y"]);
        // HAProxy makes an empty argument of leading blanks, which would end the line: here they make nothing.
        assert_eq!(texts(r#"a "${L[*]}""#, &env), ["a", "x"]);
        assert_eq!(texts(r#"a "${B[*]}" b"#, &env), ["a", "b"]);
    }

    #[test]
    fn a_variable_without_a_value_does_not_join_words() {
        // HAProxy 2.8.25 joins both words here, 2.6.12 does not.
        assert_eq!(texts(r#"a"$Q" b"#, &[]), ["a", "b"]);
        assert_eq!(texts(r#"a "$Q" b"#, &[]), ["a", "", "b"]);
    }

    #[test]
    fn errors_name_the_position() {
        for (line, message) in [
            (r#"  description "abc"#, "unmatched quote at position 15:"),
            ("  description 'abc", "unmatched quote at position 15:"),
            (r#" x"y"z""#, "unmatched quote at position 7:"),
            (r#"  description a"bc\q\x4"#, "truncated or invalid hexadecimal sequence at position 21:"),
            (r#" nbthread \xg1"#, "truncated or invalid hexadecimal sequence at position 11:"),
            (r#"  description "${ABC""#, "unmatched brace in environment variable name at position 17:"),
            (r#"  description "${A*}""#, "unmatched brace in environment variable name at position 17:"),
            (r#" nbthread "${A[*]x}""#, "unmatched brace in environment variable name at position 13:"),
            (r#"  description "${1ABC}""#, "forbidden first char in environment variable name at position 18:"),
            (r#"  description "$1ABC""#, "forbidden first char in environment variable name at position 17:"),
            (r#"  description "$""#, "forbidden first char in environment variable name at position 17:"),
            (r#"  description "${}""#, "forbidden first char in environment variable name at position 18:"),
            (r#"  description "${A[*}""#, "truncated or invalid word expansion sequence at position 19:"),
            (" .notice a\0b", "Stray NUL character at position 11."),
            ("a \"b\rc\"", "unmatched quote at position 3:"),
        ] {
            assert_eq!(error(line), message, "{line}");
        }
        assert_eq!(error(r"a\x00"), "'\\x00' cannot be part of a word", "HAProxy silently ends the word there");
    }

    #[test]
    fn a_carriage_return_ends_the_line() {
        assert_eq!(texts("a b\r", &[]), ["a", "b"]);
        assert_eq!(texts("a b\\\r", &[]), ["a", "b\\"]);
        let (words, found) = cut("a b\rc", &[]);
        assert_eq!(words.unwrap().len(), 2);
        assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), ["stray-cr"]);
        assert_eq!(texts("# a\rb", &[]), [""; 0]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let line = r#" ab "c ${A}d"'e' f"#;
        let (words, _) = cut(line, &[("A", "long value")]);
        let words = words.unwrap();
        let columns: Vec<_> = words.iter().map(|word| &line[word.span.columns()]).collect();
        assert_eq!(columns, ["ab", r#""c ${A}d"'e'"#, "f"]);
        let part = |text: &str| {
            let at = words[1].as_str().find(text).unwrap();
            &line[words[1].part(at..at + text.len()).columns()]
        };
        assert_eq!(words[1], "c long valuede");
        assert_eq!((part("c"), part("val"), part("de")), ("c", "${A}", r#"d"'e"#));
        assert!(words[1].quoted && words[1].expanded && !words[0].quoted && !words[2].expanded);
    }

    #[test]
    fn bytes_and_long_lines_survive() {
        let (words, _) = cut(b"a caf\xe9", &[]);
        assert_eq!(words.unwrap()[1].as_bytes(), b"caf\xe9");
        let line = "x ".repeat(100_000) + &"y".repeat(100_000);
        assert_eq!(texts(line, &[]).len(), 100_001);
    }
}
