//! What can go wrong with a stream, and the one table that says what it means: status, termination flags, counters (manual 8.5).

use crate::expr::Termination;
use crate::state::Stat;

/// Why a stream ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client closed or reset its connection.
    ClientAbort,
    /// The client did not send or take anything for too long.
    ClientTimeout,
    /// The client's message is malformed or too large: answer with this status.
    BadRequest(u16),
    /// No server is available.
    NoServer,
    /// All servers are full and so is the queue.
    QueueFull,
    /// Waited in the queue for too long.
    QueueTimeout,
    /// The server refused the connection.
    Refused,
    /// The server did not accept the connection, or its handshake did not end, in time.
    ConnectTimeout,
    /// We have no descriptors or ports left to connect with.
    Resource,
    /// The server closed or reset its connection.
    ServerAbort,
    /// The server did not send or take anything for too long.
    ServerTimeout,
    /// The server's message is malformed or too large.
    BadResponse,
    /// A rule closed the connection without an answer.
    Rejected,
    /// An administrator has ended it.
    Killed,
    /// An HTTP request was given to a TCP backend.
    Misrouted,
    /// A `wait` or rewrite could not be done.
    Internal,
}

/// How far a stream has come: the second character of the termination state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the request.
    #[default]
    Request,
    /// Waiting in a queue.
    Queue,
    /// Connecting, or nobody to connect to.
    Connect,
    /// Waiting for the response head.
    Headers,
    /// Exchanging bodies.
    Data,
    /// The server has finished, the client has yet to take the rest.
    Last,
}

/// What a fault means in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The status to answer with, if nothing was sent yet; 0 closes without an answer.
    pub status: u16,
    /// For the log.
    pub termination: Termination,
    /// What the frontend counts.
    pub frontend: Option<Stat>,
    /// What the backend counts.
    pub backend: Option<Stat>,
    /// What the server counts.
    pub server: Option<Stat>,
}

impl Phase {
    /// The character of the termination state.
    pub fn letter(self) -> u8 {
        match self {
            Phase::Request => b'R',
            Phase::Queue => b'Q',
            Phase::Connect => b'C',
            Phase::Headers => b'H',
            Phase::Data => b'D',
            Phase::Last => b'L',
        }
    }
}

impl Fault {
    /// The status to answer with and what to log and count.
    pub fn meaning(self, phase: Phase) -> Meaning {
        use Fault::*;
        let (cause, status) = match self {
            // Nobody is there to be answered, and no server has been asked.
            ClientAbort => (b'C', if matches!(phase, Phase::Queue | Phase::Connect) { 0 } else { 400 }),
            // A body that does not come is answered like a malformed one.
            ClientTimeout => (b'c', if phase == Phase::Request { 408 } else { 400 }),
            BadRequest(status) => (b'P', status),
            NoServer => (b'S', 503),
            QueueFull => (b'S', 503),
            QueueTimeout => (b's', 503),
            Refused => (b'S', 503),
            ConnectTimeout => (b's', 503),
            Resource => (b'R', 503),
            ServerAbort => (b'S', 502),
            ServerTimeout => (b's', 504),
            BadResponse => (b'P', 502),
            Rejected => (b'P', 0),
            // Like a server that broke off.
            Killed => (b'K', if phase == Phase::Headers { 502 } else { 503 }),
            Misrouted => (b'I', 0),
            Internal => (b'I', 500),
        };
        // Nobody to ask is a failure to connect, whatever was waited for.
        let phase = if self == NoServer { Phase::Connect } else { phase };
        let (frontend, backend, server) = self.counters(phase);
        Meaning { status, termination: Termination { cause, phase: phase.letter() }, frontend, backend, server }
    }

    fn counters(self, phase: Phase) -> (Option<Stat>, Option<Stat>, Option<Stat>) {
        use Fault::*;
        match (self, phase) {
            (ClientAbort | ClientTimeout | BadRequest(_), Phase::Request) => (Some(Stat::RequestErrors), None, None),
            (ClientAbort, Phase::Queue | Phase::Connect) => (None, None, None),
            (ClientAbort | ClientTimeout, _) => {
                (Some(Stat::ClientAborts), Some(Stat::ClientAborts), Some(Stat::ClientAborts))
            }
            (BadRequest(_), _) => (Some(Stat::RequestErrors), None, None),
            (Killed, Phase::Headers) => (None, Some(Stat::ResponseErrors), Some(Stat::ResponseErrors)),
            (Killed, Phase::Data | Phase::Last) => (None, Some(Stat::ServerAborts), Some(Stat::ServerAborts)),
            (Killed | Misrouted, _) => (None, None, None),
            (NoServer | QueueFull | QueueTimeout, _) => (None, Some(Stat::ConnectErrors), None),
            (Refused | ConnectTimeout | Resource, _) => (None, Some(Stat::ConnectErrors), Some(Stat::ConnectErrors)),
            (ServerAbort | ServerTimeout, Phase::Data | Phase::Last) => {
                (Some(Stat::ServerAborts), Some(Stat::ServerAborts), Some(Stat::ServerAborts))
            }
            (ServerAbort | ServerTimeout | BadResponse, _) => {
                (None, Some(Stat::ResponseErrors), Some(Stat::ResponseErrors))
            }
            (Rejected, _) => (Some(Stat::DeniedRequests), None, None),
            (Internal, _) => (Some(Stat::InternalErrors), Some(Stat::InternalErrors), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(fault: Fault, phase: Phase) -> (u16, String) {
        let meaning = fault.meaning(phase);
        let flags = [meaning.termination.cause, meaning.termination.phase];
        (meaning.status, String::from_utf8_lossy(&flags).into_owned())
    }

    #[test]
    fn faults_have_the_status_and_flags_of_the_manual() {
        assert_eq!(flags(Fault::ClientTimeout, Phase::Request), (408, "cR".into()));
        assert_eq!(flags(Fault::BadRequest(400), Phase::Request), (400, "PR".into()));
        assert_eq!(flags(Fault::ClientTimeout, Phase::Headers), (400, "cH".into()));
        assert_eq!(flags(Fault::ClientAbort, Phase::Queue), (0, "CQ".into()));
        assert_eq!(flags(Fault::QueueTimeout, Phase::Queue), (503, "sQ".into()));
        assert_eq!(flags(Fault::Refused, Phase::Connect), (503, "SC".into()));
        assert_eq!(flags(Fault::NoServer, Phase::Queue), (503, "SC".into()));
        assert_eq!(flags(Fault::ServerTimeout, Phase::Headers), (504, "sH".into()));
        assert_eq!(flags(Fault::ServerAbort, Phase::Headers), (502, "SH".into()));
        assert_eq!(flags(Fault::BadResponse, Phase::Headers), (502, "PH".into()));
        assert_eq!(flags(Fault::ServerAbort, Phase::Data), (502, "SD".into()));
        assert_eq!(flags(Fault::Killed, Phase::Headers), (502, "KH".into()));
        assert_eq!(flags(Fault::Killed, Phase::Queue), (503, "KQ".into()));
    }
}
