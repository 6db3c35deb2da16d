//! The page of `stats enable` (manual 4.2): which requests are its own, who may see it, what it answers.
//!
//! Pure: a request in, a raw response and the wanted changes of servers out. The engine calls it and sends the bytes.

use std::io::Write;

use base64::Engine as _;

use super::rows::{self, At};
use super::{csv, html};
use crate::base::id::{ProxyId, ServerId};
use crate::ir::{Ir, Stats};
use crate::state;
pub use crate::state::Change;

/// A request for the page.
pub struct Request<'a> {
    /// Method.
    pub method: &'a [u8],
    /// Target as received, or its path and query.
    pub target: &'a [u8],
    /// The value of `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// The body of a POST.
    pub body: &'a [u8],
    /// One of the `stats admin` conditions holds.
    pub admin: bool,
}

/// What the page is about.
pub struct View<'a> {
    /// The configuration.
    pub ir: &'a Ir,
    /// The run-time state.
    pub state: &'a state::View,
    /// The settings of this page.
    pub stats: &'a Stats,
    /// What the URL asks for.
    pub asked: Asked,
    /// The viewer may change states.
    pub admin: bool,
    /// When.
    pub at: At,
    /// Seconds since start.
    pub uptime: u64,
    /// Process id.
    pub pid: u32,
    /// Threads.
    pub threads: usize,
    /// Host name, where no node is set.
    pub hostname: &'a str,
}

/// Facts of the process that the page shows.
#[derive(Clone, Debug)]
pub struct Process {
    /// Seconds since start.
    pub uptime: u64,
    /// Process id.
    pub pid: u32,
    /// Threads.
    pub threads: usize,
    /// Host name.
    pub hostname: String,
}

/// What stands behind the page's URI: `;csv`, `;up`, `;norefresh`, `;st=DONE`, `?scope=web`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `;csv`
    pub csv: bool,
    /// `;up`: hide servers that are down.
    pub hide_down: bool,
    /// `;norefresh`
    pub no_refresh: bool,
    /// `scope=`: show only proxies whose names contain this.
    pub scope: Option<String>,
    /// `;st=`: how the last change went.
    pub outcome: Option<String>,
}

/// The answer.
pub struct Answer {
    /// A raw HTTP/1.1 response with a Content-Length.
    pub response: Vec<u8>,
    /// Changes to apply, then the balancers' tables are republished.
    pub changes: Vec<(ProxyId, ServerId, Change)>,
}

/// Whether a request target belongs to the page: it begins with `stats uri`.
pub fn is_for(stats: &Stats, target: &[u8]) -> bool {
    target.starts_with(stats.uri.as_bytes())
}

/// Answers a request that [`is_for`] the page.
pub fn answer(ir: &Ir, state: &state::View, stats: &Stats, request: &Request<'_>, at: At, process: &Process) -> Answer {
    if !stats.auth.is_empty() && !authorized(stats, request.authorization) {
        return Answer { response: challenge(&stats.realm), changes: Vec::new() };
    }
    if request.method == b"POST" {
        return post(ir, stats, request);
    }
    let asked = asked(stats, request.target);
    let view = View {
        ir,
        state,
        stats,
        admin: request.admin,
        at,
        uptime: process.uptime,
        pid: process.pid,
        threads: process.threads,
        hostname: &process.hostname,
        asked,
    };
    let shown = |name: &str| {
        let scope = stats.scope.is_empty() || stats.scope.iter().any(|shown| shown == name);
        scope && view.asked.scope.as_ref().is_none_or(|part| name.contains(part.as_str()))
    };
    let rows = rows::rows(ir, state, at, |proxy| shown(&proxy.name));
    let (kind, body) = if view.asked.csv {
        let mut body = Vec::new();
        csv::write(&rows, &mut body);
        ("text/plain", body)
    } else {
        ("text/html; charset=utf-8", html::document(&view, &rows).into_bytes())
    };
    let refresh = match stats.refresh_ms {
        Some(ms) if !view.asked.no_refresh && !view.asked.csv => format!("refresh: {}\r\n", ms.div_ceil(1000)),
        _ => String::new(),
    };
    let headers = format!("cache-control: no-cache\r\ncontent-type: {kind}\r\n{refresh}");
    Answer {
        response: response("200 OK", &headers, if request.method == b"HEAD" { None } else { Some(&body) }, body.len()),
        changes: Vec::new(),
    }
}

fn asked(stats: &Stats, target: &[u8]) -> Asked {
    let rest = target.get(stats.uri.len()..).unwrap_or(b"");
    let rest = String::from_utf8_lossy(rest);
    let mut asked = Asked::default();
    for part in rest.split([';', '?', '&']) {
        match part.split_once('=') {
            Some(("scope", scope)) if !scope.is_empty() => asked.scope = Some(decode(scope)),
            Some(("st", outcome)) => asked.outcome = Some(outcome.to_owned()),
            _ => {}
        }
        match part {
            "csv" => asked.csv = true,
            "up" => asked.hide_down = true,
            "norefresh" => asked.no_refresh = true,
            _ => {}
        }
    }
    asked
}

fn authorized(stats: &Stats, header: Option<&[u8]>) -> bool {
    let given = header.and_then(|value| {
        let (scheme, token) = value.split_at_checked(6)?;
        scheme.eq_ignore_ascii_case(b"basic ").then(|| token.trim_ascii())
    });
    let decoded = given.and_then(|token| base64::engine::general_purpose::STANDARD.decode(token).ok());
    decoded
        .is_some_and(|given| stats.auth.iter().any(|(user, password)| given == format!("{user}:{password}").as_bytes()))
}

fn challenge(realm: &str) -> Vec<u8> {
    let body: &[u8] =
        b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n";
    let headers = format!(
        "cache-control: no-cache\r\ncontent-type: text/html\r\nwww-authenticate: Basic realm=\"{}\"\r\n",
        realm.replace('\\', "\\\\").replace('"', "\\\"")
    );
    response("401 Unauthorized", &headers, Some(body), body.len())
}

/// A form: `s=one&s=two&action=drain&b=%23app` names servers, an action and the backend by name or `#id`.
fn post(ir: &Ir, stats: &Stats, request: &Request<'_>) -> Answer {
    let (changes, outcome) = match request.admin {
        false => (Vec::new(), "DENY"),
        true => match wanted(ir, request.body) {
            None => (Vec::new(), "ERRP"),
            Some(changes) if changes.is_empty() => (changes, "NONE"),
            Some(changes) => (changes, "DONE"),
        },
    };
    let headers = format!("location: {};st={outcome}\r\n", stats.uri);
    Answer { response: response("303 See Other", &headers, Some(b""), 0), changes }
}

fn wanted(ir: &Ir, body: &[u8]) -> Option<Vec<(ProxyId, ServerId, Change)>> {
    let body = std::str::from_utf8(body).ok()?;
    let fields: Vec<(&str, String)> =
        body.split('&').filter_map(|part| part.split_once('=')).map(|(name, value)| (name, decode(value))).collect();
    let field = |name: &str| fields.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str());
    let backend = field("b")?;
    let proxy = ir.proxies.iter().find(|proxy| {
        let by_id = backend.strip_prefix('#').and_then(|id| id.parse().ok()) == Some(proxy.uuid);
        proxy.backend && (by_id || *proxy.name == *backend)
    })?;
    let change = match field("action")? {
        "" => return Some(Vec::new()),
        "ready" => Change::Admin(state::Admin::Ready),
        "drain" => Change::Admin(state::Admin::Drain),
        "maint" => Change::Admin(state::Admin::Maint),
        "hrunn" => Change::Health(state::Health::Up),
        "hnolb" => Change::Health(state::Health::Stopping),
        "hdown" => Change::Health(state::Health::Down),
        _ => return None,
    };
    let chosen = fields.iter().filter(|(name, _)| *name == "s");
    chosen
        .map(|(_, name)| {
            let at = proxy.servers.iter().position(|server| *server.name == **name)?;
            Some((proxy.id, ServerId(u32::try_from(at).ok()?), change))
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn response(status: &str, headers: &str, body: Option<&[u8]>, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + length);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    out.extend_from_slice(body.unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    fn stats(auth: &[(&str, &str)]) -> Stats {
        Stats {
            uri: "/haproxy?stats".into(),
            auth: auth.iter().map(|(user, password)| ((*user).to_owned(), (*password).to_owned())).collect(),
            realm: "My \"realm\"".into(),
            scope: Vec::new(),
            refresh_ms: None,
            hide_version: false,
            show_legends: false,
            show_desc: None,
            show_node: None,
            show_modules: false,
            admin: Vec::new(),
            rules: RuleSet::default(),
            users: None,
        }
    }

    #[test]
    fn options_stand_behind_the_uri() {
        let asked = asked(&stats(&[]), b"/haproxy?stats;up;norefresh?scope=we%62");
        assert!(asked.hide_down && asked.no_refresh && !asked.csv);
        assert_eq!(asked.scope.as_deref(), Some("web"));
        assert!(is_for(&stats(&[]), b"/haproxy?stats;csv"));
        assert!(!is_for(&stats(&[]), b"/haproxy"));
    }

    #[test]
    fn credentials_are_compared_whole() {
        let stats = stats(&[("a", "b:c"), ("d", "e")]);
        assert!(authorized(&stats, Some(b"Basic YTpiOmM=")));
        assert!(authorized(&stats, Some(b"basic ZDpl")));
        assert!(!authorized(&stats, Some(b"Basic YTpi")));
        assert!(!authorized(&stats, Some(b"Bearer x")));
        assert!(!authorized(&stats, None));
    }

    #[test]
    fn a_realm_is_quoted() {
        let text = String::from_utf8(challenge("My \"realm\"")).unwrap_or_default();
        assert!(text.contains("www-authenticate: Basic realm=\"My \\\"realm\\\"\"\r\n"), "{text}");
    }
}
