//! A bound expression: a fetch and the converters behind it.

use super::{ConvertFn, Ctx, FetchFn, Flow, Seen, Want};
use crate::base::value::{Type, Value};
use crate::keyword::Needs;

/// A fetch with its converters, types checked along the chain at load. Built by `Expr::bind` in `expr::bind`.
pub struct Expr {
    pub(super) fetch: FetchFn,
    pub(super) converts: Box<[BoundConvert]>,
    pub(super) out: Type,
    pub(super) needs: Needs,
    pub(super) text: Box<str>,
}

/// A converter with the type its input is cast to.
pub(super) struct BoundConvert {
    pub(super) takes: Type,
    pub(super) convert: ConvertFn,
}

impl Expr {
    /// The type of the last converter or of the fetch.
    pub fn out(&self) -> Type {
        self.out
    }

    /// What must be there when it is evaluated.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The normalised text, for snapshots, explanations and messages.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Visits every value that passes the converters.
    pub fn each<'c>(&self, ctx: &Ctx<'c>, visit: &mut dyn FnMut(Value<'_>) -> Flow) -> Seen {
        self.visit(ctx, Want::Each, visit)
    }

    /// Calls `use_it` with the one value that counts outside ACLs, if there is one.
    pub fn with_value<R>(&self, ctx: &Ctx<'_>, use_it: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        self.sample(ctx, use_it).0
    }

    /// As `with_value`, and tells whether a value may still come.
    pub fn sample<R>(&self, ctx: &Ctx<'_>, use_it: impl FnOnce(Value<'_>) -> R) -> (Option<R>, Seen) {
        let mut use_it = Some(use_it);
        let mut result = None;
        let seen = self.visit(ctx, Want::One, &mut |value| {
            if let Some(use_it) = use_it.take() {
                result = Some(use_it(value));
            }
            Flow::Stop
        });
        (result, seen)
    }

    /// The one value that counts, as a number, if it is one or reads as one.
    pub fn int(&self, ctx: &Ctx<'_>) -> Option<i64> {
        self.with_value(ctx, |value| match value.cast(Type::Int)? {
            Value::Int(number) => Some(number),
            _ => None,
        })?
    }

    fn visit<'c>(&self, ctx: &Ctx<'c>, want: Want, visit: &mut dyn FnMut(Value<'_>) -> Flow) -> Seen {
        if self.converts.is_empty() {
            return (self.fetch)(ctx, want, visit);
        }
        (self.fetch)(ctx, want, &mut |value| match self.convert(ctx, value) {
            Some(value) => visit(value),
            None => Flow::Continue,
        })
    }

    fn convert<'v>(&self, ctx: &Ctx<'_>, value: Value<'v>) -> Option<Value<'v>> {
        self.converts.iter().try_fold(value, |value, step| (step.convert)(ctx, value.cast(step.takes)?))
    }
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
