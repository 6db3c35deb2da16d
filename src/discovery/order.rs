//! The two orders of a generated text: that of Python's dictionaries, and the natural one.
//!
//! The original kept virtual hosts, ports and services in dictionaries of Python 2 and wrote them in the order in which these
//! gave them back. That order depends on the names alone, and it decides: between two virtual hosts of one weight the first
//! match wins. So it is kept; a proxy that replaces the original asks the same rules first.

use std::cmp::Ordering;

/// The distinct `keys` as a dictionary (or set) of Python 2.7 on a 64-bit machine lists them.
pub(super) fn python<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    Table::of(keys).list()
}

/// The same for the dictionary of `keys` after `keys.update(more)`, where `more` is an empty dictionary updated with each of `others`.
pub(super) fn python_updated<'a>(keys: &[&'a str], others: &[Vec<&'a str>]) -> Vec<&'a str> {
    let mut more = Table::of([]);
    for other in others {
        more.update(&Table::of(other.iter().copied()));
    }
    let mut table = Table::of(keys.iter().copied());
    table.update(&more);
    table.list()
}

const SMALLEST: usize = 8;

struct Table<'a> {
    /// A power of two of them.
    slots: Vec<Option<&'a str>>,
    used: usize,
}

impl<'a> Table<'a> {
    fn of(keys: impl IntoIterator<Item = &'a str>) -> Table<'a> {
        let mut table = Table { slots: vec![None; SMALLEST], used: 0 };
        for key in keys {
            table.insert(key);
        }
        table
    }

    fn list(self) -> Vec<&'a str> {
        self.slots.into_iter().flatten().collect()
    }

    /// Room for all is made at once.
    fn update(&mut self, other: &Table<'a>) {
        if (self.used + other.used) * 3 >= self.slots.len() * 2 {
            self.grow((self.used + other.used) * 2);
        }
        for key in other.slots.iter().flatten() {
            let at = self.place(key);
            self.used += usize::from(self.slots[at].replace(key).is_none());
        }
    }

    fn insert(&mut self, key: &'a str) {
        let at = self.place(key);
        if self.slots[at].replace(key).is_some() {
            return;
        }
        self.used += 1;
        if self.used * 3 >= self.slots.len() * 2 {
            self.grow(self.used * 4);
        }
    }

    /// Where `key` is or would go: `place` masks, so the index is within the table; a third of the slots is free, so it ends.
    fn place(&self, key: &str) -> usize {
        let hash = hash(key.as_bytes());
        let (mut probe, mut perturb) = (hash, hash);
        loop {
            let at = probe as usize & (self.slots.len() - 1);
            if self.slots[at].is_none_or(|found| found == key) {
                return at;
            }
            probe = probe.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1);
            perturb >>= 5;
        }
    }

    /// To more than `least` slots.
    fn grow(&mut self, least: usize) {
        let mut size = SMALLEST;
        while size <= least {
            size *= 2;
        }
        let before = std::mem::replace(&mut self.slots, vec![None; size]);
        for key in before.into_iter().flatten() {
            let at = self.place(key);
            self.slots[at] = Some(key);
        }
    }
}

/// Python 2's hash of a string, where it is not randomised.
fn hash(bytes: &[u8]) -> u64 {
    let Some(first) = bytes.first() else { return 0 };
    let start = u64::from(*first) << 7;
    let hash = bytes.iter().fold(start, |hash, byte| hash.wrapping_mul(1_000_003) ^ u64::from(*byte));
    match hash ^ bytes.len() as u64 {
        u64::MAX => u64::MAX - 1,
        hash => hash,
    }
}

/// `web_2` before `web_10`: runs of digits are compared as numbers, everything else byte by byte.
pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    loop {
        match (number(a), number(b)) {
            (Some((x, rest_a)), Some((y, rest_b))) => match x.len().cmp(&y.len()).then(x.cmp(y)) {
                Ordering::Equal => (a, b) = (rest_a, rest_b),
                different => return different,
            },
            _ => match (a.split_first(), b.split_first()) {
                (Some((x, rest_a)), Some((y, rest_b))) if x == y => (a, b) = (rest_a, rest_b),
                // Leading zeros are the last thing to differ.
                (None, None) => return one.cmp(other),
                (x, y) => return x.map(|(x, _)| x).cmp(&y.map(|(y, _)| y)),
            },
        }
    }
}

/// The digits at the front without leading zeros, and what follows.
fn number(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    (!digits.is_empty()).then(|| (&digits[zeros..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python 2.7.18 prints for `{...}.keys()` and `set([...])`.
    #[test]
    fn dictionaries_are_those_of_python() {
        assert_eq!(python(["80", "8080", "443"]), ["443", "80", "8080"]);
        assert_eq!(python(["9000", "9001/ssl", "9000"]), ["9001/ssl", "9000"]);
        assert_eq!(python(["myproj_web", "myproj_api", "myproj_ws"]), ["myproj_api", "myproj_ws", "myproj_web"]);
        let many: Vec<String> = (0..40).map(|n| format!("svc{n}")).collect();
        let order = python(many.iter().map(String::as_str));
        assert_eq!((order.len(), &order[..6]), (40, &["svc14", "svc15", "svc16", "svc17", "svc10", "svc11"][..]));
        assert_eq!(python(["", "a"]), ["", "a"]);
        let updated = python_updated(&["svc0", "svc1", "svc2"], &[vec!["x", "y"], vec!["z"]]);
        assert_eq!(updated, ["y", "x", "z", "svc2", "svc0", "svc1"]);
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["p_api_10", "p_api_2", "p_api", "p_api_1", "p_api_02", "p_db_1"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["p_api", "p_api_1", "p_api_02", "p_api_2", "p_api_10", "p_db_1"]);
        assert_eq!(natural("a", "a"), Ordering::Equal);
        assert_eq!(natural("99999999999999999999998", "99999999999999999999999"), Ordering::Less);
    }
}
