//! The small hash functions that HAProxy names in converters and in `hash-type`: with the same input, the same 32 bits.

/// CRC-32 as in Ethernet, gzip and PNG (polynomial 0x04C11DB7, reflected).
pub fn crc32(bytes: &[u8]) -> u32 {
    crc(bytes, &CRC32)
}

/// CRC-32C (RFC 4960, appendix B; polynomial 0x1EDC6F41, reflected).
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc(bytes, &CRC32C)
}

/// Bernstein's hash: times 33, plus the byte.
pub fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// The hash of the sdbm database library: times 65599, plus the byte.
pub fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |hash: u32, byte| hash.wrapping_mul(65_599).wrapping_add(u32::from(*byte)))
}

/// Bob Jenkins' 32-bit integer hash in six shifts, by which every bit of the input touches every bit of the result
/// (<http://burtleburtle.net/bob/hash/integer.html>), times 0xC0000001: the factor that HAProxy's results show.
pub fn avalanche(mut hash: u32) -> u32 {
    hash = hash.wrapping_add(0x7ed5_5d16).wrapping_add(hash << 12);
    hash = (hash ^ 0xc761_c23c) ^ (hash >> 19);
    hash = hash.wrapping_add(0x1656_67b1).wrapping_add(hash << 5);
    hash = hash.wrapping_add(0xd3a2_646c) ^ (hash << 9);
    hash = hash.wrapping_add(0xfd70_46c5).wrapping_add(hash << 3);
    hash = (hash ^ 0xb55a_4f09) ^ (hash >> 16);
    hash.wrapping_mul(0xc000_0001)
}

fn crc(bytes: &[u8], table: &[u32; 256]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| table[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const fn table(reflected: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ reflected } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

static CRC32: [u32; 256] = table(0xedb8_8320);
static CRC32C: [u32; 256] = table(0x82f6_3b78);

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of HAProxy 2.8 for `str(abc),crc32` and so on.
    #[test]
    fn hashes_are_those_of_haproxy() {
        assert_eq!((crc32(b"abc"), avalanche(crc32(b"abc"))), (891_568_578, 930_845_320));
        assert_eq!(crc32c(b"abc"), 910_901_175);
        assert_eq!((djb2(b"abc"), avalanche(djb2(b"abc"))), (193_485_963, 2_235_766_107));
        assert_eq!((sdbm(b"abc"), avalanche(sdbm(b"abc"))), (807_794_786, 659_243_622));
        assert_eq!((crc32(b""), djb2(b""), sdbm(b"")), (0, 5381, 0));
        assert_eq!((avalanche(0), avalanche(1), avalanche(2)), (2_874_071_335, 881_230_262, 3_798_448_204));
    }
}
