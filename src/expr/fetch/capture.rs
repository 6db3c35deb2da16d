//! What was captured of requests and responses, and what stays known after them (manual 7.3.6).

use super::request::version_text;
use super::{Fetch, one, plain};
use crate::base::value::{Type, Value};
use crate::expr::{Captures, args};
use crate::http::uri::Target;
use crate::keyword::{Example, Meta, Needs, Result, Words};

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "capture.req.hdr",
            "capture.req.hdr(<idx>)",
            "The value kept by the `capture request header` with that number, counted from 0 in the order of the section.",
            &[("capture.req.hdr(0)", "www.example.com"), ("capture.req.hdr(9)", "")],
        ),
        Type::Str,
        Needs::REQ_KEPT,
        |words, _| {
            let at = index(words)?;
            Ok(one(move |ctx| captured(&ctx.stream.req_captures, at)))
        },
    ),
    Fetch::new(
        Meta::new(
            "capture.req.method",
            "capture.req.method",
            "The method of the request as it was received.",
            &[("capture.req.method", "POST")],
        ),
        Type::Str,
        Needs::REQ_KEPT,
        |_, _| {
            Ok(one(|ctx| {
                let line = &ctx.stream.request_line;
                line.get(..usize::from(ctx.stream.method_len)).filter(|text| !text.is_empty()).map(Value::str)
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "capture.req.uri",
            "capture.req.uri",
            "The target of the request as it was received, from the first slash of its path on.",
            &[("capture.req.uri", "/shop/cart.php?id=17&Name=anna;id=18&empty=")],
        ),
        Type::Str,
        Needs::REQ_KEPT,
        |_, _| {
            Ok(one(|ctx| {
                let from = usize::from(ctx.stream.method_len) + 1;
                let target = ctx.stream.request_line.get(from..)?.get(..ctx.stream.target_len as usize)?;
                target.get(Target::split(target).path_at..).filter(|text| !text.is_empty()).map(Value::str)
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "capture.req.ver",
            "capture.req.ver",
            "The version of the request as it was received, for instance `HTTP/1.1`.",
            &[("capture.req.ver", "HTTP/1.1")],
        ),
        Type::Str,
        Needs::REQ_KEPT,
        |_, _| {
            Ok(one(|ctx| {
                let line = &ctx.stream.request_line;
                line.get(memchr::memmem::rfind(line, b"HTTP/")?..).map(Value::str)
            }))
        },
    ),
    Fetch::new(
        Meta::new(
            "capture.res.hdr",
            "capture.res.hdr(<idx>)",
            "The value kept by the `capture response header` with that number, counted from 0 in the order of the section.",
            &[("capture.res.hdr(0)", "11")],
        ),
        Type::Str,
        Needs::RES_KEPT,
        |words, _| {
            let at = index(words)?;
            Ok(one(move |ctx| captured(&ctx.stream.res_captures, at)))
        },
    ),
    plain!(
        "res.comp",
        Bool,
        RES_KEPT,
        "Whether the response is compressed by the proxy.",
        &[("res.comp", "1")],
        |ctx| Some(Value::Bool(ctx.stream.compressed.is_some()))
    ),
    plain!(
        "res.comp_algo",
        Str,
        RES_KEPT,
        "What the proxy compresses the response with, for instance `gzip`; nothing if it does not.",
        &[("res.comp_algo", "gzip")],
        |ctx| ctx.stream.compressed.map(|name| Value::str(name.as_bytes()))
    ),
    version("res.ver", &[("res.ver", "1.1")]),
    version("resp_ver", &[("resp_ver 1.1", "true")]),
    Fetch::new(
        Meta::new(
            "server_status",
            "server_status",
            "The status that the server sent, whatever rules made of it; nothing if no server answered.",
            &[("server_status", "200")],
        ),
        Type::Int,
        Needs::RES_KEPT,
        |_, _| Ok(one(|ctx| Some(ctx.stream.server_status).filter(|status| *status > 0).map(number))),
    ),
    Fetch::new(
        Meta::new("status", "status", "The status of the response.", &[("status", "200"), ("status 200:299", "true")]),
        Type::Int,
        Needs::RES_KEPT,
        |_, _| {
            Ok(one(|ctx| {
                let status = ctx.res.map_or(ctx.stream.status, |res| res.status());
                Some(status).filter(|status| *status > 0).map(number)
            }))
        },
    ),
    Fetch::new(
        Meta::new("txn.status", "txn.status", "The status as it is logged.", &[("txn.status", "200")]),
        Type::Int,
        Needs::RES_KEPT,
        |_, _| Ok(one(|ctx| Some(ctx.stream.status).filter(|status| *status > 0).map(number))),
    ),
    Fetch::new(
        Meta::new(
            "unique-id",
            "unique-id",
            "The identifier made by `unique-id-format`; nothing without that directive.",
            &[("unique-id", "C0000201:E2F4")],
        ),
        Type::Str,
        Needs::INTERNAL,
        |_, _| Ok(one(|ctx| ctx.stream.unique_id.get(ctx).map(Value::str))),
    ),
];

const fn version(name: &'static str, examples: &'static [Example]) -> Fetch {
    let doc = "The version of the response as `<major>.<minor>`.";
    Fetch::new(Meta::new(name, name, doc, examples), Type::Str, Needs::RES_KEPT, |_, _| {
        Ok(one(|ctx| version_text(ctx.res?.version()).map(|text| Value::str(text.as_bytes()))))
    })
}

fn number(status: u16) -> Value<'static> {
    Value::Int(i64::from(status))
}

/// The number of a capture; one that no capture can have yields nothing at run time.
fn index(words: &mut Words<'_>) -> Result<usize> {
    Ok(usize::try_from(args::int(words)?).unwrap_or(usize::MAX))
}

fn captured(captures: &Captures, at: usize) -> Option<Value<'_>> {
    captures.value(at).map(Value::Str)
}
