//! Byte classes and searches of the HTTP/1 parser: eight bytes at a time where it pays. Knows nothing of messages.

/// For every byte: its lower case if it may stand in a token (RFC 9110, 5.6.2), else 0.
pub(super) static TOKEN: [u8; 256] = token_table();

/// Whether a byte is a blank (OWS: space or tab).
#[inline]
pub(super) const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// How many bytes from the start are neither control characters nor DEL: the first that needs a look in a field value.
/// A tab is a control character here.
#[inline]
pub(super) fn text_len(bytes: &[u8]) -> usize {
    skip(bytes, |word| below(word, 0x20) | equal(word, 0x7f), |byte| byte >= 0x20 && byte != 0x7f)
}

/// How many bytes from the start may stand in a request target: printable ASCII but `#`.
#[inline]
pub(super) fn target_len(bytes: &[u8]) -> usize {
    skip(
        bytes,
        |word| below(word, 0x21) | equal(word, 0x7f) | equal(word, b'#') | (word & HIGHS),
        |byte| (0x21..0x7f).contains(&byte) && byte != b'#',
    )
}

/// How many bytes from the start pass. `stops` marks the high bit of every byte of a word that does not; it may mark too
/// much only above the first right mark, so that the lowest mark is always right.
#[inline]
fn skip(bytes: &[u8], stops: impl Fn(u64) -> u64, passes: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let marks = stops(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|&&byte| passes(byte)).count()
}

/// Marks the bytes below `limit`, which is at most 128.
#[inline]
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGHS
}

/// Marks the bytes equal to `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (ONES * byte as u64);
    zeroed.wrapping_sub(ONES) & !zeroed & HIGHS
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

    #[test]
    fn words_and_single_bytes_agree_at_every_place() {
        for byte in 0..=255_u8 {
            for at in 0..19 {
                let mut text = [b'a'; 19];
                text[at] = byte;
                // A byte that a careless borrow would mark stands in front of the searched one.
                if at > 0 {
                    text[at - 1] = 0x80;
                }
                let text_stop = byte < 0x20 || byte == 0x7f;
                assert_eq!(text_len(&text), if text_stop { at } else { 19 }, "text {byte:#x} at {at}");
                text[at.saturating_sub(1)] = if at > 0 { b'~' } else { byte };
                let target_stop = !(0x21..0x7f).contains(&byte) || byte == b'#';
                assert_eq!(target_len(&text), if target_stop { at } else { 19 }, "target {byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn tokens_are_those_of_the_rfc() {
        let tokens: Vec<u8> = (0..=255).filter(|&b: &u8| TOKEN[b as usize] != 0).collect();
        assert_eq!(tokens, b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
        assert_eq!(TOKEN[b'Q' as usize], b'q');
    }
}
