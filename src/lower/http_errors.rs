//! `http-errors` sections (manual 12.4): groups of replies that proxies and rules take over by name.

use std::sync::LazyLock;

use super::files::Reader;
use super::proxy::ErrorSource;
use super::table::{Draft, Prefix, Table};
use crate::diag::{Diagnostics, Word};
use crate::ir::ErrorAnswer;
use crate::keyword::{ErrorGroup, Meta, Sections, Setting};

/// The directives of `http-errors`.
pub(super) static TABLE: LazyLock<Table<ErrorsDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// An `http-errors` section being read.
pub(super) struct ErrorsDraft {
    name: String,
    prefix: Prefix,
    sources: Vec<ErrorSource>,
}

impl Draft for ErrorsDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl ErrorsDraft {
    pub(super) fn new(name: &Word) -> Self {
        ErrorsDraft { name: name.as_str().to_owned(), prefix: Prefix::None, sources: Vec::new() }
    }

    /// Reads the files. Of two for a status the last one counts.
    pub(super) fn finish(self, reader: &Reader<'_>, bufsize: usize, diags: &Diagnostics) -> ErrorGroup {
        let mut replies = Vec::new();
        for reply in self.sources.into_iter().filter_map(|source| source.finish(reader, bufsize, diags)) {
            if let ErrorAnswer::Raw(raw) = reply.answer {
                replies.retain(|(status, _)| *status != reply.status);
                replies.push((reply.status, raw));
            }
        }
        ErrorGroup { name: self.name, replies }
    }
}

/// Every family, for the reference and the table tests.
pub(super) static FAMILIES: &[&[Setting<ErrorsDraft>]] = &[SETTINGS];

static SETTINGS: &[Setting<ErrorsDraft>] = &[Setting {
    meta: Meta::new(
        "errorfile",
        "errorfile <code> <file>",
        "Adds a file, head and body, as the reply of this status.",
        &[("errorfile 503 503.http", "error 503")],
    ),
    sections: Sections::HTTP_ERRORS,
    apply: |words, draft, _| {
        draft.sources.push(ErrorSource::file(words)?);
        Ok(())
    },
}];
