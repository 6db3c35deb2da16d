//! What a server is told of the client before anything else: the PROXY header (manual 5.2 `send-proxy` and relatives).

use super::hooks::{self, Stage};
use super::live::Live;
use super::session::Session;
use super::stream::Stream;
use crate::expr::{ConnFacts, Ctx, Endpoint, TlsFacts, common_name, signature_algorithm};
use crate::ir::{ProxyFacts, ProxyProtocol, ProxyV2, Server};
use crate::wire::certificate;
use crate::wire::proxy_protocol::{Addresses, Tlv, encode_v1, encode_v2, tlv, write_tlv};

/// The header for a server; none if it wants none.
pub fn of_stream(
    s: &mut Session,
    st: &mut Stream,
    live: &Live,
    server: &Server,
    stage: Stage<'_>,
) -> Option<Box<[u8]>> {
    let protocol = server.send_proxy.as_ref()?;
    let txn = hooks::txn(s, st, live, stage);
    let ctx = txn.ctx();
    let addresses = match (ctx.conn.src, ctx.conn.dst) {
        (Endpoint::Ip(src), Endpoint::Ip(dst)) => Addresses::Inet { src, dst, datagram: false },
        _ => Addresses::Unknown,
    };
    Some(header(protocol, &addresses, false, |v2, tlvs| of_client(v2, &ctx, tlvs)).into())
}

/// The header of a connection of our own, as health checks make them; `local` says so, in version 2.
pub fn of_check(protocol: Option<&ProxyProtocol>, addresses: &Addresses<'_>, local: bool) -> Vec<u8> {
    header(protocol.unwrap_or(&ProxyProtocol::V1), addresses, local, |v2, tlvs| {
        if v2.facts.intersects(ProxyFacts::WITHIN_SSL) {
            tlvs.add(tlv::SSL, &of_tls(v2.facts, None));
        }
    })
}

fn header(
    protocol: &ProxyProtocol,
    addresses: &Addresses<'_>,
    local: bool,
    say: impl FnOnce(&ProxyV2, &mut Tlvs),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    match protocol {
        ProxyProtocol::V1 => encode_v1(addresses, &mut out),
        ProxyProtocol::V2(v2) => {
            let mut tlvs = Tlvs::default();
            say(v2, &mut tlvs);
            let checksum = v2.facts.contains(ProxyFacts::CRC32C);
            let list: Vec<Tlv<'_>> = tlvs.0.iter().map(|(kind, value)| Tlv { kind: *kind, value }).collect();
            // What does not fit into a header is left out: the addresses alone always do.
            if encode_v2(local, addresses, &list, checksum, &mut out).is_err() {
                encode_v2(local, addresses, &[], checksum, &mut out).unwrap_or_default();
            }
        }
    }
    out
}

/// TLVs in the order in which HAProxy writes them.
#[derive(Default)]
struct Tlvs(Vec<(u8, Vec<u8>)>);

impl Tlvs {
    fn add(&mut self, kind: u8, value: &[u8]) {
        self.0.push((kind, value.to_vec()));
    }
}

fn of_client(v2: &ProxyV2, ctx: &Ctx<'_>, tlvs: &mut Tlvs) {
    let tls = ctx.conn.tls.as_deref();
    if let Some(alpn) = tls.and_then(|tls| tls.alpn.as_deref()) {
        tlvs.add(tlv::ALPN, alpn);
    }
    if v2.facts.contains(ProxyFacts::AUTHORITY)
        && let Some(name) = authority(ctx.conn)
    {
        tlvs.add(tlv::AUTHORITY, name);
    }
    if v2.facts.contains(ProxyFacts::UNIQUE_ID)
        && let Some(id) = ctx.stream.unique_id.get(ctx)
    {
        tlvs.add(tlv::UNIQUE_ID, id);
    }
    if v2.facts.intersects(ProxyFacts::WITHIN_SSL) {
        tlvs.add(tlv::SSL, &of_tls(v2.facts, tls));
    }
    for (kind, format) in &v2.tlvs {
        let mut value = Vec::new();
        format.render(ctx, &mut value);
        tlvs.add(*kind, &value);
    }
}

/// The name that the client asked for within TLS, else the one that a proxy before us told.
fn authority(conn: &ConnFacts) -> Option<&[u8]> {
    let asked = conn.tls.as_ref().and_then(|tls| tls.sni.as_deref());
    asked.map(str::as_bytes).or_else(|| conn.proxy_tlvs().find(tlv::AUTHORITY))
}

/// Flags, the result of the verification (0: nobody without a trusted certificate comes here), and inner TLVs.
fn of_tls(facts: ProxyFacts, tls: Option<&TlsFacts>) -> Vec<u8> {
    let mut out = vec![0; 5];
    let Some(tls) = tls else { return out };
    let mut flags = tlv::CLIENT_SSL;
    if tls.client_cert.is_some() {
        flags |= tlv::CLIENT_CERT_SESS | if tls.resumed { 0 } else { tlv::CLIENT_CERT_CONN };
    }
    out[0] = flags;
    let mut add = |kind, value: &[u8]| write_tlv(Tlv { kind, value }, &mut out).unwrap_or_default();
    add(tlv::SSL_VERSION, tls.version.as_bytes());
    if facts.contains(ProxyFacts::CERT_CN)
        && let Some(name) = tls.client_cert.as_deref().and_then(common_name)
    {
        add(tlv::SSL_CN, &name);
    }
    let own = tls.server_cert.as_deref();
    if facts.contains(ProxyFacts::CERT_KEY)
        && let Some(key) = own.and_then(certificate::key)
    {
        add(tlv::SSL_KEY_ALG, key.as_bytes());
    }
    if facts.contains(ProxyFacts::CERT_SIG)
        && let Some(name) = own.and_then(signature_algorithm)
    {
        add(tlv::SSL_SIG_ALG, name.as_bytes());
    }
    if facts.contains(ProxyFacts::SSL_CIPHER) {
        add(tlv::SSL_CIPHER, tls.cipher.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::fixture::World;

    fn v2(facts: ProxyFacts) -> ProxyProtocol {
        ProxyProtocol::V2(Box::new(ProxyV2 { facts, tlvs: Vec::new() }))
    }

    /// What HAProxy 2.8 sends of a client with TLS.
    #[test]
    fn the_tls_of_a_client_is_told() {
        let mut world = World::new();
        world.conn.tls = Some(Box::new(TlsFacts { version: "TLSv1.3", cipher: "TLS_X", ..TlsFacts::default() }));
        let ProxyProtocol::V2(what) = v2(ProxyFacts::SSL | ProxyFacts::SSL_CIPHER | ProxyFacts::UNIQUE_ID) else {
            unreachable!()
        };
        let mut tlvs = Tlvs::default();
        of_client(&what, &world.ctx(), &mut tlvs);
        let id = (tlv::UNIQUE_ID, b"C0000207:C048".to_vec());
        let ssl = (tlv::SSL, b"\x01\0\0\0\0\x21\0\x07TLSv1.3\x23\0\x05TLS_X".to_vec());
        assert_eq!(tlvs.0, [id, ssl]);
    }

    #[test]
    fn a_check_has_no_client() {
        let header = of_check(Some(&v2(ProxyFacts::SSL | ProxyFacts::CRC32C)), &Addresses::Unknown, true);
        assert_eq!(header[12..16], [0x20, 0, 0, 15]);
        assert_eq!((header[16], header[23]), (tlv::CRC32C, tlv::SSL));
        let one = of_check(None, &Addresses::Unknown, true);
        assert_eq!(one, b"PROXY UNKNOWN\r\n");
    }
}
