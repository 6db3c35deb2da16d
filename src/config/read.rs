//! Files to sections: cuts texts into lines, skips what `.if` excludes, groups the rest. One bad line never hides the next.

use super::ast::{Ast, Line, Section};
use super::block::Blocks;
use super::directive;
use super::env::Env;
use super::predicate::Facts;
use super::words::{LineContext, words};
use crate::diag::{Diagnostic, Diagnostics, FileId, Lead, Span, Word};

/// One text to read.
#[derive(Debug, Clone)]
pub struct Input {
    /// As the user wrote it; shown in messages and the value of `.FILE`.
    pub name: String,
    pub text: Vec<u8>,
}

/// What reading has to know.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The words that open a section.
    pub sections: &'a [&'a str],
    pub facts: Facts<'a>,
}

impl Input {
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Input {
        Input { name: name.into(), text: text.into() }
    }
}

/// Reads all files in order. The AST holds every line that could be read, whatever was found.
pub fn read(inputs: Vec<Input>, env: Env, options: &Options<'_>, found: &Diagnostics) -> Ast {
    let mut ast = Ast { env, ..Ast::default() };
    for Input { name, text } in inputs {
        let text = without_bom(&name, text, found);
        let file = ast.sources.add(name.as_str(), text.as_slice());
        Reader { ast: &mut ast, options, found, file, name: &name, blocks: Blocks::default(), open: false }.file(&text);
    }
    ast
}

/// Which of a directory's entries belong to the configuration, in reading order: `.cfg` files that are not hidden (management
/// guide, chapter 3). Names come back behind the directory's.
pub fn configuration_files(directory: &str, entries: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> =
        entries.into_iter().filter(|name| name.ends_with(".cfg") && !name.starts_with('.')).collect();
    names.sort_unstable();
    let directory = directory.strip_suffix('/').unwrap_or(directory);
    names.into_iter().map(|name| format!("{directory}/{name}")).collect()
}

/// HAProxy takes a byte order mark for a part of the first word; here it is dropped.
fn without_bom(name: &str, text: Vec<u8>, found: &Diagnostics) -> Vec<u8> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        found.push(
            Diagnostic::alert("utf-16", format!("{name}: the file is UTF-16, expected UTF-8 or plain ASCII"))
                .help(format!("convert it: iconv -f UTF-16 -t UTF-8 {name}")),
        );
        return Vec::new();
    }
    match text.strip_prefix(b"\xef\xbb\xbf") {
        None => text,
        Some(rest) => {
            found.push(
                Diagnostic::warning("byte-order-mark", format!("{name}: the file starts with a byte order mark"))
                    .help("save it as 'UTF-8 without BOM': HAProxy refuses the first line"),
            );
            rest.to_vec()
        }
    }
}

struct Reader<'a> {
    ast: &'a mut Ast,
    options: &'a Options<'a>,
    found: &'a Diagnostics,
    file: FileId,
    name: &'a str,
    blocks: Blocks,
    /// A section of this file is open: a section ends with its file.
    open: bool,
}

impl Reader<'_> {
    fn file(mut self, text: &[u8]) {
        let mut number = 0;
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            number += 1;
            let Some(line) = line.strip_suffix(b"\n") else {
                self.line(line, number);
                self.truncated(line, number);
                break;
            };
            if !self.line(line, number) {
                break;
            }
        }
        let end = Span::new(self.file, number, 0..0);
        std::mem::take(&mut self.blocks).finish(end).for_each(|open| self.found.push(open));
    }

    /// HAProxy refuses such a file; half of the files in the wild are hand-made and complete.
    fn truncated(&self, line: &[u8], number: u32) {
        let end = line.len();
        let message = format!("Missing LF on last line, file might have been truncated at position {}.", end + 1);
        self.found.push(
            Diagnostic::warning("missing-newline", message)
                .lead(Lead::ParsingTight)
                .at(Span::new(self.file, number, end..end))
                .help("end the last line with a line feed: HAProxy refuses the file"),
        );
    }

    /// Reads one line; false if the file cannot be a text.
    fn line(&mut self, line: &[u8], number: u32) -> bool {
        let context = LineContext {
            env: &self.ast.env,
            file: self.file,
            file_name: self.name,
            line: number,
            section: self.section(),
        };
        match words(line, &context, self.found) {
            Ok(words) => self.words(words),
            Err(error) => {
                let binary = error.code == "stray-nul";
                self.found.push(error);
                self.recover(line, number);
                // Every other line of a binary file would be reported too.
                return !binary;
            }
        }
        true
    }

    /// Opens the section that a bad line was meant to open, so that its lines are not taken for those of another.
    fn recover(&mut self, line: &[u8], number: u32) {
        let (mut words, mut next) = (Vec::new(), 0);
        for part in line.split(u8::is_ascii_whitespace) {
            let columns = next..next + part.len();
            next = columns.end + 1;
            if !part.is_empty() {
                let text: Vec<u8> = part.iter().copied().filter(|byte| !matches!(byte, b'"' | b'\'')).collect();
                words.push(Word::new(text, Span::new(self.file, number, columns)));
            }
        }
        if words.first().is_some_and(|first| self.options.sections.contains(&first.as_str())) {
            self.words(words);
        }
    }

    fn words(&mut self, mut words: Vec<Word>) {
        let Some(first) = words.first() else { return };
        if first.as_bytes().starts_with(b".") {
            let Reader { blocks, ast, options, found, .. } = self;
            directive::directive(&words, blocks, &ast.env, &options.facts, found);
            return;
        }
        if !self.blocks.active() {
            return;
        }
        self.end_at_empty(&mut words);
        let Some(line) = Line::new(words) else { return };
        if self.options.sections.contains(&line.keyword().as_str()) {
            self.ast.sections.push(Section { head: line, lines: Vec::new() });
            self.open = true;
            return;
        }
        match self.ast.sections.last_mut() {
            Some(section) if self.open => {
                if section.kind() == GLOBAL {
                    directive::environment(&line.words, &mut self.ast.env, self.found);
                }
                section.lines.push(line);
            }
            _ => self.out_of_section(&line),
        }
    }

    /// An empty argument ends the line, as it always did with HAProxy; newer versions refuse it.
    fn end_at_empty(&self, words: &mut Vec<Word>) {
        let Some(at) = words.iter().position(Word::is_empty) else { return };
        let Some(empty) = words.get(at) else { return };
        let position = empty.span.start + 1;
        let message = format!(
            "argument number {at} at position {position} is empty and marks the end of the argument list; all subsequent \
             arguments will be ignored"
        );
        let warning = Diagnostic::warning("empty-argument", message).lead(Lead::ParsingTight).at(empty.span);
        self.found.push(if empty.expanded {
            warning.label("nothing is left after expansion").help("write \"${NAME[*]}\" to leave the argument out")
        } else {
            warning.help("remove it")
        });
        words.truncate(at);
    }

    fn out_of_section(&self, line: &Line) {
        let keyword = line.keyword();
        let found = Diagnostic::alert("out-of-section", format!("unknown keyword '{keyword}' out of section."))
            .lead(Lead::ParsingTight)
            .at(keyword.span);
        self.found.push(match crate::diag::suggest(keyword.as_str(), self.options.sections.iter().copied()) {
            Some(near) => found.help(format!("did you mean to open a section with '{near}'?")),
            None => found.help("each file starts with a section, such as 'global', 'defaults' or 'frontend NAME'"),
        });
    }

    /// The value of `.SECTION`.
    fn section(&self) -> &[u8] {
        match self.ast.sections.last() {
            Some(section) if self.open => section.name().unwrap_or(section.head.keyword()).as_bytes(),
            _ => b"",
        }
    }
}

/// The only section the language knows by name: its `setenv` lines change how the following lines read.
const GLOBAL: &str = "global";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Severity;

    fn read_all(files: &[(&str, &str)]) -> (Ast, Vec<Diagnostic>) {
        let found = Diagnostics::new();
        let inputs = files.iter().map(|&(name, text)| Input::new(name, text)).collect();
        let options = Options { sections: &["global", "frontend", "backend"], facts: Facts::default() };
        (read(inputs, Env::new(), &options, &found), found.take())
    }

    #[test]
    fn a_section_and_a_block_end_with_their_file() {
        let (ast, found) = read_all(&[
            ("a.cfg", "frontend f\n bind :1\n.if 1\n maxconn 1\n"),
            ("b.cfg", " bind :2\n.endif\nbackend b\n server s :3\n"),
        ]);
        assert_eq!(
            ast.to_string(),
            "a.cfg:1: frontend | f\n    2: bind | :1\n    4: maxconn | 1\nb.cfg:3: backend | b\n    4: server | s | :3\n"
        );
        let codes: Vec<_> = found.iter().map(|found| found.code).collect();
        assert_eq!(codes, ["unterminated-if", "out-of-section", "lone-directive"]);
    }

    #[test]
    fn a_missing_newline_at_the_end_is_a_warning() {
        // HAProxy 2.8: `Missing LF on last line, file might have been truncated at position 18.`, and refuses.
        let (ast, found) = read_all(&[("a.cfg", "global\n  description a b")]);
        assert_eq!(ast.sections[0].lines.len(), 1);
        assert_eq!(found[0].message, "Missing LF on last line, file might have been truncated at position 18.");
        assert_eq!(found[0].severity, Severity::Warning);
        assert!(read_all(&[("a.cfg", ""), ("b.cfg", "\n"), ("c.cfg", "global\n")]).1.is_empty());
    }

    #[test]
    fn environment_changes_reach_the_following_files_and_the_caller() {
        let (ast, found) = read_all(&[("a.cfg", "global\n setenv A 1\n"), ("b.cfg", "global\n node \"$A\"\n")]);
        assert!(found.is_empty());
        assert_eq!(ast.sections[1].lines[0].words[1], "1");
        assert_eq!(ast.env.value(b"A"), Some(&b"1"[..]));
    }

    #[test]
    fn a_bad_section_line_still_opens_its_section() {
        let (ast, found) = read_all(&[("a.cfg", "frontend f\nbackend \"b\n balance x\n")]);
        assert_eq!(found.len(), 1);
        assert_eq!((ast.sections[1].kind(), ast.sections[1].name().unwrap().as_str()), ("backend", "b"));
        assert_eq!(ast.sections[1].lines.len(), 1);
    }

    #[test]
    fn utf_16_is_named_once() {
        let (ast, found) = read_all(&[]);
        assert!(ast.sections.is_empty() && found.is_empty());
        let found = Diagnostics::new();
        assert_eq!(without_bom("a.cfg", b"\xff\xfeg\0l\0".to_vec(), &found), b"");
        assert_eq!(found.take()[0].code, "utf-16");
    }

    #[test]
    fn directories_are_read_in_lexical_order() {
        let entries = ["b.cfg", ".hidden.cfg", "a.cfg", "notes.txt", "Z.cfg", "cfg"].map(str::to_owned);
        assert_eq!(configuration_files("conf.d/", entries), ["conf.d/Z.cfg", "conf.d/a.cfg", "conf.d/b.cfg"]);
    }
}
