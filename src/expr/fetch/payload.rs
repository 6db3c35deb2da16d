//! Raw bytes of a TCP connection (manual 7.3.5): lengths, blocks, TLS hellos, RDP cookies. More bytes may decide otherwise, so
//! these fetches ask to be called again until nothing more will come.
//!
//! In HTTP there is no raw content: blocks, hellos and cookies are then absent.

use super::{Fetch, FetchFn, Side};
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Bind, Ctx, Part, Payload, Seen, args};
use crate::http::{Head, ParseOptions, Parsed, parse_request};
use crate::keyword::{Example, Meta, Needs, Result, Scope, Words};
use crate::wire::Progress;
use crate::wire::client_hello::{self, Hello};

pub(super) static FETCHES: &[Fetch] = &[
    block(
        "payload",
        "payload(<offset>,<length>)",
        Needs::REQ_BYTES.union(Needs::RES_BYTES),
        |w, s| payload(w, s, Side::Current),
        &[("payload(0,0) -m found", "false")],
    ),
    counted(
        "payload_lv",
        "payload_lv(<offset1>,<length>[,<offset2>])",
        Needs::REQ_BYTES.union(Needs::RES_BYTES),
        |w, s| payload_lv(w, s, Side::Current),
        &[("payload_lv(0,2) -m found", "false")],
    ),
    rdp("rdp_cookie", "rdp_cookie([<name>])", &[("rdp_cookie(msts) -m found", "false")]),
    rdp_count("rdp_cookie_cnt", "rdp_cookie_cnt([<name>])", &[("rdp_cookie_cnt", "0")]),
    hello_type("rep_ssl_hello_type", Needs::RES_BYTES, Side::Response, &[("rep_ssl_hello_type 2", "false")]),
    length("req.len", Needs::REQ_BYTES, |_, _| Ok(len(Side::Request)), &[("req.len gt 0", "true")]),
    block(
        "req.payload",
        "req.payload(<offset>,<length>)",
        Needs::REQ_BYTES,
        |w, s| payload(w, s, Side::Request),
        &[("req.payload(0,2) -m bin 1603", "false")],
    ),
    counted(
        "req.payload_lv",
        "req.payload_lv(<offset1>,<length>[,<offset2>])",
        Needs::REQ_BYTES,
        |w, s| payload_lv(w, s, Side::Request),
        &[("req.payload_lv(43,1) -m found", "false")],
    ),
    proto_http("req.proto_http", &[("req.proto_http", "1")]),
    rdp("req.rdp_cookie", "req.rdp_cookie([<name>])", &[("req.rdp_cookie(mstshash) -m found", "false")]),
    rdp_count("req.rdp_cookie_cnt", "req.rdp_cookie_cnt([<name>])", &[("req.rdp_cookie_cnt gt 0", "false")]),
    tls(
        "req.ssl_alpn",
        "The first protocol that a TLS client offers in its hello.",
        Type::Str,
        |_, _| Ok(hello(|hello| hello.alpn().map(Value::str))),
        &[("req.ssl_alpn acme-tls/1", "false")],
    ),
    tls(
        "req.ssl_cipherlist",
        "The cipher suites that a TLS client offers in its hello, two bytes each.",
        Type::Bin,
        |_, _| Ok(hello(|hello| Some(Value::Bin(hello.ciphers().into())))),
        &[("req.ssl_cipherlist -m found", "false")],
    ),
    tls(
        "req.ssl_ec_ext",
        "Whether a TLS client offers elliptic curves in its hello.",
        Type::Bool,
        |_, _| Ok(hello(|hello| Some(Value::Bool(hello.has_groups())))),
        &[("req.ssl_ec_ext -m found", "false")],
    ),
    hello_type("req.ssl_hello_type", Needs::REQ_BYTES, Side::Request, &[("req.ssl_hello_type 1", "false")]),
    tls(
        "req.ssl_keyshare_groups",
        "The groups for which a TLS client sends a key in its hello, two bytes each.",
        Type::Bin,
        |_, _| {
            Ok(hello(|hello| {
                let mut groups = Vec::new();
                hello.key_share_groups(&mut groups).then(|| Value::Bin(groups.into()))
            }))
        },
        &[("req.ssl_keyshare_groups -m found", "false")],
    ),
    tls(
        "req.ssl_sigalgs",
        "The signature algorithms that a TLS client offers in its hello, two bytes each.",
        Type::Bin,
        |_, _| Ok(hello(|hello| hello.signature_algorithms().map(|list| Value::Bin(list.into())))),
        &[("req.ssl_sigalgs -m found", "false")],
    ),
    sni("req.ssl_sni", &[("req.ssl_sni -m end .example.com", "false")]),
    tls(
        "req.ssl_st_ext",
        "Whether a TLS client knows session tickets: 0 if not, 1 if it does, 2 if it brings one.",
        Type::Int,
        |_, _| Ok(hello(|hello| hello.session_ticket().map(Value::Int))),
        &[("req.ssl_st_ext -m found", "false")],
    ),
    tls(
        "req.ssl_supported_groups",
        "The groups that a TLS client offers for the key exchange, two bytes each.",
        Type::Bin,
        |_, _| Ok(hello(|hello| hello.groups().map(|list| Value::Bin(list.into())))),
        &[("req.ssl_supported_groups -m found", "false")],
    ),
    hello_version("req.ssl_ver", &[("req.ssl_ver 3:3.3", "false")]),
    length("req_len", Needs::REQ_BYTES, |_, _| Ok(len(Side::Request)), &[("req_len 0", "false")]),
    proto_http("req_proto_http", &[("req_proto_http", "1")]),
    hello_type("req_ssl_hello_type", Needs::REQ_BYTES, Side::Request, &[("req_ssl_hello_type 1", "false")]),
    sni("req_ssl_sni", &[("req_ssl_sni -m found", "false")]),
    hello_version("req_ssl_ver", &[("req_ssl_ver gt 3.0", "false")]),
    length("res.len", Needs::RES_BYTES, |_, _| Ok(len(Side::Response)), &[("res.len gt 0", "true")]),
    block(
        "res.payload",
        "res.payload(<offset>,<length>)",
        Needs::RES_BYTES,
        |w, s| payload(w, s, Side::Response),
        &[("res.payload(0,4) -m str HTTP", "false")],
    ),
    counted(
        "res.payload_lv",
        "res.payload_lv(<offset1>,<length>[,<offset2>])",
        Needs::RES_BYTES,
        |w, s| payload_lv(w, s, Side::Response),
        &[("res.payload_lv(43,1) -m found", "false")],
    ),
    hello_type("res.ssl_hello_type", Needs::RES_BYTES, Side::Response, &[("res.ssl_hello_type 2", "false")]),
];

type Examples = &'static [Example];

const fn block(name: &'static str, usage: &'static str, needs: Needs, bind: Bind, examples: Examples) -> Fetch {
    let doc = "A block of the buffered bytes: from an offset, so many bytes, or all there are for a length of 0.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Bin, needs, bind)
}

const fn counted(name: &'static str, usage: &'static str, needs: Needs, bind: Bind, examples: Examples) -> Fetch {
    let doc = "A block of the buffered bytes whose length stands, with the highest byte first, at the first offset in so many \
               bytes. It begins behind them or at the second offset, which counts from there with a sign.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Bin, needs, bind)
}

const fn length(name: &'static str, needs: Needs, bind: Bind, examples: Examples) -> Fetch {
    let doc = "How many bytes are buffered. Tests that do not hold are repeated as long as bytes arrive.";
    Fetch::new(Meta::new(name, name, doc, examples), Type::Int, needs, bind)
}

const fn proto_http(name: &'static str, examples: Examples) -> Fetch {
    let doc = "Whether what the client sends is an HTTP request; waits until its head is complete.";
    Fetch::new(Meta::new(name, name, doc, examples), Type::Bool, Needs::REQ_KEPT, |_, _| {
        Ok(Box::new(|ctx, _, visit| is_http(ctx, visit)))
    })
}

const fn rdp(name: &'static str, usage: &'static str, examples: Examples) -> Fetch {
    let doc = "The value of the cookie at the beginning of an RDP connection, if it has the name given in any case.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Str, Needs::REQ_BYTES, rdp_cookie)
}

const fn rdp_count(name: &'static str, usage: &'static str, examples: Examples) -> Fetch {
    let doc = "How many cookies an RDP connection begins with, of the name given if one is: 1 or 0.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Int, Needs::REQ_BYTES, rdp_cookie_count)
}

const fn tls(name: &'static str, doc: &'static str, out: Type, bind: Bind, examples: Examples) -> Fetch {
    Fetch::new(Meta::new(name, name, doc, examples), out, Needs::REQ_BYTES, bind)
}

const fn sni(name: &'static str, examples: Examples) -> Fetch {
    let doc = "The server name that a TLS client asks for in its hello, which is not deciphered here.";
    tls(name, doc, Type::Str, |_, _| Ok(hello(|hello| hello.sni().map(Value::str))), examples)
}

const fn hello_version(name: &'static str, examples: Examples) -> Fetch {
    let doc = "The version in the hello of a TLS client: 65536 times the major version plus the minor one. ACLs compare it with \
               patterns such as 3.1.";
    tls(name, doc, Type::Int, |_, _| Ok(hello(|hello| Some(Value::Int(hello.version_number())))), examples)
}

const fn hello_type(name: &'static str, needs: Needs, side: Side, examples: Examples) -> Fetch {
    let doc = "The type of the first handshake message: 1 for the hello of a TLS client, 2 for that of a server.";
    let bind: Bind = match side {
        Side::Response => |_, _| Ok(hello_of(Side::Response, hello_number)),
        _ => |_, _| Ok(hello(hello_number)),
    };
    Fetch::new(Meta::new(name, name, doc, examples), Type::Int, needs, bind)
}

fn hello_number<'h>(hello: &'h Hello<'_>) -> Option<Value<'h>> {
    hello.handshake_type.map(|kind| Value::Int(i64::from(kind)))
}

/// The raw bytes of a direction; none in HTTP.
fn raw<'a>(ctx: &Ctx<'a>, side: Side) -> Option<Payload<'a>> {
    let payload = bytes(ctx, side);
    (payload.part != Part::Body).then_some(payload)
}

fn bytes<'a>(ctx: &Ctx<'a>, side: Side) -> Payload<'a> {
    if side.is_response(ctx) { ctx.res_bytes } else { ctx.req_bytes }
}

fn seen(payload: Payload<'_>) -> Seen {
    if payload.complete { Seen::All } else { Seen::Partial }
}

fn len(side: Side) -> FetchFn {
    Box::new(move |ctx, _, visit| {
        let payload = bytes(ctx, side);
        let head = match payload.part {
            Part::Body => side.message(ctx).map_or(0, |msg| msg.head.len),
            Part::Stream | Part::Beginning => 0,
        };
        visit(Value::Int((payload.bytes.len() + head) as i64));
        seen(payload)
    })
}

fn payload(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    let offset = position(words)?;
    let length = position(words)?;
    Ok(Box::new(move |ctx, _, visit| {
        let Some(payload) = raw(ctx, side) else { return Seen::All };
        match (payload.bytes.get(offset..), length) {
            (Some(rest), 0) => {
                visit(Value::Bin(rest.into()));
                seen(payload)
            }
            (Some(rest), length) if length <= rest.len() => {
                visit(Value::Bin(rest[..length].into()));
                Seen::All
            }
            _ => seen(payload),
        }
    }))
}

fn position(words: &mut Words<'_>) -> Result<usize> {
    let value = args::int(words)?;
    usize::try_from(value).map_err(|_| words.error_last("payload offset and length must be positive"))
}

/// Where the block of `payload_lv` begins.
#[derive(Clone, Copy)]
enum Start {
    /// Counted from the first byte.
    At(usize),
    /// Counted from behind the length.
    Behind(isize),
}

fn payload_lv(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    let offset = usize::try_from(args::int(words)?);
    let offset = offset.map_err(|_| words.error_last("payload offset1 must be positive"))?;
    let size = match args::int(words)? {
        size @ 1..=8 => size as usize,
        0 => return Err(words.error_last("payload length must be > 0")),
        _ => return Err(words.error_last("payload length must be at most 8 bytes")),
    };
    let behind = offset + size;
    let start = args::opt_word(words).map_or(Ok(Start::Behind(0)), |word| start_of(word, behind))?;
    Ok(Box::new(move |ctx, _, visit| {
        let Some(payload) = raw(ctx, side) else { return Seen::All };
        let Some(length) = payload.bytes.get(offset..behind) else { return seen(payload) };
        let length = length.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        let from = match start {
            Start::At(at) => Some(at),
            Start::Behind(by) => behind.checked_add_signed(by),
        };
        let end = from.and_then(|from| from.checked_add(usize::try_from(length).ok()?));
        match from.zip(end).and_then(|(from, end)| payload.bytes.get(from..end)) {
            Some([]) => Seen::All,
            Some(block) => {
                visit(Value::Bin(block.into()));
                Seen::All
            }
            None => seen(payload),
        }
    }))
}

fn start_of(word: &Word, behind: usize) -> Result<Start> {
    let text = word.as_str();
    let number: i64 = text.parse().map_err(|_| args::error(word.span, "payload offset2 is not a number"))?;
    if text.starts_with(['+', '-']) {
        let by = isize::try_from(number).ok().filter(|by| behind.checked_add_signed(*by).is_some());
        return by.map(Start::Behind).ok_or_else(|| args::error(word.span, "payload offset2 too negative"));
    }
    usize::try_from(number).map(Start::At).map_err(|_| args::error(word.span, "payload offset2 must be positive"))
}

fn hello(read: impl for<'h> Fn(&'h Hello<'_>) -> Option<Value<'h>> + Send + Sync + 'static) -> FetchFn {
    hello_of(Side::Request, read)
}

fn hello_of(side: Side, read: impl for<'h> Fn(&'h Hello<'_>) -> Option<Value<'h>> + Send + Sync + 'static) -> FetchFn {
    Box::new(move |ctx, _, visit| {
        let Some(payload) = raw(ctx, side) else { return Seen::All };
        match client_hello::parse(payload.bytes) {
            Ok(Progress::Done(hello)) => {
                if let Some(value) = read(&hello) {
                    visit(value);
                }
                Seen::All
            }
            Ok(Progress::Partial) => seen(payload),
            Err(_) => Seen::All,
        }
    })
}

fn is_http(ctx: &Ctx<'_>, visit: &mut dyn FnMut(Value<'_>) -> crate::expr::Flow) -> Seen {
    if ctx.req.is_some() || !ctx.stream.request_line.is_empty() {
        visit(Value::Bool(true));
        return Seen::All;
    }
    let mut copy = ctx.req_bytes.bytes.to_vec();
    match parse_request(&mut copy, &mut Head::new(), &ParseOptions::default()) {
        Ok(Parsed::Partial) if !ctx.req_bytes.complete => return Seen::Partial,
        Ok(Parsed::Partial) | Err(_) => drop(visit(Value::Bool(false))),
        Ok(Parsed::Complete | Parsed::Preface) => drop(visit(Value::Bool(true))),
    }
    Seen::All
}

/// What an RDP connection begins with.
enum Rdp<'a> {
    Cookie { name: &'a [u8], value: &'a [u8] },
    Partial,
    Other,
}

/// Reads the cookie of a connection request (RDP as the manual's references describe it): a TPKT header, an X.224 header, then
/// `Cookie: name=value` and a line end.
fn read_rdp(bytes: &[u8]) -> Rdp<'_> {
    let Some(header) = bytes.get(..11) else {
        return if [3, 0].starts_with(&bytes[..bytes.len().min(2)]) { Rdp::Partial } else { Rdp::Other };
    };
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != [3, 0] || usize::from(header[4]) + 5 != total || header[5] != 0xe0 {
        return Rdp::Other;
    }
    let Some(text) = bytes.get(11..total) else { return Rdp::Partial };
    let Some(text) = text.get(..7).filter(|name| name.eq_ignore_ascii_case(b"Cookie:")).map(|_| &text[7..]) else {
        return Rdp::Other;
    };
    let text = text.trim_ascii_start();
    let end = memchr::memmem::find(text, b"\r\n").unwrap_or(text.len());
    match memchr::memchr(b'=', &text[..end]) {
        Some(at) => Rdp::Cookie { name: &text[..at], value: &text[at + 1..end] },
        None => Rdp::Other,
    }
}

fn rdp_cookie(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let wanted: Option<Box<[u8]>> = args::opt_word(words).map(|word| word.as_bytes().into());
    Ok(Box::new(move |ctx, _, visit| {
        let Some(payload) = raw(ctx, Side::Request) else { return Seen::All };
        match read_rdp(payload.bytes) {
            Rdp::Cookie { name, value } if wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)) => {
                visit(Value::str(value));
                Seen::All
            }
            Rdp::Partial => seen(payload),
            Rdp::Cookie { .. } | Rdp::Other => Seen::All,
        }
    }))
}

fn rdp_cookie_count(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<FetchFn> {
    let cookie = rdp_cookie(words, scope)?;
    Ok(Box::new(move |ctx, want, visit| {
        let mut count = 0;
        let seen = cookie(ctx, want, &mut |_| {
            count += 1;
            crate::expr::Flow::Stop
        });
        visit(Value::Int(count));
        seen
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Tri;
    use crate::expr::fetch::fixture::Fixture;

    /// A TCP connection with these bytes so far.
    fn tcp<'f>(fixture: &'f Fixture, bytes: &'f [u8], complete: bool) -> Ctx<'f> {
        let payload = Payload { bytes, complete, part: Part::Stream };
        Ctx { req: None, res: None, req_bytes: payload, last: complete, ..fixture.ctx() }
    }

    fn test(text: &str, bytes: &[u8], complete: bool) -> Tri {
        let mut fixture = Fixture::new();
        fixture.stream.request_line.clear();
        fixture.cond(&format!("if {{ {text} }}")).unwrap().eval(&tcp(&fixture, bytes, complete))
    }

    #[test]
    fn a_test_that_more_bytes_may_decide_misses() {
        assert_eq!(test("req.len gt 3", b"abc", false), Tri::Miss);
        assert_eq!(test("req.len gt 3", b"abc", true), Tri::Fail);
        assert_eq!(test("req.len gt 3", b"abcd", false), Tri::Pass);
        assert_eq!(test("req.len 0", b"", false), Tri::Pass);
        assert_eq!(test("req.payload(1,2) -m str bc", b"ab", false), Tri::Miss);
        assert_eq!(test("req.payload(1,2) -m str bc", b"abc", false), Tri::Pass);
        assert_eq!(test("req.payload(1,2) -m str bx", b"abc", false), Tri::Fail);
        assert_eq!(test("req.payload(0,0) -m sub x", b"abc", false), Tri::Miss);
        assert_eq!(test("wait_end", b"", false), Tri::Miss);
        assert_eq!(test("wait_end", b"", true), Tri::Pass);
    }

    #[test]
    fn blocks_with_a_length_begin_behind_it_or_where_told() {
        for (args, block) in
            [("0,2", "abc"), ("0,2,+1", "bcd"), ("0,2,-1", "\u{3}ab"), ("0,2,3", "bcd"), ("1,1", "abc")]
        {
            let text = format!("req.payload_lv({args}) -m str \"{block}\"");
            assert_eq!(test(&text, b"\0\x03abcdef", false), Tri::Pass, "{args}");
        }
        assert_eq!(test("req.payload_lv(0,2) -m found", b"\0\x03ab", false), Tri::Miss);
        let error = |text: &str| Fixture::new().bind(text).unwrap_err();
        assert!(error("req.payload_lv(-1,1)").ends_with("payload offset1 must be positive"));
        assert!(error("req.payload(1)").contains("missing arguments (got 1/2), type 'integer' expected"));
    }

    #[test]
    fn http_is_told_from_anything_else() {
        assert_eq!(test("req.proto_http", b"GET / HT", false), Tri::Miss);
        assert_eq!(test("req.proto_http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false), Tri::Pass);
        assert_eq!(test("req.proto_http", b"\x16\x03\x01", false), Tri::Fail);
        assert_eq!(test("req.proto_http", b"GET / HT", true), Tri::Fail);
    }

    #[test]
    fn rdp_cookies_are_found() {
        let mut bytes = b"\x03\0\0\0\0\xe0\0\0\0\0\0Cookie: mstshash=anna\r\n".to_vec();
        bytes[3] = bytes.len() as u8;
        bytes[4] = bytes[3] - 5;
        assert_eq!(test("req.rdp_cookie(MSTSHASH) anna", &bytes, false), Tri::Pass);
        assert_eq!(test("req.rdp_cookie_cnt(msts) gt 0", &bytes, false), Tri::Fail);
        assert_eq!(test("req.rdp_cookie_cnt gt 0", &bytes[..9], false), Tri::Miss);
        assert_eq!(test("req.rdp_cookie -m found", b"GET /", false), Tri::Fail);
    }

    #[test]
    fn tls_fetches_wait_for_the_hello() {
        assert_eq!(test("req.ssl_hello_type 1", b"\x16\x03", false), Tri::Miss);
        assert_eq!(test("req.ssl_hello_type 1", b"GET /", false), Tri::Fail);
        assert_eq!(test("req.ssl_sni -m found", b"\x16\x03", true), Tri::Fail);
    }
}
