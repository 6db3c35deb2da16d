//! Keys for balancing by hash (manual 4.2 `hash-type`).
//!
//! `sdbm`, `djb2` and `crc32` are the well-known functions. `wt6` and the `avalanche` modifier are not known here.

use std::net::IpAddr;

/// The key of `source`: an address is not hashed, its 32-bit words are combined by exclusive or.
pub fn source(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            // The words, from the lowest; each cast keeps one of them.
            u64::from([0, 32, 64, 96].iter().fold(0, |key, shift| key ^ (bits >> shift) as u32))
        }
    }
}

/// `sdbm`, the default function.
pub fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |hash, byte| hash.wrapping_mul(65599).wrapping_add(u32::from(*byte)))
}

/// `djb2`, by Dan Bernstein.
pub fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// `crc32`, as in Ethernet, gzip and PNG.
pub fn crc32(bytes: &[u8]) -> u32 {
    // The index is masked to the table's 256 entries.
    !bytes.iter().fold(u32::MAX, |crc, byte| CRC32[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ crc >> 8)
}

const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 12] = ["a", "b", "c", "ab", "abc", "abcd", "hello", "0", "1", "2", "10", "foo.bar"];

    /// Which of seven equal servers HAProxy 2.8 chose for `balance hdr(x)`.
    #[test]
    fn functions_place_keys_where_the_reference_does() {
        let places = |hash: fn(&[u8]) -> u32| KEYS.map(|key| hash(key.as_bytes()) % 7 + 1);
        assert_eq!(places(sdbm), [7, 1, 2, 6, 2, 7, 1, 7, 1, 2, 7, 1]);
        assert_eq!(places(djb2), [4, 5, 6, 2, 7, 1, 2, 4, 5, 6, 6, 3]);
        assert_eq!(places(crc32), [5, 5, 1, 6, 6, 5, 3, 5, 3, 1, 7, 5]);
    }

    /// The same for `balance source`.
    #[test]
    fn addresses_are_placed_where_the_reference_does() {
        for (ip, place) in [
            ("127.0.0.1", 3),
            ("127.0.0.2", 4),
            ("127.0.1.1", 7),
            ("127.1.0.1", 5),
            ("::1", 2),
            ("1::", 3),
            ("2::", 5),
            ("2001:db8::1", 6),
            ("2001:db8:1::1", 4),
            ("fe80::1234:5678:9abc:def0", 3),
            ("::ffff:1.2.3.4", 5),
            ("1:2:3:4:5:6:7:8", 2),
            ("ff00::", 4),
        ] {
            assert_eq!(source(ip.parse().unwrap()) % 7 + 1, place, "{ip}");
        }
    }
}
