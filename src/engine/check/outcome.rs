//! `Outcome`: what one health check found, in HAProxy's words (management.txt 9.1 `check_status`, manual 7.3.3 `fc_err_str`).

use std::io;

use super::score::Verdict;
use crate::state::CheckResult;

/// The end of a check. Its duration is filled in by who made it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// For the statistics and for messages.
    pub result: CheckResult,
}

impl Outcome {
    /// A status with the code of the answer (0 where there is none) and what else is to be said.
    pub fn new(status: &'static str, code: u16, detail: impl Into<Vec<u8>>) -> Outcome {
        let code = if matches!(status, "L7OK" | "L7OKC" | "L7STS") { code } else { 0 };
        let detail = printable(&detail.into());
        Outcome { result: CheckResult { status, code, duration_ms: 0, detail } }
    }

    /// A status that says everything.
    pub fn bare(status: &'static str) -> Outcome {
        Outcome::new(status, 0, "")
    }

    /// A connection that could not be made.
    pub fn not_connected(error: &io::Error, unix: bool) -> Outcome {
        Outcome::new(if unix { "SOCKERR" } else { "L4CON" }, 0, told(error))
    }

    /// A connection that failed after it was made.
    pub fn broken(error: &io::Error) -> Outcome {
        Outcome::new("SOCKERR", 0, told(error))
    }

    /// A handshake that failed: the peer ended it, or it could not be agreed on.
    pub fn not_secured(error: &io::Error) -> Outcome {
        let detail = match error.kind() {
            io::ErrorKind::UnexpectedEof => "Connection closed during SSL handshake".to_owned(),
            io::ErrorKind::InvalidData | io::ErrorKind::Other => match error.get_ref() {
                Some(why) => format!("SSL handshake failure ({why})"),
                None => "SSL handshake failure".to_owned(),
            },
            _ => told(error),
        };
        Outcome::new("L6RSP", 0, detail)
    }

    /// With more behind its detail.
    pub fn and(mut self, more: &str) -> Outcome {
        self.result.detail.push_str(&printable(more.as_bytes()));
        self
    }

    /// What it means for the server.
    pub fn verdict(&self) -> Verdict {
        match self.result.status {
            "L4OK" | "L6OK" | "L7OK" => Verdict::Passed,
            "L7OKC" => Verdict::Conditional,
            _ => Verdict::Failed,
        }
    }
}

/// HAProxy's name of the error and the system's words: `ECONNREFUSED returned by OS (Connection refused)`.
fn told(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => "ECONNREFUSED returned by OS",
        Some(libc::ECONNRESET) => "ECONNRESET returned by OS",
        Some(libc::ENETUNREACH) => "ENETUNREACH returned by OS",
        Some(libc::ENOMEM) => "ENOMEM returned by OS",
        Some(libc::ENOBUFS) => "ENOBUFS returned by OS",
        Some(libc::EPIPE) => "EPIPE returned by OS",
        Some(libc::EMFILE) => "Too many sockets on the process",
        Some(libc::ENFILE) => "Too many sockets on the system",
        Some(libc::EADDRNOTAVAIL) => "Out of local source ports on the system",
        Some(libc::EADDRINUSE) => "Local source address already in use",
        _ => "General socket error",
    };
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    format!("{name} ({words})")
}

/// Text from outside in one line: what is not printable, and quotes, stand as `<HH>`.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'"' | b'<' => text.push_str(&format!("<{byte:02X}>")),
            b' '..=b'~' => text.push(byte as char),
            _ => text.push_str(&format!("<{byte:02X}>")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_as_haproxy_does() {
        let refused = Outcome::not_connected(&io::Error::from_raw_os_error(libc::ECONNREFUSED), false);
        assert_eq!(refused.result.detail, "ECONNREFUSED returned by OS (Connection refused)");
        assert_eq!((refused.result.status, refused.verdict()), ("L4CON", Verdict::Failed));
        let missing = Outcome::not_connected(&io::Error::from_raw_os_error(libc::ENOENT), true);
        assert_eq!(missing.result.detail, "General socket error (No such file or directory)");
        assert_eq!(missing.result.status, "SOCKERR");
    }

    /// Seen on HAProxy 2.8 with such a reason phrase.
    #[test]
    fn details_are_printable() {
        let outcome = Outcome::new("L7STS", 500, b"a\"b\xe9#<c".as_slice());
        assert_eq!(outcome.result.detail, "a<22>b<E9>#<3C>c");
    }

    #[test]
    fn only_answers_have_a_code() {
        assert_eq!(Outcome::new("L7STS", 500, "").result.code, 500);
        assert_eq!(Outcome::new("L7RSP", 500, "").result.code, 0);
    }
}
