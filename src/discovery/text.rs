//! A configuration under construction: sections of lines that remember which variable they were made of.

use std::fmt;

/// The variable that a line was made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub variable: String,
    /// The key of the service whose variable it is; `None` for the proxy's own.
    pub service: Option<String>,
}

impl Origin {
    pub(super) fn proxy(variable: &str) -> Origin {
        Origin { variable: variable.to_owned(), service: None }
    }

    pub(super) fn service(variable: &str, service: &str) -> Origin {
        Origin { variable: variable.to_owned(), service: Some(service.to_owned()) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{} of service '{service}'", self.variable),
            None => write!(f, "{} of the proxy", self.variable),
        }
    }
}

/// A line of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As it is written, with its indentation.
    pub text: String,
    /// `None`: it is the same in every configuration.
    pub origin: Option<Origin>,
    /// What is written instead where this one is refused: the same without what a user added to it. Without that, a refused
    /// line is left out.
    pub instead: Option<Box<Line>>,
}

impl Line {
    pub(super) fn new(text: impl Into<String>) -> Line {
        Line { text: text.into(), origin: None, instead: None }
    }

    pub(super) fn of(origin: Origin, text: impl Into<String>) -> Line {
        Line { origin: Some(origin), ..Line::new(text) }
    }

    pub(super) fn or(self, instead: Line) -> Line {
        Line { instead: Some(Box::new(instead)), ..self }
    }

    fn indented(self) -> Line {
        let instead = self.instead.map(|line| Box::new(line.indented()));
        Line { text: format!("  {}", self.text), origin: self.origin, instead }
    }
}

/// A section: its first line and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) head: String,
    lines: Vec<Line>,
}

impl Section {
    pub(super) fn new(head: impl Into<String>) -> Section {
        Section { head: head.into(), lines: Vec::new() }
    }

    /// A value may hold line breaks, such as a block of YAML: each line of it is one of the configuration.
    pub(super) fn push(&mut self, line: Line) {
        if !line.text.contains(['\n', '\r']) {
            self.lines.push(line);
            return;
        }
        let parts = line.text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty());
        self.lines.extend(parts.map(|part| Line { text: part.to_owned(), origin: line.origin.clone(), instead: None }));
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.push(Line::new(text));
    }

    pub(super) fn say_of(&mut self, origin: &Origin, text: impl Into<String>) {
        self.push(Line::of(origin.clone(), text));
    }

    /// A line for each of `texts`.
    pub(super) fn all_of<T: Into<String>>(&mut self, origin: &Origin, texts: impl IntoIterator<Item = T>) {
        for text in texts {
            self.say_of(origin, text);
        }
    }
}

/// Sections in the order in which they were first added; one of the same name takes the other's place.
#[derive(Default)]
pub(super) struct Sections(Vec<Section>);

impl Sections {
    pub(super) fn add(&mut self, section: Section) {
        match self.0.iter_mut().find(|known| known.head == section.head) {
            Some(known) => *known = section,
            None => self.0.push(section),
        }
    }

    pub(super) fn into_lines(self) -> Vec<Line> {
        let with_head = |section: Section| {
            let head = Line::new(section.head.split(['\n', '\r']).collect::<String>());
            std::iter::once(head).chain(section.lines.into_iter().map(Line::indented))
        };
        self.0.into_iter().flat_map(with_head).collect()
    }
}
