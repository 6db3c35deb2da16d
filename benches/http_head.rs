//! Cost of HTTP/1 heads: parsing with our parser and with httparse, parsing and writing as the proxy does.
//! Run: `cargo bench --bench http_head`.

use hydroxy::http::{
    Answering, Head, HeaderId, HeaderName, Msg, MsgMut, OutOptions, ParseOptions, Parsed, parse_request,
    parse_response, write_request, write_response,
};
use std::hint::black_box;
use std::time::Instant;

const SMALL: &str = "GET /1k HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const BROWSER: &str = "GET /products/list?page=2&sort=price HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n\
    Referer: https://www.example.com/products\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.2.1234567890.1234567890; consent=yes\r\n\
    Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\nCache-Control: max-age=0\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n\
    Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: keep-alive\r\nETag: \"66b0a1c2-400\"\r\n\
    Accept-Ranges: bytes\r\n\r\n";

fn main() {
    for (name, text) in [("small request", SMALL), ("browser request", BROWSER)] {
        let (mut raw, mut head, opts) = (text.as_bytes().to_vec(), Head::new(), ParseOptions::default());
        report(name, "httparse", || {
            let mut fields = [const { std::mem::MaybeUninit::uninit() }; 100];
            let mut request = httparse::Request::new(&mut []);
            let parsed = request.parse_with_uninit_headers(black_box(text.as_bytes()), &mut fields);
            assert!(parsed.is_ok_and(|p| p.is_complete()));
        });
        report(name, "httparse, names and ids", || {
            let mut fields = [const { std::mem::MaybeUninit::uninit() }; 100];
            let mut request = httparse::Request::new(&mut []);
            let parsed = request.parse_with_uninit_headers(black_box(text.as_bytes()), &mut fields);
            assert!(parsed.is_ok_and(|p| p.is_complete()));
            for field in request.headers.iter() {
                let mut lower = [0; 64];
                let lower = &mut lower[..field.name.len()];
                lower.copy_from_slice(field.name.as_bytes());
                lower.make_ascii_lowercase();
                black_box((HeaderId::of_lower(lower), field.value.as_ptr()));
            }
        });
        report(name, "parse", || {
            head.clear();
            raw.copy_from_slice(text.as_bytes());
            assert_eq!(parse_request(black_box(&mut raw), &mut head, &opts), Ok(Parsed::Complete));
        });
        let (mut out, xff) = (Vec::with_capacity(4096), HeaderName::X_FORWARDED_FOR);
        report(name, "parse, add a field, write", || {
            head.clear();
            out.clear();
            raw.copy_from_slice(text.as_bytes());
            assert_eq!(parse_request(black_box(&mut raw), &mut head, &opts), Ok(Parsed::Complete));
            MsgMut::new(&raw, &mut head).add(&xff, b"192.0.2.7");
            black_box(write_request(Msg::new(&raw, &head), &mut out, &OutOptions::default()));
        });
    }
    let (mut raw, mut head, opts) = (RESPONSE.as_bytes().to_vec(), Head::new(), ParseOptions::default());
    report("response", "httparse", || {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; 100];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed =
            config.parse_response_with_uninit_headers(&mut response, black_box(RESPONSE.as_bytes()), &mut fields);
        assert!(parsed.is_ok_and(|p| p.is_complete()));
    });
    report("response", "parse", || {
        head.clear();
        raw.copy_from_slice(RESPONSE.as_bytes());
        let parsed = parse_response(black_box(&mut raw), &mut head, Answering::default(), &opts);
        assert_eq!(parsed, Ok(Parsed::Complete));
    });
    let mut out = Vec::with_capacity(4096);
    report("response", "parse, write", || {
        head.clear();
        out.clear();
        raw.copy_from_slice(RESPONSE.as_bytes());
        let parsed = parse_response(black_box(&mut raw), &mut head, Answering::default(), &opts);
        assert_eq!(parsed, Ok(Parsed::Complete));
        black_box(write_response(Msg::new(&raw, &head), &mut out, &OutOptions::default()));
    });
}

/// Prints median and best of many short rounds: the best is what a machine without other work gives.
fn report(what: &str, how: &str, mut work: impl FnMut()) {
    const ROUNDS: usize = 301;
    const TIMES: u32 = 1_000;
    let mut nanoseconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..TIMES).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES)
        })
        .collect();
    nanoseconds.sort_by(f64::total_cmp);
    println!("{what:16} {how:28} {:7.1} ns (best {:.1})", nanoseconds[ROUNDS / 2], nanoseconds[0]);
}
