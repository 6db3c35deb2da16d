//! Conditions (manual 7.2): alternatives of conjunctions of possibly negated ACLs, evaluated in three-valued logic.

use std::sync::Arc;

use super::{Ctx, Expr, Flow, Seen, Tri};
use crate::base::value::Value;
use crate::keyword::Needs;

/// `if ...` or `unless ...`. Built by `Cond::bind` in `expr::bind`.
pub struct Cond {
    pub(super) alternatives: Box<[Box<[Term]>]>,
    /// `unless`.
    pub(super) negate: bool,
    pub(super) needs: Needs,
    pub(super) text: Box<str>,
}

/// One ACL of a conjunction.
pub(super) struct Term {
    pub(super) negate: bool,
    pub(super) acl: Arc<Acl>,
}

/// An ACL: the declarations of one name are alternatives.
pub struct Acl {
    pub(super) tests: Box<[Test]>,
    pub(super) needs: Needs,
    pub(super) text: Box<str>,
}

/// One `acl` declaration: an expression and what its values are compared with.
pub(super) struct Test {
    pub(super) expr: Arc<Expr>,
    pub(super) matches: Matcher,
}

/// Whether one value matches; resolved from the matching method and the patterns at load.
pub(super) type Matcher = Box<dyn Fn(&Value<'_>) -> bool + Send + Sync>;

impl Cond {
    /// Evaluates on the context.
    pub fn eval(&self, ctx: &Ctx<'_>) -> Tri {
        let mut result = Tri::Fail;
        for terms in &self.alternatives {
            match all(terms, ctx) {
                Tri::Pass => {
                    result = Tri::Pass;
                    break;
                }
                Tri::Miss => result = Tri::Miss,
                Tri::Fail => {}
            }
        }
        negated(result, self.negate)
    }

    /// Whether it holds, once everything has arrived: a miss is a failure.
    pub fn holds(&self, ctx: &Ctx<'_>) -> bool {
        self.eval(ctx) == Tri::Pass
    }

    /// What must be there when it is evaluated.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The condition as written, normalised.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Acl {
    /// Passes if any value of any declaration matches.
    pub fn eval(&self, ctx: &Ctx<'_>) -> Tri {
        let mut result = Tri::Fail;
        for test in &self.tests {
            match test.eval(ctx) {
                Tri::Pass => return Tri::Pass,
                Tri::Miss => result = Tri::Miss,
                Tri::Fail => {}
            }
        }
        result
    }

    /// What must be there when it is evaluated.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The declarations as written, normalised.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Test {
    fn eval(&self, ctx: &Ctx<'_>) -> Tri {
        let mut found = false;
        let seen = self.expr.each(ctx, &mut |value| {
            found = (self.matches)(&value);
            if found { Flow::Stop } else { Flow::Continue }
        });
        match (found, seen) {
            (true, _) => Tri::Pass,
            (false, Seen::Partial) if !ctx.last => Tri::Miss,
            (false, _) => Tri::Fail,
        }
    }
}

fn all(terms: &[Term], ctx: &Ctx<'_>) -> Tri {
    let mut result = Tri::Pass;
    for term in terms {
        match negated(term.acl.eval(ctx), term.negate) {
            Tri::Fail => return Tri::Fail,
            Tri::Miss => result = Tri::Miss,
            Tri::Pass => {}
        }
    }
    result
}

fn negated(result: Tri, negate: bool) -> Tri {
    match (result, negate) {
        (Tri::Pass, true) => Tri::Fail,
        (Tri::Fail, true) => Tri::Pass,
        (result, _) => result,
    }
}
