//! Sending many datagrams with one call.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::SockAddr;

/// The most datagrams one call sends.
pub const BATCH: usize = 32;

/// Sends up to [`BATCH`] datagrams to one address and says how many the kernel took. Never blocks.
pub fn send_many(fd: BorrowedFd<'_>, to: &SockAddr, messages: &[&[u8]]) -> io::Result<usize> {
    let count = messages.len().min(BATCH);
    // SAFETY: both are plain C structures for which all zeroes is a valid value.
    let mut parts: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    for (at, message) in messages.iter().take(count).enumerate() {
        parts[at] = libc::iovec { iov_base: message.as_ptr().cast_mut().cast(), iov_len: message.len() };
        let header = &mut headers[at].msg_hdr;
        header.msg_name = to.as_ptr().cast_mut().cast();
        header.msg_namelen = to.len();
        header.msg_iov = &raw mut parts[at];
        header.msg_iovlen = 1;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the headers point at the address, the parts and the messages, which all live through the call; the kernel only
    // reads them, and writes `msg_len` of the first `count` headers.
    let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count as libc::c_uint, flags) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;

    #[test]
    fn datagrams_arrive_whole_and_in_order() -> io::Result<()> {
        let receiver = UdpSocket::bind("127.0.0.1:0")?;
        receiver.set_read_timeout(Some(Duration::from_secs(5)))?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        let to = SockAddr::from(receiver.local_addr()?);
        assert_eq!(send_many(sender.as_fd(), &to, &[b"one", b"two"])?, 2);
        let mut buffer = [0; 16];
        for expected in [&b"one"[..], b"two"] {
            let length = receiver.recv(&mut buffer)?;
            assert_eq!(&buffer[..length], expected);
        }
        Ok(())
    }
}
