//! `global`: names of header fields as bogus clients and servers want them (manual 3.1 `h1-case-adjust`).

use std::sync::Arc;

use super::GlobalDraft;
use crate::diag::{Diagnostic, Diagnostics};
use crate::keyword::{Meta, Sections, Setting};
use crate::lower::files::Reader;
use crate::lower::table::sentence;

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "h1-case-adjust",
            "h1-case-adjust <from> <to>",
            "Writes a name of header fields in another case, for 'option h1-case-adjust-bogus-client' and '-server'.",
            &[("h1-case-adjust host Host", "h1-case-adjust 1")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            let (Some(from), Some(to)) = (words.next_word(), words.next_word()) else {
                let message = "'h1-case-adjust' expects <from> and <to> as argument.";
                return Err(sentence(words.end(), "missing", message));
            };
            let added = draft.case_map.add(from.as_bytes(), to.as_bytes());
            added.map_err(|why| {
                sentence(to.span, "case", format!("'h1-case-adjust': {why}, found '{from}' and '{to}'."))
            })
        },
    },
    Setting {
        meta: Meta::new(
            "h1-case-adjust-file",
            "h1-case-adjust-file <hdrs-file>",
            "Reads such pairs from a file, one a line; the last such line of the section counts.",
            &[("h1-case-adjust-file names.txt", "h1-case-adjust 1")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            let Some(file) = words.next_word() else {
                let message = "'h1-case-adjust-file' expects <file> as argument.";
                return Err(sentence(words.end(), "missing", message));
            };
            draft.case_file = Some(file.clone());
            Ok(())
        },
    },
];

impl GlobalDraft {
    /// Reads the file of pairs.
    pub(super) fn finish_case(&mut self, reader: &Reader<'_>, diags: &Diagnostics) {
        let mut map = std::mem::take(&mut self.case_map);
        if let Some(file) = self.case_file.take() {
            let told = |why: &str| {
                let text = format!("h1-headers-case-adjust-file '{file}' : {why}.");
                diags.push(Diagnostic::alert("case", text).at(file.span));
            };
            match reader.read(file.as_str()) {
                Err(_) => told("failed to open file"),
                Ok(bytes) => {
                    for (line, number) in bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..) {
                        if line.is_empty() || line.starts_with(b"#") {
                            continue;
                        }
                        let mut names = line.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
                        let found = match (names.next(), names.next(), names.next()) {
                            (Some(from), Some(to), None) => map.add(from, to),
                            (_, None, _) => Err("expect <to>"),
                            _ => Err("expect two names"),
                        };
                        if let Err(why) = found {
                            told(&format!("{why} at line {number}"));
                        }
                    }
                }
            }
        }
        self.out.case_map = Arc::new(map);
    }
}
