//! The steps of `tcp-check` (manual 4.2 `option tcp-check`).

use super::content::{self, Heard};
use super::expect::{Judgement, rendered};
use super::outcome::Outcome;
use super::probe::{Line, Probe, Way};
use crate::base::hex::from_hex;
use crate::expr::{Ctx, Part, Payload};
use crate::ir::check::{Sending, TcpStep};
use crate::ir::{Expect, TcpCheckStep};

/// A generic check as far as it has come.
#[derive(Default)]
struct Talk<'s> {
    line: Option<Line>,
    /// What is to be sent before something is heard.
    unsent: Vec<u8>,
    /// What was heard since something was sent.
    heard: Vec<u8>,
    closed: bool,
    /// What the last rule was.
    last: Last<'s>,
}

#[derive(Clone, Copy, Default)]
enum Last<'s> {
    /// Nothing that needs a connection.
    #[default]
    Nothing,
    Connected {
        tls: bool,
    },
    Sent,
    Matched(&'s Expect),
}

impl Probe<'_> {
    /// Goes through the steps of `tcp-check`.
    pub(super) async fn tcp(&mut self, steps: &[TcpCheckStep]) -> Result<Outcome, Outcome> {
        let mut talk = Talk::default();
        for step in steps {
            self.step(&mut talk, step).await?;
        }
        self.flush(&mut talk).await?;
        let text = "(tcp-check)";
        match talk.last {
            Last::Nothing => self.connect_only().await.map_err(|failed| failed.and(INITIAL)),
            Last::Connected { tls } => Ok(Outcome::new(if tls { "L6OK" } else { "L4OK" }, 0, text)),
            Last::Sent => Ok(Outcome::new("L7OK", 0, text)),
            Last::Matched(expect) => Ok(content::passed(expect, &self.heard(&talk))),
        }
    }

    async fn step<'s>(&mut self, talk: &mut Talk<'s>, step: &'s TcpCheckStep) -> Result<(), Outcome> {
        match &step.what {
            TcpStep::Set { what, .. } => {
                let value = what.value(&self.heard(talk));
                if let Some(value) = value {
                    self.vars.set_anywhere(&self.live.view, what.var(), value);
                }
            }
            TcpStep::Unset { var, .. } => self.vars.unset_anywhere(&self.live.view, *var),
            TcpStep::Connect(to) => {
                self.flush(talk).await?;
                // The one before ends first.
                *talk = Talk::default();
                let way = self.way(to);
                let connected = self.connect(way).await;
                let line =
                    connected.map_err(|failed| failed.and(&place(step.number, &connection(&way), &to.comment)))?;
                talk.line = Some(line);
                talk.last = Last::Connected { tls: way.tls };
            }
            TcpStep::Send { what, comment } => {
                self.ready(talk).await?;
                let Some(bytes) = bytes(what, &self.heard(talk)) else {
                    let text = format!("tcp-check send : failed to build log-format string at step {}", step.number);
                    let comment = comment.as_ref().map(|comment| format!(" comment: {comment}")).unwrap_or_default();
                    return Err(Outcome::new("L7RSP", 0, text + &comment));
                };
                talk.unsent.extend_from_slice(&bytes);
                talk.heard.clear();
                talk.last = Last::Sent;
            }
            TcpStep::Expect(expect) => {
                self.ready(talk).await?;
                self.flush(talk).await?;
                self.expect_bytes(talk, expect, step.number).await?;
                talk.last = Last::Matched(expect);
            }
        }
        Ok(())
    }

    /// There is a connection, as the server's line wants it where no rule has made one.
    async fn ready(&self, talk: &mut Talk<'_>) -> Result<(), Outcome> {
        if talk.line.is_none() {
            let connected = self.connect(self.usual_way()).await;
            talk.line = Some(connected.map_err(|failed| failed.and(INITIAL))?);
        }
        Ok(())
    }

    async fn flush(&self, talk: &mut Talk<'_>) -> Result<(), Outcome> {
        match &mut talk.line {
            Some(line) if !talk.unsent.is_empty() => {
                line.send(&talk.unsent).await?;
                talk.unsent.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Listens until what is heard can be judged.
    async fn expect_bytes(&self, talk: &mut Talk<'_>, expect: &Expect, number: usize) -> Result<(), Outcome> {
        let limit = self.live.ir.global.bufsize;
        let late = expect.timeout_status.unwrap_or("L7TOUT");
        loop {
            let heard = Heard { bytes: &talk.heard, whole: talk.closed || talk.heard.len() >= limit };
            match content::judge(expect, heard, &self.heard(talk), number) {
                Judgement::Pass => return Ok(()),
                Judgement::Fail(outcome) => return Err(outcome),
                Judgement::More => {}
            }
            let Some(line) = &mut talk.line else { return Err(Outcome::bare("SOCKERR")) };
            let room = limit.saturating_sub(talk.heard.len());
            let more = line.hear(&mut talk.heard, room, late).await;
            let title = || format!("expect {}", content::title(&expect.what));
            talk.closed = !more.map_err(|failed| failed.and(&place(number, &title(), &expect.comment)))?;
        }
    }

    fn heard<'c>(&'c self, talk: &'c Talk<'_>) -> Ctx<'c> {
        self.raw_ctx(Payload { bytes: &talk.heard, complete: true, part: Part::Stream })
    }
}

/// `None` where a format makes no hexadecimal digits.
fn bytes(what: &Sending, ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    match what {
        Sending::Text(bytes) | Sending::Binary(bytes) => Some(bytes.to_vec()),
        Sending::Format(format) => Some(rendered(Some(format), ctx)),
        Sending::BinaryFormat(format) => from_hex(&rendered(Some(format), ctx)).ok(),
    }
}

fn connection(way: &Way<'_>) -> String {
    way.port.map_or("connect".to_owned(), |port| format!("connect port {port}"))
}

/// Where a check ended that could not go on.
fn place(number: usize, what: &str, comment: &Option<Box<str>>) -> String {
    let comment = comment.as_ref().map(|comment| format!(" comment: '{comment}'")).unwrap_or_default();
    format!(" at step {number} of tcp-check ({what}){comment}")
}

const INITIAL: &str = " at initial connection step of tcp-check";
