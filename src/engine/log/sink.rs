//! Where log lines go: datagrams are collected per core and sent many at a time, descriptors are written by one thread each.
//!
//! Logging never blocks traffic: what a target does not take at once is dropped and counted (`DroppedLogs`).

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::ir::LogTo;
use crate::state::Process;
use crate::sys;
use crate::sys::datagram::{BATCH, can_join, send_many};

/// One destination, as one core sees it.
pub struct Sink {
    to: LogTo,
    kind: Kind,
    waiting: RefCell<Waiting>,
    process: Arc<Process>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is the only one that waits.
    First,
    /// Others wait already.
    More,
    /// So many wait that they should be sent.
    Full,
}

enum Kind {
    Datagrams(Datagrams),
    Writer(SyncSender<Job>),
    /// The destination could not be opened; every line is dropped and counted.
    Broken,
}

struct Datagrams {
    socket: OwnedFd,
    addr: SockAddr,
    /// Lines of equal length can be sent together.
    join: bool,
}

/// Lines not sent yet, one behind the other.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Sink {
    /// Opens a destination. `writers` are the threads for descriptors, shared by all cores.
    pub fn open(to: &LogTo, writers: &Writers, process: &Arc<Process>) -> Sink {
        let kind = match to {
            LogTo::Udp(addr) => Datagrams::open(Domain::for_address(*addr), SockAddr::from(*addr)),
            LogTo::Unix(path) => SockAddr::unix(path).and_then(|addr| Datagrams::open(Domain::UNIX, addr)),
            LogTo::Fd(fd) => writers.writer(*fd, process).map(Kind::Writer),
        };
        let kind = kind.unwrap_or(Kind::Broken);
        Sink { to: to.clone(), kind, waiting: RefCell::default(), process: process.clone() }
    }

    /// Which destination this is.
    pub fn to(&self) -> &LogTo {
        &self.to
    }

    /// Takes the line that `write` appends; it waits for [`Sink::flush`].
    #[inline]
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) -> Pushed {
        let waiting = &mut *self.waiting.borrow_mut();
        write(&mut waiting.bytes);
        let end = waiting.bytes.len();
        waiting.ends.push(end);
        match waiting.ends.len() {
            1 => Pushed::First,
            count if count >= BATCH => Pushed::Full,
            _ => Pushed::More,
        }
    }

    /// Sends what waits.
    pub fn flush(&self) {
        let waiting = &mut *self.waiting.borrow_mut();
        let count = waiting.ends.len();
        if count == 0 {
            return;
        }
        let lost = match &self.kind {
            Kind::Datagrams(to) => to.send(waiting),
            Kind::Writer(writer) => {
                let room = waiting.bytes.capacity();
                let lines = std::mem::replace(&mut waiting.bytes, Vec::with_capacity(room));
                if writer.try_send(Job::Write(lines, count)).is_ok() { 0 } else { count }
            }
            Kind::Broken => count,
        };
        if lost > 0 {
            self.process.dropped_logs.fetch_add(lost as u64, Relaxed);
        }
        waiting.bytes.clear();
        waiting.ends.clear();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Datagrams {
    fn open(domain: Domain, addr: SockAddr) -> io::Result<Kind> {
        let socket: OwnedFd = Socket::new(domain, Type::DGRAM, None)?.into();
        let join = can_join(socket.as_fd());
        Ok(Kind::Datagrams(Datagrams { socket, addr, join }))
    }

    /// Sends each line as a datagram; says how many were lost.
    fn send(&self, waiting: &Waiting) -> usize {
        let mut lost = 0;
        let mut start = 0;
        let lines: Vec<&[u8]> = waiting
            .ends
            .iter()
            .map(|&end| waiting.bytes.get(std::mem::replace(&mut start, end)..end).unwrap_or_default())
            .collect();
        let mut rest = lines.as_slice();
        let mut join = self.join;
        while !rest.is_empty() {
            match send_many(self.socket.as_fd(), &self.addr, rest, join) {
                Ok(taken) => rest = rest.get(taken.max(1)..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The queue is full, and will be for all of them.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return lost + rest.len(),
                // Perhaps the way there does not carry joined lines: a narrow link, IPsec.
                Err(_) if join => join = false,
                Err(_) => {
                    // Nobody listens, or this one is too long: the others may pass.
                    lost += 1;
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        lost
    }
}

/// The threads that write to descriptors, one each.
#[derive(Default)]
pub struct Writers {
    open: Mutex<Vec<(i32, SyncSender<Job>)>>,
}

/// What such a thread is told.
enum Job {
    /// Write these lines, so many.
    Write(Vec<u8>, usize),
    /// Say when everything is written, then end.
    End(SyncSender<()>),
}

impl Writers {
    /// The way to a descriptor's thread, which is started on first use. An error if the descriptor is not open.
    fn writer(&self, fd: i32, process: &Arc<Process>) -> io::Result<SyncSender<Job>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, writer)) = open.iter().find(|(known, _)| *known == fd) {
            return Ok(writer.clone());
        }
        let own = sys::inherit::duplicate(fd)?;
        let (writer, jobs) = sync_channel(QUEUED_BATCHES);
        let process = process.clone();
        std::thread::Builder::new().name(format!("log-fd{fd}")).spawn(move || write_lines(own, &jobs, &process))?;
        open.push((fd, writer.clone()));
        Ok(writer)
    }

    /// Waits until everything is written, but not for long: nobody may read at the other end. Later lines are lost.
    pub fn finish(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, writer) in open {
            let (done, wait) = sync_channel(1);
            let give_up = Instant::now() + PATIENCE;
            let mut job = Job::End(done);
            while let Err(TrySendError::Full(back)) = writer.try_send(job) {
                if Instant::now() >= give_up {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
                job = back;
            }
            // Whether it was done in time changes nothing any more. Where the job was not taken, this ends at once.
            let _ = wait.recv_timeout(PATIENCE);
        }
    }
}

fn write_lines(fd: OwnedFd, jobs: &Receiver<Job>, process: &Process) {
    let mut file = std::fs::File::from(fd);
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Write(lines, count) => {
                if write_all(&mut file, &lines).is_err() {
                    process.dropped_logs.fetch_add(count as u64, Relaxed);
                }
            }
            Job::End(done) => {
                // Who waited may have given up.
                let _ = done.try_send(());
                return;
            }
        }
    }
}

/// As `Write::write_all`, also on descriptors that somebody made non-blocking.
fn write_all(file: &mut std::fs::File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How many batches a descriptor's thread may fall behind.
const QUEUED_BATCHES: usize = 256;
/// How long the end of the process waits for a descriptor's thread.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn line(text: &str) -> impl FnOnce(&mut Vec<u8>) {
        move |out| out.extend_from_slice(text.as_bytes())
    }

    #[test]
    fn each_line_is_a_datagram() -> io::Result<()> {
        let receiver = UdpSocket::bind("127.0.0.1:0")?;
        receiver.set_read_timeout(Some(Duration::from_secs(5)))?;
        let sink = Sink::open(&LogTo::Udp(receiver.local_addr()?), &Writers::default(), &Arc::default());
        assert_eq!(sink.push(line("one\n")), Pushed::First);
        assert_eq!(sink.push(line("two\n")), Pushed::More);
        drop(sink);
        let mut buf = [0; 16];
        for expected in ["one\n", "two\n"] {
            let length = receiver.recv(&mut buf)?;
            assert_eq!(&buf[..length], expected.as_bytes());
        }
        Ok(())
    }

    #[test]
    fn a_full_batch_asks_to_be_sent() {
        let addr = ([127, 0, 0, 1], 9).into();
        let sink = Sink::open(&LogTo::Udp(addr), &Writers::default(), &Arc::default());
        let pushed: Vec<Pushed> = (0..BATCH).map(|_| sink.push(line("x\n"))).collect();
        assert_eq!((pushed[0], pushed[BATCH - 2], pushed[BATCH - 1]), (Pushed::First, Pushed::More, Pushed::Full));
        sink.flush();
        assert_eq!(sink.push(line("x\n")), Pushed::First);
    }

    #[test]
    fn what_a_unix_socket_does_not_take_is_counted() {
        let process = Arc::new(Process::default());
        let sink = Sink::open(&LogTo::Unix("/nowhere/log".into()), &Writers::default(), &process);
        sink.push(line("one\n"));
        sink.push(line("two\n"));
        sink.flush();
        assert_eq!(process.dropped_logs.load(Relaxed), 2);
    }

    #[test]
    fn a_descriptor_gets_everything_before_the_end() -> io::Result<()> {
        let (mut reader, writer) = UnixStream::pair()?;
        let writers = Writers::default();
        let sink = Sink::open(&LogTo::Fd(writer.as_raw_fd()), &writers, &Arc::default());
        for number in 0..1000 {
            if sink.push(line(&format!("line {number}\n"))) == Pushed::Full {
                sink.flush();
            }
        }
        drop((sink, writer));
        writers.finish();
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        assert!(text.starts_with("line 0\n") && text.ends_with("line 999\n"), "{}", text.len());
        Ok(())
    }
}
