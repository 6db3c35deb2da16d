//! Messages about servers, proxies and the process: on standard error as HAProxy writes them, and to the log targets of the proxy
//! concerned. They are rare, so each is sent at once, from any thread.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::compose;
use super::sink::{Sink, Writers};
use crate::base::clock;
use crate::diag::{Renderer, Severity};
use crate::engine::live::Live;
use crate::ir::Proxy;

/// Tells the world.
pub struct Herald {
    renderer: Renderer,
    quiet: bool,
    writers: Arc<Writers>,
    sinks: Mutex<Vec<Sink>>,
}

impl Herald {
    /// `quiet` keeps standard error clean (`-q`, `-D`).
    pub fn new(quiet: bool, writers: Arc<Writers>) -> Herald {
        Herald { renderer: Renderer::new(std::process::id()), quiet, writers, sinks: Mutex::default() }
    }

    /// Writes a line on standard error.
    pub fn warn(&self, severity: Severity, text: &str) {
        if !self.quiet {
            // A standard error that nobody reads is no reason to stop.
            let _ = std::io::stderr().write_all(self.renderer.line(severity, text).as_bytes());
        }
    }

    /// Sends a line to the log targets of a proxy.
    pub fn log(&self, live: &Live, proxy: &Proxy, level: u8, text: &str) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        for (target, seen) in proxy.logs.iter().zip(live.samples(proxy.id)) {
            let Some(level) = compose::wanted(target, seen, level) else { continue };
            let at = sinks.iter().position(|sink| *sink.to() == target.to).unwrap_or_else(|| {
                sinks.push(Sink::open(&target.to, &self.writers, &live.view.process));
                sinks.len() - 1
            });
            if let Some(sink) = sinks.get(at) {
                let header = compose::header(live, proxy, target);
                sink.push(|out| compose::line(out, &header, level, clock::unix_us(), b"", text.as_bytes()));
                sink.flush();
            }
        }
    }

    /// Both.
    pub fn tell(&self, live: &Live, proxy: &Proxy, severity: Severity, level: u8, text: &str) {
        self.warn(severity, text);
        self.log(live, proxy, level, text);
    }
}
