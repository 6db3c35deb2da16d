//! The request line (manual 7.3.6): method, target and its parts, parameters, version, and hashes of them.

use std::net::{IpAddr, Ipv4Addr};

use smallvec::SmallVec;

use super::{Fetch, FetchFn, one};
use crate::base::hash::{avalanche, sdbm};
use crate::base::value::{Type, Value};
use crate::expr::{Ctx, Flow, Seen, Want, args};
use crate::http::list::Params;
use crate::http::{Method, Msg, Version, uri};
use crate::keyword::{Example, Meta, Needs, Result, Scope, Words};

pub(super) static FETCHES: &[Fetch] = &[
    head(
        Meta::new(
            "base",
            "base",
            "The Host field followed by the path without the query.",
            &[("base", "www.example.com:8080/shop/cart.php")],
        ),
        Type::Str,
        |_, _| Ok(joined(|ctx| ctx.req?.path(), |text| Value::str(text))),
    ),
    head(
        Meta::new(
            "base32",
            "base32",
            "A 32-bit hash of `base`, as `base,sdbm(1)` computes it.",
            &[("base32", "3000904492")],
        ),
        Type::Int,
        |_, _| Ok(joined(|ctx| ctx.req?.path(), |text| Value::Int(i64::from(hash(text))))),
    ),
    head(
        Meta::new(
            "base32+src",
            "base32+src",
            "The 4 bytes of `base32` followed by the 4 or 16 bytes of `src`.",
            &[("base32+src -m len 8", "false"), ("base32+src -m bin B2DE2B2CC0000201", "true")],
        ),
        Type::Bin,
        |_, _| Ok(with_source(|ctx| ctx.req?.path())),
    ),
    head(
        Meta::new(
            "baseq",
            "baseq",
            "The Host field followed by path and query.",
            &[("baseq", "www.example.com:8080/shop/cart.php?id=17&Name=anna;id=18&empty=")],
        ),
        Type::Str,
        |_, _| Ok(joined(|ctx| ctx.req?.path_and_query(), |text| Value::str(text))),
    ),
    Fetch::new(
        Meta::new(
            "http_first_req",
            "http_first_req",
            "Whether the request is the first of its connection.",
            &[("http_first_req", "1")],
        ),
        Type::Bool,
        Needs::REQ_KEPT,
        |_, _| Ok(one(|ctx| Some(Value::Bool(ctx.conn.requests <= 1)))),
    ),
    Fetch::new(
        Meta::new(
            "method",
            "method",
            "The method. It stays known during the response and in logs.",
            &[("method", "POST"), ("method GET POST", "true")],
        ),
        Type::Meth,
        Needs::REQ_KEPT,
        |_, _| Ok(one(method)),
    ),
    head(
        Meta::new("path", "path", "The path of the target, without the query.", &[("path", "/shop/cart.php")]),
        Type::Str,
        |_, _| Ok(one(|ctx| ctx.req?.path().map(Value::str))),
    ),
    head(
        Meta::new(
            "pathq",
            "pathq",
            "Path and query of the target.",
            &[("pathq", "/shop/cart.php?id=17&Name=anna;id=18&empty=")],
        ),
        Type::Str,
        |_, _| Ok(one(|ctx| ctx.req?.path_and_query().map(Value::str))),
    ),
    head(
        Meta::new(
            "query",
            "query([with_qm])",
            "What follows the first question mark of the target; nothing without one. With `with_qm` the question mark stands \
             before it, unless it is empty.",
            &[("query", "id=17&Name=anna;id=18&empty="), ("query(with_qm)", "?id=17&Name=anna;id=18&empty=")],
        ),
        Type::Str,
        query,
    ),
    version("req.ver", &[("req.ver", "1.1")]),
    version("req_ver", &[("req_ver 1.0 1.1", "true")]),
    head(
        Meta::new(
            "url",
            "url",
            "The target as it stands in the request.",
            &[("url", "/shop/cart.php?id=17&Name=anna;id=18&empty=")],
        ),
        Type::Str,
        |_, _| Ok(one(|ctx| Some(Value::str(ctx.req?.target())))),
    ),
    head(
        Meta::new(
            "url32",
            "url32",
            "A 32-bit hash of the Host field followed by the target.",
            &[("url32", "1802242518")],
        ),
        Type::Int,
        |_, _| Ok(joined(|ctx| Some(ctx.req?.target()), |text| Value::Int(i64::from(hash(text))))),
    ),
    head(
        Meta::new(
            "url32+src",
            "url32+src",
            "The 4 bytes of `url32` followed by the 4 or 16 bytes of `src`.",
            &[("url32+src -m found", "true")],
        ),
        Type::Bin,
        |_, _| Ok(with_source(|ctx| Some(ctx.req?.target()))),
    ),
    head(
        Meta::new(
            "url_ip",
            "url_ip",
            "The IPv4 address that stands as host in an absolute target; nothing in any other.",
            &[("url_ip -m found", "false")],
        ),
        Type::Ipv4,
        |_, _| Ok(one(|ctx| authority(ctx).map(|(ip, _)| Value::Ipv4(ip)))),
    ),
    param(Meta::new(
        "url_param",
        "url_param([<name>[,<delim>[,i]]])",
        "The first query parameter of that name, not decoded; see `urlp`.",
        &[("url_param(id)", "17")],
    )),
    head(
        Meta::new(
            "url_port",
            "url_port",
            "The port of an absolute target whose host is an IPv4 address; without one that of its scheme.",
            &[("url_port -m found", "false")],
        ),
        Type::Int,
        |_, _| Ok(one(|ctx| authority(ctx).map(|(_, port)| Value::Int(i64::from(port))))),
    ),
    param(Meta::new(
        "urlp",
        "urlp([<name>[,<delim>[,i]]])",
        "The first query parameter of that name, or the very first without a name, not decoded. The query begins behind `?` or \
         the delimiter given; `i` ignores the case of the name. ACLs test every parameter of that name.",
        &[
            ("urlp(id)", "17"),
            ("urlp(name,,i)", "anna"),
            ("urlp(empty)", ""),
            ("urlp(id) 18", "true"),
            ("urlp(none)", ""),
        ],
    )),
    head(
        Meta::new(
            "urlp_val",
            "urlp_val([<name>[,<delim>[,i]]])",
            "A query parameter as the integer it begins with, 0 without digits; see `urlp`.",
            &[("urlp_val(id)", "17")],
        ),
        Type::Int,
        |words, _| parameter(words, |text| Value::str(text).cast(Type::Int)),
    ),
];

const fn head(meta: Meta, out: Type, bind: crate::expr::Bind) -> Fetch {
    Fetch::new(meta, out, Needs::REQ_HEAD, bind)
}

const fn version(name: &'static str, examples: &'static [Example]) -> Fetch {
    let doc = "The version of the request as `<major>.<minor>`: 1.0, 1.1, 2.0 or 3.0.";
    Fetch::new(Meta::new(name, name, doc, examples), Type::Str, Needs::REQ_KEPT, |_, _| Ok(one(request_version)))
}

const fn param(meta: Meta) -> Fetch {
    head(meta, Type::Str, |words, _| parameter(words, |text| Some(Value::str(text))))
}

fn method<'a>(ctx: &'a Ctx<'_>) -> Option<Value<'a>> {
    // As the client sent it: `set-method` changes what the server sees.
    let sent = ctx.stream.request_line.get(..usize::from(ctx.stream.method_len)).filter(|text| !text.is_empty());
    let text = match ctx.req {
        _ if sent.is_some() => sent?,
        Some(req) if req.head.method != Method::Other => req.head.method.text().as_bytes(),
        Some(req) => req.method(),
        None => return None,
    };
    Some(Value::Meth(text.into()))
}

fn request_version<'a>(ctx: &'a Ctx<'_>) -> Option<Value<'a>> {
    if let Some(req) = ctx.req {
        return version_text(req.version()).map(|text| Value::str(text.as_bytes()));
    }
    let line = &ctx.stream.request_line;
    let at = memchr::memmem::rfind(line, b"HTTP/")?;
    line.get(at + 5..).map(Value::str)
}

/// Versions that requests and responses have; anything else is text of its own.
pub(super) fn version_text(version: Version) -> Option<&'static str> {
    Some(match (version.major, version.minor) {
        (1, 0) => "1.0",
        (1, 1) => "1.1",
        (2, 0) => "2.0",
        (3, 0) => "3.0",
        _ => return None,
    })
}

/// Visits the Host field and what `rest` yields as one text. Nothing if both are absent.
fn joined(
    rest: impl for<'a> Fn(&Ctx<'a>) -> Option<&'a [u8]> + Send + Sync + 'static,
    read: impl for<'v> Fn(&'v [u8]) -> Value<'v> + Send + Sync + 'static,
) -> FetchFn {
    Box::new(move |ctx, _, visit| {
        if let Some(text) = host_and(ctx, rest(ctx)) {
            visit(read(&text));
        }
        Seen::All
    })
}

fn host_and(ctx: &Ctx<'_>, rest: Option<&[u8]>) -> Option<SmallVec<[u8; 256]>> {
    let host = ctx.req?.host();
    host.or(rest)?;
    let mut text = SmallVec::new();
    text.extend_from_slice(host.unwrap_or_default());
    text.extend_from_slice(rest.unwrap_or_default());
    Some(text)
}

fn hash(text: &[u8]) -> u32 {
    avalanche(sdbm(text))
}

fn with_source(rest: impl for<'a> Fn(&Ctx<'a>) -> Option<&'a [u8]> + Send + Sync + 'static) -> FetchFn {
    one(move |ctx| {
        let mut bytes = hash(&host_and(ctx, rest(ctx))?).to_be_bytes().to_vec();
        match ctx.conn.src.ip()? {
            IpAddr::V4(ip) => bytes.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes.extend_from_slice(&ip.octets()),
        }
        Some(Value::Bin(bytes.into()))
    })
}

/// Host and port of an absolute target, if the host is an IPv4 address.
fn authority(ctx: &Ctx<'_>) -> Option<(Ipv4Addr, u16)> {
    let target = ctx.req?.uri();
    let (scheme, authority) = (target.scheme?, target.authority?);
    let (host, port) = uri::host_port(authority);
    let ip = std::str::from_utf8(host).ok()?.parse().ok()?;
    Some((ip, if port.is_some() { uri::port(authority) } else { uri::default_port(scheme) }))
}

fn query(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let Some(word) = args::opt_word(words) else { return Ok(one(|ctx| ctx.req?.query().map(Value::str))) };
    if word.as_str() != "with_qm" {
        return Err(args::error(word.span, format!("unknown option '{}', expects 'with_qm'", word.as_str())));
    }
    Ok(one(|ctx| {
        let req = ctx.req?;
        let query = req.query()?;
        // The question mark stands right before the query.
        let from = req.target().len() - query.len() - usize::from(!query.is_empty());
        req.target().get(from..).map(Value::str)
    }))
}

/// A parameter of a query or of an encoded form.
pub(super) struct Param {
    name: Option<Box<[u8]>>,
    fold: bool,
}

impl Param {
    pub fn new(name: Option<&[u8]>, fold: bool) -> Param {
        Param { name: name.map(Into::into), fold }
    }

    /// Visits the value of the first parameter that fits, of all that fit for ACLs. One without `=` has none.
    pub fn visit<'v>(&self, params: Params<'v>, want: Want, visit: &mut dyn FnMut(&'v [u8]) -> Flow) {
        let fits = |name: &[u8]| match &self.name {
            None => true,
            Some(wanted) if self.fold => wanted.eq_ignore_ascii_case(name),
            Some(wanted) => **wanted == *name,
        };
        for (name, value) in params {
            let Some(value) = value.filter(|_| fits(name)) else { continue };
            if visit(value) == Flow::Stop || want == Want::One {
                break;
            }
        }
    }
}

fn parameter(
    words: &mut Words<'_>,
    read: impl for<'v> Fn(&'v [u8]) -> Option<Value<'v>> + Send + Sync + 'static,
) -> Result<FetchFn> {
    let name = args::opt_word(words);
    let delimiter = args::opt_word(words).and_then(|word| word.as_bytes().first().copied()).unwrap_or(b'?');
    let fold = args::opt_word(words).is_some_and(|word| word.as_str() == "i");
    let param = Param::new(name.map(|word| word.as_bytes()), fold);
    Ok(Box::new(move |ctx, want, visit| {
        if let Some(query) = ctx.req.and_then(|req| behind(req, delimiter)) {
            param
                .visit(Params::new(query, delimiter), want, &mut |text| read(text).map_or(Flow::Continue, &mut *visit));
        }
        Seen::All
    }))
}

fn behind(req: Msg<'_>, delimiter: u8) -> Option<&[u8]> {
    let target = req.target();
    let at = memchr::memchr(delimiter, target)?;
    target.get(at + 1..)
}
