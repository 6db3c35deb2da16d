//! Rule sets of a proxy (manual chapter 4): `http-request` and relatives, `redirect`, `use_backend`, `acl`.
//!
//! Actions and conditions are bound by `rules` and `expr`; this file keeps them in order and with their places.

use super::ProxyDraft;
use crate::base::id::ProxyId;
use crate::diag::{Diagnostic, Lead, Span, Word, suggest};
use crate::expr::{Cond, LogFormat, acl};
use crate::ir::proxy::BackendTo;
use crate::ir::{BackendChoice, Mode};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::Shared;
use crate::rules::{Rule, RuleSet};

/// Rules in order, each with its place.
#[derive(Default)]
pub(super) struct PlacedRules(Vec<(Rule, Span)>);

/// The rule sets of a proxy being read.
#[derive(Default)]
pub(super) struct RuleLists {
    /// `block` and `monitor-net` of releases up to 2.0: before the `http-request` rules.
    pub(super) first: PlacedRules,
    /// The answer of `mode health`.
    pub(super) health: Option<(Rule, Span)>,
    /// `reqrep` and its relatives: behind the `http-request` rules.
    pub(super) req_lines: PlacedRules,
    /// `reqadd`: behind those.
    pub(super) req_added: PlacedRules,
    /// `rsprep` and its relatives: behind the `http-response` rules.
    pub(super) res_lines: PlacedRules,
    /// `rspadd`: behind those.
    pub(super) res_added: PlacedRules,
    pub(super) tcp_req_conn: PlacedRules,
    pub(super) tcp_req_sess: PlacedRules,
    pub(super) tcp_req_content: PlacedRules,
    pub(super) tcp_res_content: PlacedRules,
    pub(super) http_req: PlacedRules,
    pub(super) http_res: PlacedRules,
    pub(super) http_after: PlacedRules,
    /// `redirect` lines run behind all `http-request` rules.
    pub(super) redirect: PlacedRules,
    pub(super) use_backend: Vec<(BackendChoice, Span)>,
}

impl RuleLists {
    /// What is left in TCP mode.
    pub(super) fn without_http(self) -> RuleLists {
        RuleLists {
            tcp_req_conn: self.tcp_req_conn,
            tcp_req_sess: self.tcp_req_sess,
            tcp_req_content: self.tcp_req_content,
            tcp_res_content: self.tcp_res_content,
            use_backend: self.use_backend,
            ..RuleLists::default()
        }
    }
}

impl PlacedRules {
    pub(super) fn push(&mut self, rule: (Rule, Span)) {
        self.0.push(rule);
    }

    pub(super) fn extend(&mut self, rule: Option<(Rule, Span)>) {
        self.0.extend(rule);
    }

    /// Warns of a rule behind one that always ends the set. HAProxy knows this of HTTP rules only.
    fn warn_unreachable(&self, name: &str, line: Span, scope: &Scope<'_>) {
        let Some((last, span)) = self.0.last().filter(|_| name.starts_with("http")) else { return };
        if last.cond.is_none() && FINAL.contains(&last.name) {
            let text =
                format!("previous '{name}' action is final and has no condition attached, further entries are NOOP.");
            let found = Diagnostic::warning("unreachable-rule", text).at(line).lead(Lead::ParsingTight);
            scope.diags.push(found.place(*span, "this rule ends the set for every request"));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules and their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Rule, Span)> {
        self.0.iter().map(|(rule, span)| (rule, *span))
    }

    /// The places of the rules.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().map(|(_, span)| *span)
    }

    /// The rule set, with `file:line` of each rule.
    pub(super) fn finish(self, shared: &Shared) -> RuleSet {
        finish_parts([self], shared)
    }
}

/// A rule set of parts that run behind each other; an `allow` ends its part.
pub(super) fn finish_parts<const N: usize>(parts: [PlacedRules; N], shared: &Shared) -> RuleSet {
    let placed = |(rule, span): (Rule, Span)| Rule { place: shared.place(span), ..rule };
    RuleSet::in_parts(parts.into_iter().map(|part| part.0.into_iter().map(placed).collect()).collect())
}

/// Actions that end their rule set.
const FINAL: [&str; 6] = ["allow", "deny", "tarpit", "return", "redirect", "auth"];

/// The rule sets, in the order in which they run: a rule written behind one of a later set still runs before it.
const ORDER: [&str; 6] =
    ["tcp-request connection", "tcp-request session", "tcp-request content", "http-request", "redirect", "use_backend"];

macro_rules! rules {
    ($name:literal, $sections:expr, $hook:expr, $list:ident, $doc:literal, $example:expr) => {
        Setting {
            meta: Meta::new(
                $name,
                concat!($name, " <action> [<argument> ...] [ { if | unless } <condition> ]"),
                $doc,
                &[$example],
            ),
            sections: $sections,
            apply: |words, draft, scope| {
                let placed = rule(words, $hook, draft.line, scope)?;
                draft.take_slots_of_rules(scope);
                draft.warn_misplaced($name, scope);
                draft.rules.$list.warn_unreachable($name, draft.line, scope);
                draft.rules.$list.push(placed);
                Ok(())
            },
        }
    };
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "acl",
            "acl <name> <criterion> [<flag> ...] [<operator>] <value> ...",
            "Names a test; several lines of one name are alternatives.",
            &[("acl local src 127.0.0.1", "")],
        ),
        sections: Sections::D_PROXY,
        apply: declare_acl,
    },
    rules!(
        "tcp-request connection",
        Sections::D_FE,
        Hook::TcpRequestConnection,
        tcp_req_conn,
        "Adds a rule for connections that were just accepted.",
        ("tcp-request connection reject if { src 127.0.0.2 }", "tcp-request connection reject")
    ),
    rules!(
        "tcp-request session",
        Sections::D_FE,
        Hook::TcpRequestSession,
        tcp_req_sess,
        "Adds a rule for connections whose PROXY header and TLS handshake are done.",
        ("tcp-request session reject if { src 127.0.0.2 }", "tcp-request session reject")
    ),
    rules!(
        "tcp-request content",
        Sections::D_PROXY,
        Hook::TcpRequestContent,
        tcp_req_content,
        "Adds a rule for what clients send, for which data may be waited.",
        ("tcp-request content accept if { req.len gt 0 }", "tcp-request content accept")
    ),
    rules!(
        "tcp-response content",
        Sections::D_BE,
        Hook::TcpResponseContent,
        tcp_res_content,
        "Adds a rule for what servers send, for which data may be waited.",
        ("tcp-response content accept", "tcp-response content accept")
    ),
    rules!(
        "http-request",
        Sections::D_PROXY,
        Hook::HttpRequest,
        http_req,
        "Adds a rule for requests; a frontend's run before its backend's.",
        ("http-request set-header x-via edge", "http-request set-header x-via edge")
    ),
    rules!(
        "http-response",
        Sections::D_PROXY,
        Hook::HttpResponse,
        http_res,
        "Adds a rule for responses of servers; a backend's run before its frontend's.",
        ("http-response set-header x-via edge", "http-response set-header x-via edge")
    ),
    rules!(
        "http-after-response",
        Sections::D_PROXY,
        Hook::HttpAfterResponse,
        http_after,
        "Adds a rule for all responses, also those of the proxy itself.",
        ("http-after-response set-header x-via edge", "http-after-response set-header x-via edge")
    ),
    Setting {
        meta: Meta::new(
            "redirect",
            "redirect { location | prefix | scheme } <to> [<option> ...] [ { if | unless } <condition> ]",
            "Answers requests with a redirect. It runs behind the 'http-request' rules.",
            &[("redirect scheme https if !{ ssl_fc }", "http-request redirect")],
        ),
        sections: Sections::PROXY,
        apply: |words, draft, scope| {
            let rule = Rule::bind_redirect(words, scope)?;
            draft.warn_misplaced("redirect", scope);
            draft.rules.redirect.push((rule, draft.line));
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "use_backend",
            "use_backend <backend> [ { if | unless } <condition> ]",
            "Sends requests for which the condition holds to this backend; the name may be a format string.",
            &[("use_backend app if { path_beg /app }", "use_backend app if")],
        ),
        sections: Sections::FE,
        apply: use_backend,
    },
];

/// Binds the rule behind `http-request` or one of its relatives.
pub(super) fn rule(words: &mut Words<'_>, hook: Hook, line: Span, scope: &Scope<'_>) -> Result<(Rule, Span)> {
    Ok((Rule::bind(words, hook, scope)?, line))
}

/// ACLs were collected before anything was bound; here their names are checked and they are bound, so that an ACL nobody
/// uses is checked too.
fn declare_acl(words: &mut Words<'_>, _: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(name) = words.next_word() else {
        return Err(sentence(words.end(), "missing", "'acl' expects a name and a criterion."));
    };
    if words.is_empty() {
        let message = format!("error detected while parsing ACL '{name}' : missing fetch method in ACL expression ''.");
        return Err(sentence(words.end(), "missing", message));
    }
    words.take_rest();
    acl::check_name(name)?;
    // Errors of the declarations go to the scope's diagnostics.
    acl::named(name.as_str(), name.span, scope);
    Ok(())
}

fn use_backend(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(name) = words.next_word() else {
        return Err(sentence(words.end(), "missing", "'use_backend' expects a backend name."));
    };
    if let Some(word) = words.peek().filter(|word| !matches!(word.as_str(), "if" | "unless")) {
        let message = format!("unexpected keyword '{word}' after switching rule, only 'if' and 'unless' are allowed.");
        return Err(sentence(word.span, "unknown", message));
    }
    let scope = scope.at(Hook::UseBackend);
    let cond = Cond::bind(words, &scope)
        .map_err(|error| Box::new(error.context("error detected while parsing switching rule : ")))?;
    let to = match name.as_str().contains('%') {
        true => BackendTo::Dynamic(LogFormat::bind(name, &scope)?),
        false => BackendTo::Fixed(find_backend(name, "use_backend", draft, &scope)?),
    };
    let choice = BackendChoice { cond, to, place: draft.shared.place(draft.line) };
    draft.rules.use_backend.push((choice, draft.line));
    Ok(())
}

/// The backend of that name; the error says which names are near.
pub(super) fn find_backend(name: &Word, keyword: &str, draft: &ProxyDraft, scope: &Scope<'_>) -> Result<ProxyId> {
    if let Some(found) = scope.names.backend(name.as_str()) {
        if found == draft.out.id {
            let message = format!("Proxy '{name}': loop detected for {keyword}: '{name}'.");
            let error = Diagnostic::alert("backend-loop", message).at(name.span).lead(Lead::Config);
            return Err(Box::new(error.help("remove it: the servers of a listen section need not be named")));
        }
        return Ok(found);
    }
    let message = format!("Proxy '{}': unable to find required {keyword}: '{name}'.", draft.out.name);
    let error = Diagnostic::alert("unknown-backend", message).at(name.span).lead(Lead::Config);
    let others = || scope.names.proxies.iter();
    let help = match suggest(name.as_str(), others().filter(|proxy| proxy.backend).map(|proxy| proxy.name.as_str())) {
        Some(near) => format!("did you mean '{near}'?"),
        None if others().any(|proxy| proxy.name == name.as_str()) => {
            format!("'{name}' is a frontend, expected a backend or listen section")
        }
        None => format!("add a section 'backend {name}'"),
    };
    Err(Box::new(error.help(help)))
}

impl ProxyDraft {
    /// Whether HTTP rules can run: in HTTP mode, and where a rule may switch to it.
    pub(super) fn serves_http(&self) -> bool {
        self.out.mode == Mode::Http || self.rules.tcp_req_content.0.iter().any(|(rule, _)| rule.name == "switch-mode")
    }

    /// Warns where a rule stands behind one of a set that runs later: it will still run before it.
    fn warn_misplaced(&self, name: &str, scope: &Scope<'_>) {
        if self.inherited {
            return;
        }
        let Some(at) = ORDER.iter().position(|set| *set == name) else { return };
        let later = |set: &&str| match *set {
            "tcp-request session" => !self.rules.tcp_req_sess.is_empty(),
            "tcp-request content" => !self.rules.tcp_req_content.is_empty(),
            "http-request" => !self.rules.http_req.is_empty(),
            "redirect" => !self.rules.redirect.is_empty(),
            "use_backend" => !self.rules.use_backend.is_empty(),
            _ => false,
        };
        let behind = ORDER.get(at + 1..).unwrap_or_default();
        if let Some(set) = behind.iter().find(|set| later(set)) {
            let short = |name: &str| if name.starts_with("tcp-request") { "tcp-request" } else { name }.to_owned();
            let (this, that) = if short(name) == short(set) {
                (name.to_owned(), (*set).to_owned())
            } else {
                (short(name), (*set).to_owned())
            };
            let article = if that.starts_with("http") { "an" } else { "a" };
            let text = format!("a '{this}' rule placed after {article} '{that}' rule will still be processed before.");
            scope.diags.push(Diagnostic::warning("misplaced-rule", text).at(self.line));
        }
    }
}
