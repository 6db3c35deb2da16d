//! The HTTP message model and the HTTP/1 codec; no I/O.

/// A parsed head; placeholder until the codec lands.
#[derive(Debug, Default)]
pub struct Head;

/// Read access to a message.
#[derive(Clone, Copy)]
pub struct Msg<'a> {
    /// The bytes the head was parsed from.
    pub raw: &'a [u8],
    /// The head.
    pub head: &'a Head,
}

/// Write access to a message.
pub struct MsgMut<'a> {
    /// The bytes the head was parsed from.
    pub raw: &'a [u8],
    /// The head.
    pub head: &'a mut Head,
}

/// A header name prepared for matching.
#[derive(Clone, Debug)]
pub struct HeaderName;
