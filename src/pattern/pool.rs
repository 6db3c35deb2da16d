//! Many short byte strings in one allocation: a set of a million patterns costs their bytes and four bytes each.

/// Strings, numbered from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Pool {
    /// Appends a string; false, and nothing appended, if the strings would exceed 4 GiB.
    pub fn push(&mut self, string: &[u8]) -> bool {
        let Ok(end) = u32::try_from(self.bytes.len() + string.len()) else { return false };
        self.bytes.extend_from_slice(string);
        self.ends.push(end);
        true
    }

    /// How many strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// String number `at`, which must be below `len()`.
    #[inline]
    pub fn at(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.at(at))
    }
}
