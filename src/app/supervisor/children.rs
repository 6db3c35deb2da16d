//! The workers, as the supervisor sees them.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;

use crate::ir::Ir;
use crate::sys;

/// A worker.
pub struct Child {
    /// Its process.
    pub pid: i32,
    /// To it.
    pub stream: UnixStream,
    /// What a process cannot change once it runs.
    pub shape: Shape,
    /// Since when.
    pub started: Instant,
    /// Reloads that it has seen as a former worker.
    pub reloads: u32,
    /// It serves.
    pub ready: bool,
    /// It said its last word.
    pub silent: bool,
}

/// What a configuration asks of a process that can be had at its start only: another one takes over where this differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    threads: usize,
    descriptors: u64,
    uid: Option<u32>,
    gid: Option<u32>,
    chroot: Option<PathBuf>,
    dumpable: bool,
}

impl Shape {
    /// Of a configuration that runs on that many threads with that many descriptors.
    pub fn new(ir: &Ir, threads: usize, descriptors: u64) -> Shape {
        let global = &ir.global;
        Shape {
            threads,
            descriptors,
            uid: global.uid,
            gid: global.gid,
            chroot: global.chroot.clone(),
            dumpable: global.dumpable,
        }
    }
}

impl Child {
    /// Sends it a signal; one that has ended is reaped soon.
    pub fn signal(&self, number: i32) {
        let _ = sys::process::kill(self.pid, number);
    }
}

/// `Exit`, or the signal's name.
pub fn cause(code: i32) -> String {
    if code > 128 { sys::signals::name(code - 128) } else { "Exit".to_owned() }
}
