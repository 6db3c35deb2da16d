//! Actions on variables (manual 2.8): set-var, set-var-fmt, unset-var.

use crate::base::value::Value;
use crate::diag::Word;
use crate::expr::log_format::Style;
use crate::expr::{Ctx, Expr, LogFormat, Target};
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
                txn.vars.unset_anywhere(txn.view, target.var());
                Verdict::Next
            }))
        },
    },
];

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
        self.target.var()
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
