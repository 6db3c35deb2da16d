//! Converters that keep what passes through them, in variables or capture slots (manual 7.3.1), and hand it on.

use crate::base::value::{Type, Value};
use crate::expr::captures::CaptureSlots;
use crate::expr::{Captures, Convert, ConvertFn, Ctx, Dir, Target, args};
use crate::keyword::{Meta, Result, Scope, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "set-var",
            "set-var(<var>[,<cond>...])",
            "Sets a variable to the value and hands it on, if all conditions hold; else there is none. They are those of the action \
             `set-var`.",
            &[("str(a),set-var(txn.new),upper,concat(-,txn.new)", "A-a"), ("int(4),set-var(txn.old,iflt)", "")],
        ),
        Type::Any,
        Type::Any,
        set_var,
    ),
    Convert::new(
        Meta::new(
            "unset-var",
            "unset-var(<var>)",
            "Forgets a variable and hands the value on.",
            &[("str(a),unset-var(txn.old),concat(-,txn.old)", "a-")],
        ),
        Type::Any,
        Type::Any,
        |words, scope| {
            let var = args::variable(words, scope)?;
            Ok(Box::new(move |ctx, value| {
                ctx.vars.unset_late(ctx.view, var);
                Some(value)
            }))
        },
    ),
    Convert::new(
        Meta::new(
            "capture-req",
            "capture-req(<idx>)",
            "Keeps the text in the capture slot of the request with that number and hands it on; nothing if there is no such slot.",
            &[("str(a),capture-req(0)", "a"), ("str(a),capture-req(9)", "")],
        ),
        Type::Str,
        Type::Str,
        |words, scope| capture(words, scope, Dir::Request, |ctx| &ctx.stream.req_captures),
    ),
    Convert::new(
        Meta::new(
            "capture-res",
            "capture-res(<idx>)",
            "Keeps the text in the capture slot of the response with that number and hands it on; nothing if there is no such slot.",
            &[("str(a),capture-res(0)", "a")],
        ),
        Type::Str,
        Type::Str,
        |words, scope| capture(words, scope, Dir::Response, |ctx| &ctx.stream.res_captures),
    ),
];

fn set_var(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let target = Target::bind_arguments(words, scope)?;
    Ok(Box::new(move |ctx, value| {
        if !target.permits(ctx, &value) {
            return None;
        }
        ctx.vars.set_late(ctx.view, target.var(), value.borrowed());
        Some(value)
    }))
}

type Slots = for<'c> fn(&'c Ctx<'_>) -> &'c Captures;

fn capture(words: &mut Words<'_>, scope: &Scope<'_>, dir: Dir, slots: Slots) -> Result<ConvertFn> {
    let slot = usize::try_from(args::int(words)?).unwrap_or(usize::MAX);
    let own = scope.proxy.filter(|_| scope.section().is_some_and(|section| section.frontend));
    // A backend does not know the slots of the frontends that choose it: there the text is kept whole.
    let len = own.and_then(|proxy| CaptureSlots::of(proxy, scope).all(dir).get(slot).copied());
    Ok(Box::new(move |ctx, value| {
        let Value::Str(text) = &value else { return None };
        let kept = text.get(..len.unwrap_or(usize::MAX)).unwrap_or(text);
        slots(ctx).set_late(slot, kept.into()).then_some(value)
    }))
}
