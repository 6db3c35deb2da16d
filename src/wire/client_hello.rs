//! The beginning of a TLS connection as it passes by: what `req.ssl_*` looks at without deciphering anything.
//!
//! Reads handshake records up to and including the first message (RFC 8446 4.1.2, RFC 5246 7.4.1.2) and the hello of
//! SSLv2. TLS itself is not done here.

use std::borrow::Cow;
use std::ops::Range;

use super::Progress;

/// The first handshake message of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// 1 for a ClientHello, 2 for a ServerHello; none for the hello of SSLv2.
    pub handshake_type: Option<u8>,
    /// The version in the message, not that of the record: (3, 3) is TLS 1.2, and what TLS 1.3 claims to be.
    pub version: (u8, u8),
    message: Cow<'a, [u8]>,
    session_id: Range<usize>,
    ciphers: Range<usize>,
    extensions: Option<Range<usize>>,
}

/// The bytes are not the beginning of a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a TLS or SSLv2 hello")]
pub struct NotHello;

/// Reads the first message at the beginning of a connection.
pub fn parse(bytes: &[u8]) -> Result<Progress<Hello<'_>>, NotHello> {
    match bytes.first() {
        None => Ok(Progress::Partial),
        Some(&HANDSHAKE) => Ok(match handshake(bytes)? {
            Progress::Done(message) => Progress::Done(tls(message)?),
            Progress::Partial => Progress::Partial,
        }),
        Some(first) if first & 0x80 != 0 => sslv2(bytes),
        Some(_) => Err(NotHello),
    }
}

impl Hello<'_> {
    /// `req.ssl_ver`: the major version times 65536 plus the minor one.
    pub fn version_number(&self) -> i64 {
        i64::from(self.version.0) << 16 | i64::from(self.version.1)
    }

    /// The session that the client wants to resume; empty if none.
    pub fn session_id(&self) -> &[u8] {
        &self.message[self.session_id.clone()]
    }

    /// `req.ssl_cipherlist`: two bytes per suite (three in SSLv2).
    pub fn ciphers(&self) -> &[u8] {
        &self.message[self.ciphers.clone()]
    }

    /// There is a block of extensions, be it empty.
    pub fn has_extensions(&self) -> bool {
        self.extensions.is_some()
    }

    /// The extensions in order: type and content, as long as they lie within their block.
    pub fn extensions(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut rest = Reader(self.extensions.clone().map_or(&[], |range| &self.message[range]));
        std::iter::from_fn(move || Some((rest.u16()?, rest.vector16()?)))
    }

    /// The content of the first extension of this type. SSLv3 had none, so those of such a hello do not count.
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        let mut extensions = self.extensions().filter(|_| self.version > (3, 0));
        extensions.find(|(found, _)| *found == kind).map(|(_, content)| content)
    }

    /// `req.ssl_sni`: the host name; not checked to be one.
    pub fn sni(&self) -> Option<&[u8]> {
        let mut list = Reader(Reader(self.extension(SERVER_NAME)?).vector16()?);
        while let Some(kind) = list.u8() {
            let name = list.vector16()?;
            if kind == HOST_NAME {
                return Some(name).filter(|name| !name.is_empty());
            }
        }
        None
    }

    /// `req.ssl_alpn`: the first protocol that the client names, which is what the reference yields.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn_protocols().next()
    }

    /// Every protocol that the client names, in order of preference.
    pub fn alpn_protocols(&self) -> impl Iterator<Item = &[u8]> {
        let list = self.extension(ALPN).and_then(|content| Reader(content).vector16());
        let mut list = Reader(list.unwrap_or_default());
        std::iter::from_fn(move || list.vector8())
    }

    /// `req.ssl_ec_ext`: the client sent its elliptic curves (supported groups).
    pub fn has_groups(&self) -> bool {
        self.extension(SUPPORTED_GROUPS).is_some()
    }

    /// `req.ssl_supported_groups`: two bytes per group.
    pub fn groups(&self) -> Option<&[u8]> {
        Reader(self.extension(SUPPORTED_GROUPS)?).vector16()
    }

    /// One byte per format of elliptic curve points.
    pub fn point_formats(&self) -> Option<&[u8]> {
        Reader(self.extension(POINT_FORMATS)?).vector8()
    }

    /// Two bytes per version that the client knows (RFC 8446 4.2.1).
    pub fn supported_versions(&self) -> Option<&[u8]> {
        Reader(self.extension(SUPPORTED_VERSIONS)?).vector8()
    }

    /// `req.ssl_sigalgs`: two bytes per signature algorithm.
    pub fn signature_algorithms(&self) -> Option<&[u8]> {
        Reader(self.extension(SIGNATURE_ALGORITHMS)?).vector16()
    }

    /// `req.ssl_keyshare_groups`: appends the two bytes of each group that the client sent a key for; false if it sent none.
    pub fn key_share_groups(&self, out: &mut Vec<u8>) -> bool {
        let shares = self.extension(KEY_SHARE).and_then(|content| Reader(content).vector16());
        let mut shares = Reader(shares.unwrap_or_default());
        let before = out.len();
        while let (Some(group), Some(_)) = (shares.u16(), shares.vector16()) {
            out.extend_from_slice(&group.to_be_bytes());
        }
        out.len() > before
    }

    /// `req.ssl_st_ext`: 0 without a session ticket extension, 1 with an empty one, 2 with a ticket. None if the hello has
    /// no extensions at all.
    pub fn session_ticket(&self) -> Option<i64> {
        self.has_extensions().then(|| match self.extension(SESSION_TICKET) {
            None => 0,
            Some([]) => 1,
            Some(_) => 2,
        })
    }
}

/// The first handshake message with its four bytes of header. It usually lies within one record; pieces are joined.
fn handshake(bytes: &[u8]) -> Result<Progress<Cow<'_, [u8]>>, NotHello> {
    let mut records = bytes;
    let mut joined = Vec::new();
    loop {
        let record = match record(records)? {
            Progress::Done(record) => record,
            Progress::Partial => return Ok(Progress::Partial),
        };
        records = &records[RECORD_HEADER + record.len()..];
        let gathered = if joined.is_empty() {
            record
        } else {
            joined.extend_from_slice(record);
            &joined
        };
        if let Some(len) = message_len(gathered)?
            && gathered.len() >= len
        {
            return Ok(Progress::Done(if joined.is_empty() {
                Cow::Borrowed(&record[..len])
            } else {
                joined.truncate(len);
                Cow::Owned(joined)
            }));
        }
        if joined.is_empty() {
            joined.extend_from_slice(record);
        }
    }
}

/// The content of the handshake record that the bytes begin with.
fn record(bytes: &[u8]) -> Result<Progress<&[u8]>, NotHello> {
    let expected = [(0, HANDSHAKE..=HANDSHAKE), (1, 3..=u8::MAX)];
    if expected.iter().any(|(at, range)| bytes.get(*at).is_some_and(|byte| !range.contains(byte))) {
        return Err(NotHello);
    }
    let Some(&[high, low]) = bytes.get(3..RECORD_HEADER) else { return Ok(Progress::Partial) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if !(1..=LONGEST_RECORD).contains(&len) {
        return Err(NotHello);
    }
    Ok(bytes.get(RECORD_HEADER..RECORD_HEADER + len).map_or(Progress::Partial, Progress::Done))
}

/// The length of the message with its header, once that has arrived.
fn message_len(message: &[u8]) -> Result<Option<usize>, NotHello> {
    let [kind, rest @ ..] = message else { return Ok(None) };
    if !matches!(*kind, CLIENT_HELLO | SERVER_HELLO) {
        return Err(NotHello);
    }
    let [top, high, low, ..] = rest else { return Ok(None) };
    let len = 4 + (usize::from(*top) << 16 | usize::from(*high) << 8 | usize::from(*low));
    if len > LONGEST_MESSAGE { Err(NotHello) } else { Ok(Some(len)) }
}

fn tls(message: Cow<'_, [u8]>) -> Result<Hello<'_>, NotHello> {
    let mut hello = Hello {
        // The message has at least its header.
        handshake_type: message.first().copied(),
        version: (0, 0),
        session_id: 0..0,
        ciphers: 0..0,
        extensions: None,
        message,
    };
    let mut reader = Reader(&hello.message[4..]);
    let whole = hello.message.len();
    let range = |part: &[u8], rest: &Reader<'_>| {
        let end = whole - rest.0.len();
        end - part.len()..end
    };
    hello.version = (reader.u8().ok_or(NotHello)?, reader.u8().ok_or(NotHello)?);
    reader.bytes(32).ok_or(NotHello)?;
    let part = reader.vector8().filter(|id| id.len() <= 32).ok_or(NotHello)?;
    hello.session_id = range(part, &reader);
    if hello.handshake_type == Some(SERVER_HELLO) {
        return Ok(hello);
    }
    let part = reader.vector16().filter(|list| list.len() >= 2 && list.len() % 2 == 0).ok_or(NotHello)?;
    hello.ciphers = range(part, &reader);
    reader.vector8().filter(|list| !list.is_empty()).ok_or(NotHello)?;
    if !reader.0.is_empty() {
        let part = reader.vector16().ok_or(NotHello)?;
        hello.extensions = Some(range(part, &reader));
    }
    Ok(hello)
}

/// An SSLv2 hello, which SSLv3 and TLS clients of old also sent (RFC 5246 E.2).
fn sslv2(bytes: &[u8]) -> Result<Progress<Hello<'_>>, NotHello> {
    if bytes.get(2).is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(NotHello);
    }
    let Some((&[high, low, _, major, minor, c0, c1, s0, s1, h0, h1], _)) = bytes.split_first_chunk() else {
        return Ok(Progress::Partial);
    };
    let number = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    let (ciphers, session_id, challenge) = (number(c0, c1), number(s0, s1), number(h0, h1));
    let len = 2 + number(high & 0x7f, low);
    let sane = ciphers > 0 && ciphers % 3 == 0 && matches!(session_id, 0 | 16) && (16..=32).contains(&challenge);
    if !sane || len != SSLV2_HEADER + ciphers + session_id + challenge {
        return Err(NotHello);
    }
    let Some(message) = bytes.get(..len) else { return Ok(Progress::Partial) };
    Ok(Progress::Done(Hello {
        handshake_type: None,
        version: (major, minor),
        message: Cow::Borrowed(message),
        session_id: SSLV2_HEADER + ciphers..SSLV2_HEADER + ciphers + session_id,
        ciphers: SSLV2_HEADER..SSLV2_HEADER + ciphers,
        extensions: None,
    }))
}

/// Takes numbers and counted vectors from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.bytes(len.into())
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.bytes(len.into())
    }
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const RECORD_HEADER: usize = 5;
const SSLV2_HEADER: usize = 11;
/// Of a record that is not encrypted (RFC 8446 5.1).
const LONGEST_RECORD: usize = 1 << 14;
/// No client sends half as much; a limit keeps garbage from being waited for.
const LONGEST_MESSAGE: usize = 1 << 16;

const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const HOST_NAME: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
    }

    fn message(version: [u8; 2], extensions: Option<&[u8]>) -> Vec<u8> {
        let mut body = [&version[..], &[7; 32], &[2, 0xaa, 0xbb], &[0, 4, 0x13, 0x02, 0, 0x9f], &[1, 0]].concat();
        if let Some(extensions) = extensions {
            body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
            body.extend_from_slice(extensions);
        }
        [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
        message.chunks(size).flat_map(record).collect()
    }

    fn everything() -> Vec<u8> {
        [
            extension(0, &[&[0, 14, 0, 0, 11][..], b"example.com"].concat()),
            extension(10, &[0, 4, 0, 0x17, 0, 0x1d]),
            extension(13, &[0, 2, 4, 3]),
            extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
            extension(35, b""),
            extension(51, &[0, 11, 0, 0x1d, 0, 1, 9, 0, 0x17, 0, 2, 8, 8]),
        ]
        .concat()
    }

    fn read(bytes: &[u8]) -> Hello<'_> {
        parse(bytes).unwrap().done().unwrap()
    }

    #[test]
    fn every_fact_of_a_hello() {
        let bytes = records(&message([3, 3], Some(&everything())), 10_000);
        let hello = read(&bytes);
        assert_eq!((hello.handshake_type, hello.version_number()), (Some(1), 0x30003));
        assert_eq!((hello.session_id(), hello.ciphers()), (&[0xaa, 0xbb][..], &[0x13, 2, 0, 0x9f][..]));
        assert_eq!(hello.sni(), Some(&b"example.com"[..]));
        assert_eq!(hello.alpn(), Some(&b"h2"[..]));
        assert_eq!(hello.alpn_protocols().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
        assert!(hello.has_groups());
        assert_eq!((hello.groups(), hello.signature_algorithms()), (Some(&[0, 0x17, 0, 0x1d][..]), Some(&[4, 3][..])));
        assert_eq!(hello.session_ticket(), Some(1));
        let mut groups = Vec::new();
        assert!(hello.key_share_groups(&mut groups));
        assert_eq!(groups, [0, 0x1d, 0, 0x17]);
    }

    #[test]
    fn every_beginning_is_partial_however_the_message_is_cut_into_records() {
        let message = message([3, 3], Some(&everything()));
        for size in [1, 3, 20, 10_000] {
            let bytes = records(&message, size);
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(Progress::Partial), "{size} {end}");
            }
            assert_eq!(read(&bytes).sni(), Some(&b"example.com"[..]));
            assert_eq!(read(&[&bytes[..], b"more"].concat()).sni(), Some(&b"example.com"[..]));
        }
    }

    #[test]
    fn hellos_without_extensions_or_of_sslv3_have_none() {
        let bytes = records(&message([3, 3], None), 10_000);
        let hello = read(&bytes);
        assert_eq!((hello.sni(), hello.session_ticket(), hello.has_groups()), (None, None, false));
        let bytes = records(&message([3, 0], Some(&everything())), 10_000);
        assert_eq!((read(&bytes).sni(), read(&bytes).version_number()), (None, 0x30000));
        let bytes = records(&message([3, 3], Some(&extension(0, &[0, 3, 0, 0, 0]))), 10_000);
        assert_eq!((read(&bytes).sni(), read(&bytes).session_ticket()), (None, Some(0)));
        let bytes = records(&message([3, 3], Some(&extension(35, b"t"))), 10_000);
        assert_eq!(read(&bytes).session_ticket(), Some(2));
    }

    #[test]
    fn an_sslv2_hello_has_a_version_and_ciphers() {
        let bytes = [&[0x80, 0x1c, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 4][..], &[9; 16]].concat();
        let hello = read(&bytes);
        assert_eq!((hello.handshake_type, hello.version_number(), hello.ciphers()), (None, 0x30001, &[0, 0, 4][..]));
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Ok(Progress::Partial));
        }
        let mut wrong = bytes.clone();
        wrong[1] += 1;
        assert_eq!(parse(&wrong), Err(NotHello));
    }

    #[test]
    fn what_is_no_hello_is_known_early() {
        for bytes in [
            &b"GET / HTTP/1.0"[..],
            b"\x15\x03\x01",
            b"\x16\x02",
            b"\x16\x03\x01\0\0",
            b"\x16\x03\x01\x40\x01",
            b"\x16\x03\x01\0\x04\x0b\0\0\0",
            b"\x16\x03\x01\0\x04\x01\x01\0\0",
            b"\x80\x10\x02",
        ] {
            assert_eq!(parse(bytes), Err(NotHello), "{}", bytes.escape_ascii());
        }
        let mut bytes = records(&message([3, 3], Some(&everything())), 10_000);
        let last = bytes.len() - 1;
        bytes[9 + 2 + 32] = 200;
        assert_eq!(parse(&bytes), Err(NotHello));
        assert_eq!(parse(&bytes[..last]), Ok(Progress::Partial));
    }

    #[test]
    fn damaged_hellos_do_not_panic() {
        let whole = records(&message([3, 3], Some(&everything())), 60);
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let Ok(Progress::Done(hello)) = parse(&bytes) else { continue };
                let _ = (
                    hello.sni(),
                    hello.alpn(),
                    hello.groups(),
                    hello.session_ticket(),
                    hello.key_share_groups(&mut Vec::new()),
                );
            }
        }
    }
}
