//! Byte formats other than HTTP; no I/O: bytes in, values out, and back.
//!
//! Parsers are given everything received so far and say what it is, that more is needed, or that it cannot become valid
//! any more. They keep no state, so they may be called again from the beginning as bytes arrive.

pub mod agent;
pub mod certificate;
pub mod client_hello;
pub mod dialog;
pub mod dns;
pub mod hello_lists;
pub mod netscaler;
pub mod proxy_protocol;
pub mod syslog;

/// What a parser made of the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// All of it has arrived.
    Done(T),
    /// So far it is the beginning of something valid.
    Partial,
}

impl<T> Progress<T> {
    /// The value, if it has arrived.
    pub fn done(self) -> Option<T> {
        match self {
            Progress::Done(value) => Some(value),
            Progress::Partial => None,
        }
    }
}
