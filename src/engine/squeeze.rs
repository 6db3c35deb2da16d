//! `Squeeze`: a body on its way through a compressor, as chunks. What it holds is bounded by what is given to it at once.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::base::clock;
use crate::http::{CHUNK_END, ChunkHeader, LAST_CHUNK};
use crate::ir::{Coding, Global};
use crate::state::Process;

/// A body that is being compressed.
pub struct Squeeze {
    /// None for `identity`: only the framing changes.
    compressor: Option<Compress>,
    /// Where the process counts what compressors take and give.
    process: Arc<Process>,
    /// What the compressor has made and is not framed yet.
    made: Vec<u8>,
    /// Trailers that came behind the body, as lines.
    pub trailers: Vec<u8>,
    /// Something was given that may not have come out.
    held: bool,
    level: u32,
    best: u32,
    memory: u64,
    /// Bytes that came out.
    pub given: u64,
}

impl Squeeze {
    /// A body in this coding.
    pub fn new(coding: Coding, global: &Global, process: &Arc<Process>) -> Box<Squeeze> {
        let (level, window) = (u32::from(global.compression_level), global.compression_window);
        let best = Compression::new(level);
        let compressor = match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Compress::new_gzip(best, window)),
            Coding::Deflate => Some(Compress::new_with_window_bits(best, true, window)),
            Coding::RawDeflate => Some(Compress::new_with_window_bits(best, false, window)),
        };
        let memory = if compressor.is_some() { memory(global) } else { 0 };
        process.compressor_memory.fetch_add(memory, Relaxed);
        Box::new(Squeeze {
            compressor,
            process: process.clone(),
            made: Vec::new(),
            trailers: Vec::new(),
            held: false,
            level,
            best: level,
            memory,
            given: 0,
        })
    }

    /// Whether bytes are really compressed.
    pub fn compresses(&self) -> bool {
        self.compressor.is_some()
    }

    /// Takes a piece of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held |= !bytes.is_empty();
        self.adapt(bytes.len());
        self.run(bytes, FlushCompress::None);
    }

    /// Appends what has come out as a chunk.
    pub fn put(&mut self, out: &mut Vec<u8>) {
        if self.made.is_empty() {
            return;
        }
        self.given += self.made.len() as u64;
        if self.compresses() {
            self.process.compressed_out.add(clock::mono_ms(), self.made.len() as u32);
        }
        out.extend_from_slice(ChunkHeader::new(self.made.len()).as_bytes());
        out.append(&mut self.made);
        out.extend_from_slice(CHUNK_END);
    }

    /// Brings out all that was given, so that the receiver can read it; the body goes on. False if there was nothing.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> bool {
        if !std::mem::take(&mut self.held) {
            return false;
        }
        self.run(&[], FlushCompress::Sync);
        self.put(out);
        true
    }

    /// The body has ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.held = false;
        self.run(&[], FlushCompress::Finish);
        self.put(out);
        if self.trailers.is_empty() {
            out.extend_from_slice(LAST_CHUNK);
        } else {
            out.extend_from_slice(b"0\r\n");
            out.append(&mut self.trailers);
        }
    }

    fn run(&mut self, mut bytes: &[u8], flush: FlushCompress) {
        let Some(compressor) = &mut self.compressor else { return self.made.extend_from_slice(bytes) };
        loop {
            if self.made.capacity() - self.made.len() < PIECE {
                self.made.reserve(PIECE);
            }
            let (taken, room) = (compressor.total_in(), self.made.capacity());
            // The only error is a misuse of the compressor, which has room here in any case.
            let Ok(status) = compressor.compress_vec(bytes, &mut self.made, flush) else { return };
            let taken = usize::try_from(compressor.total_in() - taken).unwrap_or(bytes.len());
            bytes = bytes.get(taken..).unwrap_or_default();
            // What is left inside wants more room if all of it was used.
            if status == Status::StreamEnd || (bytes.is_empty() && self.made.len() < room) {
                return;
            }
        }
    }

    /// Compresses less while the process is given more than `maxcomprate` allows, and more again when it is not.
    fn adapt(&mut self, more: usize) {
        if self.compressor.is_none() {
            return;
        }
        let now = clock::mono_ms();
        self.process.compressed_in.add(now, more as u32);
        let limit = self.process.compression_rate_limit.load(Relaxed);
        if limit == 0 {
            return;
        }
        let level = match self.process.compressed_in.per_second(now) > limit {
            true => self.level.saturating_sub(1),
            false => (self.level + 1).min(self.best),
        };
        if level == self.level {
            return;
        }
        // The level can change only where nothing is held back.
        self.run(&[], FlushCompress::Sync);
        let Some(compressor) = &mut self.compressor else { return };
        if compressor.set_level(Compression::new(level)).is_ok() {
            self.level = level;
        }
    }
}

impl Drop for Squeeze {
    fn drop(&mut self) {
        self.process.compressor_memory.fetch_sub(self.memory, Relaxed);
    }
}

/// Whether the limits of the process allow one more compressor.
pub fn allowed(global: &Global, process: &Process, now_ms: u64) -> bool {
    let limit = process.compression_rate_limit.load(Relaxed);
    let used = process.compressor_memory.load(Relaxed) + memory(global);
    (limit == 0 || process.compressed_in.per_second(now_ms) <= limit)
        && (global.compression_memory == 0 || used <= global.compression_memory)
}

/// What a compressor takes: the window twice, its chains of equal lengths, and its output (zlib's manual, "deflateInit2").
fn memory(global: &Global) -> u64 {
    (1 << (global.compression_window + 2)) + (1 << 17)
}

/// How much room a compressor is given at least.
const PIECE: usize = 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn global() -> Global {
        Global { compression_level: 1, compression_window: 15, ..Global::default() }
    }

    /// The payload of chunks, and what follows the last one.
    fn unframe(mut text: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut payload = Vec::new();
        loop {
            let end = text.windows(2).position(|pair| pair == b"\r\n").expect("a size line");
            let size = std::str::from_utf8(&text[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.expect("a size");
            text = &text[end + 2..];
            if size == 0 {
                return (payload, text.to_vec());
            }
            payload.extend_from_slice(&text[..size]);
            text = &text[size + 2..];
        }
    }

    #[test]
    fn a_body_can_be_read_again_in_every_coding() {
        let body: Vec<u8> = (0..200_000u64).flat_map(|n| (n * n % 251).to_string().into_bytes()).collect();
        for coding in Coding::ALL {
            let process = Arc::new(Process::default());
            let mut squeeze = Squeeze::new(coding, &global(), &process);
            let mut out = Vec::new();
            for piece in body.chunks(30_000) {
                squeeze.feed(piece);
                squeeze.put(&mut out);
            }
            squeeze.finish(&mut out);
            let (squeezed, end) = unframe(&out);
            assert_eq!(end, b"\r\n");
            assert_eq!(squeeze.given, squeezed.len() as u64);
            let mut plain = Vec::new();
            let read = match coding {
                Coding::Identity => std::io::copy(&mut squeezed.as_slice(), &mut plain).map(|_| 0),
                Coding::Gzip => flate2::read::GzDecoder::new(squeezed.as_slice()).read_to_end(&mut plain),
                Coding::Deflate => flate2::read::ZlibDecoder::new(squeezed.as_slice()).read_to_end(&mut plain),
                Coding::RawDeflate => flate2::read::DeflateDecoder::new(squeezed.as_slice()).read_to_end(&mut plain),
            };
            assert!(read.is_ok() && plain == body, "{}", coding.name());
            assert!(coding == Coding::Identity || squeezed.len() < body.len() / 2, "{}", coding.name());
            drop(squeeze);
            assert_eq!(process.compressor_memory.load(Relaxed), 0);
        }
    }

    #[test]
    fn what_was_given_can_be_brought_out() {
        let process = Arc::new(Process::default());
        let mut squeeze = Squeeze::new(Coding::RawDeflate, &global(), &process);
        let mut out = Vec::new();
        squeeze.feed(b"hello");
        assert!(squeeze.flush(&mut out));
        assert!(!squeeze.flush(&mut out), "nothing was held back");
        out.extend_from_slice(LAST_CHUNK);
        let (piece, _) = unframe(&out);
        let mut plain = vec![0; 5];
        flate2::read::DeflateDecoder::new(piece.as_slice()).read_exact(&mut plain).expect("all of it");
        assert_eq!(plain, b"hello");
    }

    #[test]
    fn trailers_follow_the_last_chunk() {
        let mut squeeze = Squeeze::new(Coding::Identity, &global(), &Arc::default());
        let mut out = Vec::new();
        squeeze.feed(b"abc");
        squeeze.trailers.extend_from_slice(b"x-sum: 1\r\n\r\n");
        squeeze.finish(&mut out);
        assert_eq!(out, b"3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
    }

    #[test]
    fn limits_keep_compressors_out() {
        let process = Process::default();
        assert!(allowed(&global(), &process, 0));
        assert!(!allowed(&Global { compression_memory: 1000, ..global() }, &process, 0));
        process.compression_rate_limit.store(10, Relaxed);
        process.compressed_in.add(0, 11);
        assert!(!allowed(&global(), &process, 0));
        assert!(allowed(&global(), &process, 5000));
    }
}
