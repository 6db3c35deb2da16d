//! The supervisor's socket (`-S`, management.txt 9.4): its clients, their lines, and relaying to workers. No command is run here.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::admin::cli::Level;
use crate::sys;
use crate::sys::poll::Interest;

/// A listening socket, and the rights of those who connect.
pub struct Door {
    /// The socket, non-blocking.
    pub socket: OwnedFd,
    /// `level`.
    pub level: Level,
}

/// Where a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The supervisor.
    Master,
    /// `@N`: the present worker is number 1.
    Number(usize),
    /// `@!PID`.
    Pid(i32),
}

/// One client.
pub struct Client {
    stream: File,
    /// Its rights.
    pub level: Level,
    input: Vec<u8>,
    output: Vec<u8>,
    commands: VecDeque<String>,
    /// Where commands without a prefix go.
    pub target: Target,
    /// The interactive prompt is on.
    pub prompt: bool,
    relay: Option<UnixStream>,
    /// It waits for the end of a reload.
    pub waits: bool,
    ended: bool,
    closing: bool,
    served: bool,
}

impl Door {
    /// The next client.
    pub fn accept(&self) -> Option<Client> {
        let (fd, _) = sys::socket::accept(self.socket.as_fd()).ok()?;
        Some(Client {
            stream: File::from(fd),
            level: self.level,
            input: Vec::new(),
            output: Vec::new(),
            commands: VecDeque::new(),
            target: Target::Master,
            prompt: false,
            relay: None,
            waits: false,
            ended: false,
            closing: false,
            served: false,
        })
    }
}

impl Client {
    /// What is waited for: the descriptor and how.
    pub fn interest(&self) -> Option<(BorrowedFd<'_>, Interest)> {
        if !self.output.is_empty() {
            return Some((self.stream.as_fd(), Interest::Write));
        }
        if let Some(relay) = &self.relay {
            return Some((relay.as_fd(), Interest::Read));
        }
        let listens = !self.waits && !self.ended && !self.closing;
        listens.then(|| (self.stream.as_fd(), Interest::Read))
    }

    /// Moves what can be moved. False when the connection is over.
    pub fn advance(&mut self) -> bool {
        let moved = match (self.output.is_empty(), self.relay.is_some()) {
            (false, _) => self.write(),
            (true, true) => self.read_relay(),
            (true, false) => self.read(),
        };
        match moved {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => false,
            _ => !self.is_over(),
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        let idle = self.output.is_empty() && self.relay.is_none() && !self.waits;
        idle && (self.closing || (self.ended && self.commands.is_empty()))
    }

    /// The next command, if the one before is done.
    pub fn next_command(&mut self) -> Option<String> {
        if self.relay.is_some() || self.waits || self.closing {
            return None;
        }
        if self.commands.is_empty() {
            self.take_line();
        }
        self.commands.pop_front()
    }

    /// Answers; every answer ends with an empty line.
    pub fn answer(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
        if !text.is_empty() && !text.ends_with('\n') {
            self.output.push(b'\n');
        }
        self.output.push(b'\n');
    }

    /// After a command: the prompt, or the end where there is none.
    pub fn done(&mut self, prompt: &str) {
        if !self.commands.is_empty() || self.relay.is_some() || self.waits {
            return;
        }
        match self.prompt {
            true => self.output.extend_from_slice(prompt.as_bytes()),
            false => self.closing = true,
        }
    }

    /// Closes once everything is sent.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Passes on what a worker answers, to its end.
    pub fn relay(&mut self, worker: UnixStream) {
        self.relay = worker.set_nonblocking(true).is_ok().then_some(worker);
    }

    /// Whether the worker's answer has just ended.
    pub fn take_served(&mut self) -> bool {
        std::mem::take(&mut self.served)
    }

    fn take_line(&mut self) {
        let line = match memchr::memchr(b'\n', &self.input) {
            Some(end) => self.input.drain(..=end).collect(),
            None if self.ended => std::mem::take(&mut self.input),
            None => return,
        };
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if line.starts_with("@@") {
            self.commands.push_back(line);
            return;
        }
        let commands = line.split(';').map(|command| command.trim().to_owned());
        self.commands.extend(commands.filter(|command| !command.is_empty()));
    }

    fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk)? {
            0 => self.ended = true,
            length => self.input.extend_from_slice(chunk.get(..length).unwrap_or_default()),
        }
        if self.input.len() > LONGEST_INPUT { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }

    fn read_relay(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        let Some(relay) = &mut self.relay else { return Ok(()) };
        match relay.read(&mut chunk) {
            Ok(0) => {
                self.relay = None;
                self.served = true;
            }
            Ok(length) => self.output.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => {
                self.relay = None;
                self.served = true;
            }
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let sent = self.stream.write(&self.output)?;
        self.output.drain(..sent);
        Ok(())
    }
}

/// Splits a target's prefix off a command; `None` if it is none.
pub fn target(command: &str) -> Option<(Target, &str)> {
    let behind = command.strip_prefix('@')?;
    let behind = behind.strip_prefix('@').unwrap_or(behind);
    let (name, rest) = behind.split_once(' ').unwrap_or((behind, ""));
    let target = match name {
        "" | "master" => Target::Master,
        name => match name.strip_prefix('!') {
            Some(pid) => Target::Pid(pid.parse().unwrap_or(-1)),
            None => Target::Number(name.parse().unwrap_or(0)),
        },
    };
    Some((target, rest.trim()))
}

/// `tune.bufsize` by default, as HAProxy limits it.
const LONGEST_INPUT: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_names_a_process() {
        assert_eq!(target("@1 show info"), Some((Target::Number(1), "show info")));
        assert_eq!(target("@!12"), Some((Target::Pid(12), "")));
        assert_eq!(target("@@1 show info; show stat"), Some((Target::Number(1), "show info; show stat")));
        assert_eq!(target("@"), Some((Target::Master, "")));
        assert_eq!(target("show proc"), None);
    }
}
