//! Prometheus' text format: `# HELP`, `# TYPE`, then a line per object. A metric without objects is not told at all.

/// A text being written.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    name: String,
    /// What stands before the first line.
    head: Option<String>,
}

/// The labels of one line.
#[derive(Clone, Default)]
pub(super) struct Labels(String);

impl Labels {
    /// With one more.
    pub(super) fn with(mut self, name: &str, value: &str) -> Labels {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
        self
    }
}

impl Writer {
    /// The lines of another metric follow.
    pub(super) fn begin(&mut self, name: String, counter: bool, help: &str) {
        let kind = if counter { "counter" } else { "gauge" };
        self.head = Some(format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        self.name = name;
    }

    /// One line.
    pub(super) fn line(&mut self, labels: &Labels, value: &str) {
        if let Some(head) = self.head.take() {
            self.out.push_str(&head);
        }
        self.out.push_str(&self.name);
        if !labels.0.is_empty() {
            self.out.extend(["{", &labels.0, "}"]);
        }
        self.out.extend([" ", value, "\n"]);
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// A line for each state: 1 for the present one, 0 for the others.
pub(super) fn states(out: &mut Writer, labels: &Labels, all: &[&str], present: &str) {
    for state in all {
        out.line(&labels.clone().with("state", state), if *state == present { "1" } else { "0" });
    }
}

/// A line for each state: how many are in it.
pub(super) fn counts(out: &mut Writer, labels: &Labels, all: &[&str], present: impl Iterator<Item = String>) {
    let present: Vec<String> = present.collect();
    for state in all {
        let count = present.iter().filter(|one| one == state).count();
        out.line(&labels.clone().with("state", state), &count.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_empty_metrics_left_out() {
        let mut out = Writer::default();
        out.begin("a".to_owned(), true, "Nothing.");
        out.begin("b".to_owned(), false, "Something.");
        out.line(&Labels::default().with("x", "a\"b\\c\nd").with("y", "1"), "2");
        let expected = "# HELP b Something.\n# TYPE b gauge\nb{x=\"a\\\"b\\\\c\\nd\",y=\"1\"} 2\n";
        assert_eq!(out.finish(), expected);
    }
}
