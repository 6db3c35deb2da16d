//! Bodies of HTTP messages, as far as they are buffered (manual 7.3.6).

use super::request::Param;
use super::{Fetch, FetchFn, Side, one};
use crate::base::value::{Type, Value};
use crate::expr::{Ctx, Payload, Seen, args};
use crate::http::list::Params;
use crate::http::{Framing, HeaderName};
use crate::keyword::{Example, Meta, Needs, Result, Scope, Words};

pub(super) static FETCHES: &[Fetch] = &[
    block("req.body", Side::Request, &[("req.body", "a=1&b=two&B=3&c")]),
    length("req.body_len", Side::Request, &[("req.body_len", "15")]),
    Fetch::new(
        Meta::new(
            "req.body_param",
            "req.body_param([<name>[,i]])",
            "The first parameter of that name in a url-encoded form, or the very first without a name, not decoded; `i` ignores \
             the case of the name. ACLs test every parameter of that name.",
            &[("req.body_param(b)", "two"), ("req.body_param(b,i) -m str 3", "true"), ("req.body_param(none)", "")],
        ),
        Type::Bin,
        Needs::REQ_BODY,
        param,
    ),
    size("req.body_size", Side::Request, &[("req.body_size", "15")]),
    block("res.body", Side::Response, &[("res.body", "Hello World")]),
    length("res.body_len", Side::Response, &[("res.body_len", "11")]),
    size("res.body_size", Side::Response, &[("res.body_size", "11")]),
];

const fn needs(side: Side) -> Needs {
    match side {
        Side::Response => Needs::RES_BODY,
        _ => Needs::REQ_BODY,
    }
}

const fn block(name: &'static str, side: Side, examples: &'static [Example]) -> Fetch {
    let doc = "The body as far as it is buffered; see `option http-buffer-request` and `wait-for-body`.";
    let bind: crate::expr::Bind = match side {
        Side::Response => |_, _| Ok(body(Side::Response)),
        _ => |_, _| Ok(body(Side::Request)),
    };
    Fetch::new(Meta::new(name, name, doc, examples), Type::Bin, needs(side), bind)
}

const fn length(name: &'static str, side: Side, examples: &'static [Example]) -> Fetch {
    let doc = "How many bytes of the body are buffered.";
    let bind: crate::expr::Bind = match side {
        Side::Response => |_, _| Ok(buffered_length(Side::Response)),
        _ => |_, _| Ok(buffered_length(Side::Request)),
    };
    Fetch::new(Meta::new(name, name, doc, examples), Type::Int, needs(side), bind)
}

const fn size(name: &'static str, side: Side, examples: &'static [Example]) -> Fetch {
    let doc = "The length of the body as Content-Length announces it, else how many bytes are buffered.";
    let bind: crate::expr::Bind = match side {
        Side::Response => |_, _| Ok(announced_length(Side::Response)),
        _ => |_, _| Ok(announced_length(Side::Request)),
    };
    Fetch::new(Meta::new(name, name, doc, examples), Type::Int, needs(side), bind)
}

fn buffered<'a>(ctx: &Ctx<'a>, side: Side) -> Option<Payload<'a>> {
    side.message(ctx).map(|_| if side == Side::Response { ctx.res_bytes } else { ctx.req_bytes })
}

/// A value of the buffered body, which is asked for again while more may come.
fn of_body(side: Side, read: impl for<'a> Fn(&Ctx<'a>, &'a [u8]) -> Value<'a> + Send + Sync + 'static) -> FetchFn {
    Box::new(move |ctx, _, visit| {
        let Some(payload) = buffered(ctx, side) else { return Seen::All };
        visit(read(ctx, payload.bytes));
        if payload.complete { Seen::All } else { Seen::Partial }
    })
}

fn body(side: Side) -> FetchFn {
    of_body(side, |_, bytes| Value::Bin(bytes.into()))
}

fn buffered_length(side: Side) -> FetchFn {
    of_body(side, |_, bytes| Value::Int(bytes.len() as i64))
}

fn announced_length(side: Side) -> FetchFn {
    one(move |ctx| {
        let msg = side.message(ctx)?;
        let announced = match msg.head.body {
            Framing::Length(length) => i64::try_from(length).ok(),
            _ => msg.value(&HeaderName::CONTENT_LENGTH).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()),
        };
        Some(Value::Int(
            announced.unwrap_or_else(|| buffered(ctx, side).map_or(0, |payload| payload.bytes.len() as i64)),
        ))
    })
}

fn param(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let name = args::opt_word(words).map(|word| word.as_bytes());
    let fold = match args::opt_word(words) {
        None => false,
        Some(word) if word.as_str() == "i" => true,
        Some(word) => return Err(args::error(word.span, "the only option is 'i', to ignore the case of the name")),
    };
    let param = Param::new(name, fold);
    Ok(Box::new(move |ctx, want, visit| {
        let Some(payload) = buffered(ctx, Side::Request) else { return Seen::All };
        param.visit(Params::new(payload.bytes, b'&'), want, &mut |text| visit(Value::Bin(text.into())));
        if payload.complete { Seen::All } else { Seen::Partial }
    }))
}
