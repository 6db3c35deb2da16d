//! What a ClientHello lists, kept for fingerprints of clients (manual 3.2 `tune.ssl.capture-buffer-size`).

use xxhash_rust::xxh64::xxh64;

use super::client_hello::Hello;

/// The lists of a hello. They share the capture buffer in this order; what finds no room is cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelloLists {
    /// The version in the message: 0x0303 is TLS 1.2, and what TLS 1.3 claims to be.
    pub version: u16,
    /// XXH64 of all cipher suites, whether they had room or not.
    pub ciphers_hash: u64,
    /// Two bytes per cipher suite.
    pub ciphers: Box<[u8]>,
    /// Two bytes per extension: its type.
    pub extensions: Box<[u8]>,
    /// Two bytes per group of the key exchange.
    pub groups: Box<[u8]>,
    /// One byte per format of elliptic curve points.
    pub formats: Box<[u8]>,
    /// Two bytes per signature algorithm.
    pub signatures: Box<[u8]>,
    /// Two bytes per supported version.
    pub versions: Box<[u8]>,
}

impl HelloLists {
    /// Copies the lists, at most `room` bytes of them.
    pub fn of(hello: &Hello<'_>, room: usize) -> Self {
        let mut room = room;
        let mut keep = |list: &[u8]| -> Box<[u8]> {
            let kept = list.get(..room).unwrap_or(list);
            room -= kept.len();
            kept.into()
        };
        let types: Vec<u8> = hello.extensions().flat_map(|(kind, _)| kind.to_be_bytes()).collect();
        HelloLists {
            version: u16::from_be_bytes([hello.version.0, hello.version.1]),
            ciphers_hash: xxh64(hello.ciphers(), 0),
            ciphers: keep(hello.ciphers()),
            extensions: keep(&types),
            groups: keep(hello.groups().unwrap_or_default()),
            formats: keep(hello.point_formats().unwrap_or_default()),
            signatures: keep(hello.signature_algorithms().unwrap_or_default()),
            versions: keep(hello.supported_versions().unwrap_or_default()),
        }
    }
}

/// A list of pairs without those that clients add at random, to be skipped by servers (RFC 8701).
pub fn without_grease(pairs: &[u8]) -> Vec<u8> {
    let real = |pair: &&[u8]| !matches!(pair, [high, low] if high == low && high & 0x0f == 0x0a);
    pairs.chunks(2).filter(real).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_left_out() {
        assert_eq!(
            without_grease(&[0x0a, 0x0a, 0x13, 0x01, 0xfa, 0xfa, 0x1a, 0x2a, 0x0a]),
            [0x13, 1, 0x1a, 0x2a, 0x0a]
        );
    }
}
