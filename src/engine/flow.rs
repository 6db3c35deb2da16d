//! `Flow`: one direction of a message on its way from one connection to the other, with back-pressure: nothing is read before
//! what was read is written. The connections, buffers and deadlines belong to the caller.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::buffer::{Buf, Room};
use super::framing::{Body, Malformed, Next};
use super::squeeze::Squeeze;
use crate::http::Framing;
use crate::ir::CaseMap;
use crate::net::io::Io;

/// One direction of a message.
pub struct Flow {
    /// Bytes that go before what is buffered: the head, then framing that we make.
    lead: Vec<u8>,
    /// How much of `lead` has been written.
    written: usize,
    /// Bytes at the start of the buffer that can be written.
    ready: usize,
    /// Bytes behind those that are dropped, and bytes behind these that can be written then.
    gap: usize,
    after: usize,
    body: Body,
    discards: bool,
    /// What compresses the body on its way.
    squeeze: Option<Box<Squeeze>>,
    /// Where the flow waits; tells whose timeout counts.
    pub waits: Waits,
    /// Bytes written so far.
    pub moved: u64,
    /// Changes whenever something was read or written.
    pub progress: u32,
    /// Changes whenever something was read.
    pub reads: u16,
}

/// What a flow waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// More from the source.
    Source,
    /// Room at the destination.
    Sink,
}

/// Why a flow ended early.
#[derive(Debug)]
pub enum Broken {
    /// The source failed.
    Source(io::Error),
    /// The source ended before the message did.
    Early,
    /// The destination failed.
    Sink(io::Error),
    /// The chunks or trailers are malformed.
    Malformed,
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Self {
        Broken::Malformed
    }
}

impl Flow {
    /// A message whose head, ready to be written, is `lead`; its body arrives as `received` and goes on as `sent`.
    pub fn new(lead: Vec<u8>, received: Framing, sent: Framing) -> Self {
        Flow {
            lead,
            written: 0,
            ready: 0,
            gap: 0,
            after: 0,
            body: Body::new(received, sent),
            discards: false,
            squeeze: None,
            waits: Waits::Source,
            moved: 0,
            progress: 0,
            reads: 0,
        }
    }

    /// The same, with a body that is compressed on its way and goes on in chunks.
    pub fn squeezed(lead: Vec<u8>, received: Framing, squeeze: Box<Squeeze>) -> Self {
        Flow { body: Body::payload(received), squeeze: Some(squeeze), ..Flow::new(lead, received, Framing::None) }
    }

    /// Trailers are dropped, or written in another case.
    pub fn change_trailers(&mut self, drop: bool, case: Option<Arc<CaseMap>>) {
        self.body.change_trailers(drop, case);
    }

    /// What compresses the body, if anything does.
    pub fn squeeze(&self) -> Option<&Squeeze> {
        self.squeeze.as_deref()
    }

    /// Joins the head with what is already buffered of the body, so that both go in one write: bodies of at most `copied` bytes are
    /// copied behind the head, the head is copied in front of larger ones. True if the whole message is in the lead now.
    pub fn join(&mut self, buf: &mut Buf, copied: usize) -> bool {
        if self.body.is_done() {
            return true;
        }
        // A malformed body is found again, and reported, by `poll`.
        if self.advance(buf).is_err() || self.ready == 0 {
            return self.squeeze.is_some() && self.body.is_done();
        }
        if self.ready <= copied {
            let small = buf.data().get(..self.ready).unwrap_or_default();
            self.lead.extend_from_slice(small);
            self.consume(buf, self.ready);
            return self.body.is_done() && self.ready == 0;
        }
        if buf.prepend(0, &self.lead) {
            self.ready += self.lead.len();
            self.lead.clear();
        }
        false
    }

    /// Whether everything has been written.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.body.is_done() && !self.has_output()
    }

    /// Whether the source has yet to send something.
    #[inline]
    pub fn wants_more(&self) -> bool {
        !self.body.is_done()
    }

    /// Whether the body ends with its connection.
    pub fn is_until_close(&self) -> bool {
        self.body.is_until_close()
    }

    /// From now on what arrives is read and dropped: the destination wants no more, but the source is to send its message to the end.
    pub fn discard(&mut self) {
        self.discards = true;
        self.written = self.lead.len();
    }

    /// Whether the destination did not get all of it.
    pub fn was_discarded(&self) -> bool {
        self.discards
    }

    /// How much of the body has arrived, as HAProxy counts it.
    pub fn received(&self) -> u64 {
        self.body.received()
    }

    /// The memory of the lead: the whole message, if `join` was true.
    pub fn into_lead(self) -> Vec<u8> {
        self.lead
    }

    /// Moves as much as both sides allow. Ready when everything is written and flushed.
    #[inline]
    pub fn poll(
        &mut self,
        from: &mut Io,
        buf: &mut Buf,
        to: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            ready!(self.poll_write(buf, to, cx))?;
            if !self.body.is_done() {
                self.advance(buf)?;
                if self.has_output() {
                    continue;
                }
            }
            if self.body.is_done() {
                return if self.discards { Poll::Ready(Ok(())) } else { to.poll_flush(cx).map_err(Broken::Sink) };
            }
            let room = self.room(buf);
            match buf.poll_fill(from, room, cx) {
                Poll::Ready(Ok(0)) => {
                    if !self.body.end(&mut self.lead) {
                        return Poll::Ready(Err(Broken::Early));
                    }
                    if let Some(squeeze) = &mut self.squeeze {
                        squeeze.finish(&mut self.lead);
                    }
                }
                Poll::Ready(Ok(_)) => {
                    self.progress = self.progress.wrapping_add(1);
                    self.reads = self.reads.wrapping_add(1);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Source(error))),
                Poll::Pending => {
                    if self.squeeze.as_mut().is_some_and(|squeeze| squeeze.flush(&mut self.lead)) {
                        continue;
                    }
                    if self.discards {
                        self.waits = Waits::Source;
                        return Poll::Pending;
                    }
                    let flushed = to.poll_flush(cx).map_err(Broken::Sink)?;
                    self.waits = if flushed.is_pending() { Waits::Sink } else { Waits::Source };
                    return Poll::Pending;
                }
            }
        }
    }

    /// The same; goes on without the destination if that fails.
    pub fn poll_or_discard(
        &mut self,
        from: &mut Io,
        buf: &mut Buf,
        to: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        match self.poll(from, buf, to, cx) {
            Poll::Ready(Err(Broken::Sink(_))) => {
                self.discard();
                self.poll(from, buf, to, cx)
            }
            polled => polled,
        }
    }

    #[inline]
    fn has_output(&self) -> bool {
        self.written < self.lead.len() || self.ready > 0
    }

    /// Writes the lead and what is ready in the buffer.
    #[inline]
    fn poll_write(&mut self, buf: &mut Buf, to: &mut Io, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.discards {
            self.drop_ready(buf);
            return Poll::Ready(Ok(()));
        }
        loop {
            let lead = self.lead.get(self.written..).unwrap_or_default();
            let bytes = match lead {
                [] if self.ready == 0 => return Poll::Ready(Ok(())),
                [] => buf.data().get(..self.ready).unwrap_or_default(),
                lead => lead,
            };
            let is_lead = !lead.is_empty();
            match to.poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Broken::Sink(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(n)) => {
                    self.moved += n as u64;
                    self.progress = self.progress.wrapping_add(1);
                    if is_lead {
                        self.written += n;
                    } else {
                        self.consume(buf, n);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Sink(error))),
                Poll::Pending => {
                    self.waits = Waits::Sink;
                    return Poll::Pending;
                }
            }
        }
    }

    #[cold]
    fn drop_ready(&mut self, buf: &mut Buf) {
        self.written = self.lead.len();
        while self.ready > 0 {
            self.progress = self.progress.wrapping_add(1);
            self.consume(buf, self.ready);
        }
    }

    /// Drops `n` bytes that were ready, and the gap behind them when the last one has gone.
    fn consume(&mut self, buf: &mut Buf, n: usize) {
        buf.consume(n);
        self.ready -= n;
        if self.ready == 0 {
            buf.consume(self.gap);
            self.ready = std::mem::take(&mut self.after);
            self.gap = 0;
        }
    }

    /// Marks what can be written of the bytes in the buffer, as far as they lie together.
    fn advance(&mut self, buf: &mut Buf) -> Result<(), Malformed> {
        if self.squeeze.is_some() {
            return self.compress(buf);
        }
        while self.gap == 0 && !self.body.is_done() {
            let can_make = self.ready == 0;
            if can_make && self.written == self.lead.len() {
                self.lead.clear();
                self.written = 0;
            }
            let rest = buf.data_mut().get_mut(self.ready..).unwrap_or_default();
            let (skip, len, go_on) = match self.body.next(rest, &mut self.lead, can_make)? {
                Next::Bytes { skip, len } => (skip, len, true),
                Next::More { skip } => (skip, 0, false),
                Next::Blocked | Next::Done => return Ok(()),
            };
            if skip == 0 {
                self.ready += len;
            } else if self.ready == 0 {
                buf.consume(skip);
                self.ready = len;
            } else {
                (self.gap, self.after) = (skip, len);
            }
            if !go_on {
                break;
            }
        }
        Ok(())
    }

    /// Gives all that is buffered to the compressor; what comes out goes into the lead, which has been written but for a head.
    #[cold]
    fn compress(&mut self, buf: &mut Buf) -> Result<(), Malformed> {
        let Some(squeeze) = &mut self.squeeze else { return Ok(()) };
        if self.written == self.lead.len() {
            self.lead.clear();
            self.written = 0;
        }
        while !self.body.is_done() {
            match self.body.next(buf.data_mut(), &mut squeeze.trailers, true)? {
                Next::Bytes { skip, len } => {
                    buf.consume(skip);
                    squeeze.feed(buf.data().get(..len).unwrap_or_default());
                    buf.consume(len);
                }
                Next::More { skip } => {
                    buf.consume(skip);
                    squeeze.put(&mut self.lead);
                    return Ok(());
                }
                Next::Blocked | Next::Done => break,
            }
        }
        squeeze.finish(&mut self.lead);
        Ok(())
    }

    /// Large rests of bodies are worth a large buffer.
    fn room(&self, buf: &mut Buf) -> Room {
        let long = self.moved > LARGE && !matches!(self.body.expects(), 1..=LARGE);
        if self.body.expects() > LARGE || long {
            buf.release();
            Room::Body
        } else {
            Room::Head
        }
    }
}

/// From here on a large buffer saves more than it costs.
const LARGE: u64 = 16 * 1024;
