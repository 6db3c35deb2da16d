use super::*;

const LIMIT: usize = 16384;
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &len, body].concat()
}

fn inet(src: &str, dst: &str) -> Addresses<'static> {
    Addresses::Inet { src: src.parse().unwrap(), dst: dst.parse().unwrap(), datagram: false }
}

/// Reads a header followed by data, after checking that each of its beginnings is partial.
fn read(header: &[u8]) -> Result<Header<'_>, HeaderError> {
    let Progress::Done(found) = parse(header, LIMIT)? else { panic!("partial: {}", header.escape_ascii()) };
    for end in 0..found.len {
        assert_eq!(parse(&header[..end], LIMIT), Ok(Progress::Partial), "{}", header[..end].escape_ascii());
    }
    let longer = [header, b"GET / HTTP/1.0\r\n\r\n"].concat();
    assert_eq!(parse(&longer, LIMIT).unwrap().done().map(|header| header.len), Some(found.len));
    Ok(found)
}

const IPV4: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187];

#[test]
fn version_1_lines() {
    for (line, addresses) in [
        ("PROXY TCP4 1.2.3.4 5.6.7.8 80 443\r\n", inet("1.2.3.4:80", "5.6.7.8:443")),
        ("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", inet("0.0.0.0:0", "255.255.255.255:65535")),
        ("PROXY TCP6 ::1 2001:DB8::2 80 443\r\n", inet("[::1]:80", "[2001:db8::2]:443")),
        ("PROXY TCP6 ::ffff:1.2.3.4 ::2 1 2\r\n", inet("[::ffff:1.2.3.4]:1", "[::2]:2")),
        ("PROXY UNKNOWN\r\n", Addresses::Unknown),
        ("PROXY UNKNOWN foo bar\r\n", Addresses::Unknown),
        ("PROXY UNKNOWN ffff:f:f:f:f:f:f:ffff ffff:f:f:f:f:f:f:ffff 65535 65535\r\n", Addresses::Unknown),
    ] {
        let header = read(line.as_bytes()).unwrap();
        assert_eq!((header.version, header.local, header.addresses, header.len), (1, false, addresses, line.len()));
    }
}

#[test]
fn version_1_lines_that_are_not_exactly_right_are_refused() {
    for line in [
        "TCP4 1.2.3.4 5.6.7.8 80",
        "TCP4 1.2.3.4 5.6.7.8 80 443 ",
        "TCP4 1.2.3.4 5.6.7.8 80 443 junk",
        "TCP4 1.2.3.4  5.6.7.8 80 443",
        " TCP4 1.2.3.4 5.6.7.8 80 443",
        "TCP4 01.2.3.4 5.6.7.8 80 443",
        "TCP4 1.2.3.4 5.6.7.8 080 443",
        "TCP4 1.2.3.4 5.6.7.8 +80 443",
        "TCP4 1.2.3.4 5.6.7.8 80 70000",
        "TCP4 1.2.3.4 5.6.7.8 -1 443",
        "TCP4 ::1 ::2 80 443",
        "TCP6 1.2.3.4 5.6.7.8 80 443",
        "tcp4 1.2.3.4 5.6.7.8 80 443",
        "UNKNOWNX",
        "UNIX /a /b",
        "",
    ] {
        let line = format!("PROXY {line}\r\n");
        assert_eq!(parse(line.as_bytes(), LIMIT), Err(HeaderError::Words), "{line}");
    }
    assert_eq!(parse(b"PROXY TCP4 1.2.3.4 5.6.7.8 80 443\n", LIMIT), Err(HeaderError::Line));
    assert_eq!(parse(b"PROXY TCP4 1.2.3.4 5.6.7.8 80 443\rx", LIMIT), Err(HeaderError::Line));
    assert_eq!(parse(b"POST / HTTP/1.0\r\n", LIMIT), Err(HeaderError::NotProxy));
    assert_eq!(parse(b"GET", LIMIT), Err(HeaderError::NotProxy));
}

#[test]
fn a_version_1_line_has_at_most_107_bytes() {
    let line = |padding: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(padding)).into_bytes();
    assert_eq!(line(91).len(), 107);
    assert_eq!(read(&line(91)).map(|header| header.len), Ok(107));
    assert_eq!(parse(&line(92), LIMIT), Err(HeaderError::Line));
    assert_eq!(parse(&line(92)[..107], LIMIT), Err(HeaderError::Line));
    assert_eq!(parse(&line(92)[..106], LIMIT), Ok(Progress::Partial));
}

#[test]
fn version_2_headers() {
    let header = v2(0x21, 0x11, IPV4);
    assert_eq!(read(&header).unwrap().addresses, inet("1.2.3.4:80", "5.6.7.8:443"));
    let mut ipv6 = [0; 36];
    (ipv6[15], ipv6[31], ipv6[33], ipv6[35]) = (1, 2, 1, 2);
    assert_eq!(read(&v2(0x21, 0x21, &ipv6)).unwrap().addresses, inet("[::1]:1", "[::2]:2"));
    let mut unix = [0; 216];
    unix[..2].copy_from_slice(b"/a");
    unix[109..111].copy_from_slice(b"bc");
    let header = v2(0x21, 0x31, &unix);
    assert_eq!(read(&header).unwrap().addresses, Addresses::Unix { src: b"/a", dst: b"\0bc", datagram: false });
    assert!(matches!(read(&v2(0x21, 0x12, IPV4)).unwrap().addresses, Addresses::Inet { datagram: true, .. }));
    for (command, family, local) in [(0x20, 0x00, true), (0x20, 0xff, true), (0x21, 0x00, false), (0x21, 0x10, false)] {
        let header = v2(command, family, IPV4);
        let header = read(&header).unwrap();
        assert_eq!((header.local, header.addresses), (local, Addresses::Unknown), "{family:x}");
    }
}

#[test]
fn version_2_headers_that_are_not_exactly_right_are_refused() {
    for (header, why) in [
        (v2(0x22, 0x11, IPV4), HeaderError::Kind),
        (v2(0x11, 0x11, IPV4), HeaderError::Kind),
        (v2(0x21, 0x41, IPV4), HeaderError::Kind),
        (v2(0x21, 0x13, IPV4), HeaderError::Kind),
        (v2(0x21, 0x11, &IPV4[..11]), HeaderError::TooShort),
        (v2(0x21, 0x21, IPV4), HeaderError::TooShort),
        (v2(0x21, 0x31, IPV4), HeaderError::TooShort),
        (v2(0x21, 0x11, &[IPV4, &[4]].concat()), HeaderError::TooShort),
        (v2(0x21, 0x11, &[IPV4, &[4, 0, 5, 1, 2, 3]].concat()), HeaderError::TooShort),
        (v2(0x21, 0x11, &[IPV4, &[3, 0, 4, 1, 2, 3, 4]].concat()), HeaderError::Checksum),
        (v2(0x21, 0x11, &[IPV4, &[3, 0, 1, 1]].concat()), HeaderError::Checksum),
        (v2(0x21, 0x11, &[0; 20000]), HeaderError::TooLong),
    ] {
        assert_eq!(parse(&header, LIMIT), Err(why), "{}", header[12..].escape_ascii());
    }
    assert_eq!(parse(b"\r\n\r\n\0\r\nQUIX", LIMIT), Err(HeaderError::NotProxy));
    assert_eq!(parse(&[SIGNATURE, &[0x30]].concat(), LIMIT), Err(HeaderError::Kind));
}

#[test]
fn tlvs_are_kept_in_order() {
    let header = v2(0x21, 0x11, &[IPV4, &[4, 0, 0], &[2, 0, 2], b"a.", &[4, 0, 1, 9]].concat());
    let tlvs = read(&header).unwrap().tlvs;
    let found: Vec<_> = tlvs.iter().map(|tlv| (tlv.kind, tlv.value.to_vec())).collect();
    assert_eq!(found, [(4, vec![]), (2, b"a.".to_vec()), (4, vec![9])]);
    assert_eq!((tlvs.find(tlv::AUTHORITY), tlvs.find(tlv::ALPN)), (Some(&b"a."[..]), None));
}

#[test]
fn what_is_written_reads_back() {
    let addresses = [
        inet("1.2.3.4:80", "5.6.7.8:443"),
        inet("[::1]:80", "[2001:db8::2]:443"),
        Addresses::Unknown,
        Addresses::Unix { src: b"/a", dst: b"", datagram: false },
    ];
    let tlvs = [Tlv { kind: tlv::ALPN, value: b"h2" }, Tlv { kind: tlv::NOOP, value: b"" }];
    for addresses in addresses {
        for checksum in [false, true] {
            let mut out = b"before".to_vec();
            encode_v2(false, &addresses, &tlvs, checksum, &mut out).unwrap();
            let header = read(&out[6..]).unwrap();
            assert_eq!(
                (header.addresses, header.tlvs.find(tlv::ALPN), header.len),
                (addresses, Some(&b"h2"[..]), out.len() - 6)
            );
            assert_eq!(header.tlvs.find(tlv::CRC32C).is_some(), checksum);
        }
        let mut line = Vec::new();
        encode_v1(&addresses, &mut line);
        let known = matches!(addresses, Addresses::Inet { .. });
        assert_eq!(read(&line).unwrap().addresses, if known { addresses } else { Addresses::Unknown });
    }
}

#[test]
fn headers_are_byte_for_byte_those_of_the_reference() {
    let mut out = Vec::new();
    encode_v1(&inet("127.0.0.1:54682", "127.0.0.1:49763"), &mut out);
    assert_eq!(out, b"PROXY TCP4 127.0.0.1 127.0.0.1 54682 49763\r\n");
    out.clear();
    encode_v1(&inet("1.2.3.4:1", "[::1]:2"), &mut out);
    assert_eq!(out, b"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n");
    let both = inet("127.0.0.1:51958", "127.0.0.1:55489");
    out.clear();
    encode_v2(false, &both, &[], true, &mut out).unwrap();
    assert_eq!(out, b"\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x13\x7f\x00\x00\x01\x7f\x00\x00\x01\xca\xf6\xd8\xc1\x03\x00\x04\x1a\x1a\xce\xac");
    out.clear();
    encode_v2(true, &both, &[], true, &mut out).unwrap();
    assert_eq!(out, b"\r\n\r\n\x00\r\nQUIT\n \x00\x00\x07\x03\x00\x04\xa9\xb8~\x8f");
    out.clear();
    encode_v2(true, &both, &[], false, &mut out).unwrap();
    assert_eq!(out, b"\r\n\r\n\x00\r\nQUIT\n \x00\x00\x00");
}

#[test]
fn what_is_too_long_is_not_written() {
    let mut out = b"x".to_vec();
    let big = [0; 40000];
    let tlv = Tlv { kind: tlv::NOOP, value: &big };
    assert_eq!(encode_v2(false, &Addresses::Unknown, &[tlv, tlv], false, &mut out), Err(HeaderError::TooLong));
    let path = Addresses::Unix { src: &[b'a'; 109], dst: b"", datagram: false };
    assert_eq!(encode_v2(false, &path, &[], false, &mut out), Err(HeaderError::TooLong));
    assert_eq!(out, b"x");
}
