//! The variable that `set-var` sets, as an action or a converter, and under which conditions (manual 4.3, 7.3.1).

use super::{Ctx, args};
use crate::base::value::Value;
use crate::diag::{Diagnostic, Span, Word};
use crate::keyword::{Result, Scope, VarSlot, Words};

/// The variable to set and under which conditions.
pub struct Target {
    var: VarSlot,
    conditions: Box<[Condition]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Set,
    NotSet,
    Empty,
    NotEmpty,
    Greater,
    Less,
}

impl Target {
    /// Reads the text between the parentheses of an action, which is the first word.
    pub fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Target> {
        // Without parentheses the first word is some other argument.
        let Some(inner) = words.next_word().filter(|word| !word.as_str().is_empty()) else {
            return Err(args::variable_of(&Word::new("", words.span()), scope)
                .err()
                .unwrap_or_else(|| words.error_here("")));
        };
        let text = inner.as_str();
        let mut at = 0;
        let parts = text.split(',').map(|part| {
            let span = inner.part(at..at + part.len());
            at += part.len() + 1;
            Word::new(part, span)
        });
        Target::of(parts, scope)
    }

    /// Reads the arguments of a converter, one word each.
    pub fn bind_arguments(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Target> {
        if words.is_empty() {
            return Err(args::variable(words, scope).err().unwrap_or_else(|| words.error_here("")));
        }
        Target::of(words.take_rest().iter().cloned(), scope)
    }

    fn of(mut parts: impl Iterator<Item = Word>, scope: &Scope<'_>) -> Result<Target> {
        let empty = Word::new("", Span::nowhere());
        let var = args::variable_of(&parts.next().unwrap_or(empty), scope)?;
        let condition = |part: Word| {
            Condition::of(part.as_str()).ok_or_else(|| {
                let text = format!("unknown condition \"{}\"", part.as_str());
                let error = Diagnostic::alert("bad-argument", text).at(part.span);
                Box::new(error.help(format!("the conditions are {}", Condition::NAMES)))
            })
        };
        Ok(Target { var, conditions: parts.map(condition).collect::<Result<_>>()? })
    }

    /// The variable.
    pub fn var(&self) -> VarSlot {
        self.var
    }

    /// Whether all conditions hold for a new value.
    pub fn permits(&self, ctx: &Ctx<'_>, value: &Value<'_>) -> bool {
        self.conditions.is_empty() || {
            let old = ctx.variable(self.var);
            self.conditions.iter().all(|condition| condition.holds(old.as_ref(), value))
        }
    }
}

impl Condition {
    const NAMES: &str = "ifexists, ifnotexists, ifempty, ifnotempty, ifset, ifnotset, ifgt and iflt";

    /// A variable exists here when it is set: what `unset-var` leaves behind in HAProxy is not told apart.
    fn of(name: &str) -> Option<Condition> {
        Some(match name {
            "ifexists" | "ifset" => Condition::Set,
            "ifnotexists" | "ifnotset" => Condition::NotSet,
            "ifempty" => Condition::Empty,
            "ifnotempty" => Condition::NotEmpty,
            "ifgt" => Condition::Greater,
            "iflt" => Condition::Less,
            _ => return None,
        })
    }

    fn holds(self, old: Option<&Value<'_>>, new: &Value<'_>) -> bool {
        // Only texts can be empty.
        let empty = matches!(new, Value::Str(text) | Value::Bin(text) | Value::Meth(text) if text.is_empty());
        match (self, old, new) {
            (Condition::Set, old, _) => old.is_some(),
            (Condition::NotSet, old, _) => old.is_none(),
            (Condition::Empty, ..) => empty,
            (Condition::NotEmpty, ..) => !empty,
            (Condition::Greater, Some(Value::Int(old)), Value::Int(new)) => old > new,
            (Condition::Less, Some(Value::Int(old)), Value::Int(new)) => old < new,
            // Without two integers the comparison is taken to hold (manual 7.3.1, `set-var`).
            (Condition::Greater | Condition::Less, ..) => true,
        }
    }
}
