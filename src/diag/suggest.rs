//! "Did you mean": the nearest of some candidates, or silence.

/// The candidate nearest to `word` within an edit distance of `max(1, len/3)`; a different case only is distance 0.
///
/// Of equally near candidates the first one wins, so that the caller decides by their order.
pub fn suggest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    ranked(word, candidates).into_iter().next().map(|(_, candidate)| candidate)
}

/// Up to `most` candidates near to `word`, the nearest first.
pub fn suggestions<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>, most: usize) -> Vec<&'c str> {
    ranked(word, candidates).into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

fn ranked<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<(usize, &'c str)> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    if length == 0 || length > LONGEST {
        return Vec::new();
    }
    let limit = (length / 3).max(1);
    let mut near: Vec<_> = candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= limit * 4)
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_ascii_lowercase()), candidate))
        // A distance that replaces the whole word suggests nothing: `x` is not near to `y`.
        .filter(|&(distance, _)| distance <= limit && distance < length)
        .collect();
    near.sort_by_key(|&(distance, _)| distance);
    near
}

/// No keyword is longer; a distance costs the product of both lengths.
const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wins_and_far_words_are_silent() {
        let known = ["maxconn", "maxconnrate", "mode", "nbthread"];
        assert_eq!(suggest("maxcon", known), Some("maxconn"));
        assert_eq!(suggest("MODE", known), Some("mode"));
        assert_eq!(suggest("ndoe", ["node"]), Some("node"));
        assert_eq!(suggest("listen", known), None);
        assert_eq!(suggest("", known), None);
        assert_eq!(suggest("x", ["y"]), None);
        assert_eq!(suggestions("maxcon", known, 5), ["maxconn"]);
    }
}
