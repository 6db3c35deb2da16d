//! How the steps of health checks read in a dump; see `dump`.

use std::fmt::{self, Display};

use super::check::{Comparison, Expect, ExpectMatch, HttpCheckStep, PortOf, TextMatch};
use super::dump::{flags, options};
use crate::expr::LogFormat;

impl Display for HttpCheckStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpCheckStep::Connect { port, addr, tls, send_proxy, linger, default } => {
                f.write_str("check http connect")?;
                let port = port.as_ref().map(|port| match port {
                    PortOf::Fixed(port) => port.to_string(),
                    PortOf::Expr(expr) => expr.text().to_owned(),
                });
                options(f, &[("port", port), ("addr", addr.map(|ip| ip.to_string()))])?;
                flags(f, &[("ssl", *tls), ("send-proxy", *send_proxy), ("linger", *linger), ("default", *default)])
            }
            HttpCheckStep::Send { method, uri, version, headers, body } => {
                let uri = uri.as_ref().map_or("/", |uri| uri.text());
                write!(f, "check http send {method} {uri} {version}")?;
                for (name, value) in headers {
                    write!(f, " hdr {name}: {}", value.text())?;
                }
                body.as_ref().map_or(Ok(()), |body| write!(f, " body {}", body.text()))
            }
            HttpCheckStep::Expect(expect) => expected(f, expect),
            HttpCheckStep::Set { text, .. } | HttpCheckStep::Unset { text, .. } => write!(f, "check http {text}"),
            HttpCheckStep::SendState => f.write_str("check http send-state"),
            HttpCheckStep::DisableOn404 => f.write_str("check http disable-on-404"),
        }
    }
}

fn expected(f: &mut fmt::Formatter<'_>, expect: &Expect) -> fmt::Result {
    write!(f, "check http expect {}", if expect.negate { "! " } else { "" })?;
    match &expect.what {
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
