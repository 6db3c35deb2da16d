//! The `stats` family of a proxy (manual 4.2 `stats enable` and its neighbours).

use std::sync::Arc;

use super::global::Userlist;
use crate::expr::Cond;
use crate::rules::RuleSet;

/// The statistics page of a proxy.
pub struct Stats {
    /// `stats uri`, default `/haproxy?stats`.
    pub uri: Box<str>,
    /// `stats auth` users, if any: `(user, password)`.
    pub auth: Vec<(String, String)>,
    /// `stats realm`, default `HAProxy Statistics`.
    pub realm: Box<str>,
    /// `stats scope`: names of proxies shown; empty is all.
    pub scope: Vec<String>,
    /// `stats refresh` in milliseconds.
    pub refresh_ms: Option<u64>,
    /// `stats hide-version`.
    pub hide_version: bool,
    /// `stats show-legends`.
    pub show_legends: bool,
    /// `stats show-desc`: `Some(None)` is the global description.
    pub show_desc: Option<Option<String>>,
    /// `stats show-node`: `Some(None)` is the global node name.
    pub show_node: Option<Option<String>>,
    /// `stats show-modules`.
    pub show_modules: bool,
    /// `stats admin`: conditions under which the page may change states.
    pub admin: Vec<Cond>,
    /// `stats http-request` rules.
    pub rules: RuleSet,
    /// The userlist made from `stats auth`.
    pub users: Option<Arc<Userlist>>,
}
