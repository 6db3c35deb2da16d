//! How the steps of health checks read in a dump; see `dump`.

use std::fmt::{self, Display};

use super::check::{
    Agent, Check, CheckConnect, Comparison, Expect, ExpectMatch, HttpCheckStep, InitState, Observe, PortOf, Sending,
    TcpCheckStep, TcpStep, TextMatch,
};
use super::dump::{flags, options};
use crate::base::hex::upper_hex;
use crate::expr::LogFormat;
use crate::wire::dialog::{Dialog, MysqlClient};

impl Display for HttpCheckStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpCheckStep::Connect(to) => write!(f, "check http {to}"),
            HttpCheckStep::Send { method, uri, version, headers, body } => {
                let uri = uri.as_ref().map_or("/", |uri| uri.text());
                write!(f, "check http send {method} {uri} {version}")?;
                for (name, value) in headers {
                    write!(f, " hdr {name}: {}", value.text())?;
                }
                body.as_ref().map_or(Ok(()), |body| write!(f, " body {}", body.text()))
            }
            HttpCheckStep::Expect(expect) => write!(f, "check http {expect}"),
            HttpCheckStep::Set { text, .. } | HttpCheckStep::Unset { text, .. } => write!(f, "check http {text}"),
            HttpCheckStep::SendState => f.write_str("check http send-state"),
            HttpCheckStep::DisableOn404 => f.write_str("check http disable-on-404"),
        }
    }
}

impl Display for TcpCheckStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("check tcp ")?;
        match &self.what {
            TcpStep::Connect(to) => write!(f, "{to}"),
            TcpStep::Send { what, comment } => {
                match what {
                    Sending::Text(text) => write!(f, "send {}", text.escape_ascii()),
                    Sending::Binary(bytes) => write!(f, "send-binary {}", upper_hex(bytes)),
                    Sending::Format(format) => write!(f, "send-lf {}", format.text()),
                    Sending::BinaryFormat(format) => write!(f, "send-binary-lf {}", format.text()),
                }?;
                options(f, &[("comment", comment.as_deref().map(str::to_owned))])
            }
            TcpStep::Expect(expect) => write!(f, "{expect}"),
            TcpStep::Set { text, .. } | TcpStep::Unset { text, .. } => f.write_str(text),
        }
    }
}

/// A check of a known protocol.
pub(super) struct Spoken<'a>(pub(super) &'a Dialog);

impl Display for Spoken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("check ")?;
        match self.0 {
            Dialog::Redis => f.write_str("redis"),
            Dialog::Smtp { hello } => write!(f, "smtp {hello}"),
            Dialog::Mysql { login: None } => f.write_str("mysql"),
            Dialog::Mysql { login: Some((user, client)) } => {
                let client = match client {
                    MysqlClient::Pre41 => "pre-41",
                    MysqlClient::Post41 => "post-41",
                    MysqlClient::Post80 => "post-80",
                };
                write!(f, "mysql user {user} {client}")
            }
            Dialog::Pgsql { user } => write!(f, "pgsql user {user}"),
            Dialog::Ldap => f.write_str("ldap"),
            Dialog::TlsHello => f.write_str("ssl-hello"),
        }
    }
}

impl Display for CheckConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.as_ref().map(|port| match port {
            PortOf::Fixed(port) => port.to_string(),
            PortOf::Expr(expr) => expr.text().to_owned(),
        });
        let names =
            |alpn: &Vec<Vec<u8>>| alpn.iter().map(|name| name.escape_ascii().to_string()).collect::<Vec<_>>().join(",");
        f.write_str("connect")?;
        options(
            f,
            &[
                ("port", port),
                ("addr", self.addr.map(|ip| ip.to_string())),
                ("sni", self.sni.as_deref().map(str::to_owned)),
                ("alpn", self.alpn.as_ref().map(names)),
            ],
        )?;
        let (proxy, linger, default) = (self.send_proxy, self.linger, self.default);
        flags(f, &[("ssl", self.tls), ("send-proxy", proxy), ("linger", linger), ("default", default)])?;
        options(f, &[("comment", self.comment.as_deref().map(str::to_owned))])
    }
}

impl Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expected(f, self)
    }
}

fn expected(f: &mut fmt::Formatter<'_>, expect: &Expect) -> fmt::Result {
    write!(f, "expect {}", if expect.negate { "! " } else { "" })?;
    match &expect.what {
        ExpectMatch::Binary(bytes) => write!(f, "binary {}", upper_hex(bytes)),
        ExpectMatch::BinaryRegex(regex) => write!(f, "rbinary {regex}"),
        ExpectMatch::BinaryFormat(format) => write!(f, "binary-lf {}", format.text()),
        ExpectMatch::Status(ranges) => {
            let text = |(low, high): &(u16, u16)| if low == high { low.to_string() } else { format!("{low}-{high}") };
            write!(f, "status {}", ranges.iter().map(text).collect::<Vec<_>>().join(","))
        }
        ExpectMatch::StatusRegex(regex) => write!(f, "rstatus {regex}"),
        ExpectMatch::Body(text) => write!(f, "string {}", text.escape_ascii()),
        ExpectMatch::BodyRegex(regex) => write!(f, "rstring {regex}"),
        ExpectMatch::BodyFormat(format) => write!(f, "string-lf {}", format.text()),
        ExpectMatch::Header { name, value, full } => {
            write!(f, "{} name {}", if *full { "fhdr" } else { "hdr" }, matched(&name.how))?;
            value.as_ref().map_or(Ok(()), |value| write!(f, " value {}", matched(&value.how)))
        }
    }?;
    let format = |format: &Option<LogFormat>| format.as_ref().map(|format| format.text().to_owned());
    options(
        f,
        &[
            ("status-code", expect.status_code.as_ref().map(|code| code.text().to_owned())),
            ("min-recv", expect.min_recv.map(|bytes| bytes.to_string())),
            ("ok-status", expect.ok_status.map(str::to_owned)),
            ("error-status", expect.error_status.map(str::to_owned)),
            ("tout-status", expect.timeout_status.map(str::to_owned)),
            ("on-success", format(&expect.on_success)),
            ("on-error", format(&expect.on_error)),
            ("comment", expect.comment.as_deref().map(str::to_owned)),
        ],
    )
}

fn matched(how: &TextMatch) -> String {
    match how {
        TextMatch::Str(text) => format!("-m str {}", text.escape_ascii()),
        TextMatch::Beg(text) => format!("-m beg {}", text.escape_ascii()),
        TextMatch::End(text) => format!("-m end {}", text.escape_ascii()),
        TextMatch::Sub(text) => format!("-m sub {}", text.escape_ascii()),
        TextMatch::Reg(regex) => format!("-m reg {regex}"),
        TextMatch::Format(how, format) => {
            let how = match how {
                Comparison::Str => "str",
                Comparison::Beg => "beg",
                Comparison::End => "end",
                Comparison::Sub => "sub",
            };
            format!("-lf -m {how} {}", format.text())
        }
    }
}

/// `agent-check` and its options.
pub(super) fn asked(f: &mut fmt::Formatter<'_>, agent: &Agent) -> fmt::Result {
    write!(f, " agent-check agent-inter {} agent-port {}", agent.inter_ms, agent.port)?;
    let send = Some(&agent.send).filter(|send| !send.is_empty());
    options(
        f,
        &[
            ("agent-addr", agent.addr.map(|addr| addr.to_string())),
            ("agent-send", send.map(|send| format!("\"{}\"", send.escape_ascii()))),
        ],
    )
}

/// `observe` and what goes with it.
pub(super) fn observed(f: &mut fmt::Formatter<'_>, observe: &Observe) -> fmt::Result {
    let layer = if observe.responses { "layer7" } else { "layer4" };
    write!(f, " observe {layer} error-limit {} on-error {}", observe.limit, observe.then.name())
}

/// `check` and its options.
pub(super) fn health(f: &mut fmt::Formatter<'_>, check: &Check) -> fmt::Result {
    write!(f, " check inter {} rise {} fall {}", check.inter_ms, check.rise, check.fall)?;
    options(
        f,
        &[
            ("init-state", (check.init_state != InitState::Up).then(|| check.init_state.name().to_owned())),
            ("fastinter", check.fastinter_ms.map(|ms| ms.to_string())),
            ("downinter", check.downinter_ms.map(|ms| ms.to_string())),
            ("port", check.port.map(|port| port.to_string())),
            ("addr", check.addr.map(|addr| addr.to_string())),
        ],
    )?;
    flags(f, &[("check-ssl", check.tls), ("check-send-proxy", check.send_proxy)])
}
