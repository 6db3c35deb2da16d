//! Lines of the runtime socket: commands, words, payloads (management.txt 9.3).

/// The commands of a line: separated by `;` unless a backslash stands before it. Backslashes stay.
pub fn split(line: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b';' if !escaped => {
                commands.push(line.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    commands.push(line.get(from..).unwrap_or_default());
    commands
}

/// The words of a command: separated by spaces and tabs unless a backslash stands before them. What begins with `#` is a comment
/// only where a comment makes sense, at the beginning.
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut begun) = (String::new(), false);
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' if !begun => {}
            ' ' | '\t' | '\r' => {
                words.push(std::mem::take(&mut word));
                begun = false;
            }
            '\\' => {
                begun = true;
                word.extend(chars.next());
            }
            c => {
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// The line without its `<<` and the pattern behind it that ends the payload; empty is an empty line. `None` without a payload.
pub fn payload(line: &str) -> Option<(&str, &str)> {
    let at = line.rfind("<<")?;
    let (command, pattern) = (line.get(..at)?, line.get(at + 2..)?.trim_end_matches('\r'));
    let glued = !command.is_empty() && !command.ends_with([' ', '\t']);
    let fits = !glued && pattern.len() <= LONGEST_PATTERN && !pattern.contains([' ', '\t']);
    fits.then_some((command, pattern))
}

const LONGEST_PATTERN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_separated_by_semicolons_that_are_not_escaped() {
        assert_eq!(split("show info;show stat"), ["show info", "show stat"]);
        assert_eq!(split("echo a\\;b"), ["echo a\\;b"]);
        assert_eq!(split(";"), ["", ""]);
        assert_eq!(split("a\\\\;b"), ["a\\\\", "b"]);
    }

    #[test]
    fn words_may_hold_what_is_escaped() {
        assert_eq!(words("  add map  m a\\ b \t c\\;d\\\\ "), ["add", "map", "m", "a b", "c;d\\"]);
        assert!(words(" \t").is_empty());
    }

    #[test]
    fn a_payload_is_announced_at_the_end() {
        assert_eq!(payload("add map m <<"), Some(("add map m ", "")));
        assert_eq!(payload("add map m <<%EOF%"), Some(("add map m ", "%EOF%")));
        assert_eq!(payload("add map m<<"), None);
        assert_eq!(payload("add map m << x y"), None);
        assert_eq!(payload("add map m a"), None);
    }
}
