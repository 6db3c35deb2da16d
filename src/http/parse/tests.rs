//! What the parser accepts, normalises and refuses. The expectations were observed on HAProxy 2.8 unless a comment says that
//! hydroxy differs on purpose.

use super::*;
use crate::http::{Framing, HeaderName, Method, Msg, OutOptions, Version, write_request, write_response};

/// Parses and writes again, as a proxy that edits nothing.
fn through(text: &[u8]) -> Result<String, ErrorKind> {
    with(text, &ParseOptions::default())
}

fn with(text: &[u8], opts: &ParseOptions) -> Result<String, ErrorKind> {
    let mut raw = text.to_vec();
    let mut head = Head::new();
    match parse_request(&mut raw, &mut head, opts) {
        Ok(Parsed::Complete) => {
            let mut out = Vec::new();
            write_request(Msg::new(&raw, &head), &mut out, &OutOptions::default());
            Ok(String::from_utf8_lossy(&out).replace("\r\n", "|"))
        }
        Ok(Parsed::Partial) => Ok("partial".into()),
        Ok(Parsed::Preface) => Ok("preface".into()),
        Err(error) => Err(error.kind),
    }
}

fn answer(text: &[u8], answering: Answering, opts: &ParseOptions) -> Result<(String, Framing), ErrorKind> {
    let mut raw = text.to_vec();
    let mut head = Head::new();
    match parse_response(&mut raw, &mut head, answering, opts) {
        Ok(Parsed::Complete) => {
            let mut out = Vec::new();
            let options = OutOptions { head_only: answering.method == Method::Head, ..OutOptions::default() };
            let sent = write_response(Msg::new(&raw, &head), &mut out, &options);
            Ok((String::from_utf8_lossy(&out).replace("\r\n", "|"), sent.framing))
        }
        Ok(_) => Ok(("partial".into(), Framing::None)),
        Err(error) => Err(error.kind),
    }
}

/// A request with these lines after its request line.
fn get(lines: &str) -> Result<String, ErrorKind> {
    through(format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes()).map(|out| out.replace("GET / HTTP/1.1|", ""))
}

fn post(lines: &str) -> Result<String, ErrorKind> {
    get(lines)
}

fn ok(text: &str) -> Result<String, ErrorKind> {
    Ok(text.to_owned())
}

#[test]
fn request_lines() {
    let line = |l: &str| through(format!("{l}\r\nhost: a\r\n\r\n").as_bytes()).map(|o| o.replace("|host: a||", ""));
    for fine in
        ["GET / HTTP/1.1", "get / HTTP/1.1", "G!T /a\"<>\\^`{|} HTTP/1.1", "OPTIONS * HTTP/1.1", "GET * HTTP/1.1"]
    {
        assert_eq!(line(fine), ok(fine));
    }
    assert_eq!(line("GET  /  HTTP/1.1"), ok("GET / HTTP/1.1"));
    assert_eq!(line("GET\t/ HTTP/1.1"), ok("GET / HTTP/1.1"));
    assert_eq!(line("GET / HTTP/1.2"), ok("GET / HTTP/1.1"));
    assert_eq!(line("GET / HTTP/2.0"), ok("GET / HTTP/1.1"));
    assert_eq!(line("GET / HTTP/1.0"), ok("GET / HTTP/1.0|host: a|connection: keep-alive||"));
    let refused = [
        ("GET / HTTP/1.1 ", ErrorKind::Version),
        ("GET / HTTP/0.9", ErrorKind::Version),
        ("GET / http/1.1", ErrorKind::Version),
        ("GET / RTSP/1.1", ErrorKind::Version),
        ("GET / HTTP/1.10", ErrorKind::Version),
        ("GET / HTTP/11", ErrorKind::Version),
        ("GET /a b HTTP/1.1", ErrorKind::Version),
        ("GET /\tb HTTP/1.1", ErrorKind::Version),
        ("GET /", ErrorKind::Version),
        ("GET", ErrorKind::Method),
        (" GET / HTTP/1.1", ErrorKind::Method),
        ("G:T / HTTP/1.1", ErrorKind::Method),
        ("G(T / HTTP/1.1", ErrorKind::Method),
        ("GET /\x01 HTTP/1.1", ErrorKind::TargetByte),
        ("GET /a#f HTTP/1.1", ErrorKind::TargetByte),
        ("GET /\u{80} HTTP/1.1", ErrorKind::TargetByte),
        // HAProxy 2.6 refuses these two, 2.8 does not; RFC 9112 knows no such form.
        ("GET foo HTTP/1.1", ErrorKind::Target),
        ("GET ? HTTP/1.1", ErrorKind::Target),
        ("GET  HTTP/1.1", ErrorKind::Version),
    ];
    for (text, kind) in refused {
        assert_eq!(line(text), Err(kind), "{text:?}");
    }
}

#[test]
fn empty_lines_and_bare_line_feeds() {
    assert_eq!(through(b"\r\n\r\n\n\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"), ok("GET / HTTP/1.1|host: a||"));
    assert_eq!(through(b"GET / HTTP/1.1\nHost: a\nx: 1 \nx:2\n\n"), ok("GET / HTTP/1.1|host: a|x: 1|x: 2||"));
    assert_eq!(through(b"\r"), ok("partial"));
    assert_eq!(through(b"\rGET / HTTP/1.1\r\n\r\n"), Err(ErrorKind::BareCr));
    assert_eq!(through(b"GET / HTTP/1.1\r\nhost: a\r\n\rx"), Err(ErrorKind::BareCr));
    assert_eq!(through(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ok("preface"));
    assert_eq!(through(b"PRI * HTTP/2.0\r"), ok("partial"));
}

#[test]
fn field_lines() {
    assert_eq!(get("Host: a\r\nX_y:1\r\nEmpty:\r\nE2:   \r\n"), ok("host: a|x_y: 1|empty: |e2: ||"));
    assert_eq!(get("x: a\u{80}b\tc\r\n"), ok("x: a\u{80}b\tc||"));
    assert_eq!(get("Fold: 1 \r\n  2\r\n\t3  \r\nx: 3\r\n"), ok("fold: 1     2  \t3|x: 3||"));
    assert_eq!(get("Fold:\r\n  2\r\n \r\nx: 3\r\n"), ok("fold: 2|x: 3||"));
    let refused = [
        (" Fold: 1\r\n", ErrorKind::Fold),
        ("x: a\rb\r\n", ErrorKind::BareCr),
        ("x: a\r\r\n", ErrorKind::BareCr),
        ("x: a\0b\r\n", ErrorKind::FieldValue),
        // Stricter than HAProxy, by choice.
        ("x: a\x01b\r\n", ErrorKind::FieldValue),
        ("x: a\x7fb\r\n", ErrorKind::FieldValue),
        ("x : a\r\n", ErrorKind::FieldName),
        ("x\r\n", ErrorKind::FieldName),
        (": x\r\n", ErrorKind::FieldName),
        ("x(: 1\r\n", ErrorKind::FieldName),
        ("x\u{e9}: 1\r\n", ErrorKind::FieldName),
        ("x\0: 1\r\n", ErrorKind::FieldName),
    ];
    for (text, kind) in refused {
        assert_eq!(get(text), Err(kind), "{text:?}");
    }
    let many = "a: b\r\n".repeat(101);
    assert_eq!(get(&many), Err(ErrorKind::TooManyFields));
    assert_eq!(get(&many[6..]).unwrap().len(), 100 * 5 + 1);
}

#[test]
fn content_length() {
    let of = |value: &str| post(&format!("Content-Length: {value}\r\n"));
    for five in ["5", "5, 5", "5,05", "005", "05 ,5", " 5 "] {
        assert_eq!(of(five), ok("content-length: 5||"), "{five}");
    }
    assert_eq!(of("0"), ok("content-length: 0||"));
    assert_eq!(of("000"), ok("content-length: 0||"));
    assert_eq!(of("9223372036854775807"), ok("content-length: 9223372036854775807||"));
    for wrong in ["", "5,", ",5", "+5", "-5", "5 5", "0x5", "x", "9223372036854775808", "99999999999999999999"] {
        assert_eq!(of(wrong), Err(ErrorKind::ContentLength), "{wrong}");
    }
    assert_eq!(of("5, 6"), Err(ErrorKind::ContentLengths));
    assert_eq!(post("Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n"), ok("content-length: 5|x: y||"));
    assert_eq!(post("Content-Length: 5\r\nContent-Length: 6\r\n"), Err(ErrorKind::ContentLengths));
    let old = |method: &str| through(format!("{method} / HTTP/1.0\r\ncontent-length: 5\r\n\r\n").as_bytes());
    assert_eq!(old("GET"), Err(ErrorKind::UnexpectedBody));
    assert_eq!(old("POST"), ok("POST / HTTP/1.0|content-length: 5|connection: keep-alive||"));
    let lenient = ParseOptions { payload_with_any_method: true, ..ParseOptions::default() };
    assert!(with(b"GET / HTTP/1.0\r\ncontent-length: 5\r\n\r\n", &lenient).is_ok());
    let error = ParseError { kind: ErrorKind::UnexpectedBody, pos: 0 };
    assert_eq!(error.status(), 413);
}

#[test]
fn transfer_encoding() {
    let of = |value: &str| post(&format!("Transfer-Encoding: {value}\r\n"));
    assert_eq!(of("chunked"), ok("transfer-encoding: chunked||"));
    assert_eq!(of("Chunked"), ok("transfer-encoding: chunked||"));
    for unknown in ["gzip, chunked", "gzip\r\ntransfer-encoding: chunked"] {
        assert_eq!(of(unknown), Err(ErrorKind::UnknownCoding), "{unknown}");
    }
    assert_eq!(ParseError { kind: ErrorKind::UnknownCoding, pos: 0 }.status(), 422);
    let wrong = ["gzip", "identity", "chunked, gzip", "chunked\r\ntransfer-encoding: gzip", "chunked, chunked"];
    let empty =
        ["chunked\r\ntransfer-encoding: chunked", "", ",chunked", "chunked,", "xchunked", "\"chunked\"", "chunked;q=1"];
    for wrong in wrong.iter().chain(&empty) {
        assert_eq!(of(wrong), Err(ErrorKind::TransferEncoding), "{wrong}");
    }
    let both = ok("transfer-encoding: chunked||");
    assert_eq!(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), both);
    assert_eq!(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), both);
    assert_eq!(post("Transfer-Encoding: chunked\r\nContent-Length: z\r\n"), Err(ErrorKind::ContentLength));
}

#[test]
fn a_sender_of_insecure_framing_loses_its_connection() {
    let keeps = |text: &str, opts: &ParseOptions| {
        let mut head = Head::new();
        let done = parse_request(&mut text.as_bytes().to_vec(), &mut head, opts);
        assert_eq!(done, Ok(Parsed::Complete));
        (head.keep_alive(), head.body)
    };
    let strict = ParseOptions::default();
    let lenient = ParseOptions { keep_insecure_framing: true, ..strict };
    let both = "POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(keeps(both, &strict), (false, Framing::Chunked));
    assert_eq!(keeps(both, &lenient), (true, Framing::Chunked));
    let old = "POST / HTTP/1.0\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(keeps(old, &lenient), (false, Framing::Chunked));
    assert_eq!(keeps("POST / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", &strict), (true, Framing::None));
    assert_eq!(keeps("POST / HTTP/1.1\r\ncontent-length: 7\r\n\r\n", &strict), (true, Framing::Length(7)));
}

#[test]
fn hosts() {
    for fine in ["a", "a:80", "a:", "a:x", "a:99999", "[::1]:80", "[::1]", "A.b-c_d", "a;b=c"] {
        assert_eq!(get(&format!("Host: {fine}\r\n")), ok(&format!("host: {fine}||")));
    }
    for wrong in ["a, b", "a b", "a/b", "u@a", "a[b", "a]", "[::1", "[::1]x", "a#", "a?", "a\\b", "a\u{80}"] {
        assert_eq!(get(&format!("Host: {wrong}\r\n")), Err(ErrorKind::Host), "{wrong}");
    }
    assert_eq!(get("Host:\r\n"), ok("host: ||"));
    assert_eq!(get("Host: a\r\nx: 1\r\nHost: A\r\n"), ok("host: a|x: 1||"));
    assert_eq!(get("Host: a\r\nHost: b\r\n"), Err(ErrorKind::Hosts));
    assert_eq!(get("Host: a\r\nHost: a:80\r\n"), Err(ErrorKind::Hosts));
}

#[test]
fn absolute_targets_agree_with_the_host() {
    let of = |target: &str, host: &str| {
        let text = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        through(text.as_bytes()).map(|o| o.split(' ').nth(1).unwrap_or_default().to_owned())
    };
    for (target, host) in [
        ("http://a/", "a"),
        ("http://a/", "A"),
        ("http://A/", "a"),
        ("http://a/", "a:80"),
        ("HTTP://a/", "a:80"),
        ("http://u:p@a/", "a"),
        ("http:///x", "a"),
        ("http://[::1]/", "[::1]"),
        ("foo://a:7/?x=http://b", "a:7"),
    ] {
        assert_eq!(of(target, host), ok(target), "{host}");
    }
    assert_eq!(of("http://a:80/", "a"), ok("http://a/"));
    assert_eq!(of("https://a:443/x?y", "a"), ok("https://a/x?y"));
    assert_eq!(of("http://[::1]:80/", "[::1]"), ok("http://[::1]/"));
    assert_eq!(of("http://a", "a"), ok("http://a/"));
    assert_eq!(of("http://a:", "a"), ok("http://a/"));
    for (target, host) in [
        ("http://a/", "b"),
        ("http://a:81/", "a"),
        ("http://a/", "a:81"),
        ("https://a:80/", "a"),
        ("foo://a/", "b"),
        ("http://a/", ""),
    ] {
        assert_eq!(of(target, host), Err(ErrorKind::HostMismatch), "{target} {host}");
    }
    assert_eq!(of("http://a?x=1", "a"), Err(ErrorKind::Authority));
    assert_eq!(of("http://a,b/", "a"), Err(ErrorKind::Authority));
    assert_eq!(of("http://a:80:80/", "a:80:80"), Err(ErrorKind::Authority));
    assert_eq!(of("1foo://a/", "b"), Err(ErrorKind::Target));
    assert_eq!(through(b"OPTIONS http://a HTTP/1.1\r\nhost: a\r\n\r\n"), ok("OPTIONS http://a HTTP/1.1|host: a||"));
    assert_eq!(through(b"GET http://a/ HTTP/1.1\r\n\r\n"), ok("GET http://a/ HTTP/1.1||"));
}

#[test]
fn connect_names_host_and_port() {
    let of = |target: &str, host: &str| {
        through(format!("CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).map(|_| ())
    };
    for (target, host) in
        [("a:443", "a:443"), ("a:443", "a"), ("a:80", "a"), ("a:8080", "a:8080"), ("[::1]:7", "[::1]:7")]
    {
        assert_eq!(of(target, host), Ok(()), "{target} {host}");
    }
    for wrong in ["a", "a:", "/a", "http://a:443/", "a:x", ":"] {
        assert!(of(wrong, wrong.trim_end_matches('/')).is_err(), "{wrong}");
    }
    assert_eq!(of("a:443", "b:443"), Err(ErrorKind::HostMismatch));
    assert_eq!(of("a:443", "a:80"), Err(ErrorKind::HostMismatch));
    let body = through(b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n");
    assert_eq!(body, ok("CONNECT a:443 HTTP/1.1|host: a||"));
}

#[test]
fn connection_fields_stay_on_their_connection() {
    assert_eq!(get("Connection: close\r\nhost: a\r\n"), ok("host: a||"));
    assert_eq!(
        get("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"),
        ok("keep-alive: timeout=5|proxy-connection: keep-alive||")
    );
    assert_eq!(
        get("Connection: keep-alive, X-Foo\r\nX-Foo: 1\r\nTE: trailers, gzip\r\n"),
        ok("connection: X-Foo|x-foo: 1|te: trailers||")
    );
    assert_eq!(get("Connection: foo, , close , bar\r\nConnection: keep-alive\r\n"), ok("connection: foo, bar||"));
    for gone in ["TE: gzip\r\n", "TE: Trailers\r\n", "TE: chunked\r\n", "Upgrade: foo\r\n", "Connection: Upgrade\r\n"] {
        assert_eq!(get(gone), ok("|"), "{gone}");
    }
    assert_eq!(get("TE: trailers;q=1\r\nte: trailers\r\n"), ok("te: trailers||"));
}

#[test]
fn upgrades_need_both_fields_and_a_protocol_that_can_pass() {
    let of = |protocol: &str| get(&format!("Connection: Upgrade\r\nUpgrade: {protocol}\r\n"));
    assert_eq!(of("foo"), ok("connection: Upgrade|upgrade: foo||"));
    assert_eq!(of("foo, h2c"), ok("connection: Upgrade|upgrade: foo||"));
    assert_eq!(of("h2"), ok("|"));
    assert_eq!(of("websocket"), Err(ErrorKind::WebSocketKey));
    assert_eq!(of("foo, WebSocket"), Err(ErrorKind::WebSocketKey));
    assert_eq!(of("websocket\r\nSec-WebSocket-Key: abc"), Err(ErrorKind::WebSocketKey));
    let fine = "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert_eq!(get(fine), ok("connection: Upgrade|upgrade: websocket|sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==||"));
}

#[test]
fn accepted_violations() {
    let opts = ParseOptions { accept_unsafe: true, ..ParseOptions::default() };
    let of = |text: &[u8]| with(text, &opts);
    let fields = |lines: &str| of(format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n").as_bytes());
    // 2.8 forwards such fields; the manual of 3.4 says that they are dropped.
    for dropped in ["x : 1\r\n", "x(: 1\r\n", "x\0: 1\r\n", "Content-Length : 5\r\n", "x(: 1\r\n 2\r\n"] {
        assert_eq!(fields(dropped), ok("GET / HTTP/1.1|host: a||"), "{dropped:?}");
    }
    assert_eq!(fields("x: a\0\x01\x7fb\r\n"), ok("GET / HTTP/1.1|host: a|x: a\0\x01\x7fb||"));
    for refused in
        ["x\r\n", ": z\r\n", "x: a\rb\r\n", "Host: b\r\n", "Content-Length: x\r\n", "Transfer-Encoding: gzip\r\n"]
    {
        assert!(fields(refused).is_err(), "{refused:?}");
    }
    let line =
        |l: &str| of(format!("{l}\r\nhost: a\r\n\r\n").as_bytes()).map(|o| o.split('|').next().unwrap().to_owned());
    assert_eq!(line("GET /a#b HTTP/1.1"), ok("GET /a#b HTTP/1.1"));
    for kept in ["GET / RTSP/1.0", "GET / HTTP/1.10", "GET / RTSP/1.1"] {
        assert_eq!(line(kept), ok(kept));
    }
    assert_eq!(line("GET http://b/ HTTP/1.1"), ok("GET http://b/ HTTP/1.1"));
    assert_eq!(line("CONNECT a HTTP/1.1"), ok("CONNECT a HTTP/1.1"));
    assert_eq!(line("GET /"), ok("GET / HTTP/1.0"));
    assert!(line("POST /").is_err());
    assert!(line("GET / http/1.1").is_err());
    assert!(line("GET /\x01 HTTP/1.1").is_err());
    assert!(of(b"GET /\x80 HTTP/1.1\r\n\r\n").is_ok());
}

#[test]
fn status_lines() {
    let of = |line: &str| {
        let text = format!("{line}\r\nContent-Length: 0\r\n\r\n");
        answer(text.as_bytes(), Answering::default(), &ParseOptions::default())
            .map(|(out, _)| out.split('|').next().unwrap_or_default().to_owned())
    };
    for fine in ["HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 999 x\ty", "HTTP/1.1 200 O\u{80}K  x "] {
        assert_eq!(of(fine), ok(fine));
    }
    assert_eq!(of("HTTP/1.1 200"), ok("HTTP/1.1 200 OK"));
    assert_eq!(of("HTTP/1.1 404 "), ok("HTTP/1.1 404 Not Found"));
    assert_eq!(of("HTTP/1.1  200  OK  x "), ok("HTTP/1.1 200 OK  x "));
    assert_eq!(of("HTTP/2.0 200 OK"), ok("HTTP/1.1 200 OK"));
    assert_eq!(of("\r\nHTTP/1.1 200 OK"), ok("HTTP/1.1 200 OK"));
    // 2.8 lets statuses below 100 and above three digits pass; the manual of 3.4 speaks of three digits.
    for wrong in ["HTTP/1.1 2000 OK", "HTTP/1.1 20 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 200OK"] {
        assert_eq!(of(wrong), Err(ErrorKind::Status), "{wrong}");
    }
    for wrong in ["http/1.1 200 OK", "ICY 200 OK", "RTSP/1.1 200 OK", "HTTP/0.9 200 OK"] {
        assert_eq!(of(wrong), Err(ErrorKind::Version), "{wrong}");
    }
    // Stricter than HAProxy, by choice.
    assert_eq!(of("HTTP/1.1 200 O\0K"), Err(ErrorKind::Reason));
    let opts = ParseOptions { accept_unsafe: true, ..ParseOptions::default() };
    let unsafe_status = answer(b"HTTP/1.1 2000 OK\r\n\r\n", Answering::default(), &opts).unwrap();
    assert_eq!(unsafe_status.0, "HTTP/1.1 2000 OK|connection: close||");
}

#[test]
fn the_body_of_a_response_depends_on_status_and_request() {
    let of = |status: &str, fields: &str, method: Method| {
        let text = format!("HTTP/1.1 {status}\r\n{fields}\r\n");
        let answering = Answering { method, upgrade: true };
        answer(text.as_bytes(), answering, &ParseOptions::default()).map(|(out, framing)| {
            (
                out.trim_start_matches("HTTP/1.1 ").trim_start_matches(status).trim_start_matches(" OK").to_owned(),
                framing,
            )
        })
    };
    let is = |text: &str, framing| Ok((text.to_owned(), framing));
    let (five, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    assert_eq!(of("200 OK", five, Method::Get), is("|content-length: 5||", Framing::Length(5)));
    assert_eq!(of("200 OK", chunked, Method::Get), is("|transfer-encoding: chunked||", Framing::Chunked));
    assert_eq!(of("200 OK", "", Method::Get), is("|connection: close||", Framing::UntilClose));
    assert_eq!(of("200 OK", five, Method::Head), is("|content-length: 5||", Framing::None));
    assert_eq!(of("200 OK", chunked, Method::Head), is("|transfer-encoding: chunked||", Framing::None));
    assert_eq!(of("200 OK", "", Method::Head), is("||", Framing::None));
    assert_eq!(of("204 No", five, Method::Get), is("||", Framing::None));
    assert_eq!(of("204 No", chunked, Method::Get), is("||", Framing::None));
    assert_eq!(of("304 Not", five, Method::Get), is("|content-length: 5||", Framing::None));
    assert_eq!(of("100 Continue", five, Method::Get), is("||", Framing::None));
    assert_eq!(of("103 Early", "Link: x\r\n", Method::Get), is("|link: x||", Framing::None));
    assert_eq!(of("200 OK", "", Method::Connect), is("||", Framing::Tunnel));
    assert_eq!(of("407 Auth", five, Method::Connect), is("|content-length: 5||", Framing::Length(5)));
    let upgrade = "Connection: Upgrade\r\nUpgrade: foo\r\n";
    assert_eq!(of("101 Go", upgrade, Method::Get), is("|connection: Upgrade|upgrade: foo||", Framing::Tunnel));
    assert_eq!(of("101 Go", "", Method::Get), Err(ErrorKind::UnexpectedUpgrade));
    let socket = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(of("101 Go", socket, Method::Get), Err(ErrorKind::WebSocketKey));
    for wrong in ["gzip, chunked", "gzip", "identity"] {
        assert_eq!(
            of("200 OK", &format!("Transfer-Encoding: {wrong}\r\n"), Method::Get),
            Err(ErrorKind::UnknownCoding)
        );
    }
    for wrong in ["chunked, gzip", "chunked, chunked", ""] {
        assert!(of("200 OK", &format!("Transfer-Encoding: {wrong}\r\n"), Method::Get).is_err(), "{wrong}");
    }
    let both = format!("{chunked}{five}");
    assert_eq!(of("200 OK", &both, Method::Get), is("|transfer-encoding: chunked||", Framing::Chunked));
}

#[test]
fn connection_fields_of_responses() {
    let of = |fields: &str| {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
        let (out, _) = answer(text.as_bytes(), Answering::default(), &ParseOptions::default()).unwrap();
        out.replace("HTTP/1.1 200 OK|", "").replace("content-length: 0||", "")
    };
    assert_eq!(of("Connection: foo, close\r\n"), "connection: foo|");
    assert_eq!(of("Connection: close\r\n"), "");
    assert_eq!(of("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"), "keep-alive: timeout=5|");
    assert_eq!(of("Upgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\n"), "connection: Upgrade|");
    assert_eq!(of("Upgrade: foo\r\n"), "upgrade: foo|");
    assert_eq!(of("TE: foo\r\nHost: u\r\nHost: w\r\n"), "host: u|host: w|");
}

#[test]
fn the_position_of_an_error_is_that_of_the_byte() {
    let mut raw = b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n".to_vec();
    let error = parse_request(&mut raw, &mut Head::new(), &ParseOptions::default()).unwrap_err();
    assert_eq!((error.kind, error.pos, error.status()), (ErrorKind::FieldValue, 29, 400));
    assert_eq!(error.to_string(), "a field value has a control character (byte 29)");
}

#[test]
fn too_large_is_told_apart_by_the_start_line() {
    let mut head = Head::new();
    let mut raw = [b"GET /".to_vec(), vec![b'a'; 9000]].concat();
    assert_eq!(parse_request(&mut raw, &mut head, &ParseOptions::default()), Ok(Parsed::Partial));
    assert!(!head.has_start_line());
    head.clear();
    let mut raw = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 9000]].concat();
    assert_eq!(parse_request(&mut raw, &mut head, &ParseOptions::default()), Ok(Parsed::Partial));
    assert!(head.has_start_line());
}

#[test]
fn facts_of_a_usual_request() {
    let text =
        b"POST /p?q HTTP/1.1\r\nHost: h\r\nCookie: a=1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\nX: y\r\n\r\nabc";
    let mut raw = text.to_vec();
    let mut head = Head::new();
    assert_eq!(parse_request(&mut raw, &mut head, &ParseOptions::default()), Ok(Parsed::Complete));
    let msg = Msg::new(&raw, &head);
    assert_eq!(
        (head.method, head.version, head.body, head.len),
        (Method::Post, Version::HTTP_11, Framing::Length(3), text.len() - 3)
    );
    assert_eq!((msg.path(), msg.query(), msg.host()), (Some(&b"/p"[..]), Some(&b"q"[..]), Some(&b"h"[..])));
    assert!(head.flags.contains(HeadFlags::EXPECT_100) && head.keep_alive());
    assert_eq!(msg.value(&HeaderName::new("X")), Some(&b"y"[..]));
    assert_eq!(msg.cookies().count(), 1);
    assert!(!head.may_have(&HeaderName::ACCEPT));
}

#[test]
fn trailers_are_plain_fields() {
    let mut head = Head::new();
    let mut raw = b"X: 1\r\n y\r\nContent-Length: 2\r\nk: 1 \n\n".to_vec();
    assert_eq!(parse_trailers(&mut raw, &mut head, &ParseOptions::default()), Ok(Parsed::Complete));
    let mut out = Vec::new();
    crate::http::write_trailers(Msg::new(&raw, &head), &mut out);
    assert_eq!(String::from_utf8_lossy(&out), "x: 1   y\r\ncontent-length: 2\r\nk: 1\r\n\r\n");
    assert_eq!(head.len, raw.len());
    head.clear();
    assert_eq!(parse_trailers(&mut b"\r\n".to_vec(), &mut head, &ParseOptions::default()), Ok(Parsed::Complete));
    head.clear();
    assert!(parse_trailers(&mut b" x: 1\r\n\r\n".to_vec(), &mut head, &ParseOptions::default()).is_err());
}

#[test]
fn a_head_that_arrives_byte_by_byte_is_read_once() {
    let text = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 200_000], b"\r\ny: z\r\n\r\n".to_vec()].concat();
    let (mut raw, mut head) = (Vec::with_capacity(text.len()), Head::new());
    // Reading the long line again for every byte would be 20 thousand million steps.
    for (count, &byte) in text.iter().enumerate() {
        raw.push(byte);
        let expected = if count + 1 == text.len() { Parsed::Complete } else { Parsed::Partial };
        assert_eq!(parse_request(&mut raw, &mut head, &ParseOptions::default()), Ok(expected));
    }
    assert_eq!(head.fields.len(), 2);
}
