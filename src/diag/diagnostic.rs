//! One finding about the configuration, with builder methods. How it looks on a terminal is `render`'s business.

use super::span::Span;

/// What a fallible step of loading returns.
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

/// A short stable name such as `unmatched-quote`; tests and tools select by it, users do not see it.
pub type Code = &'static str;

/// How bad it is, in HAProxy's four levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Shown in diagnostic mode (`-dD`) only.
    Diag,
    Notice,
    /// Fatal with `zero-warning` only.
    Warning,
    /// The configuration does not load.
    Alert,
}

/// What stands between HAProxy's `[ALERT] (pid) : ` and the message. HAProxy is not consistent, and scripts match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lead {
    /// `config : parsing [file:line] : `, or `config : ` when there is no span.
    #[default]
    Parsing,
    /// `config : parsing [file:line]: `, without the space before the second colon.
    ParsingTight,
    /// `config : Parsing [file:line]: `.
    ParsingCapital,
    /// `config : [file:line] : `, as HAProxy's messages about servers.
    Place,
    /// `config : `, the place is shown in the excerpt only.
    Config,
    /// Nothing.
    Bare,
}

/// A finding: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    pub lead: Lead,
    /// HAProxy's text after the lead, or ours where HAProxy has none. May have several lines.
    pub message: String,
    /// What the excerpt underlines.
    pub span: Option<Span>,
    /// Short text beside the underline.
    pub label: Option<Box<str>>,
    pub notes: Vec<Note>,
}

/// What is added below the excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What to write instead.
    Help(String),
    /// Background that explains the finding.
    Note(String),
    /// Another place that has to do with it, for instance the first declaration of a name.
    Place(Span, String),
}

impl Diagnostic {
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            lead: Lead::default(),
            message: message.into(),
            span: None,
            label: None,
            notes: Vec::new(),
        }
    }

    pub fn alert(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Alert, code, message)
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message)
    }

    pub fn notice(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Notice, code, message)
    }

    pub fn diag(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Diag, code, message)
    }

    /// Sets the place the excerpt underlines.
    #[must_use]
    pub fn at(mut self, span: Span) -> Diagnostic {
        self.span = Some(span);
        self
    }

    /// Sets the place unless a more exact one is already known.
    #[must_use]
    pub fn or_at(mut self, span: Span) -> Diagnostic {
        self.span.get_or_insert(span);
        self
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = Some(label.into().into_boxed_str());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.notes.push(Note::Help(help.into()));
        self
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(Note::Note(note.into()));
        self
    }

    /// Marks another place with a short text.
    #[must_use]
    pub fn place(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.notes.push(Note::Place(span, text.into()));
        self
    }

    #[must_use]
    pub fn lead(mut self, lead: Lead) -> Diagnostic {
        self.lead = lead;
        self
    }

    /// Puts text before the message: outer parsers say whose part it was, as in `in 'req.hdr': …`.
    #[must_use]
    pub fn context(mut self, before: impl AsRef<str>) -> Diagnostic {
        self.message.insert_str(0, before.as_ref());
        self
    }

    /// The same finding at another level, for instance an error that only newer releases know.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Diagnostic {
        self.severity = severity;
        self
    }

    /// A finding of reading, not of the checks across sections that follow it.
    pub fn is_about_a_line(&self) -> bool {
        !matches!(self.lead, Lead::Config | Lead::Bare)
    }

    /// The texts of all `help` notes.
    pub fn helps(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().filter_map(|note| match note {
            Note::Help(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_enough_to_be_returned_by_value() {
        assert!(size_of::<Diagnostic>() < 128, "clippy asks for a box from 128 bytes on");
    }

    #[test]
    fn context_goes_before_the_message() {
        let found = Diagnostic::alert("x", "missing argument").context("in 'req.hdr': ");
        assert_eq!(found.message, "in 'req.hdr': missing argument");
    }
}
