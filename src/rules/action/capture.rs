//! The action capture: keeps the value of an expression in a capture slot, for the log and for `capture.req.hdr`.

use crate::base::value::Type;
use crate::expr::captures::CaptureSlots;
use crate::expr::{Dir, Expr};
use crate::keyword::{Hook, Meta, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "capture",
            "capture <sample> [ len <length> | id <id> ]",
            "Keeps the value, cut to the length, in the next capture slot of the request, or in the slot of that number.",
            &[("capture req.hdr(user-agent) len 4", "captures curl"), ("capture req.hdr(none) len 4", "")],
        ),
        hooks: Hooks::TCP_REQ_CONT.union(Hooks::HTTP_REQ),
        bind: capture,
    },
    Action {
        meta: Meta::new(
            "capture",
            "capture <sample> id <id>",
            "Keeps the value, cut to the length of the slot, in the response capture slot of that number.",
            &[("capture res.hdr(server) id 0", "captures nginx/1.24")],
        ),
        hooks: Hooks::HTTP_RES.union(Hooks::HTTP_AFTER),
        bind: capture,
    },
];

fn capture(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    if words.is_empty() || matches!(words.peek_str(), "if" | "unless") {
        return Err(words.error_here(USAGE));
    }
    let expr = Expr::bind(words, scope)?;
    let dir = match scope.hook {
        Hook::HttpResponse | Hook::HttpAfterResponse => Dir::Response,
        _ => Dir::Request,
    };
    let kind = words.next_word().map_or("", |word| word.as_str());
    let Some(argument) = words.next_word().filter(|word| !word.is_empty()) else { return Err(words.error_here(USAGE)) };
    match kind {
        "len" if dir == Dir::Response => Err(words.error_last("expects 'id', found 'len'")),
        "len" => {
            let len = argument.as_str().parse().ok().filter(|len| *len > 0);
            let Some(len) = len else { return Err(words.error_last("length must be > 0")) };
            let slot = own_slots(words, scope)?.declare(dir, len);
            Ok(store(expr, dir, slot, len))
        }
        "id" => {
            let Ok(slot) = argument.as_str().parse() else {
                return Err(words.error_last(format!("cannot parse id '{}'", argument.as_str())));
            };
            let own = own_slots(words, scope).ok();
            own.iter().for_each(|slots| slots.want(dir, slot, argument.span));
            let len = own.and_then(|slots| slots.all(dir).get(slot).copied());
            // A backend does not know the slots of the frontends that choose it: there the text is kept whole.
            Ok(store(expr, dir, slot, len.unwrap_or(usize::MAX)))
        }
        _ => Err(words.error_last(USAGE)),
    }
}

fn own_slots(words: &Words<'_>, scope: &Scope<'_>) -> Result<std::sync::Arc<CaptureSlots>> {
    let proxy = scope.proxy.and_then(|id| Some((id, scope.names.proxies.get(id.index())?)));
    match proxy {
        Some((id, proxy)) if proxy.frontend => Ok(CaptureSlots::of(id, scope)),
        Some((_, proxy)) => Err(words.error_here(format!("proxy '{}' has no frontend capability", proxy.name))),
        None => Err(words.error_here("a capture slot cannot be declared outside a proxy")),
    }
}

/// A slot that the frontend of the stream does not have is overlooked (manual 4.4, `capture`).
fn store(expr: Expr, dir: Dir, slot: usize, len: usize) -> Bound {
    Bound::new(expr.needs(), move |txn| {
        let kept = expr.with_value(&txn.ctx(), |value| {
            let value = value.cast(Type::Str)?;
            let mut text = Vec::new();
            value.write_to(&mut text);
            text.truncate(len);
            Some(text.into_boxed_slice())
        });
        let slots = match dir {
            Dir::Request => &mut txn.stream.req_captures,
            Dir::Response => &mut txn.stream.res_captures,
        };
        if let Some(Some(text)) = kept {
            slots.set(slot, text);
        }
        Verdict::Next
    })
}

const USAGE: &str = "expects <expression> [ 'len' <length> | id <idx> ]";
