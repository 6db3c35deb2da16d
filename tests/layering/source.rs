//! A small reader of Rust sources for the guard tests: files, words outside comments and strings, and the crate paths
//! that a file names. It is no Rust parser; it knows just enough to be right about what the guard tests ask.

use std::fs;
use std::path::{Path, PathBuf};

/// A word or a punctuation mark of a source file that stands outside comments and literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Word(String),
    Mark(char),
}

/// One source file: its path relative to the crate, its text, and its tokens with 1-based line numbers.
pub struct Source {
    pub path: String,
    pub text: String,
    pub tokens: Vec<(usize, Token)>,
}

/// A path that starts at the crate root: the line it stands on and its first segment.
#[derive(Debug, PartialEq, Eq)]
pub struct CratePath {
    pub line: usize,
    pub module: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), tokens: tokens(text) }
    }

    /// The modules this file lies in, outermost first: `src/expr/fetch/header.rs` is `expr`, `fetch`, `header`.
    pub fn module_path(&self) -> Vec<&str> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path).trim_end_matches(".rs");
        let mut parts: Vec<&str> = inner.split('/').collect();
        if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
            parts.pop();
        }
        parts
    }

    /// Lines on which `word` stands as code.
    pub fn lines_with(&self, word: &str) -> Vec<usize> {
        let hit = |t: &&(usize, Token)| matches!(&t.1, Token::Word(w) if w == word);
        self.tokens.iter().filter(hit).map(|t| t.0).collect()
    }

    /// Lines on which the `::`-separated `path` stands as code, alone or as a part of a longer path.
    pub fn lines_with_path(&self, path: &str) -> Vec<usize> {
        let mut want = Vec::new();
        for part in path.split("::") {
            want.extend([Token::Mark(':'), Token::Mark(':'), Token::Word(part.to_owned())]);
        }
        let want = &want[2..];
        let hit = |w: &&[(usize, Token)]| w.iter().map(|t| &t.1).eq(want);
        self.tokens.windows(want.len()).filter(hit).map(|w| w[0].0).collect()
    }

    /// Every path from the crate root: `crate::a`, `crate::{a, b}`, `$crate::a`, and `super` chains that climb to it.
    pub fn crate_paths(&self) -> Vec<CratePath> {
        let mut found = Vec::new();
        let depths = self.inline_depths();
        let mut i = 0;
        while i < self.tokens.len() {
            let next = match &self.tokens[i].1 {
                Token::Word(w) if w == "crate" && self.is_path_sep(i + 1) => Some(i + 3),
                Token::Word(w) if w == "super" && self.is_path_sep(i + 1) => {
                    let mut climbs = 1;
                    let mut at = i + 3;
                    while matches!(&self.tokens.get(at), Some((_, Token::Word(w))) if w == "super")
                        && self.is_path_sep(at + 1)
                    {
                        climbs += 1;
                        at += 3;
                    }
                    let root = climbs >= self.module_path().len() + depths[i];
                    i = at - 1;
                    root.then_some(at)
                }
                _ => None,
            };
            if let Some(at) = next {
                self.first_segments(at, &mut found);
            }
            i += 1;
        }
        found
    }

    fn is_path_sep(&self, at: usize) -> bool {
        let colon = |t: Option<&(usize, Token)>| matches!(t, Some((_, Token::Mark(':'))));
        colon(self.tokens.get(at)) && colon(self.tokens.get(at + 1))
    }

    /// The first segment at `at`, or one for each item of a `{…}` group there.
    fn first_segments(&self, at: usize, found: &mut Vec<CratePath>) {
        match self.tokens.get(at) {
            Some((line, Token::Word(w))) => {
                let is_macro = matches!(self.tokens.get(at + 1), Some((_, Token::Mark('!'))));
                if !is_macro {
                    found.push(CratePath { line: *line, module: w.clone() });
                }
            }
            Some((_, Token::Mark('{'))) => {
                let mut depth = 0;
                let mut fresh = true;
                for (line, token) in &self.tokens[at..] {
                    match token {
                        Token::Mark('{') => depth += 1,
                        Token::Mark('}') if depth == 1 => break,
                        Token::Mark('}') => depth -= 1,
                        Token::Mark(',') if depth == 1 => fresh = true,
                        Token::Word(w) if depth == 1 && fresh => {
                            fresh = false;
                            found.push(CratePath { line: *line, module: w.clone() });
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// For each token, how many inline modules (`mod tests { … }`) enclose it.
    fn inline_depths(&self) -> Vec<usize> {
        let mut open: Vec<bool> = Vec::new();
        let mut depths = Vec::with_capacity(self.tokens.len());
        for (i, (_, token)) in self.tokens.iter().enumerate() {
            match token {
                Token::Mark('{') => {
                    let is_module = i >= 2 && self.tokens[i - 2].1 == Token::Word("mod".to_owned());
                    open.push(is_module);
                }
                Token::Mark('}') => {
                    open.pop();
                }
                _ => {}
            }
            depths.push(open.iter().filter(|m| **m).count());
        }
        depths
    }
}

/// Every `.rs` file below `dir` of the crate, in lexical order.
pub fn sources(dir: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join(dir), &mut paths);
    paths.sort();
    let read = |p: &PathBuf| {
        let shown = p.strip_prefix(root).unwrap_or(p).to_string_lossy().replace('\\', "/");
        Source::new(&shown, &fs::read_to_string(p).unwrap_or_else(|e| panic!("{shown}: {e}")))
    };
    paths.iter().map(read).collect()
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Splits Rust text into words and marks; comments, strings, characters and lifetimes vanish.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let b = text.as_bytes();
    let mut out = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < b.len() {
        let skip = literal_or_comment(b, i);
        if skip > 0 {
            line += b[i..i + skip].iter().filter(|c| **c == b'\n').count();
            i += skip;
        } else if is_word(b[i]) {
            let end = (i..b.len()).find(|j| !is_word(b[*j])).unwrap_or(b.len());
            out.push((line, Token::Word(text[i..end].to_owned())));
            i = end;
        } else {
            line += usize::from(b[i] == b'\n');
            if !b[i].is_ascii_whitespace() {
                out.push((line, Token::Mark(char::from(b[i]))));
            }
            i += 1;
        }
    }
    out
}

/// Length of the comment or literal that starts at `i`, 0 if none does.
fn literal_or_comment(b: &[u8], i: usize) -> usize {
    let rest = &b[i..];
    if rest.starts_with(b"//") {
        return rest.iter().position(|c| *c == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment(rest);
    }
    if rest[0] == b'\'' {
        return character(rest);
    }
    let prefix = rest.iter().position(|c| !matches!(c, b'b' | b'c' | b'r')).unwrap_or(0);
    let starts_word = i == 0 || !is_word(b[i - 1]);
    if prefix > 0 && (!starts_word || prefix > 2) {
        return 0;
    }
    let raw = rest[..prefix].contains(&b'r');
    let hashes = rest[prefix..].iter().take_while(|c| raw && **c == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return 0;
    }
    let body = prefix + hashes + 1;
    if raw {
        let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        let at = rest[body..].windows(end.len()).position(|w| w == end);
        return at.map_or(rest.len(), |p| body + p + end.len());
    }
    quoted(rest, body, b'"')
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut j) = (0, 0);
    while j < rest.len() {
        if rest[j..].starts_with(b"/*") {
            depth += 1;
            j += 2;
        } else if rest[j..].starts_with(b"*/") {
            depth -= 1;
            j += 2;
            if depth == 0 {
                break;
            }
        } else {
            j += 1;
        }
    }
    j
}

/// A character literal, or a lifetime, which is skipped with its name.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return quoted(rest, 1, b'\'');
    }
    let close = rest.iter().skip(2).take(4).position(|c| *c == b'\'');
    match close {
        Some(p) if p == 0 || rest[1] >= 0x80 => p + 3,
        _ => 1 + rest[1..].iter().take_while(|c| is_word(**c)).count(),
    }
}

fn quoted(rest: &[u8], mut j: usize, end: u8) -> usize {
    while j < rest.len() && rest[j] != end {
        j += if rest[j] == b'\\' { 2 } else { 1 };
    }
    (j + 1).min(rest.len())
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}
