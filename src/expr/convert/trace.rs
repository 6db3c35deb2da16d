//! Converters for those who look for a fault (manual 7.3.1): `debug` shows what passes, `when` lets it pass in some cases only.

use std::sync::atomic::Ordering::Relaxed;

use crate::base::value::Type;
use crate::diag::{Diagnostic, Word};
use crate::expr::{Cond, Convert, ConvertFn, Ctx, args};
use crate::keyword::{Meta, Result, Scope, Words};
use crate::state::Output;

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "debug",
            "debug([<prefix>],{ stdout | stderr })",
            "Writes the type and the text of the value to the standard output or error, behind the prefix, and hands the value \
             on. Ring buffers such as `buf0`, the default, are not supported.",
            &[("str(a),debug(name,stderr)", "a")],
        ),
        Type::Any,
        Type::Same,
        debug,
    ),
    Convert::new(
        Meta::new(
            "when",
            "when([!]<condition>[,<args>...])",
            "Hands the value on if the condition holds, which is error, forwarded, normal, processed, stopping, toapplet or \
             acl with the name of an ACL; else there is none.",
            &[("str(a),when(stopping)", ""), ("str(a),when(!stopping)", "a"), ("str(a),when(forwarded)", "a")],
        ),
        Type::Any,
        Type::Any,
        when,
    ),
];

fn debug(words: &mut Words<'_>, _: &Scope<'_>) -> Result<ConvertFn> {
    let prefix = args::opt_word(words).map_or("", Word::as_str);
    let lead = format!("[debug] {prefix}: ");
    let output = match args::opt_word(words).map(|word| (word.as_str(), word.span)) {
        Some(("stdout", _)) => Output::Stdout,
        Some(("stderr", _)) => Output::Stderr,
        None | Some(("buf0", _)) => {
            let text =
                "expects the destination 'stdout' or 'stderr': the ring buffer 'buf0' is not supported by hydroxy yet";
            let error = Diagnostic::alert("not-yet", text).at(words.span());
            return Err(Box::new(error.help("write 'debug(<prefix>,stdout)' or 'debug(<prefix>,stderr)'")));
        }
        Some((name, span)) => return Err(args::error(span, format!("No such sink '{name}'"))),
    };
    Ok(Box::new(move |ctx, value| {
        let text = format!("{lead}type={} <{}>\n", value.kind().name(), value.printable());
        ctx.view.process.print(output, text.as_bytes());
        Some(value)
    }))
}

type Test = Box<dyn Fn(&Ctx<'_>) -> bool + Send + Sync>;

fn when(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let word = args::word(words, "string")?;
    let (name, negated) = match word.as_str().strip_prefix('!') {
        Some(name) => (name, true),
        None => (word.as_str(), false),
    };
    let http = scope.http;
    let test: Test = match name {
        "error" => Box::new(move |ctx| ctx.stream.has_failed(http)),
        "normal" => Box::new(move |ctx| !ctx.stream.has_failed(http)),
        "forwarded" => Box::new(|ctx| ctx.stream.was_forwarded()),
        "toapplet" => Box::new(|ctx| ctx.stream.went_to_applet()),
        "processed" => Box::new(|ctx| ctx.stream.was_forwarded() || ctx.stream.went_to_applet()),
        "stopping" => Box::new(|ctx| ctx.view.process.stopping.load(Relaxed)),
        "acl" => acl(words, scope)?,
        _ => {
            let error = args::error(word.span, format!("unknown condition '{name}'"));
            let known = "error, forwarded, normal, processed, stopping, toapplet and acl";
            return Err(Box::new(error.help(format!("the conditions are {known}"))));
        }
    };
    Ok(Box::new(move |ctx, value| (test(ctx) != negated).then_some(value)))
}

fn acl(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Test> {
    let name = args::word(words, "string")?;
    let condition = [Word::new("if", name.span), name.clone()];
    let cond = Cond::bind(&mut Words::new(&condition, name.span), scope)?;
    Ok(Box::new(move |ctx| cond.as_ref().is_none_or(|cond| cond.holds(ctx))))
}
