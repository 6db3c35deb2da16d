//! Keys for balancing by hash (manual 4.2 `hash-type`): what a function makes of the bytes that are balanced on.

use std::net::IpAddr;

use crate::base::hash::{avalanche, crc32, djb2, sdbm};
use crate::ir::{HashFunction, HashType};

/// The key of what is balanced on; none where `none` finds no number.
pub fn key(hash_type: HashType, bytes: &[u8]) -> Option<u64> {
    let hash = match hash_type.function {
        HashFunction::Sdbm => sdbm(bytes),
        HashFunction::Djb2 => djb2(bytes),
        HashFunction::Crc32 => crc32(bytes),
        // Numbers beyond 32 bits keep the lower ones.
        HashFunction::None => std::str::from_utf8(bytes).ok()?.trim().parse::<i64>().ok()? as u32,
    };
    Some(finished(hash_type, hash))
}

/// The key of `source` under a `hash-type`.
pub fn source_key(hash_type: HashType, ip: IpAddr) -> u64 {
    // The words of an address are combined to 32 bits.
    finished(hash_type, source(ip) as u32)
}

fn finished(hash_type: HashType, hash: u32) -> u64 {
    u64::from(if hash_type.avalanche { avalanche(hash) } else { hash })
}

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
