//! Whether a directive may stand where it stands, and what a proxy's mode makes of its directives.

use super::{ProxyDraft, kind_name};
use crate::diag::{Diagnostic, Diagnostics, Lead, Span, Word};
use crate::expr::Cond;
use crate::keyword::{Error, Needs, Sections, Setting};
use crate::lower::table::sentence;

/// Whether the directive is to be applied: no if the section has no use for it, which is HAProxy's to warn of, and an error
/// where HAProxy refuses it.
pub(in crate::lower) fn allowed(
    setting: &Setting<ProxyDraft>,
    draft: &ProxyDraft,
    first: &Word,
) -> Result<bool, Error> {
    let name = setting.meta.name;
    if draft.kind == Sections::DEFAULTS {
        return in_defaults(setting, draft, first);
    }
    if setting.sections.contains(draft.kind) {
        return Ok(true);
    }
    if draft.inherited {
        // Defaults serve proxies of all kinds.
        return Ok(false);
    }
    let lacks = if Sections::FE.contains(draft.kind) { "backend" } else { "frontend" };
    let title = draft.title();
    let message = match name {
        "server" | "default-server" | "server-template" => {
            let message = format!("'{name}' not allowed because {title} has no {lacks} capability.");
            return Err(Box::new(sentence(first.span, "section", message).help("servers belong into a backend")));
        }
        "tcp-request connection" | "tcp-request session" => {
            let message =
                format!("{name} is not allowed because {} {} is not a frontend", kind_name(draft.kind), draft.out.name);
            return Err(sentence(first.span, "section", message));
        }
        "tcp-response content" => {
            let message =
                "tcp-response content is only allowed in 'backend' sections or 'defaults' section with a name";
            return Err(sentence(first.span, "section", message));
        }
        "declare capture" | "retry-on" => {
            let (short, place) = if name == "retry-on" { (name, "backend") } else { ("declare", "frontend") };
            let message = format!("'{short}' only available in {place} or listen section");
            return Err(sentence(first.span, "section", message));
        }
        "maxconn" => ignored(name, &title, lacks, " Maybe you want 'fullconn' instead ?"),
        "fullconn" => ignored(name, &title, lacks, " Maybe you want 'maxconn' instead ?"),
        "rate-limit sessions" => {
            format!("rate-limit sessions will be ignored because {title} has no {lacks} capability")
        }
        _ if name.starts_with("timeout ") => {
            format!("'{name}' will be ignored because {title} has no {lacks} capability")
        }
        _ => ignored(short(name), &title, lacks, ""),
    };
    Err(Box::new(Diagnostic::warning("section", message).at(first.span)))
}

/// What the mode of a proxy makes of its directives, once all are read.
pub(in crate::lower) fn check(draft: &ProxyDraft, diags: &Diagnostics) {
    if draft.serves_http() {
        return;
    }
    let kind = kind_word(draft.kind);
    let name = &draft.out.name;
    let warn = |what: &str, span, verb: &str| {
        let text = format!("{what} ignored for {kind} '{name}' as {verb} HTTP mode.");
        let found = Diagnostic::warning("http-only", text).at(span).lead(Lead::Config);
        diags.push(found.help("write 'mode http' in the section or in its defaults"));
    };
    let rules = &draft.rules;
    let sets = [
        ("'http-request' rules", &rules.http_req),
        ("'http-response' rules", &rules.http_res),
        ("'http-after-response' rules", &rules.http_after),
        ("'redirect' rules", &rules.redirect),
    ];
    for (what, set) in sets {
        if let Some(span) = set.spans().next() {
            warn(what, span, "they require");
        }
    }
    if draft.out.persist.cookie.is_some() {
        let text = format!("cookie will be ignored for {} (needs 'mode http').", draft.title());
        diags.push(Diagnostic::warning("http-only", text).at(draft.span).lead(Lead::Bare));
    }
    for (name, span) in &draft.http_only {
        match *name {
            "monitor-uri" => {
                let text = format!("monitor-uri will be ignored for {} (needs 'mode http').", draft.title());
                diags.push(Diagnostic::warning("http-only", text).at(*span).lead(Lead::Config));
            }
            "stats" | "capture" => warn(&format!("'{name}' statement"), *span, "it requires"),
            name => warn(&format!("'{name}'"), *span, "it requires"),
        }
    }
}

impl ProxyDraft {
    /// Remembers a directive that does nothing without HTTP, once each; `no` takes it back.
    pub(in crate::lower) fn note_http_only(&mut self, name: &'static str, is_set: bool, span: Span) {
        let name = match name.split(' ').next() {
            Some("stats") => "stats",
            _ if name == "capture cookie" => "capture",
            _ => name,
        };
        if !HTTP_ONLY.contains(&name) {
            return;
        }
        let known = self.http_only.iter().any(|(known, _)| *known == name);
        if !is_set {
            self.http_only.retain(|(known, _)| *known != name);
        } else if !known {
            self.http_only.push((name, span));
        }
    }
}

/// Warns of `tcp-request content` rules that keep what may not be there yet, or could keep it earlier.
pub(in crate::lower) fn check_contents(draft: &ProxyDraft, diags: &Diagnostics) {
    let contents = Needs::REQ_BYTES | Needs::REQ_HEAD | Needs::REQ_KEPT | Needs::REQ_BODY;
    for (rule, span) in draft.rules.tcp_req_content.iter() {
        let shown = match rule.name {
            "capture" => "tcp-request capture",
            name if name.starts_with("track-sc") => "tcp-request content track-sc*",
            _ => continue,
        };
        let asked = rule.cond.as_ref().map_or(Needs::empty(), Cond::needs);
        let reads = (rule.needs - asked).intersects(contents);
        let title = draft.title();
        let text = if reads && draft.out.inspect_delay_ms.is_none() {
            format!(
                "{title} : a '{shown}' rule explicitly depending on request contents without any 'tcp-request inspect-delay' \
                 setting. This means that this rule will randomly find its contents. This can be fixed by setting the tcp-request \
                 inspect-delay."
            )
        } else if shown.ends_with('*') && !rule.needs.intersects(contents) && draft.out.frontend && draft.serves_http()
        {
            format!(
                "{title} : a '{shown}' rule not depending on request contents for an HTTP frontend should be executed at the session \
                 level, using a 'tcp-request session' rule (mandatory to track invalid HTTP requests)."
            )
        } else {
            continue;
        };
        diags.push(Diagnostic::warning("content-rule", text).at(span).lead(Lead::Config));
    }
}

/// Rules need a named defaults section; some directives may not stand in any.
fn in_defaults(setting: &Setting<ProxyDraft>, draft: &ProxyDraft, first: &Word) -> Result<bool, Error> {
    let name = setting.meta.name;
    if !setting.sections.contains(Sections::DEFAULTS) {
        let short = match name {
            "monitor fail" => "monitor",
            "capture cookie" => "capture cookie",
            "capture request header" => "capture request",
            "capture response header" => "capture response",
            name => name,
        };
        return Err(sentence(first.span, "section", format!("'{short}' not allowed in 'defaults' section.")));
    }
    let named_only = RULES.contains(&first.as_str());
    if named_only && draft.anonymous {
        let message = format!("'{first}' not allowed in anonymous 'defaults' section.");
        let error = sentence(first.span, "section", message);
        return Err(Box::new(error.help("give the section a name: 'defaults base'")));
    }
    Ok(true)
}

fn ignored(name: &str, title: &str, lacks: &str, more: &str) -> String {
    format!("'{name}' ignored because {title} has no {lacks} capability.{more}")
}

/// HAProxy names an option without `option`, and a group by its first word.
fn short(name: &str) -> &str {
    match name.strip_prefix("option ") {
        Some(option) => option,
        None => match name.split(' ').next().unwrap_or(name) {
            group @ ("capture" | "http-check" | "tcp-check") => group,
            _ => name,
        },
    }
}

fn kind_word(kind: Sections) -> &'static str {
    if kind == Sections::LISTEN { "proxy" } else { kind_name(kind) }
}

/// What does nothing in TCP mode, and is told so.
const HTTP_ONLY: [&str; 16] = [
    "capture",
    "monitor-uri",
    "option accept-unsafe-violations-in-http-request",
    "option accept-unsafe-violations-in-http-response",
    "option checkcache",
    "option forwarded",
    "option forwardfor",
    "option http-buffer-request",
    "option http-ignore-probes",
    "option http-no-delay",
    "option http-pretend-keepalive",
    "option http-use-proxy-header",
    "option idle-close-on-response",
    "option originalto",
    "option prefer-last-server",
    "stats",
];
/// What only named defaults sections may have (manual 4.1, "(!)").
const RULES: [&str; 6] = ["acl", "http-request", "http-response", "http-after-response", "tcp-request", "tcp-response"];
