//! Receive buffers, recycled last-in first-out within a core, so that the one taken next is still in the cache.
//!
//! An idle connection holds no memory: `Buf` takes it when it reads and gives it back when it is empty.

use std::cell::RefCell;
use std::task::{Context, Poll};

use crate::net::io::Io;

/// Received bytes in pooled memory, with room in front for a rewritten head.
#[derive(Debug, Default)]
pub struct Buf {
    mem: Option<Box<[u8]>>,
    start: usize,
    end: usize,
}

/// How large the memory of a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// `tune.bufsize`: heads and small bodies.
    Head,
    /// Bodies.
    Body,
}

impl Buf {
    /// The bytes received and not consumed.
    #[inline]
    pub fn data(&self) -> &[u8] {
        match &self.mem {
            Some(mem) => mem.get(self.start..self.end).unwrap_or_default(),
            None => &[],
        }
    }

    /// The same bytes, to be normalised in place by a parser.
    #[inline]
    pub fn data_mut(&mut self) -> &mut [u8] {
        match &mut self.mem {
            Some(mem) => mem.get_mut(self.start..self.end).unwrap_or_default(),
            None => &mut [],
        }
    }

    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `n` bytes. The memory is kept for the next read; see [`Buf::release`].
    #[inline]
    pub fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.len());
        self.start = (self.start + n).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (HEADROOM, HEADROOM);
        }
    }

    /// Gives the memory back if there are no bytes.
    #[inline]
    pub fn release(&mut self) {
        if self.is_empty()
            && let Some(mem) = self.mem.take()
        {
            POOLS.with_borrow_mut(|pools| pools.put(mem));
        }
    }

    /// Drops all bytes and gives the memory back.
    pub fn clear(&mut self) {
        self.start = self.end;
        self.release();
    }

    /// Puts `head` directly in front of the bytes that stay after dropping the first `skip`, if there is room for it, so that both
    /// can be written at once.
    pub fn prepend(&mut self, skip: usize, head: &[u8]) -> bool {
        let at = self.start + skip;
        let (Some(mem), Some(start)) = (&mut self.mem, at.checked_sub(head.len())) else { return false };
        let Some(place) = mem.get_mut(start..at) else { return false };
        place.copy_from_slice(head);
        self.start = start;
        true
    }

    /// Appends bytes; those that find no room are left out. Returns how many were taken.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        self.take_memory(Room::Head);
        let Some(room) = self.room() else { return 0 };
        let n = room.len().min(bytes.len());
        if let (Some(to), Some(from)) = (room.get_mut(..n), bytes.get(..n)) {
            to.copy_from_slice(from);
        }
        self.end += n;
        n
    }

    /// Reads more from `io`. Returns the number of bytes, 0 at the end of the stream. Call it only when the buffer is not full.
    /// While it waits and nothing is buffered, no memory is held.
    #[inline]
    pub fn poll_fill(&mut self, io: &mut Io, room: Room, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        self.take_memory(room);
        let Some(free) = self.room() else { return Poll::Ready(Ok(0)) };
        match io.poll_read(cx, free) {
            Poll::Ready(Ok(n)) => {
                self.end += n;
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.release();
                Poll::Pending
            }
        }
    }

    fn take_memory(&mut self, room: Room) {
        if self.mem.is_none() {
            self.mem = Some(POOLS.with_borrow_mut(|pools| pools.take(room)));
            (self.start, self.end) = (HEADROOM, HEADROOM);
        }
    }

    /// The free room behind the bytes; they are moved to the front when they have reached the end.
    fn room(&mut self) -> Option<&mut [u8]> {
        let mem = self.mem.as_mut()?;
        if self.end == mem.len() && self.start > HEADROOM {
            mem.copy_within(self.start..self.end, HEADROOM);
            (self.start, self.end) = (HEADROOM, HEADROOM + self.end - self.start);
        }
        mem.get_mut(self.end..)
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Sets `tune.bufsize` for the buffers that this thread takes from now on.
pub fn set_head_size(bytes: usize) {
    POOLS.with_borrow_mut(|pools| pools.head_size = bytes.max(1024) + HEADROOM);
}

/// Free memory of one core.
struct Pools {
    head_size: usize,
    head: Vec<Box<[u8]>>,
    body: Vec<Box<[u8]>>,
}

impl Pools {
    fn take(&mut self, room: Room) -> Box<[u8]> {
        let (free, size) = match room {
            Room::Head => (&mut self.head, self.head_size),
            Room::Body => (&mut self.body, BODY_SIZE),
        };
        free.pop().unwrap_or_else(|| vec![0; size].into_boxed_slice())
    }

    fn put(&mut self, mem: Box<[u8]>) {
        if mem.len() == self.head_size {
            if self.head.len() < KEPT_HEADS {
                self.head.push(mem);
            }
        } else if mem.len() == BODY_SIZE && self.body.len() < KEPT_BODIES {
            self.body.push(mem);
        }
    }
}

thread_local! {
    static POOLS: RefCell<Pools> =
        const { RefCell::new(Pools { head_size: 16384 + HEADROOM, head: Vec::new(), body: Vec::new() }) };
}

/// Room in front of what is read: a rewritten head that is longer than the original one still fits before the body.
const HEADROOM: usize = 1024;
/// Measured: larger buffers cost more than the system calls they save, at 64 KiB 16 % of the time for a body of 1 MiB. With a little
/// over 48 KiB a body of 64 KiB, the first part of which comes with its head, needs one read less: 11 % of its time.
const BODY_SIZE: usize = HEADROOM + 52 * 1024;
/// Free buffers kept per core, 4 MiB and 3 MiB.
const KEPT_HEADS: usize = 256;
const KEPT_BODIES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_head_is_put_before_the_body() {
        let mut buf = Buf::default();
        buf.append(b"GET / HTTP/1.1\r\n\r\nbody");
        assert!(buf.prepend(18, b"GET / HTTP/1.1\r\nx-forwarded-for: 127.0.0.1\r\n\r\n"));
        assert_eq!(buf.data(), b"GET / HTTP/1.1\r\nx-forwarded-for: 127.0.0.1\r\n\r\nbody");
        assert!(!buf.prepend(0, &[b'x'; HEADROOM + 1]));
    }

    #[test]
    fn memory_goes_back_when_empty() {
        let mut buf = Buf::default();
        assert_eq!(buf.append(b"abc"), 3);
        buf.consume(1);
        assert_eq!(buf.data(), b"bc");
        buf.release();
        assert!(buf.mem.is_some());
        buf.consume(2);
        buf.release();
        assert!(buf.mem.is_none());
        assert_eq!(POOLS.with_borrow(|pools| pools.head.len()), 1);
    }
}
