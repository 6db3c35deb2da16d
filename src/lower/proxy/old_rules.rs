//! Rules of releases up to 2.0 that ran before or behind those of `http-request` and `http-response`.

use super::{ProxyDraft, kind_name};
use crate::diag::{Diagnostic, Span, Word};
use crate::keyword::{Hook, Result, Scope, Sections, Words};
use crate::lower::legacy::OldList;
use crate::lower::table::sentence;
use crate::rules::Rule;

impl ProxyDraft {
    /// Adds an old rule; its words begin with the rule set, or with the old directive for rules on lines.
    pub(in crate::lower) fn old_rule(
        &mut self,
        list: OldList,
        line: &[Word],
        end: Span,
        scope: &Scope<'_>,
    ) -> Result<()> {
        let Some((first, rest)) = line.split_first() else { return Ok(()) };
        if self.kind == Sections::DEFAULTS && list != OldList::First {
            let message = format!("'{first}' not allowed in '{}' section.", kind_name(self.kind));
            return Err(sentence(first.span, "section", message));
        }
        let mut words = Words::new(rest, end);
        let response = matches!(first.as_str(), "http-response") || first.as_str().starts_with("rsp");
        let hook = if response { Hook::HttpResponse } else { Hook::HttpRequest };
        let rule = match Rule::bind_line(first, &mut words, scope) {
            Some(rule) => rule?,
            None => Rule::bind(&mut words, hook, scope)?,
        };
        let rules = match (list, response) {
            (OldList::First, _) => &mut self.rules.first,
            (OldList::Lines, false) => &mut self.rules.req_lines,
            (OldList::Lines, true) => &mut self.rules.res_lines,
            (OldList::Added, false) => &mut self.rules.req_added,
            (OldList::Added, true) => &mut self.rules.res_added,
        };
        rules.push((rule, self.line));
        Ok(())
    }

    /// `mode health`: every request is answered with 200.
    pub(super) fn answer_health(&mut self, span: Span, scope: &Scope<'_>) -> Result<()> {
        if !self.inherited {
            let text = "'mode health' doesn't exist anymore and is read in today's spelling.";
            let found = Diagnostic::warning("legacy", text).at(span);
            scope.diags.push(found.help("write: mode http, and behind it: http-request return status 200"));
        }
        let answer = ["return", "status", "200"].map(|word| Word::new(word, span));
        let rule = Rule::bind(&mut Words::new(&answer, span), Hook::HttpRequest, scope)?;
        self.rules.health = Some((rule, self.line));
        Ok(())
    }
}
