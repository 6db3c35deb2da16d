//! `Body`: how a message body that arrives in one framing goes on in another. Looks at received bytes and says which of them to
//! write; no I/O.

use std::sync::Arc;

use crate::http::{
    CHUNK_END, ChunkDecoder, ChunkError, ChunkHeader, ChunkPass, ChunkStep, Framing, Head, LAST_CHUNK, Msg,
    ParseOptions, Parsed, parse_trailers, write_trailers,
};
use crate::ir::CaseMap;

/// What is left of a body.
pub struct Body {
    course: Course,
    /// Read already, but not to be written.
    skip: usize,
    /// See [`Body::received`].
    received: u64,
    /// Trailers behind chunks that become their payload are made, for whom that payload is not for the receiver itself.
    keeps_trailers: bool,
    /// Trailers do not go on.
    drops_trailers: bool,
    /// How the names of trailers are written.
    case: Option<Arc<CaseMap>>,
}

enum Course {
    Done,
    /// That many bytes.
    Length(u64),
    /// Everything until the source ends.
    UntilClose,
    /// Chunks stay chunks.
    Pass(ChunkPass),
    /// Chunks become their payload, for a receiver of HTTP/1.0.
    Decode(ChunkDecoder),
    /// The trailer section; the receiver gets it if it gets chunks.
    Trailers {
        head: Box<Head>,
        pass: bool,
    },
    /// A body without chunks becomes chunks; `open` means that the line end after a chunk's data has yet to be written.
    Encode {
        left: Option<u64>,
        open: bool,
    },
}

/// What to do with the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Drop `skip` bytes, then write what was made (if anything) and the `len` bytes that follow.
    Bytes {
        /// To drop.
        skip: usize,
        /// To write.
        len: usize,
    },
    /// Drop `skip` bytes; more must arrive.
    More {
        /// To drop.
        skip: usize,
    },
    /// Something must be made here; come back when everything before it has been written.
    Blocked,
    /// The body is complete.
    Done,
}

/// The chunks or trailers are malformed.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a buffer holds of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// See [`Body::received`].
    pub counted: u64,
    /// How many bytes of the buffer it takes, if all of it is there.
    pub whole: Option<usize>,
}

impl Arrived {
    /// Looks at the bytes behind a head, and appends the payload among them. What is malformed ends it.
    pub fn of(framing: Framing, data: &[u8], payload: &mut Vec<u8>) -> Arrived {
        let (mut body, mut at) = (Body::new(framing, Framing::None), 0);
        let (mut data, mut made) = (data.to_vec(), Vec::new());
        while let Some(rest) = data.get_mut(at..) {
            match body.next(rest, &mut made, true) {
                Ok(Next::Bytes { skip, len }) => {
                    payload.extend_from_slice(rest.get(skip..skip + len).unwrap_or_default());
                    at += skip + len;
                }
                Ok(Next::Done) => return Arrived { counted: body.received, whole: Some(at) },
                Ok(Next::More { .. } | Next::Blocked) | Err(Malformed) => break,
            }
            if body.is_done() && body.skip == 0 {
                return Arrived { counted: body.received, whole: Some(at) };
            }
        }
        Arrived { counted: body.received, whole: None }
    }
}

impl Body {
    /// A body that arrives as `received` and goes on as `sent`.
    #[inline]
    pub fn new(received: Framing, sent: Framing) -> Self {
        // The usual ones are made in place; a course of any kind is copied with all it has room for.
        match (received, sent) {
            (Framing::None, _) => Body::on(Course::Done),
            (Framing::Length(left), Framing::Length(_)) => Body::on(Course::Length(left)),
            _ => Body::unusual(received, sent),
        }
    }

    #[inline(always)]
    fn on(course: Course) -> Self {
        Body { course, skip: 0, received: 0, keeps_trailers: false, drops_trailers: false, case: None }
    }

    #[inline(never)]
    fn unusual(received: Framing, sent: Framing) -> Self {
        Body::on(match (received, sent) {
            (Framing::None, _) => Course::Done,
            (Framing::Chunked, Framing::Chunked) => Course::Pass(ChunkPass::new()),
            (Framing::Chunked, _) => Course::Decode(ChunkDecoder::new()),
            (Framing::Length(left), Framing::Chunked) => Course::Encode { left: Some(left), open: false },
            (Framing::Length(left), _) => Course::Length(left),
            (_, Framing::Chunked) => Course::Encode { left: None, open: false },
            _ => Course::UntilClose,
        })
    }

    /// The payload of a body that arrives as `received`. The trailers, if any, are what is made.
    pub fn payload(received: Framing) -> Self {
        Body { keeps_trailers: true, ..Body::new(received, Framing::UntilClose) }
    }

    /// Trailers are dropped, or written in another case.
    pub fn change_trailers(&mut self, drop: bool, case: Option<Arc<CaseMap>>) {
        (self.drops_trailers, self.case) = (drop, case);
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_done(&self) -> bool {
        matches!(self.course, Course::Done)
    }

    /// How much of the message behind its head has been seen, as HAProxy counts it: payload, trailers, and one for the end of chunks.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the end is told by the source's end only.
    pub fn is_until_close(&self) -> bool {
        matches!(self.course, Course::UntilClose | Course::Encode { left: None, .. })
    }

    /// How many bytes are surely to come, so that reading may take a large buffer.
    #[inline]
    pub fn expects(&self) -> u64 {
        match &self.course {
            Course::Length(left) | Course::Encode { left: Some(left), .. } => *left,
            Course::Pass(pass) => pass.data_left(),
            Course::Decode(decoder) => decoder.data_left(),
            Course::Done | Course::UntilClose | Course::Trailers { .. } | Course::Encode { .. } => 0,
        }
    }

    /// Looks at `data`, the bytes received and not looked at. What has to be written before them is appended to `made`, which is
    /// possible only if `can_make`.
    #[inline]
    pub fn next(&mut self, data: &mut [u8], made: &mut Vec<u8>, can_make: bool) -> Result<Next, Malformed> {
        if let Course::Length(left) = &mut self.course {
            let len = usize::try_from(*left).map_or(data.len(), |left| left.min(data.len()));
            if len == 0 {
                return Ok(Next::More { skip: 0 });
            }
            *left -= len as u64;
            self.received += len as u64;
            if *left == 0 {
                self.course = Course::Done;
            }
            return Ok(Next::Bytes { skip: 0, len });
        }
        let before = self.skip.min(data.len());
        self.skip -= before;
        let data = data.get_mut(before..).unwrap_or_default();
        match self.look(data, made, can_make)? {
            Next::Bytes { skip, len } => Ok(Next::Bytes { skip: before + skip, len }),
            Next::More { skip } => Ok(Next::More { skip: before + skip }),
            other => {
                self.skip = before;
                Ok(other)
            }
        }
    }

    /// The source has ended. False if the body should have gone on.
    pub fn end(&mut self, made: &mut Vec<u8>) -> bool {
        match self.course {
            Course::Done | Course::UntilClose => {}
            Course::Encode { left: None, open } => made.extend_from_slice(last_chunk(open)),
            _ => return false,
        }
        self.course = Course::Done;
        true
    }

    fn look(&mut self, data: &mut [u8], made: &mut Vec<u8>, can_make: bool) -> Result<Next, Malformed> {
        match &mut self.course {
            Course::Done => Ok(Next::Done),
            // The data of an encoded body is complete; the last chunk is due.
            Course::Encode { left: Some(0), open } => {
                if !can_make {
                    return Ok(Next::Blocked);
                }
                made.extend_from_slice(last_chunk(*open));
                self.course = Course::Done;
                Ok(Next::Done)
            }
            _ if data.is_empty() => Ok(Next::More { skip: 0 }),
            Course::UntilClose | Course::Length(_) => {
                self.received += data.len() as u64;
                Ok(Next::Bytes { skip: 0, len: data.len() })
            }
            Course::Pass(pass) => {
                let mut at = 0;
                let step = pass.next(data, &mut at, &mut self.received).map_err(malformed)?;
                self.chunks(step, at, data, true, made, can_make)
            }
            Course::Decode(decoder) => {
                let mut at = 0;
                let step = decoder.next(data, &mut at).map_err(malformed)?;
                if let ChunkStep::Bytes(range) = &step {
                    self.received += range.len() as u64;
                }
                self.chunks(step, at, data, false, made, can_make)
            }
            Course::Trailers { .. } => self.trailers(data, made, can_make),
            Course::Encode { left, open } => {
                if !can_make {
                    return Ok(Next::Blocked);
                }
                let len =
                    left.map_or(data.len(), |left| usize::try_from(left).map_or(data.len(), |n| n.min(data.len())));
                if *open {
                    made.extend_from_slice(CHUNK_END);
                }
                made.extend_from_slice(ChunkHeader::new(len).as_bytes());
                *open = true;
                if let Some(left) = left {
                    *left -= len as u64;
                }
                self.received += len as u64;
                Ok(Next::Bytes { skip: 0, len })
            }
        }
    }

    fn chunks(
        &mut self,
        step: ChunkStep,
        at: usize,
        data: &mut [u8],
        pass: bool,
        made: &mut Vec<u8>,
        can_make: bool,
    ) -> Result<Next, Malformed> {
        match step {
            ChunkStep::Bytes(range) => {
                self.skip = at - range.end;
                Ok(Next::Bytes { skip: range.start, len: range.len() })
            }
            ChunkStep::More => Ok(Next::More { skip: at }),
            ChunkStep::Trailers => {
                self.received += 1;
                self.course = Course::Trailers { head: Box::default(), pass };
                let rest = data.get_mut(at..).unwrap_or_default();
                match self.trailers(rest, made, can_make)? {
                    Next::Bytes { skip, len } => Ok(Next::Bytes { skip: at + skip, len }),
                    Next::More { skip } => Ok(Next::More { skip: at + skip }),
                    other => {
                        self.skip = at;
                        Ok(other)
                    }
                }
            }
        }
    }

    fn trailers(&mut self, data: &mut [u8], made: &mut Vec<u8>, can_make: bool) -> Result<Next, Malformed> {
        let Course::Trailers { head, pass } = &mut self.course else { return Ok(Next::Done) };
        let pass = *pass;
        if data.starts_with(CHUNK_END) {
            self.course = Course::Done;
            let (skip, len) = if pass { (0, CHUNK_END.len()) } else { (CHUNK_END.len(), 0) };
            return Ok(Next::Bytes { skip, len });
        }
        if pass && !can_make {
            return Ok(Next::Blocked);
        }
        match parse_trailers(data, head, &ParseOptions::default()) {
            Err(_) | Ok(Parsed::Preface) => Err(Malformed),
            Ok(Parsed::Partial) => Ok(Next::More { skip: 0 }),
            Ok(Parsed::Complete) => {
                if self.drops_trailers && pass {
                    made.extend_from_slice(CHUNK_END);
                } else if (pass || self.keeps_trailers) && !self.drops_trailers {
                    let start = made.len();
                    write_trailers(Msg { raw: data, head }, made);
                    if let Some(case) = &self.case {
                        case.adjust(made.get_mut(start..).unwrap_or_default());
                    }
                }
                let skip = head.len;
                self.received += Msg { raw: data, head }.fields_size();
                self.course = Course::Done;
                Ok(Next::Bytes { skip, len: 0 })
            }
        }
    }
}

fn last_chunk(open: bool) -> &'static [u8] {
    if open { b"\r\n0\r\n\r\n" } else { LAST_CHUNK }
}

fn malformed(_: ChunkError) -> Malformed {
    Malformed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces of `size` bytes and gives back what would be written, and what is left over behind the body.
    fn run(received: Framing, sent: Framing, input: &[u8], size: usize) -> Result<(String, String), Malformed> {
        run_body(Body::new(received, sent), input, size)
    }

    fn run_body(mut body: Body, input: &[u8], size: usize) -> Result<(String, String), Malformed> {
        let (mut out, mut made, mut data) = (Vec::new(), Vec::new(), Vec::new());
        let mut pieces = input.chunks(size);
        loop {
            let next = body.next(&mut data, &mut made, true)?;
            match next {
                Next::Bytes { skip, len } => {
                    data.drain(..skip);
                    out.append(&mut made);
                    out.extend(data.drain(..len));
                }
                Next::More { skip } => {
                    data.drain(..skip);
                    match pieces.next() {
                        Some(piece) => data.extend_from_slice(piece),
                        None => assert!(body.end(&mut made), "the body should go on"),
                    }
                }
                Next::Done => {
                    out.append(&mut made);
                    data.extend(pieces.flatten());
                    return Ok((String::from_utf8(out).expect("text"), String::from_utf8(data).expect("text")));
                }
                Next::Blocked => panic!("everything can be made"),
            }
        }
    }

    #[test]
    fn a_length_ends_a_body() {
        for size in [1, 2, 100] {
            let done = run(Framing::Length(5), Framing::Length(5), b"helloGET /", size);
            assert_eq!(done, Ok(("hello".into(), "GET /".into())));
        }
    }

    #[test]
    fn chunks_pass_without_extensions_and_with_trailers() {
        let input = b"5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\nnext";
        for size in [1, 3, 100] {
            let (out, rest) = run(Framing::Chunked, Framing::Chunked, input, size).expect("well-formed");
            assert_eq!(out, "5\r\nhello\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
            assert_eq!(rest, "next");
        }
        let plain = b"5\r\nhello\r\n0\r\n\r\n";
        let (out, rest) = run(Framing::Chunked, Framing::Chunked, plain, 100).expect("well-formed");
        assert_eq!((out.as_bytes(), rest.as_str()), (&plain[..], ""));
    }

    #[test]
    fn trailers_are_dropped_or_written_in_another_case() {
        let input = b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\nnext";
        for size in [1, 100] {
            let mut body = Body::new(Framing::Chunked, Framing::Chunked);
            body.change_trailers(true, None);
            let done = run_body(body, input, size);
            assert_eq!(done, Ok(("1\r\na\r\n0\r\n\r\n".into(), "next".into())));
            let (mut body, mut case) = (Body::new(Framing::Chunked, Framing::Chunked), CaseMap::default());
            case.add(b"x-sum", b"X-Sum").expect("a pair");
            body.change_trailers(false, Some(Arc::new(case)));
            let done = run_body(body, input, size);
            assert_eq!(done, Ok(("1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n".into(), "next".into())));
        }
    }

    #[test]
    fn chunks_are_decoded_for_old_clients() {
        let input = b"5\r\nhello\r\n1\r\n!\r\n0\r\nx-sum: 1\r\n\r\n";
        for size in [1, 4, 100] {
            let done = run(Framing::Chunked, Framing::UntilClose, input, size);
            assert_eq!(done, Ok(("hello!".into(), String::new())));
        }
    }

    #[test]
    fn a_body_becomes_chunks_when_its_length_may_not_be_said() {
        let done = run(Framing::Length(5), Framing::Chunked, b"hello", 3);
        assert_eq!(done, Ok(("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n".into(), String::new())));
        let done = run(Framing::UntilClose, Framing::Chunked, b"hello", 100);
        assert_eq!(done, Ok(("5\r\nhello\r\n0\r\n\r\n".into(), String::new())));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        assert_eq!(run(Framing::Chunked, Framing::Chunked, b"xyz\r\n", 100), Err(Malformed));
        assert_eq!(run(Framing::Chunked, Framing::Chunked, b"1\r\nab", 100), Err(Malformed));
    }
}
