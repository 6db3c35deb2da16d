//! Comma-separated lists as variables hold them.

/// The items between commas without a backslash in front, trimmed, with `\,` for a comma; empty ones are left out.
pub(super) fn escaped(text: &str) -> Vec<String> {
    raw(text).into_iter().map(|item| item.trim().replace("\\,", ",")).filter(|item| !item.is_empty()).collect()
}

/// The items between commas without a backslash in front, as they stand.
pub(super) fn raw(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(',') {
        if !text[..at].ends_with('\\') {
            items.push(&text[start..at]);
            start = at + 1;
        }
    }
    items.push(&text[start..]);
    items
}

/// The items between any commas, trimmed; empty ones are left out.
pub(super) fn plain(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The lines of a file, trimmed; empty ones are left out.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_keeps_a_comma() {
        assert_eq!(escaped(r" a b , c\, d,,e\,"), ["a b", "c, d", "e,"]);
        assert_eq!(escaped(""), [""; 0]);
        assert_eq!(raw("a,,b"), ["a", "", "b"]);
        assert_eq!(plain(r" a\, b,, c ").collect::<Vec<_>>(), [r"a\", "b", "c"]);
        assert_eq!(lines(b" a\r\n\n  b c\n"), ["a", "b c"]);
    }
}
