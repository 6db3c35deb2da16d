//! `option httpchk` and `http-check` (manual 4.2): the steps of HTTP health checks.
//!
//! `option httpchk` makes a request of its own, which the first `http-check send` completes. Servers of a backend share
//! the steps.

mod expect;
mod send;

use std::net::IpAddr;
use std::sync::Arc;

use super::ProxyDraft;
use crate::base::addr::{Accepts, Host};
use crate::diag::{Diagnostic, Span, Word};
use crate::expr::{Expr, args};
use crate::ir::check::PortOf;
use crate::ir::{CheckKind, HttpCheckStep};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, VarScope, VarSlot, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::integer;
use crate::rules::action::Assignment;
use send::Request;

/// How the servers of a backend are checked.
#[derive(Default)]
pub(super) struct CheckDraft {
    /// `option httpchk` was given.
    http: bool,
    /// The request of `option httpchk`; completed by the first `send`, unless a `connect` or `expect` stands before it.
    request: Option<Request>,
    steps: Vec<Step>,
    disable_on_404: bool,
    send_state: bool,
    /// Steps so far come from `defaults`: the first own one starts anew.
    inherited: bool,
    /// Where the first step stands.
    first: Option<Span>,
}

enum Step {
    Send(Request),
    Other(HttpCheckStep),
    /// `http-check comment`: what is told when the rule behind it fails.
    Comment(Box<str>),
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "option httpchk",
            "option httpchk [[<method>] <uri> [<version> [<host>]]]",
            "Checks servers by an HTTP request. The default is 'OPTIONS / HTTP/1.0'.",
            &[("option httpchk GET /health", "check http send GET /health")],
        ),
        sections: Sections::D_BE,
        apply: httpchk,
    },
    Setting {
        meta: Meta::new(
            "http-check send",
            "http-check send [meth <method>] [uri <uri>] [ver <version>] [hdr <name> <value>] ... [body <text>]",
            "Sends a request in health checks; the first one completes that of 'option httpchk'.",
            &[("http-check send meth HEAD uri /up", "check http send HEAD /up")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            let request = Request::read(words, scope)?;
            draft.checks().send(request);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check expect",
            "http-check expect [<option> ...] [!] { status | rstatus | hdr | fhdr | string | rstring } <pattern>",
            "Sets which answers to health checks are good. The default is a status from 200 to 399.",
            &[("http-check expect status 200-299", "check http expect status 200-299")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            let step = HttpCheckStep::Expect(expect::read(words, scope)?);
            draft.checks().push(step);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check connect",
            "http-check connect [port <port>] [addr <ip>] [ssl] [send-proxy] [linger] [default]",
            "Opens a new connection in health checks.",
            &[("http-check connect port 8080", "check http connect port 8080")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            let step = connect(words, draft, scope)?;
            draft.checks().push(step);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check comment",
            "http-check comment <string>",
            "Sets a text that is told when the 'http-check expect' behind it fails.",
            &[(
                "option httpchk\nhttp-check comment broken\nhttp-check expect status 200",
                "check http expect status 200 comment broken",
            )],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let text = words.expect("a string as argument")?.as_str().into();
            draft.checks().steps.push(Step::Comment(text));
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check set-var",
            "http-check set-var(<var-name>[,<cond>...]) <expr>",
            "Sets a variable of the health check, of its session or of the process.",
            &[("option httpchk\nhttp-check set-var(check.port) int(1234)", "check http set-var(check.port) int(1234)")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| set_var(words, draft, scope, Assignment::bind),
    },
    Setting {
        meta: Meta::new(
            "http-check set-var-fmt",
            "http-check set-var-fmt(<var-name>[,<cond>...]) <fmt>",
            "Sets a variable of the health check, of its session or of the process to a formatted text.",
            &[(
                "option httpchk\nhttp-check set-var-fmt(check.name) name=%H",
                "check http set-var-fmt(check.name) name=%H",
            )],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| set_var(words, draft, scope, Assignment::bind_format),
    },
    Setting {
        meta: Meta::new(
            "http-check unset-var",
            "http-check unset-var(<var-name>)",
            "Forgets a variable.",
            &[("option httpchk\nhttp-check unset-var(check.port)", "check http unset-var(check.port)")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            let text = words.rest().first().map_or("", Word::as_str).into();
            let inner = parentheses(words)?;
            let var = args::variable_of(&inner, &scope.at(Hook::Check))?;
            draft.checks().push(HttpCheckStep::Unset { var: usable(var, &inner)?, text });
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check send-state",
            "http-check send-state",
            "Tells servers in a field of the health checks' requests how they are seen.",
            &[("option httpchk\nhttp-check send-state", "check http send-state")],
        ),
        sections: Sections::D_BE,
        apply: |_, draft, _| {
            draft.check.send_state = true;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check disable-on-404",
            "http-check disable-on-404",
            "Gives a server that answers 404 to a health check no new clients, as if it had weight 0.",
            &[("http-check disable-on-404", "check http disable-on-404")],
        ),
        sections: Sections::D_BE,
        apply: |_, draft, _| {
            draft.check.disable_on_404 = true;
            Ok(())
        },
    },
];

impl ProxyDraft {
    /// The steps to add to; the line being applied stands at `self.line`.
    fn checks(&mut self) -> &mut CheckDraft {
        if !self.inherited && self.check.inherited {
            self.check.steps.clear();
            self.check.inherited = false;
        }
        if self.inherited {
            self.check.inherited = true;
        }
        self.check.first.get_or_insert(self.line);
        &mut self.check
    }
}

impl CheckDraft {
    fn push(&mut self, step: HttpCheckStep) {
        self.steps.push(Step::Other(step));
    }

    fn send(&mut self, request: Request) {
        self.steps.push(Step::Send(request));
    }

    /// Where steps stand that no `option httpchk` uses.
    pub(super) fn unused(&self) -> Option<Span> {
        self.first.filter(|_| !self.http)
    }

    /// Whether a `connect` names the port.
    pub(super) fn has_port(&self) -> bool {
        let named = |step: &Step| matches!(step, Step::Other(HttpCheckStep::Connect { port: Some(_), .. }));
        self.http && self.steps.iter().any(named)
    }

    /// The literal value of the `Host` field that checks send.
    pub(super) fn host(&self) -> Option<String> {
        let sends = self.steps.iter().filter_map(|step| match step {
            Step::Send(request) => Some(request),
            Step::Other(_) | Step::Comment(_) => None,
        });
        self.request.iter().chain(sends).find_map(Request::host)
    }

    pub(super) fn finish(self) -> CheckKind {
        if !self.http {
            return CheckKind::Connect;
        }
        let mut steps: Vec<HttpCheckStep> = Vec::new();
        if self.disable_on_404 {
            steps.push(HttpCheckStep::DisableOn404);
        }
        if self.send_state {
            steps.push(HttpCheckStep::SendState);
        }
        let mut implied = self.request;
        // What may stand before a `connect`, and that itself, goes before the request that `option httpchk` implies.
        let mut rest = commented(self.steps).into_iter().peekable();
        while let Some(Step::Other(step)) = rest.next_if(|step| matches!(step, Step::Other(step) if is_before(step))) {
            steps.push(step);
        }
        if let Some(Step::Send(_)) = rest.peek()
            && let Some(Step::Send(first)) = rest.next()
        {
            let base = implied.take().unwrap_or_default();
            steps.push(base.completed(first).step());
        }
        steps.extend(implied.map(Request::step));
        steps.extend(rest.filter_map(|step| match step {
            Step::Send(request) => Some(request.step()),
            Step::Other(step) => Some(step),
            Step::Comment(_) => None,
        }));
        CheckKind::Http(Arc::new(steps))
    }
}

/// Hands each comment to the rule behind it, unless that has one of its own.
fn commented(steps: Vec<Step>) -> Vec<Step> {
    let mut comment = None;
    let mut out = Vec::with_capacity(steps.len());
    for mut step in steps {
        match &mut step {
            Step::Comment(text) => {
                comment = Some(std::mem::take(text));
                continue;
            }
            Step::Other(HttpCheckStep::Set { .. } | HttpCheckStep::Unset { .. }) => {}
            Step::Other(HttpCheckStep::Expect(expect)) => {
                let before = comment.take();
                expect.comment = expect.comment.take().or(before);
            }
            Step::Send(_) | Step::Other(_) => comment = None,
        }
        out.push(step);
    }
    out
}

/// What may stand before the first request.
fn is_before(step: &HttpCheckStep) -> bool {
    matches!(step, HttpCheckStep::Connect { .. } | HttpCheckStep::Set { .. } | HttpCheckStep::Unset { .. })
}

type BindAssignment = fn(&mut Words<'_>, &Scope<'_>) -> Result<Assignment>;

fn set_var(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>, bind: BindAssignment) -> Result<()> {
    let text = words.rest().iter().map(Word::as_str).collect::<Vec<_>>().join(" ").into();
    let inner = parentheses(words)?;
    let all: Vec<Word> = std::iter::once(inner.clone()).chain(words.take_rest().iter().cloned()).collect();
    let mut all = Words::new(&all, words.end());
    let what = bind(&mut all, &scope.at(Hook::Check))?;
    all.finish()?;
    usable(what.var(), &inner)?;
    draft.checks().push(HttpCheckStep::Set { what, text });
    Ok(())
}

/// What stands between the parentheses of the next word.
fn parentheses(words: &mut Words<'_>) -> Result<Word> {
    let found = words.next_word().and_then(|word| {
        let (base, rest) = word.as_str().split_once('(')?;
        let inner = rest.strip_suffix(')')?;
        let start = base.len() + 1;
        Some(Word::new(inner, word.part(start..start + inner.len())))
    });
    found.ok_or_else(|| words.error_last("expects a variable in parentheses, as in set-var(check.x).".to_owned()))
}

/// A health check is no stream: only some scopes exist (manual 4.2 `http-check set-var`).
fn usable(var: VarSlot, word: &Word) -> Result<VarSlot> {
    match var.scope {
        VarScope::Proc | VarScope::Sess | VarScope::Check => Ok(var),
        _ => {
            let message =
                format!("'http-check' : invalid variable '{word}', its scope must be 'proc', 'sess' or 'check'.");
            Err(sentence(word.span, "bad-variable", message))
        }
    }
}

fn httpchk(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let scope = scope.at(Hook::Check);
    let mut request = Request::default();
    match (words.next_word(), words.next_word()) {
        (None, _) => {}
        (Some(uri), None) => request.set_uri(uri, &scope)?,
        (Some(method), Some(uri)) => {
            request.set_method(method)?;
            request.set_uri(uri, &scope)?;
        }
    }
    if let Some(version) = words.next_word() {
        request.set_version(version, scope.diags, &scope)?;
    }
    if let Some(host) = words.next_word() {
        request.set_host(host, &scope)?;
    }
    if !draft.inherited && draft.check.inherited {
        draft.check.steps.clear();
        draft.check.inherited = false;
    }
    draft.check.http = true;
    draft.check.request = Some(request);
    Ok(())
}

fn connect(words: &mut Words<'_>, draft: &ProxyDraft, scope: &Scope<'_>) -> Result<HttpCheckStep> {
    let (mut port, mut addr, mut tls, mut send_proxy, mut linger, mut default) =
        (None, None, false, false, false, false);
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "default" => default = true,
            "port" => port = Some(port_of(words, scope)?),
            "addr" => addr = Some(address(words, draft)?),
            "ssl" => tls = true,
            "send-proxy" => send_proxy = true,
            "linger" => linger = true,
            "comment" => {
                words.expect("a string as argument")?;
            }
            "proto" if words.peek_str() == "h1" => {
                words.next_word();
            }
            "via-socks4" | "sni" | "alpn" | "proto" => {
                return Err(not_yet(word.span, &format!("'http-check connect {word}'")));
            }
            _ => {
                let message = format!(
                    "'http-check connect' : expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or \
                     'via-socks4', 'linger', 'default' but got '{word}' as argument."
                );
                return Err(sentence(word.span, "unknown", message));
            }
        }
    }
    Ok(HttpCheckStep::Connect { port, addr, tls, send_proxy, linger, default })
}

fn port_of(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<PortOf> {
    let word = words.peek();
    match word.filter(|word| !word.as_str().bytes().all(|byte| byte.is_ascii_digit())) {
        Some(_) => Expr::bind(words, &scope.at(Hook::Check)).map(PortOf::Expr),
        None => integer(words, 1, u16::MAX).map(PortOf::Fixed),
    }
}

fn address(words: &mut Words<'_>, draft: &ProxyDraft) -> Result<IpAddr> {
    let word = words.expect("<addr> as argument")?;
    match draft.shared.address(word, &Accepts::CHECK)?.host {
        Host::Ip(ip) => Ok(ip),
        _ => Err(not_yet(word.span, "'addr' with anything but an IP address")),
    }
}

/// HTTP/1.1 needs a `Host` field, and the old way of writing one is told.
pub(super) fn odd_version(word: &Word) -> Diagnostic {
    let text = "'option httpchk' : hiding headers or body at the end of the version string is deprecated. Please, consider to \
                use 'http-check send' directive instead.";
    Diagnostic::warning("hidden-headers", text).at(word.span)
}
