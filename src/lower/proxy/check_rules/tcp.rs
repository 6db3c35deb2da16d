//! `option tcp-check` and the rules of `tcp-check`.

use std::sync::Arc;

use super::{Chosen, Family, connect, expect, set_var, unset_var};
use crate::base::hex::from_hex;
use crate::diag::{Span, Word};
use crate::expr::LogFormat;
use crate::ir::check::{Sending, TcpStep};
use crate::ir::{CheckKind, TcpCheckStep};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::proxy::ProxyDraft;
use crate::lower::table::sentence;
use crate::rules::action::Assignment;

/// The rules so far.
#[derive(Default)]
pub(super) struct TcpDraft {
    rules: Vec<Rule>,
    /// They come from `defaults`: the first own one starts anew.
    inherited: bool,
    /// Where the first one stands.
    first: Option<Span>,
}

enum Rule {
    Step(Box<TcpStep>),
    /// `tcp-check comment`: what is told when the rule behind it fails.
    Comment(Box<str>),
}

const fn entry(
    meta: Meta,
    apply: fn(&mut Words<'_>, &mut ProxyDraft, &Scope<'_>) -> Result<()>,
) -> Setting<ProxyDraft> {
    Setting { meta, sections: Sections::D_BE, apply }
}

pub(in crate::lower::proxy) static SETTINGS: &[Setting<ProxyDraft>] = &[
    entry(
        Meta::new(
            "option tcp-check",
            "option tcp-check",
            "Checks servers by a connection, and by what the 'tcp-check' rules say and expect on it.",
            &[("option tcp-check\ntcp-check connect", "check tcp connect")],
        ),
        |_, draft, _| {
            draft.check.kind = Some(Chosen::Rules(Family::Tcp));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-check connect",
            "tcp-check connect [default] [port <expr>] [addr <ip>] [send-proxy] [ssl] [sni <sni>] [alpn <alpn>] [linger] \
             [comment <msg>]",
            "Opens a new connection in health checks. One must come first where there are any.",
            &[("option tcp-check\ntcp-check connect port 110 linger", "check tcp connect port 110 linger")],
        ),
        |words, draft, scope| {
            draft.first_connects(words)?;
            let to = connect::read(words, draft, scope, Family::Tcp)?;
            draft.tcp_check(TcpStep::Connect(to));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-check send",
            "tcp-check send <data> [comment <msg>]",
            "Sends a text in health checks.",
            &[("option tcp-check\ntcp-check send PING", "check tcp send PING")],
        ),
        |words, draft, scope| send(words, draft, scope, "send"),
    ),
    entry(
        Meta::new(
            "tcp-check send-lf",
            "tcp-check send-lf <fmt> [comment <msg>]",
            "Sends a formatted text in health checks.",
            &[("option tcp-check\ntcp-check send-lf %[be_name]", "check tcp send-lf %[be_name]")],
        ),
        |words, draft, scope| send(words, draft, scope, "send-lf"),
    ),
    entry(
        Meta::new(
            "tcp-check send-binary",
            "tcp-check send-binary <hexstring> [comment <msg>]",
            "Sends the bytes that pairs of hexadecimal digits stand for in health checks.",
            &[("option tcp-check\ntcp-check send-binary 50494e470d0a", "check tcp send-binary 50494E470D0A")],
        ),
        |words, draft, scope| send(words, draft, scope, "send-binary"),
    ),
    entry(
        Meta::new(
            "tcp-check send-binary-lf",
            "tcp-check send-binary-lf <hexfmt> [comment <msg>]",
            "Sends the bytes that the digits of a formatted text stand for in health checks.",
            &[(
                "option tcp-check\ntcp-check send-binary-lf %[be_name,hex]0A",
                "check tcp send-binary-lf %[be_name,hex]0A",
            )],
        ),
        |words, draft, scope| send(words, draft, scope, "send-binary-lf"),
    ),
    entry(
        Meta::new(
            "tcp-check expect",
            "tcp-check expect [min-recv <int>] [comment <msg>] [ok-status <st>] [error-status <st>] [tout-status <st>] \
             [on-success <fmt>] [on-error <fmt>] [status-code <expr>] [!] <match> <pattern>",
            "Waits for bytes that match: 'string', 'rstring' and 'string-lf' by text, 'binary', 'rbinary' and 'binary-lf' \
             by hexadecimal digits. What servers say adds up until something is sent.",
            &[
                ("option tcp-check\ntcp-check expect string +PONG", "check tcp expect string +PONG"),
                ("option tcp-check\ntcp-check expect ! rbinary ^0A", "check tcp expect ! rbinary ^0A"),
            ],
        ),
        |words, draft, scope| {
            let expect = expect::read(words, scope, Family::Tcp)?;
            draft.tcp_check(TcpStep::Expect(expect));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-check comment",
            "tcp-check comment <string>",
            "Sets a text that is told when the rule behind it fails.",
            &[(
                "option tcp-check\ntcp-check comment broken\ntcp-check expect string OK",
                "check tcp expect string OK comment broken",
            )],
        ),
        |words, draft, _| {
            let text = words.expect("a string as argument.")?.as_str().into();
            draft.tcp_rule(Rule::Comment(text));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-check set-var",
            "tcp-check set-var(<var-name>[,<cond>...]) <expr>",
            "Sets a variable of the health check, of its session or of the process.",
            &[("option tcp-check\ntcp-check set-var(check.port) int(1234)", "check tcp set-var(check.port) int(1234)")],
        ),
        |words, draft, scope| {
            let (what, text) = set_var(words, scope, Family::Tcp, Assignment::bind)?;
            draft.tcp_check(TcpStep::Set { what, text });
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-check set-var-fmt",
            "tcp-check set-var-fmt(<var-name>[,<cond>...]) <fmt>",
            "Sets a variable of the health check, of its session or of the process to a formatted text.",
            &[(
                "option tcp-check\ntcp-check set-var-fmt(check.name) name=%H",
                "check tcp set-var-fmt(check.name) name=%H",
            )],
        ),
        |words, draft, scope| {
            let (what, text) = set_var(words, scope, Family::Tcp, Assignment::bind_format)?;
            draft.tcp_check(TcpStep::Set { what, text });
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-check unset-var",
            "tcp-check unset-var(<var-name>)",
            "Forgets a variable.",
            &[("option tcp-check\ntcp-check unset-var(check.port)", "check tcp unset-var(check.port)")],
        ),
        |words, draft, scope| {
            let (var, text) = unset_var(words, scope, Family::Tcp)?;
            draft.tcp_check(TcpStep::Unset { var, text });
            Ok(())
        },
    ),
];

impl ProxyDraft {
    fn tcp_check(&mut self, step: TcpStep) {
        self.tcp_rule(Rule::Step(Box::new(step)));
    }

    fn tcp_rule(&mut self, rule: Rule) {
        self.fresh_tcp();
        let tcp = &mut self.check.tcp;
        tcp.first.get_or_insert(self.line);
        tcp.rules.push(rule);
    }

    /// The first own rule takes the place of those of `defaults`.
    fn fresh_tcp(&mut self) {
        let tcp = &mut self.check.tcp;
        if !self.inherited && tcp.inherited {
            tcp.rules.clear();
        }
        tcp.inherited = self.inherited;
    }

    /// Who connects must begin with it.
    fn first_connects(&mut self, words: &Words<'_>) -> Result<()> {
        self.fresh_tcp();
        let first = self.check.tcp.rules.iter().find_map(|rule| match rule {
            Rule::Comment(_) => None,
            Rule::Step(step) => {
                Some(&**step).filter(|step| !matches!(step, TcpStep::Set { .. } | TcpStep::Unset { .. }))
            }
        });
        match first {
            None | Some(TcpStep::Connect(_)) => Ok(()),
            Some(_) => {
                let message = "'tcp-check connect' : first step MUST also be a 'connect', optionally preceded by a \
                               'set-var', an 'unset-var' or a 'comment', when there is a 'connect' step in the \
                               tcp-check ruleset.";
                let span = words.last().map_or(words.end(), |word| word.span);
                Err(sentence(span, "order", message))
            }
        }
    }
}

impl TcpDraft {
    pub(super) fn first(&self) -> Option<Span> {
        self.first
    }

    /// Whether a `connect` names the port.
    pub(super) fn has_port(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::Step(step) if step.names_port()))
    }

    /// Numbers the rules and hands each comment to the one behind it, unless that has one of its own.
    pub(super) fn finish(self) -> CheckKind {
        let mut before = None;
        let mut steps = Vec::with_capacity(self.rules.len());
        for (rule, number) in self.rules.into_iter().zip(1..) {
            let mut what = match rule {
                Rule::Step(step) => *step,
                Rule::Comment(text) => {
                    before = Some(text);
                    continue;
                }
            };
            let own = match &mut what {
                TcpStep::Connect(to) => Some(&mut to.comment),
                TcpStep::Send { comment, .. } => Some(comment),
                TcpStep::Expect(expect) => Some(&mut expect.comment),
                TcpStep::Set { .. } | TcpStep::Unset { .. } => None,
            };
            if let Some(own) = own {
                let before = before.take();
                *own = own.take().or(before);
            }
            steps.push(TcpCheckStep { number, what });
        }
        CheckKind::Tcp(Arc::new(steps))
    }
}

fn send(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>, name: &str) -> Result<()> {
    let scope = scope.at(Hook::Check);
    let word = words.expect("a string as argument.")?;
    let what = match name {
        "send-lf" => Sending::Format(LogFormat::bind(word, &scope)?),
        "send-binary" => Sending::Binary(binary(word)?),
        "send-binary-lf" => Sending::BinaryFormat(LogFormat::bind(word, &scope)?),
        _ => Sending::Text(word.as_bytes().into()),
    };
    let comment = match words.next_word() {
        None => None,
        Some(word) if word.as_str() == "comment" => Some(words.expect("a string as argument.")?.as_str().into()),
        Some(word) => {
            let message = format!("'tcp-check {name}' : expects 'comment' but got '{word}' as argument.");
            return Err(sentence(word.span, "unknown", message));
        }
    };
    draft.tcp_check(TcpStep::Send { what, comment });
    Ok(())
}

fn binary(word: &Word) -> Result<Box<[u8]>> {
    let bytes = from_hex(word.as_bytes()).map_err(|fault| {
        let message = format!("'tcp-check send-binary' : '{word}' invalid binary string ({fault}).");
        sentence(word.span, "hex", message)
    })?;
    Ok(bytes.into())
}
