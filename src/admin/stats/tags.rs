//! What a value means (management.txt 9.2): tags and types of statistics, and their form in the typed and JSON outputs.

use std::fmt::Write;

/// A field of `show info` or `show stat`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its position, which never changes; there may be holes.
    pub at: usize,
    /// As in the output.
    pub name: &'static str,
    /// Origin, nature, scope and persistence, one letter each.
    pub tags: &'static str,
    /// `str`, `u32`, `s32`, `u64`
    pub kind: &'static str,
    /// A sentence for `desc`.
    pub doc: &'static str,
}

impl Field {
    /// From a line of a table: name, tags, type and description between tabs.
    pub fn parse(at: usize, line: &'static str) -> Option<Field> {
        let mut columns = line.split('\t');
        let mut column = || columns.next();
        Some(Field { at, name: column()?, tags: column()?, kind: column()?, doc: column()? })
    }

    /// `MGPV:u32:5`, with `desc` the description behind it.
    pub fn typed(&self, value: &str, desc: bool, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}:{}:{value}", self.tags, self.kind);
        if desc {
            let _ = write!(out, ":\"{}\"", self.doc);
        }
        out.push('\n');
    }

    /// The JSON object of a value; `before` are the members that name its object, with their comma.
    pub fn json(&self, before: &str, value: &str, out: &mut String) {
        let mut letters = self.tags.bytes();
        let mut letter = || letters.next().unwrap_or(b'?');
        let (origin, nature, scope) = (origin(letter()), nature(letter()), scope(letter()));
        let (at, name, kind) = (self.at, self.name, self.kind);
        let _ = write!(
            out,
            "{{{before}\"field\":{{\"pos\":{at},\"name\":\"{name}\"}},\"processNum\":1,\
             \"tags\":{{\"origin\":\"{origin}\",\"nature\":\"{nature}\",\"scope\":\"{scope}\"}},\
             \"value\":{{\"type\":\"{kind}\",\"value\":"
        );
        if kind == "str" {
            quote(value, out);
        } else {
            out.push_str(value);
        }
        out.push_str("}}");
    }
}

/// A JSON string.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn origin(letter: u8) -> &'static str {
    match letter {
        b'M' => "Metric",
        b'S' => "Status",
        b'K' => "Key",
        b'C' => "Config",
        b'P' => "Product",
        _ => "Unknown",
    }
}

fn nature(letter: u8) -> &'static str {
    match letter {
        b'G' => "Gauge",
        b'L' => "Limit",
        b'm' => "Min",
        b'M' => "Max",
        b'R' => "Rate",
        b'C' => "Counter",
        b'D' => "Duration",
        b'A' => "Age",
        b'T' => "Time",
        b'N' => "Name",
        b'O' => "Output",
        b'a' => "Avg",
        _ => "Unknown",
    }
}

fn scope(letter: u8) -> &'static str {
    match letter {
        b'C' => "Cluster",
        b'P' => "Process",
        b'S' => "Service",
        b's' => "System",
        _ => "Unknown",
    }
}

/// `show schema json`: what the JSON outputs look like.
pub const SCHEMA: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_for_json() {
        let field = Field { at: 2, name: "n", tags: "MOPV", kind: "str", doc: "d" };
        let mut out = String::new();
        field.json("", "a\"\\\n\u{1}", &mut out);
        assert!(out.ends_with("\"value\":{\"type\":\"str\",\"value\":\"a\\\"\\\\\\n\\u0001\"}}"), "{out}");
        assert!(out.contains("\"origin\":\"Metric\",\"nature\":\"Output\",\"scope\":\"Process\""), "{out}");
    }
}
