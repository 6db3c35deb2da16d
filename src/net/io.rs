//! One type for every kind of stream: TCP or UNIX, plain or under TLS. An enum, so that the plain path costs a branch.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use super::tcp::Tcp;
use super::tls::{Accepted, Connected};
use crate::base::tcp_info::TcpInfo;
use crate::ir::Marks;
use crate::sys;

/// A stream without TLS.
#[derive(Debug)]
pub enum Plain {
    /// TCP.
    Tcp(Tcp),
    /// A UNIX stream socket.
    Unix(UnixStream),
}

/// A stream to a client or server.
#[derive(Debug)]
pub enum Io {
    /// Without TLS.
    Plain(Plain),
    /// A client's TLS connection.
    Accepted(Box<Accepted>),
    /// A TLS connection to a server.
    Connected(Box<Connected>),
}

impl Plain {
    /// Whether something may be read (data, end or error), without reading it.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Plain::Tcp(tcp) => tcp.poll_read_ready(cx),
            Plain::Unix(unix) => unix.poll_read_ready(cx),
        }
    }

    /// Shows what has arrived to `look`, without taking it, again whenever more has come, until `look` is satisfied. It sees an empty
    /// slice at the end of the stream, where it must decide.
    pub async fn peek_until<R>(&mut self, buf: &mut [u8], mut look: impl FnMut(&[u8]) -> Option<R>) -> io::Result<R> {
        loop {
            let mut peek = |fd: BorrowedFd<'_>| {
                let seen = sys::socket::peek(fd, buf)?;
                // Undecided means that the readiness is used up: the next arrival renews it.
                look(buf.get(..seen).unwrap_or_default()).ok_or_else(|| io::ErrorKind::WouldBlock.into())
            };
            let looked = match self {
                Plain::Tcp(tcp) => {
                    let tcp = tcp.register()?;
                    tcp.readable().await?;
                    tcp.try_io(Interest::READABLE, || peek(tcp.as_fd()))
                }
                Plain::Unix(unix) => {
                    unix.readable().await?;
                    unix.try_io(Interest::READABLE, || peek(unix.as_fd()))
                }
            };
            match looked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Reads without waiting.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(tcp) => tcp.try_read(buf),
            Plain::Unix(unix) => unix.try_read(buf),
        }
    }

    /// The local IP address; `None` for UNIX sockets.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Plain::Tcp(tcp) => tcp.local_addr().ok(),
            Plain::Unix(_) => None,
        }
    }

    /// What the kernel knows of the connection; nothing without TCP.
    pub fn tcp_info(&self) -> Option<TcpInfo> {
        let Plain::Tcp(tcp) = self else { return None };
        sys::socket::tcp_info(tcp.fd().ok()?.as_raw_fd())
    }

    /// Lets packets carry marks. A UNIX socket has none.
    pub fn mark(&self, marks: Marks) -> io::Result<()> {
        match self {
            Plain::Tcp(tcp) if marks != Marks::default() => super::marks::apply(marks, tcp.fd()?),
            _ => Ok(()),
        }
    }

    /// Closing will send an end, then a reset that takes back what has not arrived (`option nolinger`).
    pub fn end_and_reset_on_close(&self) {
        if let Plain::Tcp(tcp) = self
            && let Ok(fd) = tcp.fd()
        {
            let socket = socket2::SockRef::from(&fd);
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let _ = socket.set_linger(Some(std::time::Duration::ZERO));
        }
    }

    /// Closing will send a reset instead of an orderly end.
    pub fn reset_on_close(&self) {
        if let Plain::Tcp(tcp) = self {
            // A socket that refuses the option is closed in the ordinary way.
            if let Ok(fd) = tcp.fd() {
                let _ = socket2::SockRef::from(&fd).set_linger(Some(std::time::Duration::ZERO));
            }
        }
    }
}

impl Plain {
    /// Leaves the poller of the thread it was registered at; this thread's will report what happens next. If that fails
    /// the stream is lost.
    fn move_here(&mut self) -> io::Result<()> {
        match std::mem::replace(self, Plain::Tcp(Tcp::lost())) {
            Plain::Tcp(tcp) => *self = Plain::Tcp(tcp.unregister()?),
            Plain::Unix(unix) => *self = Plain::Unix(UnixStream::from_std(unix.into_std()?)?),
        }
        Ok(())
    }
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Plain::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Plain::Unix(unix) => Pin::new(unix).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Plain::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Plain::Unix(unix) => Pin::new(unix).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Plain::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Plain::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
        }
    }
}

impl Io {
    /// Reads some bytes; 0 is the end of the stream. An end without TLS close_notify counts as an end.
    #[inline]
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Io::Plain(io) => {
                let mut room = ReadBuf::new(buf);
                ready!(Pin::new(io).poll_read(cx, &mut room))?;
                Poll::Ready(Ok(room.filled().len()))
            }
            Io::Accepted(io) => io.poll_read(cx, buf),
            Io::Connected(io) => io.poll_read(cx, buf),
        }
    }

    /// Writes some bytes; under TLS they may wait inside until [`Io::poll_flush`].
    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Io::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Io::Accepted(io) => io.poll_write(cx, buf),
            Io::Connected(io) => io.poll_write(cx, buf),
        }
    }

    /// Everything written has been given to the system.
    #[inline]
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(_) => Poll::Ready(Ok(())),
            Io::Accepted(io) => io.poll_flush(cx),
            Io::Connected(io) => io.poll_flush(cx),
        }
    }

    /// Ends our direction; the peer can still send.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Accepted(io) => io.poll_shutdown(cx),
            Io::Connected(io) => io.poll_shutdown(cx),
        }
    }

    /// Says that our direction ends, where there is a way to say it; the stream is closed next.
    pub fn poll_say_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(_) => Poll::Ready(Ok(())),
            Io::Accepted(io) => io.poll_say_end(cx),
            Io::Connected(io) => io.poll_say_end(cx),
        }
    }

    /// Whether a read may find something: data, the end or an error. It does not read, so it says nothing about which, and under
    /// TLS it may be a record without data, or a part of one.
    #[inline]
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(io) => io.poll_read_ready(cx),
            Io::Accepted(io) if io.has_received() => Poll::Ready(Ok(())),
            Io::Connected(io) if io.has_received() => Poll::Ready(Ok(())),
            Io::Accepted(io) => io.plain_mut().poll_read_ready(cx),
            Io::Connected(io) => io.plain_mut().poll_read_ready(cx),
        }
    }

    /// Whether nothing will wake a task for this stream yet: see [`Tcp`].
    #[inline]
    pub fn is_new(&self) -> bool {
        matches!(self.plain(), Plain::Tcp(tcp) if tcp.is_new())
    }

    /// Whether this is a TLS stream.
    pub fn is_tls(&self) -> bool {
        !matches!(self, Io::Plain(_))
    }

    /// The socket below.
    pub fn plain(&self) -> &Plain {
        match self {
            Io::Plain(io) => io,
            Io::Accepted(io) => io.plain(),
            Io::Connected(io) => io.plain(),
        }
    }

    /// Takes the stream away, for a handshake that wraps it; `None` if it has one.
    pub fn take_plain(&mut self) -> Option<Plain> {
        match self {
            Io::Plain(io) => Some(std::mem::replace(io, Plain::Tcp(Tcp::lost()))),
            Io::Accepted(_) | Io::Connected(_) => None,
        }
    }

    /// Moves the stream to this thread from the one it was registered at. If that fails the stream is lost.
    pub fn move_here(&mut self) -> io::Result<()> {
        match self {
            Io::Plain(io) => io.move_here(),
            Io::Accepted(io) => io.plain_mut().move_here(),
            Io::Connected(io) => io.plain_mut().move_here(),
        }
    }

    /// Whether an idle connection is of no use any more: the peer closed it, or sent what nobody asked for. Makes a system call
    /// only if the poller reported something.
    pub fn is_stale(&mut self) -> bool {
        if self.is_tls() {
            // Records that carry no data, such as session tickets, are ordinary.
            return self.poll_read(&mut Context::from_waker(Waker::noop()), &mut [0]).is_ready();
        }
        // Nobody watches a stream that is not registered. Readiness may be left over from a read that filled its buffer exactly; the
        // read clears it then.
        let look = self.is_new() || self.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_ready();
        look && !matches!(self.plain().try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}
