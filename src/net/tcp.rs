//! `Tcp`: a TCP stream that is registered with the poller only when it first has to wait. A short exchange whose request is
//! there at accept, and whose response fits the socket's buffer, never is: two system calls less.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream.
#[derive(Debug)]
pub struct Tcp {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not registered: calls go to the system directly.
    New(std::net::TcpStream),
    Registered(TcpStream),
    /// Registering failed, or the stream was taken away.
    Lost,
}

impl Tcp {
    /// A stream that is non-blocking and not registered.
    pub fn unregistered(stream: std::net::TcpStream) -> Self {
        Tcp { state: State::New(stream) }
    }

    /// What stands in the place of a stream that was taken away.
    pub fn lost() -> Self {
        Tcp { state: State::Lost }
    }

    /// Whether nothing will wake a task for this stream yet.
    #[inline]
    pub fn is_new(&self) -> bool {
        matches!(self.state, State::New(_))
    }

    /// Registers with the poller of this thread, if that has not been done. Whatever is readable or writable then is reported.
    pub fn register(&mut self) -> io::Result<&mut TcpStream> {
        if self.is_new()
            && let State::New(stream) = std::mem::replace(&mut self.state, State::Lost)
        {
            self.state = State::Registered(TcpStream::from_std(stream)?);
        }
        match &mut self.state {
            State::Registered(stream) => Ok(stream),
            State::New(_) | State::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Leaves the poller of the thread it was registered at, which is not asked any more, for that of the thread that waits next.
    pub fn unregister(self) -> io::Result<Self> {
        match self.state {
            State::Registered(stream) => Ok(Tcp::unregistered(stream.into_std()?)),
            state => Ok(Tcp { state }),
        }
    }

    /// Whether something may be read; registers.
    #[inline]
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Registered(stream) => stream.poll_read_ready(cx),
            _ => self.register()?.poll_read_ready(cx),
        }
    }

    /// Reads without waiting or registering.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Registered(stream) => stream.try_read(buf),
            State::New(stream) => (&*stream).read(buf),
            State::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The local address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.state {
            State::Registered(stream) => stream.local_addr(),
            State::New(stream) => stream.local_addr(),
            State::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl From<TcpStream> for Tcp {
    fn from(stream: TcpStream) -> Self {
        Tcp { state: State::Registered(stream) }
    }
}

impl Tcp {
    /// The descriptor, if the stream is usable.
    pub fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.state {
            State::Registered(stream) => Ok(stream.as_fd()),
            State::New(stream) => Ok(stream.as_fd()),
            State::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Tcp {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let State::New(stream) = &mut this.state {
            match retry(|| stream.read(buf.initialize_unfilled())) {
                Ok(n) => {
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                Err(_) => {}
            }
        }
        Pin::new(this.register()?).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tcp {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let State::New(stream) = &mut this.state {
            match retry(|| stream.write(buf)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
        Pin::new(this.register()?).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::New(stream) => Poll::Ready(stream.shutdown(std::net::Shutdown::Write)),
            _ => Pin::new(this.register()?).poll_shutdown(cx),
        }
    }
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
