//! Binds one rule: `<action> [arguments] [if|unless condition]`, after `http-request` or another name of a rule set.
//!
//! Owns the order of the parts and the wording of errors about them; arguments are the business of each action.

use super::{Action, Hooks, Rule, action};
use crate::diag::{Diagnostic, Lead, Word, suggest};
use crate::expr::Cond;
use crate::keyword::known::{self, Class};
use crate::keyword::{Error, Hook, Needs, Result, Scope, Words};

impl Rule {
    /// Binds a rule; the cursor stands at the action's name and is at its end afterwards. `scope.hook` need not be set.
    ///
    /// `place` of the result is empty: the caller knows file and line.
    pub fn bind(words: &mut Words<'_>, hook: Hook, scope: &Scope<'_>) -> Result<Rule> {
        let scope = scope.at(hook);
        let Some(name) = words.next_word() else { return Err(expected(None, words, &scope)) };
        let Some((action, inner)) = find(name, hook) else { return Err(expected(Some(name), words, &scope)) };
        scope.admit(&action.meta, name.span)?;
        scope.expose(&action.meta, "action", name.span)?;
        Rule::with(action, inner, name, words, &scope)
    }

    /// Binds a `redirect` directive, whose cursor stands behind that word: an `http-request redirect` whose texts are no format
    /// strings.
    pub fn bind_redirect(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Rule> {
        let scope = scope.at(Hook::HttpRequest);
        let name = Word::new("redirect", words.span());
        Rule::with(&action::LITERAL_REDIRECT, None, &name, words, &scope)
    }

    /// Binds a directive of releases up to 2.0 that works on whole lines, such as `reqrep`; the cursor stands behind its name.
    pub fn bind_line(name: &Word, words: &mut Words<'_>, scope: &Scope<'_>) -> Option<Result<Rule>> {
        let action = action::OLD_LINES.iter().find(|action| action.meta.name == name.as_str())?;
        let hook = if action.hooks.contains(Hooks::HTTP_RES) { Hook::HttpResponse } else { Hook::HttpRequest };
        Some(Rule::with(action, None, name, words, &scope.at(hook)))
    }

    fn with(
        action: &'static Action,
        inner: Option<Word>,
        name: &Word,
        words: &mut Words<'_>,
        scope: &Scope<'_>,
    ) -> Result<Rule> {
        let rest = words.take_rest();
        let text = text(name, rest);
        let all: Vec<Word> = inner.into_iter().chain(rest.iter().cloned()).collect();
        let mut words = Words::new(&all, words.end());
        let bound = (action.bind)(&mut words, scope).map_err(|error| in_rule(error, name, scope))?;
        let cond = condition(&mut words, name, scope)?;
        let needs = bound.needs | cond.as_ref().map_or(Needs::empty(), Cond::needs);
        Ok(Rule { cond, action: bound.run, needs, name: action.meta.name, place: "".into(), text: text.into() })
    }
}

impl Action {
    /// Whether the name is followed by arguments in parentheses, as in `set-var(txn.x)`.
    pub fn takes_parentheses(&self) -> bool {
        self.meta.usage.as_bytes().get(self.meta.name.len()) == Some(&b'(')
    }
}

impl Hooks {
    /// The rule set as one of the flags; empty for places that have no rules.
    pub fn of(hook: Hook) -> Hooks {
        match hook {
            Hook::TcpRequestConnection => Hooks::TCP_REQ_CONN,
            Hook::TcpRequestSession => Hooks::TCP_REQ_SESS,
            Hook::TcpRequestContent => Hooks::TCP_REQ_CONT,
            Hook::TcpResponseContent => Hooks::TCP_RES_CONT,
            Hook::HttpRequest => Hooks::HTTP_REQ,
            Hook::HttpResponse => Hooks::HTTP_RES,
            Hook::HttpAfterResponse => Hooks::HTTP_AFTER,
            Hook::HttpError | Hook::UseBackend | Hook::UseServer | Hook::Log | Hook::Check | Hook::Internal => {
                Hooks::empty()
            }
        }
    }
}

/// The action that a word names, and the text between its parentheses.
fn find(name: &Word, hook: Hook) -> Option<(&'static Action, Option<Word>)> {
    let text = name.as_str();
    let (base, inner) = match text.split_once('(') {
        Some((base, rest)) => {
            let inner = rest.strip_suffix(')').unwrap_or(rest);
            let start = base.len() + 1;
            (base, Some(Word::new(inner, name.part(start..start + inner.len()))))
        }
        None => (text, None),
    };
    // Each counter is an action of its own, of which the table names the first ones.
    let counter = base.strip_prefix("track-sc").filter(|number| number.parse::<u8>().is_ok());
    let (base, inner) = match counter {
        Some(number) => {
            let start = base.len() - number.len();
            let known = if matches!(number, "0" | "1" | "2") { base } else { "track-sc2" };
            (known, Some(Word::new(number, name.part(start..base.len()))))
        }
        None => (base, inner),
    };
    // The name of `expect-proxy layer4` is longer than its first word.
    let is_named = |action: &Action| action.meta.name.split(' ').next() == Some(base);
    let action = action::all().find(|action| is_named(action) && action.hooks.contains(Hooks::of(hook)))?;
    Some((action, inner))
}

fn condition(words: &mut Words<'_>, name: &Word, scope: &Scope<'_>) -> Result<Option<Cond>> {
    let Some(word) = words.peek() else { return Ok(None) };
    if !matches!(word.as_str(), "if" | "unless") {
        return Err(unexpected(word, name, scope));
    }
    let rule = rule_name(name, scope);
    let cond = Cond::bind(words, scope)
        .map_err(|error| Box::new(error.context(format!("error detected while parsing an {rule} condition : "))))?;
    words.finish()?;
    Ok(cond)
}

fn unexpected(word: &Word, name: &Word, scope: &Scope<'_>) -> Error {
    let (rule, found) = (rule_name(name, scope), word.as_str());
    let error = if is_http(scope.hook) {
        let message = format!("{rule} expects either 'if' or 'unless' followed by a condition but found '{found}'");
        Diagnostic::alert("unexpected-word", message).lead(Lead::ParsingTight)
    } else {
        let message = format!("{rule} only accepts 'if' or 'unless', in {} (got '{found}')", section(scope));
        Diagnostic::alert("unexpected-word", message)
    };
    Box::new(error.at(word.span))
}

fn in_rule(mut error: Error, name: &Word, scope: &Scope<'_>) -> Error {
    let before = format!("error detected in {} while parsing {} rule : ", section(scope), rule_name(name, scope));
    // The message is complete now: the directive adds nothing to it.
    *error = Diagnostic { code: "bad-rule", ..error.context(before).or_at(name.span) };
    error
}

/// `'http-request set-header'`; the directive `redirect` stands alone.
fn rule_name(name: &Word, scope: &Scope<'_>) -> String {
    format!("'{} {}'", scope.hook.name(), name.as_str())
}

/// `frontend 'www'`, as HAProxy's messages call it.
fn section(scope: &Scope<'_>) -> String {
    match scope.proxy.and_then(|id| scope.names.proxies.get(id.index())) {
        Some(proxy) => {
            let kind = match (proxy.frontend, proxy.backend) {
                (true, false) => "frontend",
                (false, true) => "backend",
                _ => "proxy",
            };
            format!("{kind} '{}'", proxy.name)
        }
        None => "defaults".to_owned(),
    }
}

/// The error for a name that is no action of the rule set, in the words of HAProxy 3.4.
fn expected(name: Option<&Word>, words: &Words<'_>, scope: &Scope<'_>) -> Error {
    let hook = scope.hook;
    let Some(word) = name else {
        let message = format!("'{}' expects {}, but got '' (missing argument)", hook.name(), list(hook));
        return Box::new(Diagnostic::alert("missing-action", message).lead(Lead::ParsingTight).at(words.end()));
    };
    let base = word.as_str().split('(').next().unwrap_or_default();
    if base.starts_with("lua.") {
        let message = format!("'{base}' needs Lua, which is known to HAProxy 3.4, not supported by hydroxy yet");
        return Box::new(Diagnostic::alert("not-yet", message).at(word.span));
    }
    let counter = base.strip_prefix("track-sc").filter(|number| number.parse::<u8>().is_ok());
    let base = if counter.is_some() { "track-sc0" } else { base };
    if let Some(known) = known::find(Class::Action, base) {
        if places(known.place).any(|place| place == hook.name()) {
            return match known::not_yet(Class::Action, known.name, word.span) {
                Some(error) => error,
                None => Box::new(Diagnostic::alert("not-yet", format!("'{base}' is not supported")).at(word.span)),
            };
        }
        let message = message(hook, base, None, scope);
        let help = format!("'{base}' is an action of {}", known.place.replace(',', ", "));
        return Box::new(lead(message, hook).at(word.span).help(help));
    }
    if let Some(help) = known::elsewhere(Class::Action, base) {
        return Box::new(lead(message(hook, word.as_str(), None, scope), hook).at(word.span).help(help));
    }
    let near = suggest(base, names(hook).map(|name| name.trim_end_matches("(*)")));
    let error = lead(message(hook, word.as_str(), near, scope), hook).at(word.span);
    Box::new(match near {
        Some(near) => error.help(format!("did you mean '{near}'?")),
        None => error,
    })
}

fn lead(message: String, hook: Hook) -> Diagnostic {
    let found = Diagnostic::alert("unknown-action", message);
    if is_http(hook) { found.lead(Lead::ParsingTight) } else { found }
}

fn message(hook: Hook, got: &str, near: Option<&str>, scope: &Scope<'_>) -> String {
    let mut text = if is_http(hook) {
        format!("'{}' expects {}, but got '{got}'.", hook.name(), list(hook))
    } else {
        format!("'{}' expects {} in {} (got '{got}').", hook.name(), list(hook), section(scope))
    };
    if let Some(near) = near {
        text.push_str(&format!(" Did you mean '{near}' maybe ?"));
    }
    text
}

fn is_http(hook: Hook) -> bool {
    Hooks::HTTP.contains(Hooks::of(hook))
}

/// The names of a rule set's actions, quoted, as HAProxy lists them.
fn list(hook: Hook) -> String {
    let mut out = String::new();
    if !is_http(hook) {
        out.push_str(TCP_FIRST);
    }
    for name in names(hook).filter(|name| is_http(hook) || !TCP_FIRST.contains(&format!("'{name}'"))) {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&format!("'{name}'"));
    }
    out
}

/// The names of a rule set's actions in HAProxy's order; `(*)` where arguments in parentheses follow.
fn names(hook: Hook) -> impl Iterator<Item = &'static str> {
    ORDER.iter().copied().filter(move |name| {
        let base = match *name {
            "track-sc(*)" => "track-sc0",
            name => name.trim_end_matches("(*)"),
        };
        known::find(Class::Action, base).is_some_and(|known| places(known.place).any(|place| place == hook.name()))
    })
}

fn places(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

fn text(name: &Word, rest: &[Word]) -> String {
    let mut text = name.as_str().to_owned();
    for word in rest {
        text.push(' ');
        let word = word.as_str();
        if word.is_empty() || word.contains([' ', '"', '\'', '#']) {
            text.push_str(&format!("{word:?}"));
        } else {
            text.push_str(word);
        }
    }
    text
}

/// What HAProxy's messages name first for the TCP rule sets.
const TCP_FIRST: &str =
    "'accept', 'reject', 'capture', 'expect-proxy', 'expect-netscaler-cip', 'track-sc0' ... 'track-sc2'";

/// All actions in the order of HAProxy 3.4's messages.
const ORDER: &[&str] = &[
    "wait-for-handshake",
    "set-retries",
    "set-log-level",
    "set-nice",
    "switch-mode",
    "use-service",
    "sc-add-gpc(*)",
    "sc-inc-gpc(*)",
    "sc-inc-gpc0(*)",
    "sc-inc-gpc1(*)",
    "sc-set-gpt(*)",
    "sc-set-gpt0(*)",
    "do-resolve(*)",
    "cache-use",
    "cache-store",
    "send-spoe-group",
    "accept",
    "close",
    "attach-srv",
    "add-acl(*)",
    "add-header",
    "add-headers-bin",
    "allow",
    "auth",
    "capture",
    "del-acl(*)",
    "del-header",
    "del-headers-bin",
    "del-map(*)",
    "deny",
    "disable-l7-retry",
    "do-log",
    "early-hint",
    "normalize-uri",
    "pause",
    "redirect",
    "reject",
    "replace-header",
    "replace-path",
    "replace-pathq",
    "replace-uri",
    "replace-value",
    "return",
    "set-header",
    "set-headers-bin",
    "set-map(*)",
    "set-method",
    "set-path",
    "set-pathq",
    "set-query",
    "set-status",
    "set-uri",
    "strict-mode",
    "tarpit",
    "track-sc(*)",
    "set-timeout",
    "wait-for-body",
    "set-var-fmt(*)",
    "set-var(*)",
    "unset-var(*)",
    "set-bc-mark",
    "set-bc-tos",
    "set-dst",
    "set-dst-port",
    "set-fc-mark",
    "set-fc-tos",
    "set-mark",
    "set-src",
    "set-src-port",
    "set-tos",
    "silent-drop",
    "set-bandwidth-limit",
    "set-priority-class",
    "set-priority-offset",
];
