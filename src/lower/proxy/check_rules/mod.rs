//! `option httpchk` and `http-check`, `option tcp-check` and `tcp-check` (manual 4.2): the steps of health checks.
//!
//! `option httpchk` makes a request of its own, which the first `http-check send` completes. Servers of a backend share
//! the steps. Of several options the last one counts.

mod connect;
mod dialog;
mod expect;
mod send;
mod tcp;

use std::sync::Arc;

use super::ProxyDraft;
use crate::diag::{Diagnostic, Span, Word};
use crate::expr::args;
use crate::ir::{CheckKind, HttpCheckStep};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, VarScope, VarSlot, Words};
use crate::lower::table::sentence;
use crate::rules::action::Assignment;
use crate::wire::dialog::Dialog;
pub(super) use dialog::SETTINGS as DIALOG_SETTINGS;
use send::Request;
pub(super) use tcp::SETTINGS as TCP_SETTINGS;
use tcp::TcpDraft;

/// How the servers of a backend are checked.
#[derive(Default)]
pub(super) struct CheckDraft {
    /// The last option.
    kind: Option<Chosen>,
    /// The rules of `tcp-check`.
    tcp: TcpDraft,
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

/// Whose rules they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// `option httpchk`, `http-check`
    Http,
    /// `option tcp-check`, `tcp-check`
    Tcp,
}

impl Family {
    /// The first word of its rules.
    const fn rule(self) -> &'static str {
        match self {
            Family::Http => "http-check",
            Family::Tcp => "tcp-check",
        }
    }

    /// The option that uses them.
    const fn option(self) -> &'static str {
        match self {
            Family::Http => "option httpchk",
            Family::Tcp => "option tcp-check",
        }
    }
}

/// What the last option chose.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chosen {
    Rules(Family),
    Dialog(Arc<Dialog>),
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
            let step = HttpCheckStep::Expect(expect::read(words, scope, Family::Http)?);
            draft.checks().push(step);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "http-check connect",
            "http-check connect [port <port>] [addr <ip>] [ssl] [sni <sni>] [alpn <alpn>] [send-proxy] [linger] [default]",
            "Opens a new connection in health checks.",
            &[("http-check connect port 8080", "check http connect port 8080")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            let to = connect::read(words, draft, scope, Family::Http)?;
            draft.checks().push(HttpCheckStep::Connect(to));
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
        apply: |words, draft, scope| {
            let (what, text) = set_var(words, scope, Family::Http, Assignment::bind)?;
            draft.checks().push(HttpCheckStep::Set { what, text });
            Ok(())
        },
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
        apply: |words, draft, scope| {
            let (what, text) = set_var(words, scope, Family::Http, Assignment::bind_format)?;
            draft.checks().push(HttpCheckStep::Set { what, text });
            Ok(())
        },
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
            let (var, text) = unset_var(words, scope, Family::Http)?;
            draft.checks().push(HttpCheckStep::Unset { var, text });
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
        // Those of the defaults are for other sections too.
        if !self.inherited {
            self.check.first.get_or_insert(self.line);
        }
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

    /// Where rules stand that no option uses, with their first word and that option.
    pub(super) fn unused(&self) -> impl Iterator<Item = (Span, &'static str, &'static str)> {
        let all = [(self.first, Family::Http), (self.tcp.first(), Family::Tcp)];
        let kind = self.kind.clone();
        all.into_iter().filter_map(move |(first, family)| {
            first.filter(|_| kind != Some(Chosen::Rules(family))).map(|span| (span, family.rule(), family.option()))
        })
    }

    /// Whether a `connect` names the port.
    pub(super) fn has_port(&self) -> bool {
        let named = |step: &Step| matches!(step, Step::Other(HttpCheckStep::Connect(to)) if to.port.is_some());
        match self.kind {
            Some(Chosen::Rules(Family::Http)) => self.steps.iter().any(named),
            Some(Chosen::Rules(Family::Tcp)) => self.tcp.has_port(),
            Some(Chosen::Dialog(_)) | None => false,
        }
    }

    /// Whether a server may go out of balance by answering 404; servers that track another must agree.
    pub(super) fn disables_on_404(&self) -> bool {
        self.disable_on_404 && matches!(self.kind, None | Some(Chosen::Rules(Family::Http)))
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
        match self.kind {
            None => return CheckKind::Connect,
            Some(Chosen::Rules(Family::Tcp)) => return self.tcp.finish(),
            Some(Chosen::Dialog(dialog)) => return CheckKind::Dialog(dialog),
            Some(Chosen::Rules(Family::Http)) => {}
        }
        let mut steps: Vec<HttpCheckStep> = Vec::new();
        if self.disables_on_404() {
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
    matches!(step, HttpCheckStep::Connect(_) | HttpCheckStep::Set { .. } | HttpCheckStep::Unset { .. })
}

type BindAssignment = fn(&mut Words<'_>, &Scope<'_>) -> Result<Assignment>;

/// `set-var(<name>) <expr>`, and how it reads.
fn set_var(
    words: &mut Words<'_>,
    scope: &Scope<'_>,
    family: Family,
    bind: BindAssignment,
) -> Result<(Assignment, Box<str>)> {
    let text = words.rest().iter().map(Word::as_str).collect::<Vec<_>>().join(" ").into();
    let inner = parentheses(words)?;
    let all: Vec<Word> = std::iter::once(inner.clone()).chain(words.take_rest().iter().cloned()).collect();
    let mut all = Words::new(&all, words.end());
    let what = bind(&mut all, &scope.at(Hook::Check))?;
    all.finish()?;
    usable(what.var(), &inner, family)?;
    Ok((what, text))
}

/// `unset-var(<name>)`, and how it reads.
fn unset_var(words: &mut Words<'_>, scope: &Scope<'_>, family: Family) -> Result<(VarSlot, Box<str>)> {
    let text = words.rest().first().map_or("", Word::as_str).into();
    let inner = parentheses(words)?;
    let var = args::variable_of(&inner, &scope.at(Hook::Check))?;
    Ok((usable(var, &inner, family)?, text))
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
fn usable(var: VarSlot, word: &Word, family: Family) -> Result<VarSlot> {
    match var.scope {
        VarScope::Proc | VarScope::Sess | VarScope::Check => Ok(var),
        _ => {
            let rule = family.rule();
            let message = format!("'{rule}' : invalid variable '{word}', its scope must be 'proc', 'sess' or 'check'.");
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
    draft.check.kind = Some(Chosen::Rules(Family::Http));
    draft.check.request = Some(request);
    Ok(())
}

/// HTTP/1.1 needs a `Host` field, and the old way of writing one is told.
pub(super) fn odd_version(word: &Word) -> Diagnostic {
    let text = "'option httpchk' : hiding headers or body at the end of the version string is deprecated. Please, consider to \
                use 'http-check send' directive instead.";
    Diagnostic::warning("hidden-headers", text).at(word.span)
}
