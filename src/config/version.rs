//! Versions as conditions compare them (manual 2.4). Which version this program has is said elsewhere.

/// `2.4-dev19`, `3.4.0`, `2.8.25-5cf5d0683-7`: missing parts are zero, what is no number reads as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    numbers: [u64; 3],
    stage: Stage,
    /// Commits since the release.
    commits: u64,
}

/// Development versions are older than the release of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Dev(u64),
    Candidate(u64),
    Release,
}

impl Version {
    pub(super) fn of(text: &str) -> Version {
        let mut parts = text.trim().split('-');
        let mut numbers = [0; 3];
        for (slot, part) in numbers.iter_mut().zip(parts.next().unwrap_or_default().split('.')) {
            *slot = part.parse().unwrap_or(0);
        }
        let mut version = Version { numbers, stage: Stage::Release, commits: 0 };
        for part in parts {
            if let Some(number) = part.strip_prefix("dev") {
                version.stage = Stage::Dev(number.parse().unwrap_or(0));
            } else if let Some(number) = part.strip_prefix("rc") {
                version.stage = Stage::Candidate(number.parse().unwrap_or(0));
            } else {
                // A commit's hash is no number, unless it has digits only: then it is as good as a count.
                version.commits = part.parse().unwrap_or(version.commits);
            }
        }
        version
    }
}

/// `3.0.0`, `1.1.1w`, `3.0.0-beta1`: three numbers, then a letter or a stage. `None` for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpensslVersion {
    numbers: [u64; 3],
    /// Less than 0 before the release, 0 for it, 1 to 26 for the letters of the 1.x series.
    stage: i8,
}

impl OpensslVersion {
    pub(super) fn of(text: &str) -> Option<OpensslVersion> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end);
        let mut parts = numbers.split('.').map(|part| part.parse::<u64>().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        if parts.next().is_some() {
            return None;
        }
        let stage = match suffix.bytes().next() {
            None | Some(b'+' | b' ') => 0,
            Some(b'-') => -1,
            // A lowercase letter's distance from `a` fits.
            Some(letter) if letter.is_ascii_lowercase() => (letter - b'a') as i8 + 1,
            Some(_) => return None,
        };
        Some(OpensslVersion { numbers, stage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haproxy_versions_have_an_order() {
        let sorted =
            ["", "2.4-dev1", "2.4-dev19", "2.4-rc1", "2.4", "2.4.1", "2.8.25-5cf5d0683-1", "2.8.26-dev1", "3.4.0"];
        for pair in sorted.windows(2) {
            assert!(Version::of(pair[0]) < Version::of(pair[1]), "{pair:?}");
        }
        assert_eq!(Version::of("2.4"), Version::of("02.04.0"));
        assert_eq!(Version::of("2.8.25-5cf5d0683"), Version::of("2.8.25"));
        assert_eq!(Version::of("x"), Version::of(""));
    }

    #[test]
    fn openssl_versions_have_an_order() {
        let sorted = ["1.0.2", "1.1.1-beta1", "1.1.1", "1.1.1a", "1.1.1w", "3.0.0-alpha1", "3.0.0", "3.0.15"];
        for pair in sorted.windows(2) {
            assert!(OpensslVersion::of(pair[0]) < OpensslVersion::of(pair[1]), "{pair:?}");
        }
        for bad in ["", "3", "3.0", "x", "3.0.0.0", "3..0", "3.0.0_"] {
            assert_eq!(OpensslVersion::of(bad), None, "{bad}");
        }
    }
}
