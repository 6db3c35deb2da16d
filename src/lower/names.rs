//! The first pass: which sections there are, what they are called and which `defaults` each starts from. Nothing is bound
//! here, so that the order of sections in the file does not matter to what follows.

use std::collections::HashMap;

use super::compat::Compat;
use super::proxy::title;
use super::resolvers;
use super::server::template_names;
use super::stick_table;
use super::table::sentence;
use super::values::{SharedRef, invalid_char};
use crate::base::id::ProxyId;
use crate::config::{Ast, Line, Section};
use crate::diag::{Diagnostic, Diagnostics, Lead, Severity, Span, Word, suggest};
use crate::keyword::known::{self, Class};
use crate::keyword::{Names, ProxyName, SectionName, Sections};

/// All sections by kind, in the order of the file.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) names: Names,
    pub(super) globals: Vec<&'a Section>,
    pub(super) userlists: Vec<&'a Section>,
    /// `http-errors`, each with its name.
    pub(super) error_groups: Vec<(&'a Section, &'a Word)>,
    pub(super) resolvers: Vec<&'a Section>,
    pub(super) defaults: Vec<DefaultsPlan<'a>>,
    /// Index is `ProxyId`.
    pub(super) proxies: Vec<ProxyPlan<'a>>,
}

/// A `defaults` section.
pub(super) struct DefaultsPlan<'a> {
    pub(super) section: &'a Section,
    pub(super) name: Option<&'a Word>,
    /// Index of the section it starts from.
    pub(super) parent: Option<usize>,
    /// Some section names it behind `from`.
    explicit: bool,
}

/// A `frontend`, `backend` or `listen` section.
pub(super) struct ProxyPlan<'a> {
    pub(super) section: &'a Section,
    pub(super) name: &'a Word,
    pub(super) kind: Sections,
    /// Index of the `defaults` section it starts from.
    pub(super) defaults: Option<usize>,
    /// An address on the section line, as releases before 1.8 had it.
    pub(super) address: Option<&'a Word>,
}

/// Sorts the sections of the AST and collects their names.
pub(super) fn plan<'a>(ast: &'a Ast, shared: &SharedRef, diags: &Diagnostics) -> Plan<'a> {
    let mut planner =
        Planner { plan: Plan::default(), uses: Vec::new(), last: None, seen: HashMap::new(), shared, diags };
    for section in &ast.sections {
        planner.section(section);
    }
    planner.default_resolvers();
    planner.warn_mixed_defaults();
    planner.check_rules_in_defaults();
    planner.plan
}

/// The words that open a section in HAProxy 3.4, and `program`, which releases before 3.3 have.
pub(super) const SECTIONS: [&str; 20] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "resolvers",
    "peers",
    "mailers",
    "cache",
    "http-errors",
    "ring",
    "log-forward",
    "log-profile",
    "fcgi-app",
    "crt-store",
    "traces",
    "acme",
    "program",
    "healthcheck",
];

struct Planner<'a, 's> {
    plan: Plan<'a>,
    /// Per proxy: whether its `defaults` were named behind `from`.
    uses: Vec<bool>,
    /// The `defaults` section read last.
    last: Option<usize>,
    /// The first proxy of each name.
    seen: HashMap<&'a str, usize>,
    shared: &'s SharedRef,
    diags: &'s Diagnostics,
}

impl<'a> Planner<'a, '_> {
    fn section(&mut self, section: &'a Section) {
        match section.kind() {
            "global" => {
                self.no_more(&section.head, 1);
                self.plan.globals.push(section);
            }
            "defaults" => self.defaults(section),
            "frontend" => self.proxy(section, Sections::FRONTEND),
            "backend" => self.proxy(section, Sections::BACKEND),
            "listen" => self.proxy(section, Sections::LISTEN),
            "userlist" => self.userlist(section),
            "http-errors" => self.error_group(section),
            "resolvers" => self.resolvers(section),
            kind => {
                let span = section.head.keyword().span;
                let known = known::not_yet(Class::Section, kind, span).filter(|_| kind != "program");
                self.diags.push(match known {
                    Some(error) => *error,
                    // Without master-worker mode HAProxy never started it either.
                    None => {
                        let name = section.name().map_or("", Word::as_str);
                        let message = format!(
                            "'{kind}' sections are not supported any more since HAProxy 3.3: '{name}' is not started"
                        );
                        Diagnostic::warning("removed", message).at(span).help("start it by the service manager")
                    }
                });
            }
        }
    }

    /// Words behind the `count` known ones on a section line are an error.
    fn no_more(&self, head: &Line, count: usize) {
        if let Some(word) = head.words.get(count) {
            let message = format!("'{}' cannot handle unexpected argument '{word}'.", head.keyword());
            self.diags.push(*sentence(word.span, "left-over", message));
        }
    }

    fn defaults(&mut self, section: &'a Section) {
        let words = &section.head.words;
        let (name, from) = match words.get(1).map(Word::as_str) {
            Some("from") => (None, words.get(2)),
            _ => (words.get(1), words.get(2).filter(|word| word.as_str() == "from").and(words.get(3))),
        };
        if let Some(word) = words.last().filter(|word| word.as_str() == "from") {
            self.diags.push(*sentence(word.span.after(), "missing", "'from' expects the name of a defaults section."));
        }
        let parent = from.and_then(|from| self.find_defaults(from, section));
        self.plan.defaults.push(DefaultsPlan { section, name, parent, explicit: false });
        self.last = Some(self.plan.defaults.len() - 1);
    }

    fn proxy(&mut self, section: &'a Section, kind: Sections) {
        let words = &section.head.words;
        let keyword = section.kind();
        let Some(name) = words.get(1) else {
            let message = format!("'{keyword}' expects an <id> argument");
            self.diags.push(*sentence(section.head.end(), "missing", message));
            return;
        };
        if let Some(bad) = invalid_char(name.as_str()) {
            let message = format!("character '{bad}' is not permitted in '{keyword}' name '{name}'.");
            self.diags.push(*sentence(name.span, "bad-name", message));
        }
        let mut rest = words.get(2..).unwrap_or_default();
        let mut address = None;
        if let Some(word) = rest.first().filter(|word| word.as_str() != "from") {
            address = self.section_address(word, kind);
            rest = rest.get(1..).unwrap_or_default();
        }
        let explicit = match rest {
            [_, from, ..] => {
                self.no_more(&section.head, words.len() - rest.len() + 2);
                Some(self.find_defaults(from, section))
            }
            [from] => {
                let message = "'from' expects the name of a defaults section.";
                self.diags.push(*sentence(from.span.after(), "missing", message));
                None
            }
            [] => None,
        };
        let defaults = explicit.unwrap_or(self.last);
        self.check_duplicate(name, kind);
        self.uses.push(explicit.is_some());
        let http = self.is_http(section, defaults);
        self.plan.names.proxies.push(proxy_name(name, kind, http, section));
        if let Some(line) = section.lines.iter().find(|line| line.keyword().as_str() == "stick-table") {
            self.plan.names.tables.push(stick_table::declared(line, name.as_str()));
        }
        self.plan.proxies.push(ProxyPlan { section, name, kind, defaults, address });
    }

    /// Releases before 1.8 took the address of a `listen` or `frontend` on its line.
    fn section_address(&self, word: &'a Word, kind: Sections) -> Option<&'a Word> {
        if kind == Sections::BACKEND {
            let message = format!("'backend' cannot handle unexpected argument '{word}'.");
            self.diags.push(*sentence(word.span, "left-over", message));
            return None;
        }
        let text = "please use the 'bind' keyword for listening addresses.";
        let found = Diagnostic::warning("section-address", text).at(word.span);
        self.diags.push(found.help(format!("write a line 'bind {word}' in the section: HAProxy refuses this form")));
        Some(word)
    }

    fn find_defaults(&mut self, from: &Word, section: &Section) -> Option<usize> {
        let fits =
            |(_, plan): &(usize, &DefaultsPlan<'_>)| plan.name.is_some_and(|name| name.as_str() == from.as_str());
        let mut all = self.plan.defaults.iter().enumerate().filter(fits).map(|(at, plan)| (at, plan.section.head.span));
        let (first, second) = (all.next(), all.next());
        drop(all);
        let what = || format!("{} '{}'", section.kind(), section.name().map_or("", Word::as_str));
        match (first, second) {
            (Some((_, one)), Some((_, two))) => {
                let message = format!(
                    "ambiguous defaults section name '{from}' referenced by {} exists at least at {} and {}.",
                    what(),
                    self.shared.place(one),
                    self.shared.place(two)
                );
                self.diags.push(*sentence(from.span, "ambiguous", message));
                None
            }
            (Some((at, _)), None) => {
                if let Some(plan) = self.plan.defaults.get_mut(at) {
                    plan.explicit = true;
                }
                Some(at)
            }
            _ => {
                let message = format!("defaults section '{from}' not found for {}.", what());
                let error = sentence(from.span, "unknown-defaults", message);
                let names = self.plan.defaults.iter().filter_map(|plan| plan.name).map(Word::as_str);
                let error = match suggest(from.as_str(), names) {
                    Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
                    None => Box::new(error.help("a defaults section must stand before the sections that name it")),
                };
                self.diags.push(*error);
                None
            }
        }
    }

    /// Names of proxies are unique since 3.3; before, a frontend and a backend could share one.
    fn check_duplicate(&mut self, name: &'a Word, kind: Sections) {
        let at = *self.seen.entry(name.as_str()).or_insert(self.plan.proxies.len());
        let Some(first) = self.plan.proxies.get(at) else { return };
        let overlap = first.kind.contains(Sections::LISTEN) || kind == Sections::LISTEN || first.kind == kind;
        if !overlap && self.shared.compat < Compat::V3_4 {
            return;
        }
        let more = if overlap { "" } else { " This is no longer supported as of 3.3. Please rename one or the other." };
        let message = format!(
            "{} has the same name as {} declared at {}.{more}",
            title(kind, name.as_str()),
            title(first.kind, name.as_str()),
            self.shared.place(first.section.head.span)
        );
        let error = sentence(name.span, "duplicate-name", message).lead(Lead::ParsingCapital);
        let error = error.place(first.name.span, "first one");
        let help = "HAProxy refuses it: rename one, or join both into a 'listen' section";
        self.diags.push(if overlap { error } else { error.severity(Severity::Warning).help(help) });
    }

    fn error_group(&mut self, section: &'a Section) {
        let Some(name) = section.name() else {
            self.diags.push(*sentence(section.head.end(), "missing", "missing name for http-errors section."));
            return;
        };
        if let Some(bad) = invalid_char(name.as_str()) {
            let message = format!("character '{bad}' is not permitted in 'http-errors' name '{name}'.");
            self.diags.push(*sentence(name.span, "bad-name", message));
        }
        self.no_more(&section.head, 2);
        if let Some((_, first)) = self.plan.error_groups.iter().find(|(_, other)| other.as_str() == name.as_str()) {
            let error = sentence(name.span, "twice", format!("http-errors section '{name}' already exists."));
            self.diags.push(error.place(first.span, "first one"));
            return;
        }
        self.plan.error_groups.push((section, name));
    }

    fn userlist(&mut self, section: &'a Section) {
        let Some(name) = section.name() else {
            self.diags.push(*sentence(section.head.end(), "missing", "'userlist' expects <name> as arguments."));
            return;
        };
        if let Some(bad) = invalid_char(name.as_str()) {
            let message = format!("character '{bad}' is not permitted in 'userlist' name '{name}'.");
            self.diags.push(*sentence(name.span, "bad-name", message));
        }
        self.no_more(&section.head, 2);
        if let Some(first) = self.plan.names.userlists.iter().find(|list| list.name == name.as_str()) {
            let found = Diagnostic::warning("duplicate-userlist", format!("ignoring duplicated userlist '{name}'."));
            self.diags.push(found.at(name.span).place(first.span, "first one"));
            return;
        }
        let entry = SectionName { name: name.as_str().to_owned(), span: name.span };
        self.plan.names.userlists.push(entry);
        self.plan.userlists.push(section);
    }

    fn resolvers(&mut self, section: &'a Section) {
        let Some(name) = section.name() else {
            self.diags.push(*sentence(section.head.end(), "missing", "missing name for resolvers section."));
            return;
        };
        if let Some(bad) = invalid_char(name.as_str()) {
            let message = format!("character '{bad}' is not permitted in 'resolvers' name '{name}'.");
            self.diags.push(*sentence(name.span, "bad-name", message));
        }
        if let Some(first) = self.plan.names.resolvers.iter().find(|known| known.name == name.as_str()) {
            let message = format!(
                "resolvers '{name}' has same name as another resolvers (declared at {}).",
                self.shared.place(first.span)
            );
            let error = sentence(name.span, "duplicate-name", message).lead(Lead::ParsingTight);
            self.diags.push(error.place(first.span, "first one"));
            return;
        }
        self.plan.names.resolvers.push(SectionName { name: name.as_str().to_owned(), span: name.span });
        self.plan.resolvers.push(section);
    }

    /// There is always one called `default` (manual 5.3.2).
    fn default_resolvers(&mut self) {
        let all = &mut self.plan.names.resolvers;
        if !all.iter().any(|known| known.name == resolvers::DEFAULT) {
            all.push(SectionName { name: resolvers::DEFAULT.to_owned(), span: Span::nowhere() });
        }
    }

    /// The last `mode` line of the section, else of its defaults.
    fn is_http(&self, section: &Section, defaults: Option<usize>) -> bool {
        let mut mode = last_mode(section);
        let mut next = defaults;
        while let (None, Some(plan)) = (mode, next.and_then(|at| self.plan.defaults.get(at))) {
            mode = last_mode(plan.section);
            next = plan.parent;
        }
        mode == Some("http")
    }

    /// A section that is named by some and simply the last one for others is likely to be a mistake.
    fn warn_mixed_defaults(&self) {
        for (proxy, explicit) in self.plan.proxies.iter().zip(&self.uses) {
            let Some(defaults) = proxy.defaults.and_then(|at| self.plan.defaults.get(at)) else { continue };
            let Some(name) = defaults.name.filter(|_| defaults.explicit && !explicit) else { continue };
            let text = format!(
                "defaults section '{name}' (declared at {}) is explicitly referenced by another proxy and implicitly used \
                 here. To avoid any ambiguity don't mix both usage. Add a last defaults section not explicitly used or \
                 always use explicit references.",
                self.shared.place(defaults.section.head.span)
            );
            self.diags.push(Diagnostic::warning("mixed-defaults", text).at(proxy.section.head.span));
        }
    }
}

impl Planner<'_, '_> {
    /// Rules in a defaults section would be ambiguous for a proxy that is both frontend and backend, and for proxies of
    /// both kinds.
    fn check_rules_in_defaults(&self) {
        for (at, defaults) in self.plan.defaults.iter().enumerate() {
            let rules = |line: &Line| has_rule(line);
            if defaults.name.is_none() || !defaults.section.lines.iter().any(rules) {
                continue;
            }
            let mut first: Option<&ProxyPlan<'_>> = None;
            for proxy in self.plan.proxies.iter().filter(|proxy| proxy.defaults == Some(at)) {
                let other = first.get_or_insert(proxy).kind;
                let message = if proxy.kind == Sections::LISTEN {
                    "a listen section cannot inherit from a defaults section defining TCP/HTTP rules.".to_owned()
                } else if proxy.kind != other {
                    format!(
                        "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules \
                         (defaults section at {}).",
                        self.shared.place(defaults.section.head.span)
                    )
                } else {
                    continue;
                };
                self.diags
                    .push(sentence(proxy.section.head.span, "rules-in-defaults", message).lead(Lead::ParsingTight));
                break;
            }
        }
    }
}

/// A line that adds a rule.
fn has_rule(line: &Line) -> bool {
    match line.keyword().as_str() {
        "http-request" | "http-response" | "http-after-response" => true,
        "tcp-request" | "tcp-response" => line.words.get(1).is_some_and(|word| word.as_str() != "inspect-delay"),
        _ => false,
    }
}

fn proxy_name(name: &Word, kind: Sections, http: bool, section: &Section) -> ProxyName {
    let names = |line: &Line| {
        let word = |at: usize| line.words.get(at).map_or("", Word::as_str);
        match word(0) {
            "server" => vec![word(1).to_owned()],
            "server-template" => template_names(word(1), word(2)).unwrap_or_default(),
            _ => Vec::new(),
        }
    };
    ProxyName {
        name: name.as_str().to_owned(),
        frontend: Sections::FE.contains(kind),
        backend: Sections::BE.contains(kind),
        http,
        servers: section.lines.iter().flat_map(names).collect(),
        fixed_servers: Default::default(),
        span: section.head.span,
    }
}

fn last_mode(section: &Section) -> Option<&str> {
    let mode = section.lines.iter().rev().find(|line| line.keyword().as_str() == "mode")?;
    let word = mode.words.get(1).map(Word::as_str);
    // `mode health` of releases up to 2.0 answers as an HTTP server.
    if word == Some("health") { Some("http") } else { word }
}

impl Plan<'_> {
    /// The id of the proxy at that place.
    pub(super) fn proxy_id(at: usize) -> ProxyId {
        ProxyId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The sections a proxy or defaults section starts from, the farthest first.
    pub(super) fn ancestors(&self, mut next: Option<usize>) -> Vec<usize> {
        let mut chain = Vec::new();
        while let Some(at) = next {
            chain.push(at);
            next = self.defaults.get(at).and_then(|plan| plan.parent);
        }
        chain.reverse();
        chain
    }
}
