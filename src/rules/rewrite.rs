//! What the rewriting actions share: replacement texts with groups, and the agreement of `Host` and an absolute target.

use super::Txn;
use crate::diag::Word;
use crate::expr::LogFormat;
use crate::http::{HeaderName, MsgMut};
use crate::keyword::{Needs, Result, Scope};
use crate::pattern::regex::{Groups, Regex, Template, expand};

/// The `<replace-fmt>` of an action: a format string in whose result `\N` stands for a group.
pub(super) enum Replacement {
    /// Known at load.
    Fixed(Template),
    /// Formatted for each message.
    Dynamic(LogFormat),
}

/// A replacement text for one message.
pub(super) enum Ready<'a> {
    Fixed(&'a Template),
    Dynamic(&'a [u8]),
}

impl Replacement {
    pub(super) fn bind(word: &Word, scope: &Scope<'_>) -> Result<Replacement> {
        let format = LogFormat::bind(word, scope)?;
        Ok(match format.literal() {
            Some(text) => Replacement::Fixed(Template::new(text)),
            None => Replacement::Dynamic(format),
        })
    }

    pub(super) fn needs(&self) -> Needs {
        match self {
            Replacement::Fixed(_) => Needs::empty(),
            Replacement::Dynamic(format) => format.needs(),
        }
    }

    /// Formats the text, once for all values that it may replace.
    pub(super) fn ready<R>(&self, txn: &mut Txn<'_>, use_it: impl FnOnce(&mut Txn<'_>, &Ready<'_>) -> R) -> R {
        match self {
            Replacement::Fixed(template) => use_it(txn, &Ready::Fixed(template)),
            Replacement::Dynamic(format) => txn.with_text(format, |txn, text| use_it(txn, &Ready::Dynamic(text))),
        }
    }
}

/// Appends what replaces a value, if the expression matches it.
pub(super) fn apply(regex: &Regex, by: &Ready<'_>, value: &[u8], out: &mut Vec<u8>) -> bool {
    let mut groups = Groups::new();
    if !regex.captures(value, 0, &mut groups) {
        return false;
    }
    match by {
        Ready::Fixed(template) => template.expand(value, &groups, out),
        Ready::Dynamic(text) => expand(text, value, &groups, out),
    }
    true
}

/// After a change of `Host`, an absolute target names the new host too (RFC 9112, 3.2.2: they must not differ).
pub(super) fn target_follows_host(msg: &mut MsgMut<'_>, host: &[u8]) {
    let uri = msg.read().uri();
    let Some(scheme) = uri.scheme else { return };
    let rest = msg.read().target().get(uri.path_at..).unwrap_or_default();
    let target = [scheme, b"://", host, rest].concat();
    msg.set_target(&target);
}

/// After a change of the whole target, `Host` names the authority of an absolute one.
pub(super) fn host_follows_target(msg: &mut MsgMut<'_>) {
    let uri = msg.read().uri();
    let (Some(_), Some(authority)) = (uri.scheme, uri.authority) else { return };
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default().to_vec();
    let first = msg.read().named(&HeaderName::HOST).next().map(|field| field.index);
    match first {
        Some(index) => msg.set_value(index, &host),
        None => msg.add(&HeaderName::HOST, &host),
    }
}
