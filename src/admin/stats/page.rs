//! The page of `stats enable` (manual 4.2): which requests are its own, who may see it, what it answers.
//!
//! Pure: a request in, a raw response and the wanted changes of servers out. The engine calls it and sends the bytes.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;

use super::rows::{self, At, Row};
use super::{csv, html, tags, typed};
use crate::base::id::{ProxyId, ServerId};
use crate::ir::{Ir, Server, Stats};
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
    /// Facts of the process.
    pub process: &'a Process,
}

/// Facts of the process that the page shows.
#[derive(Clone, Debug)]
pub struct Process {
    /// Time since the start.
    pub uptime: Duration,
    /// When it started, in Unix microseconds.
    pub started_us: i64,
    /// How long it took to start, in milliseconds.
    pub boot_ms: u64,
    /// Process id.
    pub pid: u32,
    /// Threads.
    pub threads: usize,
    /// Host name, where no node is set.
    pub hostname: String,
    /// How many descriptors it may have.
    pub descriptors: u64,
    /// Warnings so far.
    pub warnings: u32,
    /// What was said while it started.
    pub startup_logs: Arc<str>,
}

/// In which form the statistics are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The page.
    #[default]
    Html,
    /// `;csv`
    Csv,
    /// `;typed`
    Typed,
    /// `;json`
    Json,
    /// `;json-schema`
    Schema,
}

/// What stands behind the page's URI: `;csv`, `;up`, `;norefresh`, `;st=DONE`, `?scope=web`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `;csv`, `;json`, `;typed`
    pub format: Format,
    /// `;up`: hide servers that are down.
    pub hide_down: bool,
    /// `;no-maint`: hide servers in maintenance.
    pub hide_maint: bool,
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
    let view = View { ir, state, stats, admin: request.admin, at, process, asked };
    let shown = |name: &str| {
        let scope = stats.scope.is_empty() || stats.scope.iter().any(|shown| shown == name);
        scope && view.asked.scope.as_ref().is_none_or(|part| name.contains(part.as_str()))
    };
    let mut rows = rows::rows(ir, state, at, |proxy| shown(&proxy.name));
    rows::hide(&mut rows, view.asked.hide_down, view.asked.hide_maint);
    let (kind, body) = body(&view, &rows);
    let refresh = match stats.refresh_ms {
        Some(ms) if !view.asked.no_refresh => format!("refresh: {}\r\n", ms.div_ceil(1000)),
        _ => String::new(),
    };
    let headers = format!("cache-control: no-cache\r\ncontent-type: {kind}\r\n{refresh}");
    Answer {
        response: response("200 OK", &headers, if request.method == b"HEAD" { None } else { Some(&body) }, body.len()),
        changes: Vec::new(),
    }
}

/// The statistics in the form that is asked for, and its content type.
fn body(view: &View<'_>, rows: &[Row]) -> (&'static str, Vec<u8>) {
    match view.asked.format {
        Format::Html => ("text/html; charset=utf-8", html::document(view, rows).into_bytes()),
        Format::Csv => {
            let mut body = Vec::new();
            csv::write(rows, &mut body);
            ("text/plain", body)
        }
        Format::Typed => ("text/plain", typed::typed(rows, false).into_bytes()),
        Format::Json => ("application/json", typed::json(rows).into_bytes()),
        Format::Schema => ("application/json", tags::SCHEMA.as_bytes().to_vec()),
    }
}

/// Reads what stands behind the URI.
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
            "csv" => asked.format = Format::Csv,
            "typed" => asked.format = Format::Typed,
            "json" => asked.format = Format::Json,
            "json-schema" => asked.format = Format::Schema,
            "up" => asked.hide_down = true,
            "no-maint" => asked.hide_maint = true,
            "norefresh" => asked.no_refresh = true,
            _ => {}
        }
    }
    asked
}

impl Asked {
    /// What keeps these options in a link or a redirect.
    pub fn options(&self) -> String {
        let up = if self.hide_down { ";up" } else { "" };
        let maint = if self.hide_maint { ";no-maint" } else { "" };
        let refresh = if self.no_refresh { ";norefresh" } else { "" };
        let scope = self.scope.as_ref().map(|scope| format!("?scope={}", encode(scope))).unwrap_or_default();
        format!("{up}{maint}{refresh}{scope}")
    }
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

/// A form: `s=one&s=two&action=drain&b=%23app` names servers, an action and the backend by name or `#id`. The answer sends the
/// browser back to the page, so that reloading does not act again.
fn post(ir: &Ir, stats: &Stats, request: &Request<'_>) -> Answer {
    let (changes, outcome) = match request.admin {
        false => (Vec::new(), "DENY"),
        true => wanted(ir, request.body),
    };
    let options = asked(stats, request.target).options();
    let headers = format!(
        "cache-control: no-cache\r\ncontent-type: text/plain\r\nlocation: {};st={outcome}{options}\r\n",
        stats.uri
    );
    Answer { response: response("303 See Other", &headers, Some(b""), 0), changes }
}

/// What the form asks for, and how that went.
fn wanted(ir: &Ir, body: &[u8]) -> (Vec<(ProxyId, ServerId, Change)>, &'static str) {
    let body = String::from_utf8_lossy(body);
    let fields: Vec<(&str, String)> =
        body.split('&').filter_map(|part| part.split_once('=')).map(|(name, value)| (name, decode(value))).collect();
    let field = |name: &str| fields.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str());
    let Some(backend) = field("b") else { return (Vec::new(), "NONE") };
    let found = ir.proxies.iter().find(|proxy| {
        let by_id = backend.strip_prefix('#').and_then(|id| id.parse().ok()) == Some(proxy.uuid);
        proxy.backend && (by_id || *proxy.name == *backend)
    });
    let (Some(proxy), Some(action)) = (found, field("action").and_then(action)) else { return (Vec::new(), "ERRP") };
    let (mut changes, mut unknown) = (Vec::new(), false);
    for (_, name) in fields.iter().filter(|(name, _)| *name == "s") {
        let server = proxy.servers.iter().enumerate().find(|(_, server)| *server.name == **name);
        unknown |= server.is_none();
        let Some((at, server)) = server else { continue };
        if let Some(change) = action.of(server) {
            changes.push((proxy.id, ServerId(at as u32), change));
        }
    }
    let outcome = match (changes.is_empty(), unknown) {
        (true, true) => "ERRP",
        (true, false) => "NONE",
        (false, true) => "PART",
        (false, false) => "DONE",
    };
    (changes, outcome)
}

/// What a form can ask for.
#[derive(Clone, Copy)]
enum Action {
    /// For every server.
    All(Change),
    /// Only for servers that are checked.
    Checked(Change),
    /// Of agent checks, which no server has.
    Agent,
}

impl Action {
    fn of(self, server: &Server) -> Option<Change> {
        match self {
            Action::All(change) => Some(change),
            Action::Checked(change) => server.check.is_some().then_some(change),
            Action::Agent => None,
        }
    }
}

fn action(name: &str) -> Option<Action> {
    Some(match name {
        "ready" => Action::All(Change::Admin(state::Admin::Ready)),
        "drain" => Action::All(Change::Admin(state::Admin::Drain)),
        "maint" => Action::All(Change::Admin(state::Admin::Maint)),
        "shutdown" => Action::All(Change::Kill),
        "dhlth" => Action::Checked(Change::Checks(false)),
        "ehlth" => Action::Checked(Change::Checks(true)),
        "hrunn" => Action::Checked(Change::Health(state::Health::Up)),
        "hnolb" => Action::Checked(Change::Health(state::Health::Stopping)),
        "hdown" => Action::Checked(Change::Health(state::Health::Down)),
        "dagent" | "eagent" | "arunn" | "adown" => Action::Agent,
        _ => return None,
    })
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
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
        assert!(asked.hide_down && asked.no_refresh && asked.format == Format::Html);
        assert_eq!(asked.scope.as_deref(), Some("web"));
        assert_eq!(asked.options(), ";up;norefresh?scope=web");
        assert_eq!(super::asked(&stats(&[]), b"/haproxy?stats;json").format, Format::Json);
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
