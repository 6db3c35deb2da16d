//! Conditions (manual 7.2): alternatives of conjunctions of possibly negated ACLs, evaluated in three-valued logic.

use std::sync::Arc;

use super::{Acl, Ctx, Tri, acl};
use crate::diag::{Diagnostic, Span, Word};
use crate::keyword::{Error, Needs, Result, Scope, Words};

/// `if ...` or `unless ...`. Built by [`Cond::bind`].
pub struct Cond {
    alternatives: Box<[Box<[Term]>]>,
    /// `unless`.
    negate: bool,
    needs: Needs,
    text: Box<str>,
}

/// One ACL of a conjunction.
struct Term {
    negate: bool,
    acl: Arc<Acl>,
}

impl Cond {
    /// Binds `if ...` or `unless ...`; `None` at the end of the line. All words up to the end belong to the condition.
    pub fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Option<Cond>> {
        let Some(first) = words.next_word() else { return Ok(None) };
        let negate = match first.as_str() {
            "if" => false,
            "unless" => true,
            other => {
                let message = format!("expects either 'if' or 'unless' followed by a condition but found '{other}'");
                return Err(words.error_last(message));
            }
        };
        let mut parser = Parser { scope, done: Vec::new(), terms: Vec::new(), text: String::new(), negate: false };
        while let Some(word) = words.next_word() {
            parser.word(word, words)?;
        }
        parser.finish(negate, first.span).map(Some)
    }

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

/// A condition being bound.
struct Parser<'p, 'a> {
    scope: &'p Scope<'a>,
    done: Vec<Box<[Term]>>,
    terms: Vec<Term>,
    text: String,
    /// An odd number of `!` stands before the next term.
    negate: bool,
}

impl Parser<'_, '_> {
    fn word(&mut self, word: &Word, words: &mut Words<'_>) -> Result<()> {
        let text = word.as_str();
        if text.eq_ignore_ascii_case("or") || text == "||" {
            self.close();
            return Ok(());
        }
        let name = text.trim_start_matches('!');
        let signs = text.len() - name.len();
        self.negate ^= signs % 2 == 1;
        match name {
            "" => Ok(()),
            "{" => {
                let acl = self.anonymous(word, words)?;
                let text = format!("{{ {} }}", acl.text());
                self.push(acl, &text);
                Ok(())
            }
            name => {
                let span = word.part(signs..text.len());
                let acl = acl::named(name, span, self.scope).ok_or_else(|| no_such(name, span, self.scope))?;
                self.push(acl, name);
                Ok(())
            }
        }
    }

    fn anonymous(&self, open: &Word, words: &mut Words<'_>) -> Result<Arc<Acl>> {
        let rest = words.rest();
        let Some(length) = rest.iter().position(|word| word.as_str() == "}") else {
            let found = Diagnostic::alert("unclosed", "missing closing '}' in condition").at(open.span);
            return Err(Box::new(found.help("the braces must be words of their own: '{ path /x }'")));
        };
        for _ in 0..=length {
            words.next_word();
        }
        let end = words.last().map_or(words.end(), |word| word.span);
        acl::anonymous(&rest[..length], end, self.scope)
    }

    fn push(&mut self, acl: Arc<Acl>, text: &str) {
        let negate = std::mem::take(&mut self.negate);
        if !self.text.is_empty() {
            self.text.push_str(if self.terms.is_empty() { " || " } else { " " });
        }
        if negate {
            self.text.push('!');
        }
        self.text.push_str(text);
        self.terms.push(Term { negate, acl });
    }

    /// Ends an alternative. HAProxy overlooks empty ones and a `!` that negates nothing.
    fn close(&mut self) {
        self.negate = false;
        if !self.terms.is_empty() {
            self.done.push(std::mem::take(&mut self.terms).into_boxed_slice());
        }
    }

    fn finish(mut self, negate: bool, span: Span) -> Result<Cond> {
        self.close();
        let keyword = if negate { "unless" } else { "if" };
        if self.done.is_empty() {
            let outcome = if negate { "always holds" } else { "never holds" };
            let message = format!("'{keyword}' without any ACL behind it {outcome}");
            self.scope.diags.push(Diagnostic::warning("empty-condition", message).at(span));
        }
        let terms = || self.done.iter().flat_map(|terms| terms.iter());
        if let Some(message) = terms().find_map(|term| term.acl.never_matches(self.scope)) {
            self.scope.diags.push(Diagnostic::warning("never-matches", message).at(span));
        }
        let needs = terms().fold(Needs::empty(), |needs, term| needs | term.acl.needs());
        let text = format!("{keyword} {}", self.text).into_boxed_str();
        Ok(Cond { alternatives: self.done.into_boxed_slice(), negate, needs, text })
    }
}

fn no_such(name: &str, span: Span, scope: &Scope<'_>) -> Error {
    let found = Diagnostic::alert("unknown-acl", format!("no such ACL : '{name}'")).at(span);
    let mut known: Vec<&str> = scope.acls.keys().map(String::as_str).collect();
    known.sort_unstable();
    acl::predefined_names().for_each(|name| known.push(name));
    Box::new(if name == "and" {
        found.help("ACLs that stand side by side must all hold: leave 'and' out")
    } else if let Some(near) = crate::diag::suggest(name, known) {
        found.help(format!("did you mean '{near}'?"))
    } else {
        found.help("declare it with 'acl', or write an anonymous one between braces: '{ path /x }'")
    })
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

#[inline]
fn negated(result: Tri, negate: bool) -> Tri {
    match (result, negate) {
        (Tri::Pass, true) => Tri::Fail,
        (Tri::Fail, true) => Tri::Pass,
        (result, _) => result,
    }
}
