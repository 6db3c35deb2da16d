//! What stands at the beginning of a connection: PROXY headers and TLS hellos.

use hydroxy::wire::proxy_protocol::{self, Addresses, Tlv, encode_v1, encode_v2};
use hydroxy::wire::{Progress, client_hello};

/// A header is found at the same length however the bytes arrive, and what it says can be written and read again.
pub fn proxy_header(bytes: &[u8]) {
    let found = proxy_protocol::parse(bytes, LIMIT);
    let end = if let Ok(Progress::Done(header)) = &found { header.len } else { bytes.len() };
    for cut in cuts(end) {
        let before = proxy_protocol::parse(&bytes[..cut], LIMIT);
        assert!(before == Ok(Progress::Partial) || before.is_err() && before == found, "{before:?} after {cut} bytes");
    }
    let Ok(Progress::Done(header)) = found else { return };
    let tlvs: Vec<Tlv<'_>> = header.tlvs.iter().collect();
    let mut out = Vec::new();
    if encode_v2(header.local, &header.addresses, &tlvs[..tlvs.len().min(4)], false, &mut out).is_ok()
        && header.tlvs.find(proxy_protocol::tlv::CRC32C).is_none()
    {
        let again = proxy_protocol::parse(&out, LIMIT).unwrap().done().unwrap();
        assert_eq!((again.addresses, again.local), (header.addresses, header.local));
    }
    out.clear();
    encode_v1(&header.addresses, &mut out);
    let again = proxy_protocol::parse(&out, LIMIT).unwrap().done().unwrap();
    if matches!(again.addresses, Addresses::Inet { .. })
        && !matches!(header.addresses, Addresses::Inet { datagram: true, .. })
    {
        assert_eq!(again.addresses, header.addresses);
    }
}

/// A hello says the same however the bytes arrive, and everything in it can be asked for.
pub fn client_hello(bytes: &[u8]) {
    let found = client_hello::parse(bytes);
    for cut in cuts(bytes.len()) {
        let before = client_hello::parse(&bytes[..cut]);
        assert!(before == Ok(Progress::Partial) || before == found, "{before:?} after {cut} bytes");
    }
    let Ok(Progress::Done(hello)) = found else { return };
    let protocols = hello.alpn_protocols().count();
    assert_eq!(hello.alpn().is_some(), protocols > 0);
    assert!(hello.sni().is_none_or(|name| !name.is_empty() && name.len() < bytes.len()));
    assert_eq!(hello.session_ticket().is_some(), hello.has_extensions());
    let mut groups = Vec::new();
    hello.key_share_groups(&mut groups);
    let read = [hello.session_id(), hello.ciphers(), hello.groups().unwrap_or_default(), &groups];
    assert!(
        read.iter().all(|part| part.len() <= bytes.len())
            && hello.signature_algorithms().is_none_or(|a| a.len() < bytes.len())
    );
    assert!(hello.version_number() >= 0 && hello.extensions().count() <= bytes.len());
}

/// Some places to cut so many bytes at: all of the first, then fewer.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |at| *at < 24 || at % 37 == 0 || at + 3 > len)
}

const LIMIT: usize = 4096;
