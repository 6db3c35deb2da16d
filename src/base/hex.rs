//! Hexadecimal text, as converters, logs and `tcp-check send-binary` write it.

/// Why a text is not hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexFault {
    /// A digit is left alone.
    Odd,
    /// This is no digit.
    NotHex(char),
}

impl std::fmt::Display for HexFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HexFault::Odd => f.write_str("an even number of hex digit is expected"),
            HexFault::NotHex(found) => write!(f, "an hex digit is expected (found '{found}')"),
        }
    }
}

/// The bytes that pairs of hexadecimal digits stand for.
pub fn from_hex(text: &[u8]) -> Result<Vec<u8>, HexFault> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(HexFault::NotHex(char::from(byte)));
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks(2) {
        let &[high, low] = pair else { return Err(HexFault::Odd) };
        // Two hexadecimal digits fit into a byte.
        bytes.push((digit(high)? << 4 | digit(low)?) as u8);
    }
    Ok(bytes)
}

/// Bytes in capital digits.
pub fn upper_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(bytes.iter().flat_map(|byte| digits(*byte)).map(char::from));
    text
}

/// A byte in capital digits.
pub fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// The digits by their value.
pub const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_pairs() {
        assert_eq!(from_hex(b"50494e470d0A"), Ok(b"PING\r\n".to_vec()));
        assert_eq!(from_hex(b"504"), Err(HexFault::Odd));
        assert_eq!(from_hex(b"5G"), Err(HexFault::NotHex('G')));
        assert_eq!(upper_hex(b"\x00\xffA"), "00FF41");
    }
}
