//! What the supervisor and a worker tell each other over their pair of sockets: frames with a kind, bytes and descriptors.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::sys::descriptors;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To the worker: use this configuration; a bundle and the sockets of addresses that are new.
    Reload = 1,
    /// To the worker: serve this connection of the supervisor's socket; the bytes are the level.
    Talk = 2,
    /// To the supervisor: the sockets are served.
    Ready = 3,
    /// To the supervisor: the configuration is in use.
    Done = 4,
    /// To the supervisor: nothing has changed; the bytes say why.
    Failed = 5,
}

/// A message.
#[derive(Debug)]
pub struct Frame {
    /// What it says.
    pub kind: Kind,
    /// Its text.
    pub bytes: Vec<u8>,
    /// What came with it.
    pub fds: Vec<OwnedFd>,
}

/// Sends a frame; waits until the other side has taken it.
pub fn send(stream: &UnixStream, kind: Kind, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut head = vec![kind as u8];
    head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    head.extend_from_slice(&(fds.len() as u32).to_le_bytes());
    let mut writer = stream;
    writer.write_all(&head)?;
    for part in fds.chunks(descriptors::MOST) {
        descriptors::send(stream.as_fd(), b"f", part)?;
    }
    writer.write_all(bytes)
}

/// Receives a frame; `None` is the end: the other process has gone.
pub fn receive(stream: &UnixStream) -> io::Result<Option<Frame>> {
    let mut reader = stream;
    let mut head = [0; 13];
    match reader.read(&mut head[..1])? {
        0 => return Ok(None),
        _ => reader.read_exact(&mut head[1..])?,
    }
    let [kind, l0, l1, l2, l3, l4, l5, l6, l7, n0, n1, n2, n3] = head;
    let length = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    let count = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
    let mut fds = Vec::new();
    while fds.len() < count {
        let (taken, mut part) = descriptors::receive(stream.as_fd(), &mut [0; 1])?;
        if taken == 0 || part.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        fds.append(&mut part);
    }
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let kind = Kind::try_from(kind).map_err(|()| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(Some(Frame { kind, bytes, fds }))
}

impl TryFrom<u8> for Kind {
    type Error = ();

    fn try_from(number: u8) -> Result<Kind, ()> {
        [Kind::Reload, Kind::Talk, Kind::Ready, Kind::Done, Kind::Failed]
            .into_iter()
            .find(|kind| *kind as u8 == number)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_arrives_with_its_descriptors() -> io::Result<()> {
        let (left, right) = UnixStream::pair()?;
        let many = vec![left.as_fd(); 600];
        std::thread::scope(|scope| {
            scope.spawn(|| send(&left, Kind::Reload, &vec![7; 1_000_000], &many));
            let frame = receive(&right)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            assert_eq!((frame.kind, frame.bytes.len(), frame.fds.len()), (Kind::Reload, 1_000_000, 600));
            Ok::<(), io::Error>(())
        })?;
        drop(left);
        assert!(receive(&right)?.is_none());
        Ok(())
    }
}
