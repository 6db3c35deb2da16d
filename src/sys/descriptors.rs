//! Descriptors that travel between processes over a UNIX socket (`SCM_RIGHTS`).

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The most descriptors that one message carries: the kernel's limit is 253.
pub const MOST: usize = 252;

/// Sends bytes, at least one, with at most [`MOST`] descriptors. Says how many bytes the kernel took; the descriptors went with the
/// first.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if bytes.is_empty() || fds.len() > MOST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let length = size_of_val(raw.as_slice());
    let mut control = Control::default();
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: a plain C structure for which all zeroes is a valid value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !raw.is_empty() {
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes; MOST descriptors fit the buffer, as `Control` is sized for them.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(length as u32) } as _;
        // SAFETY: the control buffer is aligned for a header and at least `msg_controllen` long, so the first header lies in it, and
        // so do the `length` bytes behind it that are copied from `raw`.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(length as u32) as _;
            std::ptr::copy_nonoverlapping(raw.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), length);
        }
    }
    // SAFETY: the message points at the bytes and the control buffer, which live through the call; the kernel only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}

/// Receives bytes and the descriptors that came with them, close-on-exec; 0 bytes are the end of the stream.
pub fn receive(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = Control::default();
    let mut part = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: a plain C structure for which all zeroes is a valid value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    // SAFETY: the message points at the buffer and the control buffer with their lengths; both live through the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    if received < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut fds = Vec::new();
    // SAFETY: the kernel has written whole headers within `msg_controllen`; CMSG_FIRSTHDR and CMSG_NXTHDR stay within it or give null.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: not null, so it is a whole header within the buffer.
        let (level, kind, length) = unsafe { ((*header).cmsg_level, (*header).cmsg_type, (*header).cmsg_len as usize) };
        if level == libc::SOL_SOCKET && kind == libc::SCM_RIGHTS {
            // SAFETY: CMSG_LEN only computes.
            let data = length.saturating_sub(unsafe { libc::CMSG_LEN(0) } as usize);
            for at in 0..data / size_of::<RawFd>() {
                // SAFETY: the header says that so many descriptors follow it; each is new in this process and known to nobody else.
                fds.push(unsafe {
                    let place = libc::CMSG_DATA(header).cast::<RawFd>().add(at);
                    OwnedFd::from_raw_fd(place.read_unaligned())
                });
            }
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    Ok((received as usize, fds))
}

/// Room for a header and [`MOST`] descriptors, and one more of them by rounding; aligned as headers must be.
struct Control([u64; 2 + MOST.div_ceil(2) + 2]);

impl Default for Control {
    fn default() -> Self {
        Control([0; 2 + MOST.div_ceil(2) + 2])
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_file_arrives_open() -> io::Result<()> {
        let (left, right) = UnixStream::pair()?;
        let path = std::env::temp_dir().join(format!("hydroxy-descriptor-{}", std::process::id()));
        let mut file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(&path)?;
        file.write_all(b"contents")?;
        file.rewind()?;
        send(left.as_fd(), b"x", &[file.as_fd(), file.as_fd()])?;
        let mut byte = [0; 8];
        let (length, mut fds) = receive(right.as_fd(), &mut byte)?;
        assert_eq!((length, fds.len()), (1, 2));
        let mut text = String::new();
        std::fs::File::from(fds.remove(0)).read_to_string(&mut text)?;
        assert_eq!(text, "contents");
        Ok(())
    }

    #[test]
    fn as_many_as_allowed_travel_in_one_message() -> io::Result<()> {
        let (left, right) = UnixStream::pair()?;
        send(left.as_fd(), b"x", &[left.as_fd(); MOST])?;
        let (_, fds) = receive(right.as_fd(), &mut [0; 1])?;
        assert_eq!(fds.len(), MOST);
        assert!(send(left.as_fd(), b"x", &[left.as_fd(); MOST + 1]).is_err());
        Ok(())
    }
}
