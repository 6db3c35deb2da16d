//! Integers of variable length as SPOE and peers encode them (SPOE.txt, 3.1).

use smallvec::SmallVec;

/// The bytes of a number.
pub fn encode(mut value: u64) -> SmallVec<[u8; 10]> {
    let mut out = SmallVec::new();
    if value < 240 {
        out.push(value as u8);
        return out;
    }
    out.push(value as u8 | 240);
    value = (value - 240) >> 4;
    while value >= 128 {
        out.push(value as u8 | 128);
        value = (value - 128) >> 7;
    }
    out.push(value as u8);
    out
}

/// Takes a number off the front; `None` if it is cut off or too large.
pub fn decode(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut value = u64::from(first);
    let mut shift = 4;
    let mut more = first >= 240;
    while more {
        let (&next, behind) = rest.split_first()?;
        value = u64::from(next).checked_shl(shift).and_then(|part| value.checked_add(part))?;
        shift += 7;
        more = next >= 128;
        rest = behind;
    }
    *bytes = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded() {
        for (value, bytes) in [(239, &[239][..]), (240, &[240, 0]), (2287, &[255, 127]), (2288, &[240, 128, 0])] {
            assert_eq!(encode(value).as_slice(), bytes);
            let mut rest = bytes;
            assert_eq!(decode(&mut rest), Some(value));
            assert!(rest.is_empty());
        }
        assert_eq!(decode(&mut &[240, 128][..]), None);
        assert_eq!(decode(&mut &[255; 20][..]), None);
    }
}
