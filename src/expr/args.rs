//! Readers of the typed arguments between the parentheses of fetches and converters (manual 7.3). One word per argument; an
//! empty word is an argument that was left out.
//!
//! Owns the wording of wrong arguments; cutting the text into words is `bind`'s business.

use std::str::FromStr;
use std::sync::Arc;

use crate::base::id::{ProxyId, ServerId, TableId};
use crate::base::userlist::Userlist;
use crate::diag::{Diagnostic, Span, Word};
use crate::keyword::{Error, Result, Scope, VarScope, VarSlot, Words};

/// An integer that must be there.
pub fn int(words: &mut Words<'_>) -> Result<i64> {
    value(words, "integer")
}

/// An integer that may be left out.
pub fn opt_int(words: &mut Words<'_>) -> Result<Option<i64>> {
    opt_value(words, "integer")
}

/// Any value that parses from text and must be there; `what` names the type, for instance `IPv4 address`.
pub fn value<T: FromStr>(words: &mut Words<'_>, what: &str) -> Result<T> {
    match opt_value(words, what)? {
        Some(value) => Ok(value),
        None => Err(missing(words, what)),
    }
}

/// Any value that parses from text and may be left out.
pub fn opt_value<T: FromStr>(words: &mut Words<'_>, what: &str) -> Result<Option<T>> {
    let Some(word) = opt_word(words) else { return Ok(None) };
    let text = word.as_str();
    match text.parse() {
        Ok(value) => Ok(Some(value)),
        Err(_) => {
            let at = words.position();
            Err(wrong(word.span, format!("failed to parse '{text}' as type '{what}' at position {at}")))
        }
    }
}

/// An argument that may be left out; an empty one is.
pub fn opt_word<'a>(words: &mut Words<'a>) -> Option<&'a Word> {
    words.next_word().filter(|word| !word.is_empty())
}

/// A string that must be there but may be empty.
pub fn word<'a>(words: &mut Words<'a>, what: &str) -> Result<&'a Word> {
    words.next_word().ok_or_else(|| missing(words, what))
}

/// The backend named, or the section's own if the argument is left out.
pub fn backend(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ProxyId> {
    let Some(word) = opt_word(words) else {
        return own(words, scope, "backend", |proxy| proxy.backend);
    };
    let names = scope.names.proxies.iter().filter(|proxy| proxy.backend).map(|proxy| proxy.name.as_str());
    scope.names.backend(word.as_str()).ok_or_else(|| unknown(word, word.as_str(), "backend", names))
}

/// The frontend named, or the section's own if the argument is left out.
pub fn frontend(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ProxyId> {
    let Some(word) = opt_word(words) else {
        return own(words, scope, "frontend", |proxy| proxy.frontend);
    };
    let names = scope.names.proxies.iter().filter(|proxy| proxy.frontend).map(|proxy| proxy.name.as_str());
    scope.names.frontend(word.as_str()).ok_or_else(|| unknown(word, word.as_str(), "frontend", names))
}

/// A server as `backend/server`, or as `server` of the section's own backend.
pub fn server(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<(ProxyId, ServerId)> {
    let Some(word) = opt_word(words) else { return Err(error(words.end(), "missing server name")) };
    let text = word.as_str();
    let (proxy, name) = match text.split_once('/') {
        Some((backend, name)) => {
            let names = scope.names.proxies.iter().filter(|proxy| proxy.backend).map(|proxy| proxy.name.as_str());
            let proxy = scope.names.backend(backend).ok_or_else(|| unknown(word, backend, "proxy", names))?;
            (proxy, name)
        }
        None => (own(words, scope, "backend", |_| true)?, text),
    };
    let servers = scope.names.proxies.get(proxy.index()).map_or(&[][..], |proxy| &proxy.servers);
    let found = scope.names.server(proxy, name);
    let found = found.ok_or_else(|| unknown(word, name, "server", servers.iter().map(String::as_str)))?;
    Ok((proxy, found))
}

/// A userlist.
pub fn userlist(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Arc<Userlist>> {
    let Some(word) = opt_word(words) else { return Err(error(words.end(), "missing userlist name")) };
    let names = scope.names.userlists.iter().map(|list| list.name.as_str());
    let found = scope.names.userlist(word.as_str()).and_then(|id| scope.names.accounts.get()?.get(id.index()));
    found.cloned().ok_or_else(|| unknown(word, word.as_str(), "userlist", names))
}

/// The stick table named, if one is.
pub fn opt_table(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Option<TableId>> {
    opt_word(words).map(|word| table_of(word, scope)).transpose()
}

/// The stick table named, or the section's own if the argument is left out.
pub fn table(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<TableId> {
    match opt_table(words, scope)? {
        Some(table) => Ok(table),
        None => own_table(words.end(), scope),
    }
}

/// The stick table that a word names.
pub fn table_of(word: &Word, scope: &Scope<'_>) -> Result<TableId> {
    let names = scope.names.tables.iter().map(|table| &*table.name);
    scope.names.table(word.as_str()).ok_or_else(|| unknown(word, word.as_str(), "table", names))
}

/// The section's own stick table.
pub fn own_table(span: Span, scope: &Scope<'_>) -> Result<TableId> {
    let name = scope.section().map_or("", |section| &section.name);
    scope.names.table(name).ok_or_else(|| {
        let found = error(span, format!("unable to find table '{name}'"));
        Box::new(found.help("declare a 'stick-table' in this section, or name the table of another"))
    })
}

/// A variable with its scope, such as `txn.host`.
pub fn variable(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<VarSlot> {
    match words.next_word() {
        Some(word) => variable_of(word, scope),
        None => Err(error(words.end(), EMPTY_VARIABLE)),
    }
}

/// The variable that a word names (manual 2.8).
pub fn variable_of(word: &Word, scope: &Scope<'_>) -> Result<VarSlot> {
    let text = word.as_str();
    if text.is_empty() {
        return Err(error(word.span, EMPTY_VARIABLE));
    }
    let (lifetime, name) = text.split_once('.').unwrap_or((text, ""));
    let lifetime = match lifetime {
        "proc" => VarScope::Proc,
        "sess" => VarScope::Sess,
        "txn" => VarScope::Txn,
        "req" => VarScope::Req,
        "res" => VarScope::Res,
        "check" => VarScope::Check,
        _ => {
            let message = format!(
                "invalid variable name '{text}'. A variable name must be start by its scope. The scope can be 'proc', \
                 'sess', 'txn', 'req', 'res' or 'check'"
            );
            return Err(error(word.span, message));
        }
    };
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))) {
        return Err(error(word.span, format!("invalid syntax at char '{bad}'")));
    }
    if name.is_empty() {
        return Err(error(word.span, format!("the variable '{text}' has no name behind its scope")));
    }
    Ok(scope.vars.slot(lifetime, name))
}

/// An error about an argument's value.
pub fn error(span: Span, message: impl Into<String>) -> Error {
    Box::new(Diagnostic::alert("bad-argument", message).at(span))
}

/// An error about an argument's type, which is said of the keyword and not of its arguments.
fn wrong(span: Span, message: String) -> Error {
    Box::new(Diagnostic::alert(ARGUMENT_TYPE, message).at(span))
}

fn missing(words: &Words<'_>, what: &str) -> Error {
    // An empty word counts as taken.
    let got = words.position().saturating_sub(usize::from(words.last().is_some_and(Word::is_empty)));
    let message = match got {
        0 => format!("expected type '{what}' at position 1, but got nothing"),
        _ => format!("missing arguments (got {got}/{}), type '{what}' expected", got + 1),
    };
    wrong(words.end(), message)
}

fn own(
    words: &Words<'_>,
    scope: &Scope<'_>,
    what: &str,
    fits: impl Fn(&crate::keyword::ProxyName) -> bool,
) -> Result<ProxyId> {
    let Some(id) = scope.proxy else {
        return Err(error(words.end(), format!("missing {what} name")));
    };
    match scope.names.proxies.get(id.index()) {
        Some(proxy) if !fits(proxy) => {
            let message = format!("proxy '{}' has not {what} capability", proxy.name);
            Err(Box::new(error(words.end(), message).help(format!("name a {what} between the parentheses"))))
        }
        _ => Ok(id),
    }
}

fn unknown<'c>(word: &Word, name: &str, what: &str, known: impl Iterator<Item = &'c str>) -> Error {
    let found = *error(word.span, format!("unable to find {what} '{name}'"));
    Box::new(match crate::diag::suggest(name, known) {
        Some(near) => found.help(format!("did you mean '{near}'?")),
        None => found,
    })
}

/// The code of errors about an argument's type or number.
pub(super) const ARGUMENT_TYPE: &str = "argument-type";
const EMPTY_VARIABLE: &str = "Empty variable name cannot be accepted";
