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
use crate::ir::{CheckKind, HttpCheckStep};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::integer;
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
    /// Steps so far come from `defaults`: the first own one starts anew.
    inherited: bool,
    /// Where the first step stands.
    first: Option<Span>,
}

enum Step {
    Send(Request),
    Other(HttpCheckStep),
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
        apply: |words, draft, _| {
            let step = connect(words, draft)?;
            draft.checks().push(step);
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
            Step::Other(_) => None,
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
        let mut implied = self.request;
        // A leading `connect` goes before the request that `option httpchk` implies.
        let mut rest = self.steps.into_iter().peekable();
        while let Some(Step::Other(HttpCheckStep::Connect { .. })) = rest.peek() {
            if let Some(Step::Other(step)) = rest.next() {
                steps.push(step);
            }
        }
        if let Some(Step::Send(_)) = rest.peek()
            && let Some(Step::Send(first)) = rest.next()
        {
            let base = implied.take().unwrap_or_default();
            steps.push(base.completed(first).step());
        }
        steps.extend(implied.map(Request::step));
        steps.extend(rest.map(|step| match step {
            Step::Send(request) => request.step(),
            Step::Other(step) => step,
        }));
        CheckKind::Http(Arc::new(steps))
    }
}

fn httpchk(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let scope = scope.at(Hook::Internal);
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

fn connect(words: &mut Words<'_>, draft: &ProxyDraft) -> Result<HttpCheckStep> {
    let (mut port, mut addr, mut tls, mut send_proxy, mut linger, mut default) =
        (None, None, false, false, false, false);
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "default" => default = true,
            "port" => port = Some(port_number(words)?),
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

fn port_number(words: &mut Words<'_>) -> Result<u16> {
    let word = words.peek();
    match word.filter(|word| !word.as_str().bytes().all(|byte| byte.is_ascii_digit())) {
        Some(word) => Err(not_yet(word.span, "an expression behind 'port'")),
        None => integer(words, 1, u16::MAX),
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
