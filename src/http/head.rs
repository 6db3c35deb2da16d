//! `Head`: one message head as an index over bytes that lie elsewhere. Owns the list of fields, the arena of edited
//! text and the facts the parser found; not the receive buffer.

use super::{HeaderId, HeaderName, Method, Slice, Version};

bitflags::bitflags! {
    /// State of one field.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct FieldFlags: u8 {
        /// The bytes from the start of the name are exactly `name: value\r\n`, so that neighbours can be copied as one run.
        const CLEAN = 1;
        /// Deleted: readers and the serializer skip it.
        const DEAD = 2;
        /// The serializer must look at it (connection and framing fields).
        const SPECIAL = 4;
    }
}

/// One field line, in the order received. Names are in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: Slice,
    pub value: Slice,
    pub id: HeaderId,
    pub flags: FieldFlags,
}

impl Field {
    #[inline]
    pub fn is_live(&self) -> bool {
        !self.flags.contains(FieldFlags::DEAD)
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// Exactly that many bytes, at least one.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// Everything until the connection closes: responses only.
    UntilClose,
    /// Not HTTP any more after the head: a 2xx answer to CONNECT or a 101.
    Tunnel,
}

/// What the head starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Kind {
    #[default]
    Request,
    Response,
    /// No start line: the trailer section of a chunked body.
    Trailers,
}

bitflags::bitflags! {
    /// Facts about a head, set by the parser.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct HeadFlags: u32 {
        /// `Connection: close`.
        const CLOSE = 1;
        /// `Connection: keep-alive`.
        const KEEP_ALIVE = 1 << 1;
        /// `Connection: upgrade`.
        const CONN_UPGRADE = 1 << 2;
        /// `Connection: upgrade` and a protocol in `Upgrade` that can be forwarded (h2 and h2c cannot).
        const UPGRADE = 1 << 3;
        /// The protocol asked for is `websocket`.
        const WEBSOCKET = 1 << 4;
        /// `Expect: 100-continue` in HTTP/1.1.
        const EXPECT_100 = 1 << 5;
        /// The sender gave Transfer-Encoding together with Content-Length or in HTTP/1.0: close after the message (RFC 9112, 6.1).
        const INSECURE_FRAMING = 1 << 6;
        const HAS_CONTENT_LENGTH = 1 << 7;
        const HAS_TRANSFER_ENCODING = 1 << 8;
        /// `chunked` is the last transfer coding.
        const CHUNKED = 1 << 9;
        /// There is a coding besides `chunked`, which nobody here can undo.
        const OTHER_CODING = 1 << 10;
        const HAS_HOST = 1 << 11;
        /// `TE: trailers`.
        const TE_TRAILERS = 1 << 12;
        /// The target has a scheme and an authority ("absolute-form"), or is an authority (CONNECT).
        const AUTHORITY = 1 << 13;
        /// The start line is complete.
        const START_LINE = 1 << 14;
        /// The head is complete.
        const COMPLETE = 1 << 15;
        /// A rule of strict parsing was relaxed by `accept_unsafe`; "show errors" records such messages.
        const VIOLATION = 1 << 16;
        /// `Sec-WebSocket-Key` is there and well-formed.
        const WEBSOCKET_KEY = 1 << 17;
        /// `Sec-WebSocket-Accept` is there.
        const WEBSOCKET_ACCEPT = 1 << 18;
        /// The answer to a HEAD, or a 304: Content-Length and Transfer-Encoding describe a body that is not sent.
        const BODILESS = 1 << 19;
    }
}

/// One message head. Reusable: `clear` keeps the allocations. All slices are relative to the first byte of the message in
/// the receive buffer, which the owner of the buffer keeps in place and unchanged while the head is in use.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub kind: Kind,
    pub fields: Vec<Field>,
    /// Text that rules made; also whole heads that were not received (answers, HTTP/2).
    pub extra: Vec<u8>,
    /// Where an edit composes a new value; kept for its allocation only.
    pub(super) scratch: Vec<u8>,
    pub method: Method,
    pub method_text: Slice,
    /// The request target as received, or as rewritten.
    pub target: Slice,
    pub version: Version,
    /// 100 to 999, 0 in a request.
    pub status: u16,
    pub reason: Slice,
    pub body: Framing,
    pub flags: HeadFlags,
    /// Length of the head in the receive buffer with the empty line at its end and empty lines before its start.
    pub len: usize,
    /// Value of Content-Length when `HAS_CONTENT_LENGTH`.
    pub(super) content_length: u64,
    /// The start line, if it can be forwarded with the CRLF after it as it was received.
    pub(super) line: Slice,
    /// Where parsing goes on when more has arrived: the start of the first incomplete line.
    pub(super) resume: u32,
    /// How far the receive buffer was searched for the end of the incomplete line.
    pub(super) scanned: u32,
    /// One bit per `HeaderId` that was ever present: a cheap "surely not there".
    pub(super) seen: u64,
    /// Grows with every edit and every `clear`: memos carry it.
    pub(super) generation: u32,
}

impl Head {
    pub fn new() -> Head {
        Head::default()
    }

    /// Makes the head ready for the next message; keeps the allocations.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.extra.clear();
        let (fields, extra) = (std::mem::take(&mut self.fields), std::mem::take(&mut self.extra));
        let scratch = std::mem::take(&mut self.scratch);
        *self = Head { fields, extra, scratch, generation: self.generation.wrapping_add(1), ..Head::default() };
    }

    /// Grows with every edit and every `clear`, so that whoever keeps a result derived from the head can tell it is stale.
    #[inline]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the peer that sent this message allows its connection to be used again afterwards (RFC 9112, 9.3), as far as the
    /// head alone tells: a body framed by close does not.
    #[inline]
    pub fn keep_alive(&self) -> bool {
        if self.flags.intersects(HeadFlags::CLOSE | HeadFlags::INSECURE_FRAMING) {
            return false;
        }
        (self.version.is_11() || self.flags.contains(HeadFlags::KEEP_ALIVE))
            && !matches!(self.body, Framing::UntilClose | Framing::Tunnel)
    }

    /// Whether the start line has been read completely: an oversized head is then 431, before 414.
    #[inline]
    pub fn has_start_line(&self) -> bool {
        self.flags.contains(HeadFlags::START_LINE)
    }

    /// False when the field is surely absent; true when it may be there.
    #[inline]
    pub fn may_have(&self, name: &HeaderName) -> bool {
        name.id() == HeaderId::Other || self.seen & name.id().bit() != 0
    }

    /// Appends text to the arena and says where it lies.
    pub(super) fn store(&mut self, text: &[u8]) -> Slice {
        let start = self.extra.len();
        self.extra.extend_from_slice(text);
        Slice::extra(start, text.len())
    }

    /// Notes an edit.
    #[inline]
    pub(super) fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}
