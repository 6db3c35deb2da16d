//! HTTP/1: heads of requests and responses, chunked bodies.

use hydroxy::http::{
    Answering, ChunkDecoder, ChunkError, ChunkPass, ChunkStep, Framing, Head, HeadFlags, Method, Msg, OutOptions,
    ParseError, ParseOptions, Parsed, parse_request, parse_response, parse_trailers, write_request, write_response,
    write_trailers,
};

/// A request head: the result does not depend on how the bytes arrive, and what is written is one message that means the same.
pub fn request(data: &[u8]) {
    let (opts, text) = options(data);
    heads(text, &|raw, head| parse_request(raw, head, &opts), &|msg, out| {
        write_request(msg, out, &CLOSE);
    });
}

/// A response head, to several kinds of requests.
pub fn response(data: &[u8]) {
    let (opts, text) = options(data);
    for (method, upgrade) in
        [(Method::Get, false), (Method::Head, false), (Method::Connect, false), (Method::Get, true)]
    {
        let answering = Answering { method, upgrade };
        heads(text, &|raw, head| parse_response(raw, head, answering, &opts), &|msg, out| {
            write_response(msg, out, &CLOSE);
        });
    }
}

/// A chunked body with its trailers: decoder and tracker agree wherever the bytes are cut, and what the tracker lets through is
/// the same body.
pub fn chunks(data: &[u8]) {
    let whole = body(data, data.len());
    for cut in cuts(data) {
        assert_eq!(body(data, cut), whole, "cut at {cut}");
    }
    if let Ok(outcome) = &whole {
        let again = body(&outcome.passed, outcome.passed.len()).expect("what passed is valid");
        assert_eq!((&again.payload, &again.passed), (&outcome.payload, &outcome.passed));
    }
    if let Ok(Outcome { trailers: Some(at), .. }) = whole {
        let opts = ParseOptions::default();
        heads(&data[at..], &|raw, head| parse_trailers(raw, head, &opts), &|msg, out| write_trailers(msg, out));
    }
}

type Parse<'a> = &'a dyn Fn(&mut [u8], &mut Head) -> Result<Parsed, ParseError>;
type Write<'a> = &'a dyn Fn(Msg<'_>, &mut Vec<u8>);

fn heads(text: &[u8], parse: Parse<'_>, write: Write<'_>) {
    let mut raw = text.to_vec();
    let mut head = Head::new();
    let result = parse(&mut raw, &mut head);
    if let Err(error) = result {
        assert!(error.pos <= text.len(), "{error}");
    }
    let whole = facts(&result, &raw, &head);
    for cut in cuts(text) {
        assert_in_pieces(text, cut, parse, &result, &whole);
    }
    if result != Ok(Parsed::Complete) {
        return;
    }
    let mut out = Vec::new();
    write(Msg::new(&raw, &head), &mut out);
    compare_with_httparse(&out, &head);
    let (written, body) = (out.clone(), head.body);
    head.clear();
    let again = parse(&mut out, &mut head);
    assert_eq!(again, Ok(Parsed::Complete), "{}", written.escape_ascii());
    assert_eq!(head.len, written.len(), "more than one message: {}", written.escape_ascii());
    assert!(head.body == body || body == Framing::Tunnel, "{body:?} became {:?}", head.body);
    let mut twice = Vec::new();
    write(Msg::new(&out, &head), &mut twice);
    assert_eq!(twice.escape_ascii().to_string(), written.escape_ascii().to_string());
}

/// Parses a first piece, then everything.
fn assert_in_pieces(text: &[u8], cut: usize, parse: Parse<'_>, result: &Result<Parsed, ParseError>, whole: &str) {
    let mut raw = text[..cut].to_vec();
    let mut head = Head::new();
    let mut found = parse(&mut raw, &mut head);
    if found == Ok(Parsed::Partial) {
        raw.extend_from_slice(&text[cut..]);
        found = parse(&mut raw, &mut head);
    }
    // An incomplete line is looked at again only when its end has arrived.
    let is_late = |error: &ParseError| !text[error.pos.min(cut)..].contains(&b'\n') || !text[cut..].contains(&b'\n');
    if found == Ok(Parsed::Partial) && result.as_ref().is_err_and(is_late) {
        return;
    }
    assert_eq!(facts(&found, &raw, &head), whole, "cut at {cut}");
}

/// Everything a reader can see of a head.
fn facts(result: &Result<Parsed, ParseError>, raw: &[u8], head: &Head) -> String {
    if *result != Ok(Parsed::Complete) {
        return format!("{result:?}");
    }
    let msg = Msg::new(raw, head);
    let fields: Vec<String> =
        msg.fields().map(|f| format!("{:?} {}: {}", f.id, f.name.escape_ascii(), f.value.escape_ascii())).collect();
    let target = (msg.method().escape_ascii().to_string(), msg.target().escape_ascii().to_string(), msg.uri());
    let answer = (msg.status(), msg.reason().escape_ascii().to_string());
    format!("{} {:?} {:?} {target:?} {answer:?} {:?} {fields:?}", head.len, head.flags, head.body, head.version)
}

/// What another parser understands of a written head must be the same: a difference is how requests are smuggled.
fn compare_with_httparse(out: &[u8], head: &Head) {
    if head.flags.contains(HeadFlags::VIOLATION) {
        return;
    }
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let count = match request.parse(out) {
        Ok(httparse::Status::Complete(len)) => {
            assert_eq!(len, out.len(), "{}", out.escape_ascii());
            request.headers.len()
        }
        _ => return,
    };
    let lines = memchr::memchr_iter(b'\n', out).count();
    assert_eq!(count, lines - 2, "{}", out.escape_ascii());
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Outcome {
    payload: Vec<u8>,
    passed: Vec<u8>,
    /// Where the trailers start.
    trailers: Option<usize>,
}

/// Feeds a body in two pieces.
fn body(data: &[u8], cut: usize) -> Result<Outcome, ChunkError> {
    let (mut decoder, mut pass) = (ChunkDecoder::new(), ChunkPass::new());
    let mut outcome = Outcome::default();
    for (offset, piece) in [(0, &data[..cut]), (cut, &data[cut..])] {
        let mut pos = 0;
        let decoded = drain(piece, |piece| decoder.next(piece, &mut pos), &mut outcome.payload);
        let mut pass_pos = 0;
        let passed = drain(piece, |piece| pass.next(piece, &mut pass_pos, &mut 0), &mut outcome.passed);
        assert_eq!((&decoded, pos), (&passed, pass_pos));
        if decoded? {
            outcome.trailers = Some(offset + pos);
            break;
        }
    }
    Ok(outcome)
}

/// Collects the ranges of a piece; true when the trailers are reached.
fn drain(
    piece: &[u8],
    mut next: impl FnMut(&[u8]) -> Result<ChunkStep, ChunkError>,
    out: &mut Vec<u8>,
) -> Result<bool, ChunkError> {
    loop {
        match next(piece)? {
            ChunkStep::Bytes(range) => out.extend_from_slice(&piece[range]),
            ChunkStep::More => return Ok(false),
            ChunkStep::Trailers => return Ok(true),
        }
    }
}

/// A first byte below 8 chooses what is tolerated.
fn options(data: &[u8]) -> (ParseOptions, &[u8]) {
    match data.split_first() {
        Some((&flags @ 0..8, text)) => {
            let opts = ParseOptions {
                accept_unsafe: flags & 1 != 0,
                payload_with_any_method: flags & 2 != 0,
                keep_insecure_framing: flags & 4 != 0,
                ..ParseOptions::default()
            };
            (opts, text)
        }
        _ => (ParseOptions::default(), data),
    }
}

/// Where to cut: everywhere in short texts, at up to 64 places in long ones.
fn cuts(text: &[u8]) -> impl Iterator<Item = usize> {
    (0..=text.len()).step_by(1 + text.len() / 64)
}

const CLOSE: OutOptions = OutOptions { keep_alive: false, peer: hydroxy::http::Version::HTTP_11, head_only: false };
