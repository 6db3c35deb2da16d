//! Chunked transfer coding (RFC 9112, 7.1): a decoder that finds the payload, a tracker that lets valid bytes pass as they
//! are, and the encoder of chunk headers. Trailers are fields: see `parse_trailers` and `write_trailers`.

use std::ops::Range;

/// Why a chunked body was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChunkError {
    #[error("a chunk size is not a hexadecimal number")]
    Size,
    #[error("a chunk size is 2^52 or more")]
    TooLarge,
    #[error("a chunk size line is longer than 16 KiB")]
    LineTooLong,
    #[error("a chunk extension has a control character")]
    Extension,
    #[error("a chunk or its size line does not end with CR LF")]
    LineEnd,
}

/// Position in a chunked body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Chunks {
    state: State,
    /// Size while it is being read, then what is left of the data.
    left: u64,
    /// Bytes of the size line so far.
    line: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// The first digit of a size.
    #[default]
    Start,
    Size,
    /// Blanks after the size.
    Blank,
    Extension,
    /// The LF of a size line.
    SizeLf,
    Data,
    /// The CR after the data.
    DataCr,
    /// The LF after the data.
    DataLf,
    /// The last chunk's line was read: trailers follow.
    Trailers,
}

/// What the bytes up to the new position were.
enum Piece {
    Framing,
    /// Blanks and extensions, which mean nothing to the next hop.
    Skip,
    Data,
}

impl Chunks {
    /// Goes on from `at`, which is inside `bytes`; answers what was there and the new position.
    #[inline]
    fn advance(&mut self, bytes: &[u8], at: usize) -> Result<(Piece, usize), ChunkError> {
        let byte = bytes[at];
        if self.state == State::Data {
            let room = (bytes.len() - at) as u64;
            let len = self.left.min(room);
            self.left -= len;
            if self.left == 0 {
                self.state = State::DataCr;
            }
            return Ok((Piece::Data, at + len as usize));
        }
        let piece = match self.state {
            State::Start | State::Size => self.size(byte)?,
            State::Blank | State::Extension => self.extension(byte)?,
            State::SizeLf => {
                expect(byte, b'\n')?;
                self.state = if self.left == 0 { State::Trailers } else { State::Data };
                self.line = 0;
                Piece::Framing
            }
            State::DataCr => {
                expect(byte, b'\r')?;
                self.state = State::DataLf;
                Piece::Framing
            }
            // `Data` was handled above, and nobody goes on after `Trailers`.
            State::DataLf | State::Data | State::Trailers => {
                expect(byte, b'\n')?;
                self.state = State::Start;
                Piece::Framing
            }
        };
        Ok((piece, at + 1))
    }

    #[inline]
    fn size(&mut self, byte: u8) -> Result<Piece, ChunkError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ if self.state == State::Start => return Err(ChunkError::Size),
            b'\n' => return Err(ChunkError::LineEnd),
            _ => {
                self.state = State::Blank;
                return self.extension(byte);
            }
        };
        if self.left >= MAX_CHUNK / 16 {
            return Err(ChunkError::TooLarge);
        }
        self.left = self.left * 16 + u64::from(digit);
        self.state = State::Size;
        self.lengthen()?;
        Ok(Piece::Framing)
    }

    fn extension(&mut self, byte: u8) -> Result<Piece, ChunkError> {
        self.lengthen()?;
        match byte {
            b'\r' => {
                self.state = State::SizeLf;
                return Ok(Piece::Framing);
            }
            b'\n' => return Err(ChunkError::LineEnd),
            b' ' | b'\t' => {}
            _ if self.state == State::Extension && byte >= b' ' && byte != 0x7f => {}
            b';' => self.state = State::Extension,
            _ if self.state == State::Extension => return Err(ChunkError::Extension),
            _ => return Err(ChunkError::Size),
        }
        Ok(Piece::Skip)
    }

    fn lengthen(&mut self) -> Result<(), ChunkError> {
        self.line += 1;
        if self.line > MAX_LINE { Err(ChunkError::LineTooLong) } else { Ok(()) }
    }
}

/// What a decoder found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChunkStep {
    /// These bytes are to be used: payload for the decoder, bytes to forward for the tracker.
    Bytes(Range<usize>),
    /// Everything was read; more must arrive.
    More,
    /// The last chunk was read; the trailer section starts at the position.
    Trailers,
}

/// Takes payload out of a chunked body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChunkDecoder(Chunks);

impl ChunkDecoder {
    pub fn new() -> ChunkDecoder {
        ChunkDecoder::default()
    }

    /// The next range of payload from `pos` on, which is moved behind what was read.
    pub fn next(&mut self, bytes: &[u8], pos: &mut usize) -> Result<ChunkStep, ChunkError> {
        while self.0.state != State::Trailers {
            if *pos >= bytes.len() {
                return Ok(ChunkStep::More);
            }
            let start = *pos;
            let (piece, next) = self.0.advance(bytes, start)?;
            *pos = next;
            if matches!(piece, Piece::Data) {
                return Ok(ChunkStep::Bytes(start..next));
            }
        }
        Ok(ChunkStep::Trailers)
    }

    /// Bytes of the current chunk that have not arrived yet: how much the next read may take without looking.
    pub fn data_left(&self) -> u64 {
        self.0.data_left()
    }
}

/// Follows a chunked body that is forwarded as it is: everything is validated before it passes, blanks and extensions of size
/// lines are left out, and the line of the last chunk passes too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChunkPass(Chunks);

impl ChunkPass {
    pub fn new() -> ChunkPass {
        ChunkPass::default()
    }

    /// The next range of bytes to forward from `pos` on, which is moved behind what was read. Adds the payload among it to `payload`.
    pub fn next(&mut self, bytes: &[u8], pos: &mut usize, payload: &mut u64) -> Result<ChunkStep, ChunkError> {
        let mut run = *pos..*pos;
        while self.0.state != State::Trailers && *pos < bytes.len() {
            let (piece, next) = self.0.advance(bytes, *pos)?;
            if matches!(piece, Piece::Data) {
                *payload += (next - *pos) as u64;
            }
            *pos = next;
            match piece {
                Piece::Framing | Piece::Data => run.end = next,
                Piece::Skip if run.is_empty() => run = next..next,
                Piece::Skip => return Ok(ChunkStep::Bytes(run)),
            }
        }
        Ok(match (run.is_empty(), self.0.state) {
            (false, _) => ChunkStep::Bytes(run),
            (true, State::Trailers) => ChunkStep::Trailers,
            (true, _) => ChunkStep::More,
        })
    }

    /// Bytes of the current chunk that have not arrived yet: how much the next read may take without looking.
    pub fn data_left(&self) -> u64 {
        self.0.data_left()
    }
}

impl Chunks {
    fn data_left(&self) -> u64 {
        if self.state == State::Data { self.left } else { 0 }
    }
}

/// The line before a chunk: size in hexadecimal and CR LF, right-aligned so that it can be put directly before the data.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHeader {
    bytes: [u8; 18],
    start: u8,
}

impl ChunkHeader {
    /// For this many bytes of data, which must not be 0: that would end the body.
    pub fn new(len: usize) -> ChunkHeader {
        let mut bytes = [0; 18];
        bytes[16] = b'\r';
        bytes[17] = b'\n';
        let mut start = 16;
        let mut rest = len;
        loop {
            start -= 1;
            bytes[start] = b"0123456789ABCDEF"[rest & 15];
            rest >>= 4;
            if rest == 0 {
                break;
            }
        }
        ChunkHeader { bytes, start: start as u8 }
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }
}

/// What follows the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// The last chunk without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// HAProxy 2.8 takes sizes up to 13 hexadecimal digits.
const MAX_CHUNK: u64 = 1 << 52;
const MAX_LINE: u32 = 16_384;

#[inline]
fn expect(byte: u8, expected: u8) -> Result<(), ChunkError> {
    if byte == expected { Ok(()) } else { Err(ChunkError::LineEnd) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Payload, bytes let through, and where the trailers start.
    type Outcome = (Vec<u8>, Vec<u8>, Option<usize>);

    /// Feeds the text in two pieces, cut at `cut`.
    fn run(text: &[u8], cut: usize) -> Result<Outcome, ChunkError> {
        let (mut decoder, mut pass) = (ChunkDecoder::new(), ChunkPass::new());
        let (mut payload, mut passed, mut trailers) = (Vec::new(), Vec::new(), None);
        for (offset, piece) in [(0, &text[..cut]), (cut, &text[cut..])] {
            let mut pos = 0;
            loop {
                match decoder.next(piece, &mut pos)? {
                    ChunkStep::Bytes(range) => payload.extend_from_slice(&piece[range]),
                    ChunkStep::More => break,
                    ChunkStep::Trailers => {
                        trailers.get_or_insert(offset + pos);
                        break;
                    }
                }
            }
            let mut pos = 0;
            loop {
                match pass.next(piece, &mut pos, &mut 0)? {
                    ChunkStep::Bytes(range) => passed.extend_from_slice(&piece[range]),
                    ChunkStep::More => break,
                    ChunkStep::Trailers => {
                        assert!(trailers.is_some());
                        break;
                    }
                }
            }
        }
        Ok((payload, passed, trailers))
    }

    #[test]
    fn payload_and_framing_come_apart_wherever_the_bytes_are_cut() {
        let text = b"5;ext=\"1\"\r\nhello\r\n00000c \t\r\n, wide world\r\n00;x\r\n\r\n";
        for cut in 0..=text.len() {
            let (payload, passed, trailers) = run(text, cut).unwrap();
            assert_eq!(payload, b"hello, wide world", "cut at {cut}");
            assert_eq!(passed, b"5\r\nhello\r\n00000c\r\n, wide world\r\n00\r\n", "cut at {cut}");
            assert_eq!(trailers, Some(text.len() - 2));
        }
    }

    /// The sizes and line ends that HAProxy 2.8 refuses.
    #[test]
    fn malformed_chunks_are_refused() {
        for (text, error) in [
            ("X\r\nhello\r\n", ChunkError::Size),
            (" 5\r\nhello\r\n", ChunkError::Size),
            ("\r\n", ChunkError::Size),
            (";a\r\n", ChunkError::Size),
            ("0x5\r\nhello\r\n", ChunkError::Size),
            ("5 a\r\nhello\r\n", ChunkError::Size),
            ("5\nhello\r\n", ChunkError::LineEnd),
            ("5\r\nhello\n", ChunkError::LineEnd),
            ("5\r\nhelloX\r\n", ChunkError::LineEnd),
            ("5\r\nhello\r\n\r\n", ChunkError::Size),
            ("5;a\nhello\r\n", ChunkError::LineEnd),
            ("5;a\rb\r\n", ChunkError::LineEnd),
            ("5\r5", ChunkError::LineEnd),
            // Stricter than HAProxy, by choice.
            ("5;a\0b\r\nhello\r\n", ChunkError::Extension),
            ("10000000000000\r\n", ChunkError::TooLarge),
            ("7fffffffffffffff\r\n", ChunkError::TooLarge),
        ] {
            for cut in 0..=text.len() {
                assert_eq!(run(text.as_bytes(), cut), Err(error), "{text:?} cut at {cut}");
            }
        }
        assert!(run(b"FFFFFFFFFFFFF\r\nx", 5).is_ok());
        assert!(run(b"0000000000000000000000005\r\nhello\r\n", 5).is_ok());
        let long = [b"5;".to_vec(), vec![b'a'; 20_000]].concat();
        assert_eq!(run(&long, 9_000), Err(ChunkError::LineTooLong));
    }

    #[test]
    fn what_is_left_of_a_chunk_is_known() {
        let mut pass = ChunkPass::new();
        let mut pos = 0;
        assert_eq!(pass.next(b"a\r\nabc", &mut pos, &mut 0), Ok(ChunkStep::Bytes(0..6)));
        assert_eq!(pass.data_left(), 7);
    }

    #[test]
    fn headers_are_written_right_aligned() {
        assert_eq!(ChunkHeader::new(1).as_bytes(), b"1\r\n");
        assert_eq!(ChunkHeader::new(0x1A_F00).as_bytes(), b"1AF00\r\n");
        assert_eq!(ChunkHeader::new(usize::MAX).as_bytes().len(), 18);
    }
}
