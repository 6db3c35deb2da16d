//! Sample expressions (manual chapter 7), conditions and log-format, bound at load and evaluated without I/O or clock.
//!
//! Entry points: [`Expr`] for one expression, [`Cond`] for `if`/`unless`, [`LogFormat`] for format strings. The tables of
//! fetches, converters and log aliases stand in `fetch/`, `convert/` and `log_format/`, one file per family.

pub mod acl;
pub mod args;
mod bind;
pub mod captures;
pub mod cond;
mod conn_error;
pub mod convert;
pub mod ctx;
pub mod expression;
pub mod facts;
pub mod fetch;
#[cfg(test)]
pub(crate) mod fixture;
pub mod lists;
pub mod log_format;
mod matching;
pub mod sticky;
pub mod target;
pub mod timezone;
mod timing;
mod unique_id;
pub mod vars;

pub use acl::Acl;
pub use cond::Cond;
pub use conn_error::ConnError;
pub use ctx::{Ctx, Dir, Part, Payload, outside_streams};
pub use expression::Expr;
pub use facts::{
    CapturedHeader, Captures, ConnFacts, Endpoint, Marks, Overrides, RareFacts, StreamFacts, Termination, TlsFacts,
};
pub use fetch::{common_name, signature_algorithm};
pub use lists::{Declared, Edited, Lists, Noted};
pub use log_format::{Alias, Flags, LogFormat, Style};
pub use target::Target;
pub use unique_id::UniqueId;
pub use vars::Vars;

use crate::base::value::{Type, Value};
use crate::keyword::{Meta, Needs, Result, Scope, Words};

/// Whether a visitor wants more values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on with the next value.
    Continue,
    /// Enough.
    Stop,
}

/// What a fetch found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All there is (which may be nothing) was visited.
    All,
    /// More may come when more data has arrived: ask again, unless `ctx.last` is set.
    Partial,
}

/// What a fetch that yields several values is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Every value, as ACLs test them.
    Each,
    /// The one value that counts outside ACLs: the last of a header, say.
    One,
}

/// Hands the values wanted to the visitor, in order.
pub type FetchFn = Box<dyn for<'c> Fn(&Ctx<'c>, Want, &mut dyn FnMut(Value<'_>) -> Flow) -> Seen + Send + Sync>;
/// Changes one value; `None` drops it.
pub type ConvertFn = Box<dyn for<'v> Fn(&Ctx<'_>, Value<'v>) -> Option<Value<'v>> + Send + Sync>;

/// A table entry of a sample fetch (manual 7.3).
pub struct Fetch {
    /// Name, usage, documentation, examples, status.
    pub meta: Meta,
    /// Output type.
    pub out: Type,
    /// What must be there when it runs; of several, any suffices.
    pub needs: Needs,
    /// Reads the arguments between the parentheses, one word per argument.
    pub bind: Bind,
}

impl Fetch {
    /// A table entry.
    pub const fn new(meta: Meta, out: Type, needs: Needs, bind: Bind) -> Fetch {
        Fetch { meta, out, needs, bind }
    }
}

/// Reads the arguments of a fetch and makes its closure.
pub type Bind = fn(&mut Words<'_>, &Scope<'_>) -> Result<FetchFn>;

/// A table entry of a converter (manual 7.3.1).
pub struct Convert {
    /// Name, usage, documentation, examples, status.
    pub meta: Meta,
    /// Input type; values are cast to it first.
    pub takes: Type,
    /// Output type.
    pub out: Type,
    /// Reads the arguments between the parentheses, one word per argument.
    pub bind: BindConvert,
}

impl Convert {
    /// A table entry.
    pub const fn new(meta: Meta, takes: Type, out: Type, bind: BindConvert) -> Convert {
        Convert { meta, takes, out, bind }
    }
}

/// Reads the arguments of a converter and makes its closure.
pub type BindConvert = fn(&mut Words<'_>, &Scope<'_>) -> Result<ConvertFn>;

/// The result of a test: pass, fail, or miss (not decidable before more data arrives).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tri {
    /// True.
    Pass,
    /// False.
    Fail,
    /// More data may decide it. Never returned when `ctx.last` is set.
    Miss,
}
