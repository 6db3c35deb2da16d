//! `Slice`: where a piece of a message lies. Owns the packing of offset, length and store; not the bytes.

/// A range of bytes of a message: in the receive buffer ("raw") or in the arena of the head ("extra").
///
/// Offsets count from the first byte of the message, so that a slice survives a move of the buffer.
/// Lengths and offsets are limited to 2 GiB, far above any size of a head (`tune.bufsize`).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Slice {
    /// The top bit says which store; the rest is the offset. Two slices of one store compare and subtract as plain numbers.
    at: u32,
    len: u32,
}

impl Slice {
    /// The empty range at the start of the receive buffer.
    pub const EMPTY: Slice = Slice { at: 0, len: 0 };

    /// A range of the receive buffer.
    #[inline]
    pub const fn raw(start: usize, len: usize) -> Slice {
        Slice { at: start as u32 & !EXTRA, len: len as u32 }
    }

    /// A range of the arena of the head.
    #[inline]
    pub const fn extra(start: usize, len: usize) -> Slice {
        Slice { at: start as u32 | EXTRA, len: len as u32 }
    }

    /// The bytes meant, empty if the stores are shorter than when the slice was made (which is a defect of the caller).
    #[inline]
    pub fn of<'a>(self, raw: &'a [u8], extra: &'a [u8]) -> &'a [u8] {
        let store = if self.in_extra() { extra } else { raw };
        let start = self.start();
        debug_assert!(start + self.len() <= store.len(), "slice {self:?} outside a store of {} bytes", store.len());
        store.get(start..start + self.len()).unwrap_or_default()
    }

    /// Whether the bytes lie in the arena of the head.
    #[inline]
    pub const fn in_extra(self) -> bool {
        self.at & EXTRA != 0
    }

    /// The offset in its store.
    #[inline]
    pub const fn start(self) -> usize {
        (self.at & !EXTRA) as usize
    }

    /// The offset behind the last byte in its store.
    #[inline]
    pub const fn end(self) -> usize {
        self.start() + self.len as usize
    }

    /// Length in bytes.
    #[inline]
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether `next` starts where this ends, in the same store.
    #[inline]
    pub(super) const fn touches(self, next: Slice) -> bool {
        self.at + self.len == next.at
    }

    /// From the start of this to `more` bytes behind the end of `last`, which lies behind it in the same store.
    #[inline]
    pub(super) const fn through(self, last: Slice, more: u32) -> Slice {
        Slice { at: self.at, len: (last.at + last.len + more).wrapping_sub(self.at) }
    }

    #[inline]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// `len` bytes of this slice from its byte `from` on; both are cut to what there is.
    #[inline]
    pub const fn sub(self, from: usize, len: usize) -> Slice {
        let from = if from > self.len as usize { self.len } else { from as u32 };
        let rest = self.len - from;
        let len = if len > rest as usize { rest } else { len as u32 };
        Slice { at: self.at + from, len }
    }
}

impl std::fmt::Debug for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let store = if self.in_extra() { "extra" } else { "raw" };
        write!(f, "{store}[{}..{}]", self.start(), self.end())
    }
}

const EXTRA: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_reads_from_the_store_it_names() {
        assert_eq!(Slice::raw(1, 2).of(b"abcd", b"wxyz"), b"bc");
        assert_eq!(Slice::extra(2, 2).of(b"abcd", b"wxyz"), b"yz");
        assert_eq!(Slice::extra(1, 3).sub(1, 9).of(b"", b"wxyz"), b"yz");
        assert_eq!(Slice::raw(0, 3).sub(7, 1).len(), 0);
    }
}
