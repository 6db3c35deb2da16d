//! `Tls`: a TLS connection over a plain stream. Records are deciphered and made in memory of the thread's pool, so that a small
//! message is one record and one write, and an idle connection holds no buffer.

use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus,
    WriteTraffic,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::records::{CHUNK, Records};
use crate::ir::RecordSizes;
use crate::net::io::Plain;

/// The library's state machine of one side.
pub trait Side: Deref<Target = UnbufferedConnectionCommon<Self::Data>> + DerefMut {
    /// What the side keeps.
    type Data;

    /// Looks at received records; see [`UnbufferedStatus`].
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

/// A TLS connection of which we are the server or the client.
pub struct Tls<S> {
    plain: Plain,
    side: S,
    incoming: Records,
    outgoing: Records,
    /// Deciphered, but more than the reader had room for.
    spilt: Vec<u8>,
    /// The peer has ended its direction, with or without saying so.
    ended: bool,
    /// We have said that we end ours.
    said_end: bool,
    sizes: RecordSizes,
    /// Bytes of data sent since something was received.
    sent: u32,
}

impl<S> std::fmt::Debug for Tls<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("plain", &self.plain).finish_non_exhaustive()
    }
}

/// What the state machine is to do when it may.
enum Wish<'a> {
    Nothing,
    /// Make records of these bytes.
    Send(&'a [u8]),
    /// Say that we end our direction.
    End,
}

/// Where the state machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The handshake needs more from the peer.
    Handshake,
    /// Data may be sent; the wish, if any, is fulfilled.
    Open,
    /// Both sides have ended.
    Closed,
}

impl<S: Side> Tls<S> {
    /// A connection whose handshake has not begun; `incoming` is what has been received already.
    pub(super) fn new(plain: Plain, side: S, incoming: Records, sizes: RecordSizes) -> Self {
        let outgoing = Records::outgoing();
        Tls { plain, side, incoming, outgoing, spilt: Vec::new(), ended: false, said_end: false, sizes, sent: 0 }
    }

    /// The state machine, for what was agreed on.
    pub fn side(&self) -> &S {
        &self.side
    }

    /// The stream below.
    pub fn plain(&self) -> &Plain {
        &self.plain
    }

    /// The stream below.
    pub fn plain_mut(&mut self) -> &mut Plain {
        &mut self.plain
    }

    /// Whether a read would find something that has been received already.
    pub fn has_received(&self) -> bool {
        self.ended || !self.spilt.is_empty() || !self.incoming.is_empty()
    }

    /// Makes the handshake. The last records of it may still wait to be sent with the first data; a read that has to wait, or
    /// [`Tls::poll_flush`], sends them.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let (stop, _) = self.drive(&mut [], Wish::Nothing, cx)?;
            if stop == Stop::Open && !self.side.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if self.ended || stop == Stop::Closed {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            ready!(self.poll_send(cx))?;
            if ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Reads some bytes; 0 is the end of the stream, also where the peer did not announce it.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.spilt.is_empty() {
            let n = out.len().min(self.spilt.len());
            out[..n].copy_from_slice(&self.spilt[..n]);
            self.spilt.drain(..n);
            if self.spilt.is_empty() {
                self.spilt = Vec::new();
            }
            return Poll::Ready(Ok(n));
        }
        loop {
            if !self.incoming.is_empty() {
                let (_, read) = self.drive(out, Wish::Nothing, cx)?;
                if read > 0 {
                    self.sent = 0;
                    return Poll::Ready(Ok(read));
                }
            }
            if self.ended {
                return Poll::Ready(Ok(0));
            }
            match self.poll_receive(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    // What the handshake left, and answers to the peer's requests.
                    let _ = self.poll_send(cx)?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Takes some bytes. They are sent as far as the system takes them now; [`Tls::poll_flush`] sends the rest.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let chunk = bytes.get(..self.largest()).unwrap_or(bytes);
        // What waits already goes along if it is little, such as the end of the handshake.
        if self.outgoing.len() + chunk.len() > CHUNK {
            ready!(self.poll_send(cx))?;
        }
        let (stop, _) = self.drive(&mut [], Wish::Send(chunk), cx)?;
        if stop != Stop::Open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.sent = self.sent.saturating_add(chunk.len() as u32);
        // What does not go now goes later.
        let _ = self.poll_send(cx)?;
        Poll::Ready(Ok(chunk.len()))
    }

    /// How much the next record may hold. A transfer has begun when something was received since.
    fn largest(&self) -> usize {
        let RecordSizes { first, any } = self.sizes;
        let begins = self.sent < BEGINNING;
        let bounds = [if begins { first } else { 0 }, any];
        bounds.into_iter().filter(|bound| *bound > 0).map(|bound| bound as usize).fold(CHUNK, usize::min)
    }

    /// Everything has been given to the system.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    /// Says that we end our direction.
    pub fn poll_say_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_end && !self.side.is_handshaking() {
            self.drive(&mut [], Wish::End, cx)?;
            self.said_end = true;
        }
        self.poll_send(cx)
    }

    /// Says that we end our direction, and ends it.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_say_end(cx))?;
        Pin::new(&mut self.plain).poll_shutdown(cx)
    }

    /// Lets the state machine work on what has been received until it needs more. Data goes to `out`, and what finds no room
    /// there to `spilt`; records to be sent go to `outgoing`. A failure is told to the peer, if the system takes it.
    fn drive(&mut self, out: &mut [u8], wish: Wish<'_>, cx: &mut Context<'_>) -> io::Result<(Stop, usize)> {
        match self.work(out, wish) {
            Ok(done) => Ok(done),
            Err(error) => {
                let alert = self.side.process(self.incoming.bytes_mut());
                if let Ok(ConnectionState::EncodeTlsData(mut record)) = alert.state {
                    encode(&mut record, &mut self.outgoing)?;
                }
                let _ = self.poll_send(cx);
                Err(error)
            }
        }
    }

    fn work(&mut self, out: &mut [u8], wish: Wish<'_>) -> io::Result<(Stop, usize)> {
        let mut read = 0;
        loop {
            let status = self.side.process(self.incoming.bytes_mut());
            let mut discard = status.discard;
            let stop = match status.state.map_err(broken)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        let room = out.get_mut(read..).unwrap_or_default();
                        let n = if self.spilt.is_empty() { room.len().min(record.payload.len()) } else { 0 };
                        let (fits, rest) = record.payload.split_at(n);
                        room[..n].copy_from_slice(fits);
                        self.spilt.extend_from_slice(rest);
                        read += n;
                    }
                    None
                }
                ConnectionState::EncodeTlsData(mut record) => {
                    encode(&mut record, &mut self.outgoing)?;
                    None
                }
                // It lies in `outgoing`, and will be sent before anything else.
                ConnectionState::TransmitTlsData(records) => {
                    records.done();
                    None
                }
                ConnectionState::PeerClosed => {
                    self.ended = true;
                    None
                }
                ConnectionState::BlockedHandshake => Some(Stop::Handshake),
                ConnectionState::WriteTraffic(mut traffic) => {
                    match wish {
                        Wish::Nothing => {}
                        Wish::Send(bytes) => encrypt(&mut traffic, bytes, &mut self.outgoing)?,
                        Wish::End => end(&mut traffic, &mut self.outgoing)?,
                    }
                    Some(Stop::Open)
                }
                ConnectionState::Closed => Some(Stop::Closed),
                // Early data, which is never accepted.
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
            self.incoming.consume(discard);
            if let Some(stop) = stop {
                return Ok((stop, read));
            }
        }
    }

    /// Receives more records; 0 is the end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.incoming.len() > LARGEST_FLIGHT {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let received = receive(&mut self.plain, &mut self.incoming, cx);
        if let Poll::Ready(Ok(0)) = received {
            self.ended = true;
        }
        received
    }

    /// Sends the records that wait for it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let sent = ready!(Pin::new(&mut self.plain).poll_write(cx, self.outgoing.bytes()))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.consume(sent);
        }
        Poll::Ready(Ok(()))
    }
}

/// Receives into the room behind what is there; 0 is the end.
pub(super) fn receive(plain: &mut Plain, incoming: &mut Records, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut room = ReadBuf::new(incoming.room(LEAST_ROOM));
    let polled = Pin::new(plain).poll_read(cx, &mut room);
    let n = room.filled().len();
    match polled {
        Poll::Ready(Ok(())) => {
            incoming.fill(n);
            incoming.release();
            Poll::Ready(Ok(n))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => {
            incoming.release();
            Poll::Pending
        }
    }
}

/// The reason in the library's words.
fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn encode<D>(record: &mut EncodeTlsData<'_, D>, to: &mut Records) -> io::Result<()> {
    let mut wanted = 0;
    loop {
        match record.encode(to.room(wanted)) {
            Ok(n) => {
                to.fill(n);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(short)) => wanted = short.required_size,
            Err(error @ EncodeError::AlreadyEncoded) => return Err(io::Error::other(error)),
        }
    }
}

fn encrypt<D>(traffic: &mut WriteTraffic<'_, D>, bytes: &[u8], to: &mut Records) -> io::Result<()> {
    write(to, |room| traffic.encrypt(bytes, room))
}

fn end<D>(traffic: &mut WriteTraffic<'_, D>, to: &mut Records) -> io::Result<()> {
    write(to, |room| traffic.queue_close_notify(room))
}

fn write(to: &mut Records, mut make: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>) -> io::Result<()> {
    let mut wanted = 0;
    loop {
        match make(to.room(wanted)) {
            Ok(n) => {
                to.fill(n);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(short)) => wanted = short.required_size,
            Err(error @ EncryptError::EncryptExhausted) => return Err(io::Error::other(error)),
        }
    }
}

/// So many bytes are the beginning of a transfer, whose records `tune.ssl.maxrecord` keeps small.
const BEGINNING: u32 = 64 * 1024;
/// Reads are worth a system call only with some room.
const LEAST_ROOM: usize = 2048;
/// What the messages of a handshake may measure until they are complete; the library sets limits of its own below it.
const LARGEST_FLIGHT: usize = 128 * 1024;
