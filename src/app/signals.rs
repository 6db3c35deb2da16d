//! The signals of a process that serves (management.txt chapters 4 and 12).

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGUSR1: finish what runs.
    Finish,
    /// SIGTERM, SIGINT: now; the signal's number.
    Now(i32),
    /// SIGUSR2: read the configuration again. HAProxy's single process has no meaning for it.
    Reload,
    /// SIGHUP: tell the servers' states. SIGQUIT dumps HAProxy's memory pools, which do not exist here.
    Dump,
    /// SIGTTOU: stop listening for a while.
    Pause,
    /// SIGTTIN: listen again.
    Resume,
}

/// The signals that are handled.
pub struct Signals(Vec<(unix::Signal, Option<Signal>)>);

impl Signals {
    /// Handles them from now on. Must be called in a runtime.
    pub fn new() -> io::Result<Signals> {
        let all = [
            (libc::SIGUSR1, Some(Signal::Finish)),
            (libc::SIGTERM, Some(Signal::Now(libc::SIGTERM))),
            (libc::SIGINT, Some(Signal::Now(libc::SIGINT))),
            (libc::SIGUSR2, Some(Signal::Reload)),
            (libc::SIGHUP, Some(Signal::Dump)),
            (libc::SIGQUIT, None),
            (libc::SIGTTOU, Some(Signal::Pause)),
            (libc::SIGTTIN, Some(Signal::Resume)),
        ];
        let listen = |(number, meaning)| Ok((signal(SignalKind::from_raw(number))?, meaning));
        Ok(Signals(all.into_iter().map(listen).collect::<io::Result<_>>()?))
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        std::future::poll_fn(|cx| {
            for (signal, meaning) in &mut self.0 {
                while signal.poll_recv(cx).is_ready() {
                    if let Some(meaning) = meaning {
                        return std::task::Poll::Ready(*meaning);
                    }
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
