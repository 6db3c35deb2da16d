//! `Records`: TLS records on their way in or out, in pooled memory that is held only while there are any. An idle connection
//! holds none.

use std::cell::RefCell;

/// Bytes of records; the memory belongs to the thread's pool.
#[derive(Debug)]
pub(super) struct Records {
    mem: Box<[u8]>,
    start: usize,
    end: usize,
    size: usize,
}

impl Records {
    /// For what is received.
    pub(super) fn incoming() -> Self {
        Records { mem: Box::default(), start: 0, end: 0, size: INCOMING }
    }

    /// For what is sent.
    pub(super) fn outgoing() -> Self {
        Records { mem: Box::default(), start: 0, end: 0, size: OUTGOING }
    }

    /// The bytes that are there.
    pub(super) fn bytes(&self) -> &[u8] {
        self.mem.get(self.start..self.end).unwrap_or_default()
    }

    /// The same, to be deciphered in place.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.mem.get_mut(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `n` bytes. Without bytes no memory is held.
    pub(super) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.is_empty() {
            self.release();
        }
    }

    /// Counts `n` bytes as written into the room.
    pub(super) fn fill(&mut self, n: usize) {
        self.end = (self.end + n).min(self.mem.len());
    }

    /// Room behind the bytes, at least `wanted` of it; bytes are moved and memory is enlarged for it.
    pub(super) fn room(&mut self, wanted: usize) -> &mut [u8] {
        if self.mem.is_empty() {
            self.mem = take(self.size);
        }
        if self.mem.len() - self.end < wanted && self.start > 0 {
            self.mem.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.mem.len() - self.end < wanted {
            let mut larger = vec![0; (self.end + wanted).max(self.mem.len() * 2)].into_boxed_slice();
            larger[..self.end].copy_from_slice(&self.mem[..self.end]);
            put(std::mem::replace(&mut self.mem, larger));
        }
        self.mem.get_mut(self.end..).unwrap_or_default()
    }

    /// Puts bytes behind those that are there.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()).get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.fill(bytes.len());
        }
        self.release();
    }

    /// Gives the memory back if it holds nothing.
    pub(super) fn release(&mut self) {
        if self.is_empty() && !self.mem.is_empty() {
            (self.start, self.end) = (0, 0);
            put(std::mem::take(&mut self.mem));
        }
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.start = self.end;
        self.release();
    }
}

#[derive(Default)]
struct Pool {
    incoming: Vec<Box<[u8]>>,
    outgoing: Vec<Box<[u8]>>,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { incoming: Vec::new(), outgoing: Vec::new() }) };
}

fn take(size: usize) -> Box<[u8]> {
    let free = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if size == INCOMING { pool.incoming.pop() } else { pool.outgoing.pop() }
    });
    free.ok().flatten().unwrap_or_else(|| vec![0; size].into_boxed_slice())
}

fn put(mem: Box<[u8]>) {
    // At the end of the thread the pool may be gone before the last connection.
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        let free = match mem.len() {
            INCOMING => &mut pool.incoming,
            OUTGOING => &mut pool.outgoing,
            // What was enlarged for a large handshake.
            _ => return,
        };
        if free.len() < KEPT {
            free.push(mem);
        }
    });
}

/// The largest part of a message that is made into records at once.
pub(super) const CHUNK: usize = 48 * 1024;
/// One record of the largest size (RFC 5246 6.2.3), and some room.
const INCOMING: usize = 18 * 1024 + 512;
/// A chunk in records, and some room for handshake messages before it.
const OUTGOING: usize = CHUNK + 2048;
/// Free pieces of memory kept per core and kind.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_held_only_for_bytes() {
        let mut records = Records::incoming();
        assert!(records.room(1).len() >= INCOMING);
        records.room(3)[..3].copy_from_slice(b"abc");
        records.fill(3);
        records.consume(1);
        assert_eq!(records.bytes(), b"bc");
        records.consume(2);
        assert!(records.mem.is_empty());
    }

    #[test]
    fn room_grows_and_keeps_the_bytes() {
        let mut records = Records::outgoing();
        records.room(4)[..4].copy_from_slice(b"wxyz");
        records.fill(4);
        records.consume(2);
        assert!(records.room(2 * OUTGOING).len() >= 2 * OUTGOING);
        assert_eq!(records.bytes(), b"yz");
    }
}
