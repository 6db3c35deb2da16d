//! Splits the files that `-f`, `-M` and the map converters name into patterns (manual 7.1 and `map`).
//!
//! Reading the file is left to whoever loads the configuration.

/// One pattern of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLine<'a> {
    /// Line number, from 1.
    pub line: u32,
    /// The pattern.
    pub key: &'a [u8],
    /// What a map yields for it; empty if the line has none, and in lists.
    pub value: &'a [u8],
}

/// The patterns of a list (`acl ... -f`): one per line, without leading spaces and tabs. Trailing ones belong to it.
pub fn list_lines(text: &[u8]) -> impl Iterator<Item = FileLine<'_>> {
    lines(text).map(|(line, key)| FileLine { line, key, value: b"" })
}

/// The entries of a map: the key up to the first space or tab, then the value without those around it.
pub fn map_lines(text: &[u8]) -> impl Iterator<Item = FileLine<'_>> {
    lines(text).map(|(line, text)| {
        let (key, value) = text.split_at(text.iter().position(|byte| blank(*byte)).unwrap_or(text.len()));
        FileLine { line, key, value: trim_start(trim_end(value)) }
    })
}

/// Numbered lines without end of line and indentation; comments begin in the first column only.
fn lines(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1u32..)
        .zip(text.split(|byte| *byte == b'\n'))
        .filter(|(_, line)| line.first() != Some(&b'#'))
        .map(|(at, line)| (at, trim_start(line.strip_suffix(b"\r").unwrap_or(line))))
        .filter(|(_, line)| !line.is_empty())
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_start(text: &[u8]) -> &[u8] {
    &text[text.iter().position(|byte| !blank(*byte)).unwrap_or(text.len())..]
}

fn trim_end(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|byte| !blank(*byte)).map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_everything_but_indentation_comments_and_blank_lines() {
        let text = b"10.0.0.1\n# no\n\n   \t\n\t #yes \r\nlast";
        let found: Vec<_> = list_lines(text).map(|l| (l.line, l.key)).collect();
        assert_eq!(found, [(1, &b"10.0.0.1"[..]), (5, b"#yes "), (6, b"last")]);
    }

    #[test]
    fn a_map_splits_at_the_first_blank() {
        let text = b"   2.22.246.0/23    United Kingdom      \na\tb\nc\nd  \r\n #f 6\n#g 7\n";
        let found: Vec<_> = map_lines(text).map(|l| (l.key, l.value)).collect();
        assert_eq!(
            found,
            [(&b"2.22.246.0/23"[..], &b"United Kingdom"[..]), (b"a", b"b"), (b"c", b""), (b"d", b""), (b"#f", b"6")]
        );
    }
}
