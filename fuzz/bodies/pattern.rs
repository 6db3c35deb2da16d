//! Patterns: regular expressions, and files of them.

use hydroxy::pattern::regex::{Groups, Regex, expand};
use hydroxy::pattern::{MatchKind, PatternSet, file};

/// The first line is an expression, the rest a sample: both ways to ask agree, and groups lie within the sample.
pub fn regex(text: &[u8]) {
    let at = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (pattern, sample) = (&text[..at], text.get(at + 1..).unwrap_or_default());
    // Repetitions of repetitions take long to compile; they are refused by size, which is not what is looked for here.
    if pattern.len() > 60 || pattern.iter().filter(|byte| **byte == b'{').count() > 2 {
        return;
    }
    let Ok(regex) = Regex::new(pattern, false) else { return };
    let mut groups = Groups::new();
    assert_eq!(regex.captures(sample, 0, &mut groups), regex.is_match(sample));
    assert!(groups.len() <= regex.group_count());
    for (start, end) in groups.iter().flatten() {
        assert!(start <= end && *end <= sample.len(), "{start}..{end}");
    }
    expand(pattern, sample, &groups, &mut Vec::new());
}

/// A map file: every method takes its lines or refuses one of them, and a set changed line by line is the set built at once.
pub fn patterns(text: &[u8]) {
    let lines: Vec<_> = file::map_lines(text).take(12).collect();
    for name in MatchKind::names() {
        let Some(kind) = MatchKind::from_name(name.as_bytes()) else { continue };
        // Expressions have a target of their own.
        if kind == MatchKind::Reg {
            continue;
        }
        let Ok(whole) = PatternSet::build(kind, false, lines.iter().map(|line| (line.key, line.line))) else {
            continue;
        };
        let mut grown = PatternSet::build(kind, false, []).expect("nothing can be wrong with no patterns");
        for line in &lines {
            grown.add(line.key, line.line).expect("it is in the other set");
        }
        for sample in lines.iter().flat_map(|line| [line.key, line.value]) {
            assert_eq!(whole.lookup(sample), grown.lookup(sample), "{name} {}", sample.escape_ascii());
            assert_eq!(whole.matches(sample), whole.find(sample).is_some() || kind == MatchKind::Found);
        }
    }
    assert!(file::list_lines(text).all(|line| !line.key.is_empty()));
}
