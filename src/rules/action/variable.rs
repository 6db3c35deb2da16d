//! Actions on variables (manual 2.8): set-var, set-var-fmt, unset-var.

use crate::base::value::Value;
use crate::diag::{Diagnostic, Word};
use crate::expr::log_format::Style;
use crate::expr::{Ctx, Expr, LogFormat, args};
use crate::keyword::{Meta, Needs, Result, Scope, VarSlot, Words};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "set-var-fmt",
            "set-var-fmt(<var-name>[,<cond>...]) <fmt>",
            "Sets a variable to a formatted text if all conditions hold; see set-var.",
            &[("set-var-fmt(txn.from) %[src]:%[src_port]", "txn.from=192.0.2.7:49224")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| Assignment::bind_format(words, scope).map(Assignment::action),
    },
    Action {
        meta: Meta::new(
            "set-var",
            "set-var(<var-name>[,<cond>...]) <expr>",
            "Sets a variable if the expression has a value and all conditions hold. They are ifexists, ifnotexists, ifempty, \
             ifnotempty, ifset, ifnotset, ifgt and iflt (the variable's value is greater or less than the new one).",
            &[
                ("set-var(req.ua) req.hdr(user-agent),lower", "req.ua=curl/8.5.0"),
                ("set-var(txn.none) req.hdr(none)", ""),
                ("set-var(txn.old,ifgt) int(4)", "txn.old=4"),
                ("set-var(txn.old,iflt) int(4)", ""),
                ("set-var(txn.new,ifexists) int(4)", ""),
                ("set-var(txn.new,ifnotempty) str()", ""),
            ],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| Assignment::bind(words, scope).map(Assignment::action),
    },
    Action {
        meta: Meta::new(
            "unset-var",
            "unset-var(<var-name>)",
            "Forgets a variable.",
            &[("unset-var(txn.old)", "txn.old unset")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| {
            let target = Target::bind(words, scope)?;
            Ok(Bound::new(Needs::empty(), move |txn| {
                txn.vars.unset_anywhere(txn.view, target.var);
                Verdict::Next
            }))
        },
    },
];

/// The variable to set and under which conditions.
struct Target {
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
    /// Reads the text between the parentheses, which is the first word.
    fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Target> {
        // Without parentheses the first word is some other argument.
        let Some(inner) = words.next_word().filter(|word| !word.as_str().is_empty()) else {
            return Err(args::variable_of(&Word::new("", words.span()), scope)
                .err()
                .unwrap_or_else(|| words.error_here("")));
        };
        let text = inner.as_str();
        let name_len = text.find(',').unwrap_or(text.len());
        let name = Word::new(&text[..name_len], inner.part(0..name_len));
        let var = args::variable_of(&name, scope)?;
        let mut conditions = Vec::new();
        let mut at = name_len;
        for condition in text.split(',').skip(1) {
            at += 1;
            let span = inner.part(at..at + condition.len());
            at += condition.len();
            conditions.push(Condition::of(condition).ok_or_else(|| {
                let error = Diagnostic::alert("bad-argument", format!("unknown condition \"{condition}\"")).at(span);
                Box::new(error.help(format!("the conditions are {}", Condition::NAMES)))
            })?);
        }
        Ok(Target { var, conditions: conditions.into() })
    }

    /// Whether all conditions hold for a new value.
    fn permits(&self, ctx: &Ctx<'_>, value: &Value<'_>) -> bool {
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

/// What `set-var` and `set-var-fmt` say: a variable, conditions, and where the value comes from. Rule sets and health
/// checks have it.
pub struct Assignment {
    target: Target,
    source: Source,
}

enum Source {
    Expr(Expr),
    Format(LogFormat),
}

impl Assignment {
    /// Reads the text between the parentheses as one word, then the expression.
    pub fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Assignment> {
        let target = Target::bind(words, scope)?;
        let source = Source::Expr(Expr::bind(words, scope)?);
        Ok(Assignment { target, source })
    }

    /// Reads the text between the parentheses as one word, then the format string.
    pub fn bind_format(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Assignment> {
        let target = Target::bind(words, scope)?;
        let empty = Word::new("", words.span());
        let word = match words.peek() {
            Some(word) if !matches!(word.as_str(), "if" | "unless") => words.next_word().unwrap_or(&empty),
            _ => &empty,
        };
        let source = Source::Format(LogFormat::bind_as(word, scope, Style::Text)?);
        Ok(Assignment { target, source })
    }

    /// The variable.
    pub fn var(&self) -> VarSlot {
        self.target.var
    }

    /// The new value; `None` where the expression has none or a condition does not hold.
    pub fn value(&self, ctx: &Ctx<'_>) -> Option<Value<'static>> {
        let value = match &self.source {
            Source::Expr(expr) => expr.with_value(ctx, |value| value.into_owned())?,
            Source::Format(format) => format.value(ctx),
        };
        self.target.permits(ctx, &value).then_some(value)
    }

    fn needs(&self) -> Needs {
        match &self.source {
            Source::Expr(expr) => expr.needs(),
            Source::Format(format) => format.needs(),
        }
    }

    fn action(self) -> Bound {
        Bound::new(self.needs(), move |txn| {
            let value = self.value(&txn.ctx());
            if let Some(value) = value {
                txn.vars.set_anywhere(txn.view, self.var(), value);
            }
            Verdict::Next
        })
    }
}
