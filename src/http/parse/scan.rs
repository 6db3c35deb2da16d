//! Byte classes and searches of the HTTP/1 parser: 16 or eight bytes at a time where it pays. Knows nothing of messages.

use crate::http::name::{NameWords, ShortName};
use wide::i8x16;

/// For every byte: its lower case if it may stand in a token (RFC 9110, 5.6.2), else 0.
pub(super) static TOKEN: [u8; 256] = token_table();

/// Whether a byte is a blank (OWS: space or tab).
#[inline]
pub(super) const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// How many bytes from the start are certainly fine in a field value: printable ASCII. What stops it needs a look: control
/// characters, but also tabs and bytes from 128 on, which are fine.
#[inline(always)]
pub(super) fn text_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let len = text_lane_len(chunk);
        if len < 16 {
            return at + len;
        }
        at += 16;
    }
    at + skip(&bytes[at..], |word| outside(word, 0x20), |byte| (0x20..0x7f).contains(&byte))
}

/// How many bytes from the start may stand in a request target: printable ASCII but `#`.
#[inline]
pub(super) fn target_len(bytes: &[u8]) -> usize {
    let passes = |byte| (0x21..0x7f).contains(&byte) && byte != b'#';
    skip(bytes, |word| outside(word, 0x21) | equal(word, b'#'), passes)
}

/// Reads a name up to the first byte that may not stand in a token: answers how many bytes that is and leaves their lower case
/// in `words`. For names that are not short. Nothing is written yet: the next reads would meet the fresh bytes in another width, which stalls the processor.
#[inline(always)]
pub(super) fn name_len(bytes: &[u8], words: &mut NameWords) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let (lower, stops) = lower_word(word);
        if stops == 0 {
            words.put(at, lower);
            at += 8;
            continue;
        }
        let bits = stops.trailing_zeros() & !7;
        if TOKEN[usize::from((word >> bits) as u8)] != 0 {
            break;
        }
        words.put(at, lower & !(u64::MAX << bits));
        return at + (bits / 8) as usize;
    }
    // Rare token characters (`_`, `.`) and the last bytes of the buffer.
    while let Some(byte) = bytes.get(at) {
        let lower = TOKEN[usize::from(*byte)];
        if lower == 0 {
            break;
        }
        words.put(at, u64::from(lower) << (at % 8 * 8));
        at += 1;
    }
    at
}

/// The word in lower case, and a mark on every byte that is no letter, digit or `-`. Exact: sums stay within their bytes.
#[inline]
const fn lower_word(word: u64) -> (u64, u64) {
    let low = word & !HIGHS;
    let folded = low | (ONES * 0x20);
    let letters = at_least(folded, b'a') & !at_least(folded, b'z' + 1);
    let digits = at_least(low, b'0') & !at_least(low, b'9' + 1);
    let dashes = at_least(low, b'-') & !at_least(low, b'-' + 1);
    let letters = letters & !word & HIGHS;
    (word | letters >> 2, !(letters | (digits | dashes) & !word) & HIGHS)
}

/// Marks the bytes from `limit` on; all bytes of `low` must be below 128.
#[inline]
const fn at_least(low: u64, limit: u8) -> u64 {
    low + ONES * (0x80 - limit as u64)
}

/// How many bytes from the start pass. `stops` marks the high bit of every byte of a word that does not; it may mark too
/// much only above the first right mark, so that the lowest mark is always right.
#[inline(always)]
fn skip(bytes: &[u8], stops: impl Fn(u64) -> u64, passes: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let word = u128::from_le_bytes(*chunk);
        let (first, second) = (stops(word as u64), stops((word >> 64) as u64));
        if first | second != 0 {
            let bit = if first != 0 { first.trailing_zeros() } else { 64 + second.trailing_zeros() };
            return at + (bit / 8) as usize;
        }
        at += 16;
    }
    if let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let marks = stops(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|&&byte| passes(byte)).count()
}

/// Marks the bytes below `low` and above 0x7e; above the first mark it may err.
#[inline]
const fn outside(word: u64, low: u8) -> u64 {
    (word.wrapping_sub(ONES * low as u64) | word.wrapping_add(ONES)) & HIGHS
}

/// Marks the bytes equal to `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (ONES * byte as u64);
    zeroed.wrapping_sub(ONES) & !zeroed & HIGHS
}

/// How many bytes from the start are printable ASCII.
#[inline(always)]
fn text_lane_len(chunk: &[u8; 16]) -> usize {
    marks(!between(lane(chunk), b' ', b'~'))
}

/// The name at the start if it has less than 16 letters, digits and dashes and a colon behind them: nearly all names.
#[inline(always)]
pub(super) fn short_name(bytes: &[u8]) -> Option<ShortName> {
    let chunk = bytes.first_chunk::<16>()?;
    let bytes = lane(chunk);
    let lower = bytes | between(bytes, b'A', b'Z') & i8x16::splat(0x20);
    let passes = between(lower, b'a', b'z') | between(bytes, b'0', b'9') | bytes.simd_eq(i8x16::splat(b'-' as i8));
    let len = marks(!passes);
    if chunk.get(len) != Some(&b':') {
        return None;
    }
    let word = u128::from_le_bytes(lower.to_array().map(|byte| byte as u8));
    Some(ShortName::new([word as u64, (word >> 64) as u64], len))
}

#[inline(always)]
fn lane(chunk: &[u8; 16]) -> i8x16 {
    i8x16::from(chunk.map(|byte| byte as i8))
}

/// All ones in the bytes from `first` to `last`.
#[inline(always)]
fn between(bytes: i8x16, first: u8, last: u8) -> i8x16 {
    // Moved so that the range ends at the largest signed byte: one comparison does.
    let moved = bytes + i8x16::splat((0x7f - last) as i8);
    moved.simd_gt(i8x16::splat((0x7e - (last - first)) as i8))
}

/// How many bytes are before the first one that is all ones; 16 if none is.
#[inline(always)]
fn marks(bytes: i8x16) -> usize {
    (bytes.to_bitmask() | 1 << 16).trailing_zeros() as usize
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

const fn token_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte: u8 = 0x21;
    while byte < 0x7f {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderId;

    #[test]
    fn words_and_single_bytes_agree_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..19 {
                let mut text = [b'a'; 19];
                text[at] = byte;
                let text_stop = !(0x20..0x7f).contains(&byte);
                assert_eq!(text_len(&text), if text_stop { at } else { 19 }, "text {byte:#x} at {at}");
                if at > 0 {
                    text[at - 1] = b'~';
                }
                let target_stop = !(0x21..0x7f).contains(&byte) || byte == b'#';
                assert_eq!(target_len(&text), if target_stop { at } else { 19 }, "target {byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn names_are_lowered_up_to_the_first_byte_of_another_kind() {
        for byte in 0..=255_u8 {
            for at in 0..19 {
                let mut text = *b"ABCzZ-09_aXYZ@[Mmnn";
                text[13..15].copy_from_slice(b"!q");
                text[at] = byte;
                let len = text.iter().take_while(|&&b| TOKEN[usize::from(b)] != 0).count();
                let mut expected = text;
                expected[..len].make_ascii_lowercase();
                let mut words = NameWords::default();
                assert_eq!(name_len(&text, &mut words), len, "{byte:#x} at {at}");
                words.write(&mut text, len);
                assert_eq!(text, expected, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn short_names_agree_with_names_of_any_length() {
        for byte in 0..=255_u8 {
            for at in 0..19 {
                let mut text = *b"Abz-09ZaAX-2qrSTuvw";
                text[at] = byte;
                for colon in 0..19 {
                    let mut text = text;
                    text[colon] = b':';
                    let Some(name) = short_name(&text) else { continue };
                    let mut words = NameWords::default();
                    assert_eq!(name_len(&text, &mut words), name.len());
                    let mut expected = text;
                    words.write(&mut expected, name.len());
                    name.write(&mut text);
                    assert_eq!(text, expected, "{byte:#x} at {at}");
                    assert_eq!(name.id(), words.id(name.len()));
                }
            }
        }
        let of = |text: &[u8]| short_name(text).map(|name| name.id());
        assert_eq!(of(b"User-Agent: curl"), Some(HeaderId::UserAgent));
        assert_eq!(of(b"accept-encoding:"), Some(HeaderId::AcceptEncoding));
        assert_eq!(of(b"Host: a.example."), Some(HeaderId::Host));
        assert_eq!(of(b"X_Forwarded: yes"), None);
    }

    #[test]
    fn tokens_are_those_of_the_rfc() {
        let tokens: Vec<u8> = (0..=255).filter(|&b: &u8| TOKEN[b as usize] != 0).collect();
        assert_eq!(tokens, b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
        assert_eq!(TOKEN[b'Q' as usize], b'q');
    }
}
