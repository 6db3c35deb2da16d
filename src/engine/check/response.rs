//! The answer to an HTTP check, as far as it has come.

use crate::http::{
    Answering, ChunkDecoder, ChunkStep, Framing, Head, Method, Msg, ParseOptions, Parsed, parse_response,
};

/// An answer. Only as much of it is kept as a buffer holds (`tune.bufsize`).
#[derive(Default)]
pub(super) struct Response {
    raw: Vec<u8>,
    head: Head,
    answering: Answering,
    /// Where the head ends in `raw`, once it is complete.
    body_at: Option<usize>,
    chunks: ChunkDecoder,
    chunks_at: usize,
    /// The body of a chunked answer.
    unchunked: Vec<u8>,
    whole: bool,
    limit: usize,
}

/// It is no HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Response {
    /// For the answer to a request of that method.
    pub(super) fn to(method: &str, limit: usize) -> Response {
        let answering = Answering { method: Method::of(method.as_bytes()), upgrade: false };
        Response { answering, limit, ..Response::default() }
    }

    /// The head, once it is complete.
    pub(super) fn msg(&self) -> Option<Msg<'_>> {
        self.body_at.map(|_| Msg { raw: &self.raw, head: &self.head })
    }

    /// The body so far.
    pub(super) fn body(&self) -> &[u8] {
        let Some(at) = self.body_at else { return &[] };
        let rest = self.raw.get(at..).unwrap_or_default();
        match self.head.body {
            Framing::None | Framing::Tunnel => &[],
            Framing::Chunked => &self.unchunked,
            Framing::UntilClose => rest,
            Framing::Length(length) => {
                usize::try_from(length).ok().and_then(|length| rest.get(..length)).unwrap_or(rest)
            }
        }
    }

    /// Nothing more will come, or nothing more would be kept.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let room = self.limit.saturating_sub(self.raw.len());
        self.raw.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.read_head()?;
        let Some(at) = self.body_at else {
            // A head that does not fit cannot be judged.
            return if self.raw.len() >= self.limit { Err(Malformed) } else { Ok(()) };
        };
        self.whole |= self.raw.len() >= self.limit
            || match self.head.body {
                Framing::None | Framing::Tunnel => true,
                Framing::Length(length) => (self.raw.len() - at) as u64 >= length,
                Framing::UntilClose => false,
                Framing::Chunked => self.read_chunks()?,
            };
        Ok(())
    }

    /// The server has closed. False if not even the head was complete.
    pub(super) fn end(&mut self) -> bool {
        self.whole = true;
        self.body_at.is_some()
    }

    fn read_head(&mut self) -> Result<(), Malformed> {
        while self.body_at.is_none() {
            let options = ParseOptions { accept_unsafe: true, ..ParseOptions::default() };
            match parse_response(&mut self.raw, &mut self.head, self.answering, &options) {
                Ok(Parsed::Complete) if (100..200).contains(&self.head.status) => {
                    self.raw.drain(..self.head.len);
                    self.head.clear();
                }
                Ok(Parsed::Complete) => {
                    self.body_at = Some(self.head.len);
                    self.chunks_at = self.head.len;
                }
                Ok(Parsed::Partial) => return Ok(()),
                Ok(Parsed::Preface) | Err(_) => return Err(Malformed),
            }
        }
        Ok(())
    }

    /// True at the last chunk.
    fn read_chunks(&mut self) -> Result<bool, Malformed> {
        loop {
            match self.chunks.next(&self.raw, &mut self.chunks_at) {
                Ok(ChunkStep::Bytes(range)) => {
                    self.unchunked.extend_from_slice(self.raw.get(range).unwrap_or_default());
                }
                Ok(ChunkStep::More) => return Ok(false),
                Ok(ChunkStep::Trailers) => return Ok(true),
                Err(_) => return Err(Malformed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> Response {
        let mut response = Response::to("GET", 16384);
        for piece in pieces {
            response.push(piece.as_bytes()).expect("HTTP");
        }
        response
    }

    fn body(response: &Response) -> &str {
        std::str::from_utf8(response.body()).expect("text")
    }

    #[test]
    fn a_body_ends_where_its_framing_says() {
        let counted = read(&["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhel", "lo, too much"]);
        assert_eq!((body(&counted), counted.is_whole()), ("hello", true));
        let chunked =
            read(&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel", "\r\n2\r\nlo\r\n0\r\n\r\n"]);
        assert_eq!((body(&chunked), chunked.is_whole()), ("hello", true));
        let mut open = read(&["HTTP/1.0 200 OK\r\n\r\nhello"]);
        assert_eq!((body(&open), open.is_whole()), ("hello", false));
        assert!(open.end() && open.is_whole());
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let response = read(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"]);
        assert_eq!(response.msg().map(|msg| msg.status()), Some(204));
        assert!(response.is_whole());
    }

    #[test]
    fn what_is_no_http_is_told_at_once() {
        assert_eq!(Response::to("GET", 16384).push(b"SSH-2.0-OpenSSH_9.2\r\n"), Err(Malformed));
        assert!(!read(&["HTTP/1.1 200 OK\r\nFoo: "]).end());
    }

    #[test]
    fn only_a_buffer_is_kept() {
        let mut response = Response::to("GET", 100);
        response.push(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").expect("HTTP");
        response.push(&[b'x'; 500]).expect("HTTP");
        assert!(response.is_whole() && response.body().len() < 100);
    }
}
