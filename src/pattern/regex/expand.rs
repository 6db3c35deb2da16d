//! Replacement texts of `replace-header`, `replace-path`, `regsub`, `map_regm` and their like: `\0` to `\9` stand for groups.

use super::Groups;

/// A replacement text, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Group(u8),
}

impl Template {
    /// Reads a text: `\N` with one digit is a group, `\xHH` a byte, and any other escaped byte stands for itself.
    pub fn new(text: &[u8]) -> Template {
        let mut template = Template::default();
        each_part(text, |part| match part {
            Ok(byte) => template.literal(byte),
            Err(group) => template.0.push(Part::Group(group)),
        });
        template
    }

    /// Appends the text with the groups of a match in `sample`.
    pub fn expand(&self, sample: &[u8], groups: &Groups, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Group(group) => out.extend_from_slice(group_text(sample, groups, *group)),
            }
        }
    }

    /// The text uses a group other than the whole match.
    pub fn uses_groups(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Group(1..)))
    }

    fn literal(&mut self, byte: u8) {
        match self.0.last_mut() {
            Some(Part::Text(text)) => text.push(byte),
            _ => self.0.push(Part::Text(vec![byte])),
        }
    }
}

/// Expands a text that is only known at run time; see [`Template`].
pub fn expand(template: &[u8], sample: &[u8], groups: &Groups, out: &mut Vec<u8>) {
    each_part(template, |part| match part {
        Ok(byte) => out.push(byte),
        Err(group) => out.extend_from_slice(group_text(sample, groups, group)),
    });
}

/// Hands over each byte, or as `Err` the number of a group.
fn each_part(mut text: &[u8], mut part: impl FnMut(Result<u8, u8>)) {
    while let [first, rest @ ..] = text {
        text = match (first, rest) {
            (b'\\', [digit @ b'0'..=b'9', rest @ ..]) => {
                part(Err(digit - b'0'));
                rest
            }
            (b'\\', [b'x', high, low, rest @ ..]) if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                part(Ok(high << 4 | low));
                rest
            }
            (b'\\', [escaped, rest @ ..]) => {
                part(Ok(*escaped));
                rest
            }
            (byte, rest) => {
                part(Ok(*byte));
                rest
            }
        };
    }
}

fn group_text<'s>(sample: &'s [u8], groups: &Groups, group: u8) -> &'s [u8] {
    let range = groups.get(usize::from(group)).copied().flatten();
    range.and_then(|(start, end)| sample.get(start..end)).unwrap_or_default()
}

fn hex(byte: u8) -> Option<u8> {
    // A hexadecimal digit is below 16.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::super::Regex;
    use super::*;

    fn both(pattern: &str, template: &str, sample: &str) -> String {
        let mut groups = Groups::new();
        assert!(Regex::new(pattern.as_bytes(), false).unwrap().captures(sample.as_bytes(), 0, &mut groups));
        let (mut fixed, mut dynamic) = (Vec::new(), Vec::new());
        Template::new(template.as_bytes()).expand(sample.as_bytes(), &groups, &mut fixed);
        expand(template.as_bytes(), sample.as_bytes(), &groups, &mut dynamic);
        assert_eq!(fixed, dynamic);
        String::from_utf8(fixed).unwrap()
    }

    #[test]
    fn groups_and_escapes_are_replaced_as_the_reference_does() {
        assert_eq!(both("^a(b+)(c)?", r"x\1y\2z\0\\1\9", "abbc"), r"xbbyczabbc\1");
        assert_eq!(both("^a(b+)(c)?", r"x\1y\2z\0\\1\9", "abb"), r"xbbyzabb\1");
        assert_eq!(both("^(a)(b)?$", r"[\x41\n\t\\\a\1\2\3\10]", "a"), r"[Ant\aaa0]");
        assert_eq!(both("a", r"end\", "a"), r"end\");
    }

    #[test]
    fn templates_know_whether_they_use_groups() {
        assert!(!Template::new(br"a\0\\1").uses_groups());
        assert!(Template::new(br"a\1").uses_groups());
    }
}
