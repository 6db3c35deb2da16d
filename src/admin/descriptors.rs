//! `_getsocks` (management.txt chapter 3, `-x`): the listening sockets go to another process, in the form that HAProxy's processes use
//! among themselves. It is not documented; it was read off the wire between two of them.
//!
//! The one who asks sends `_getsocks` and a line feed. The answer is the number of sockets as a native 32-bit integer, then messages
//! with at most 252 descriptors each. The bytes of a message describe its sockets one after the other: the length of the network
//! namespace's name (one byte) and the name, the same for the interface, and four bytes of flags. Each message is acknowledged with
//! four bytes, the number of sockets before it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::keyword::Meta;
use crate::sys::descriptors;

/// A listening socket that is given away or was received.
#[derive(Debug)]
pub struct Exposed {
    /// The socket.
    pub socket: OwnedFd,
    /// `interface` of its line.
    pub interface: String,
}

/// The command, which is said as a line of its own and needs `expose-fd listeners`.
pub static META: Meta =
    Meta::new("_getsocks", "_getsocks", "sends the listening sockets to another process ('-x')", &[("_getsocks", "")]);

/// Answers `_getsocks`.
pub async fn send(stream: &UnixStream, sockets: Vec<Exposed>) -> io::Result<()> {
    let count = u32::try_from(sockets.len()).map_err(io::Error::other)?;
    write(stream, &count.to_ne_bytes(), &[]).await?;
    for part in sockets.chunks(descriptors::MOST) {
        let mut bytes = Vec::new();
        for socket in part {
            let interface = &socket.interface.as_bytes()[..socket.interface.len().min(usize::from(u8::MAX))];
            bytes.extend_from_slice(&[0, interface.len() as u8]);
            bytes.extend_from_slice(interface);
            bytes.extend_from_slice(&[0; 4]);
        }
        write(stream, &bytes, part).await?;
        let mut acknowledged = [0; 4];
        read_exact(stream, &mut acknowledged).await?;
    }
    Ok(())
}

async fn read_exact(stream: &UnixStream, buf: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buf.len() {
        stream.readable().await?;
        match stream.try_read(&mut buf[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn write(stream: &UnixStream, mut bytes: &[u8], sockets: &[Exposed]) -> io::Result<()> {
    let mut fds: Vec<_> = sockets.iter().map(|socket| socket.socket.as_fd()).collect();
    while !bytes.is_empty() {
        let sent = stream.async_io(Interest::WRITABLE, || descriptors::send(stream.as_fd(), bytes, &fds)).await?;
        bytes = bytes.get(sent..).unwrap_or_default();
        fds.clear();
    }
    Ok(())
}

/// Asks a running process for its listening sockets (`-x`).
pub fn receive(path: &Path) -> io::Result<Vec<Exposed>> {
    use std::io::{Read, Write};
    let mut stream = StdUnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"_getsocks\n")?;
    let mut count = [0; 4];
    stream.read_exact(&mut count)?;
    let count = u32::from_ne_bytes(count) as usize;
    let mut found = Vec::new();
    while found.len() < count {
        let before = found.len() as u32;
        let mut bytes = vec![0; descriptors::MOST * LONGEST_DESCRIPTION];
        let (length, fds) = descriptors::receive(stream.as_fd(), &mut bytes)?;
        if length == 0 || fds.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = bytes.get(..length).unwrap_or_default();
        for socket in fds {
            let interface = describe(&mut rest).ok_or_else(|| io::Error::other("sockets are described otherwise"))?;
            found.push(Exposed { socket, interface });
        }
        stream.write_all(&before.to_ne_bytes())?;
    }
    Ok(found)
}

/// Takes one socket's description: the interface. Sockets of other namespaces are not told apart.
fn describe(rest: &mut &[u8]) -> Option<String> {
    let mut name = || {
        let (length, behind) = rest.split_first()?;
        let name = behind.get(..usize::from(*length))?;
        *rest = behind.get(name.len()..)?;
        Some(String::from_utf8_lossy(name).into_owned())
    };
    name()?;
    let interface = name()?;
    *rest = rest.get(4..)?;
    Some(interface)
}

const PATIENCE: Duration = Duration::from_secs(5);
/// Two names of at most 255 bytes with their lengths, and flags.
const LONGEST_DESCRIPTION: usize = 2 * 256 + 4;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[test]
    fn descriptions_are_taken_one_by_one() {
        let mut bytes: &[u8] = b"\0\0\0\0\0\0\0\x02lo\0\0\0\0";
        assert_eq!(describe(&mut bytes).as_deref(), Some(""));
        assert_eq!(describe(&mut bytes).as_deref(), Some("lo"));
        assert_eq!(describe(&mut bytes), None);
        assert_eq!(describe(&mut &b"\0\x09lo"[..]), None);
    }

    #[test]
    fn more_sockets_than_one_message_holds_arrive() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("hydroxy-getsocks-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = std::os::unix::net::UnixListener::bind(&path)?;
        let asked = path.clone();
        let asking = std::thread::spawn(move || receive(&asked));
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        let mut sockets = Vec::new();
        for at in 0..300 {
            sockets.push(Exposed { socket: listener.try_clone()?.into(), interface: format!("if{at}") });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut stream = UnixStream::from_std(stream)?;
            let mut line = [0; 10];
            stream.read_exact(&mut line).await?;
            assert_eq!(&line, b"_getsocks\n");
            send(&stream, sockets).await
        })?;
        std::fs::remove_file(&path)?;
        let found = asking.join().map_err(|_| io::Error::other("panicked"))??;
        assert_eq!(found.len(), 300);
        assert_eq!(found[299].interface, "if299");
        Ok(())
    }
}
