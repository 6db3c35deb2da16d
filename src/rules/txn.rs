//! What an action may change: facts, heads and variables of one stream.

use std::net::IpAddr;

use crate::base::addr::IpFamily;
use crate::expr::{ConnFacts, Ctx, Dir, LogFormat, Payload, StreamFacts, Vars};
use crate::http::{Head, Msg, MsgMut};
use crate::state::View;

/// A message being processed: the head and the buffer its untouched parts lie in.
pub struct Half<'a> {
    /// The bytes the head was parsed from; not changed any more.
    pub raw: &'a [u8],
    /// The head; edits go to its own arena.
    pub head: &'a mut Head,
}

/// The stream as actions see it. An action evaluates its expressions on [`Txn::ctx`] into `scratch`, then edits.
pub struct Txn<'a> {
    /// Milliseconds on the monotonic clock of the process.
    pub now_ms: u64,
    /// Unix time in microseconds.
    pub wall_us: i64,
    /// The client's connection.
    pub conn: &'a mut ConnFacts,
    /// The stream.
    pub stream: &'a mut StreamFacts,
    /// The request head, while it is there.
    pub req: Option<Half<'a>>,
    /// The response head, while it is there.
    pub res: Option<Half<'a>>,
    /// Request bytes.
    pub req_bytes: Payload<'a>,
    /// Response bytes.
    pub res_bytes: Payload<'a>,
    /// Variables.
    pub vars: &'a mut Vars,
    /// Counters and states.
    pub view: &'a View,
    /// The direction being processed: header actions edit that message.
    pub dir: Dir,
    /// Last evaluation of a rule set that had to wait.
    pub last: bool,
    /// Where an action writes an answer: see [`super::Final`].
    pub reply: &'a mut Vec<u8>,
    /// The address that an action waits for.
    pub lookup: &'a mut Lookup,
    /// Room for evaluated strings; empty between actions.
    pub scratch: &'a mut Vec<u8>,
}

/// What an action waits for: see [`super::Verdict::Resolve`].
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing.
    #[default]
    None,
    /// The address of a host.
    Wanted(Wanted),
    /// What was wanted, and the address if there is one.
    Found(Wanted, Option<IpAddr>),
}

/// A host whose address is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Index of the `resolvers` section.
    pub resolvers: usize,
    /// The host's name.
    pub name: String,
    /// The kind of address that is preferred.
    pub prefer: Option<IpFamily>,
}

impl Txn<'_> {
    /// The read-only view that expressions evaluate on.
    pub fn ctx(&self) -> Ctx<'_> {
        Ctx {
            now_ms: self.now_ms,
            wall_us: self.wall_us,
            conn: self.conn,
            stream: self.stream,
            req: self.req.as_ref().map(Half::msg),
            res: self.res.as_ref().map(Half::msg),
            req_bytes: self.req_bytes,
            res_bytes: self.res_bytes,
            vars: self.vars,
            view: self.view,
            dir: self.dir,
            last: self.last,
        }
    }

    /// Formats into the scratch buffer and hands the text over, together with the stream to edit.
    pub fn with_text<R>(&mut self, format: &LogFormat, use_it: impl FnOnce(&mut Self, &[u8]) -> R) -> R {
        let mut text = std::mem::take(self.scratch);
        text.clear();
        format.render(&self.ctx(), &mut text);
        let result = use_it(self, &text);
        text.clear();
        *self.scratch = text;
        result
    }

    /// The message of the current direction, for editing.
    pub fn message(&mut self) -> Option<MsgMut<'_>> {
        let half = match self.dir {
            Dir::Request => self.req.as_mut(),
            Dir::Response => self.res.as_mut(),
        };
        half.map(|half| MsgMut { raw: half.raw, head: half.head })
    }
}

impl Half<'_> {
    /// The message for reading.
    pub fn msg(&self) -> Msg<'_> {
        Msg { raw: self.raw, head: self.head }
    }
}
