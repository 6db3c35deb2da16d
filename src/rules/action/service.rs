//! use-service: requests that the proxy itself answers (manual 4.4).

use crate::diag::Diagnostic;
use crate::keyword::{Hook, Meta, Needs, Result, Scope, Words, error_at};
use crate::rules::{Action, Bound, Final, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[Action {
    meta: Meta::new(
        "use-service",
        "use-service prometheus-exporter",
        "Ends the rule set: the statistics are the answer, in Prometheus' text format. The query chooses: scope=global, frontend, \
         listener, backend, server, sticktable or resolver (several, `*` for all), metrics=<name>[,-<name>...], no-maint.",
        &[("use-service prometheus-exporter", "metrics")],
    ),
    hooks: Hooks::HTTP_REQ.union(Hooks::TCP_REQ_CONT),
    bind,
}];

fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let word = words.expect("a service name.")?;
    if word.as_str() != "prometheus-exporter" {
        if word.as_str().starts_with("lua.") {
            let message = format!("'{word}' is a service in Lua, which is not supported by hydroxy yet");
            return Err(Box::new(Diagnostic::alert("not-yet", message).at(word.span)));
        }
        return Err(error_at(word.span, format!("'{word}' unknown service name.")));
    }
    if scope.hook != Hook::HttpRequest {
        let message = "Prometheus exporter service only available on 'http-request' rulesets";
        return Err(error_at(word.span, message.to_owned()));
    }
    Ok(Bound::new(Needs::empty(), |_| Verdict::Done(Final::Metrics)))
}
