//! The second pass: applies the lines of every section to its draft, and makes the drafts IR.
//!
//! A proxy gets the lines of its `defaults` first. A line of `defaults` that is wrong by itself is told once, when that
//! section is tried alone, and skipped for the proxies.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::files::Reader;
use super::global::{self, GlobalDraft};
use super::http_errors::{self, ErrorsDraft};
use super::legacy::{self, Means};
use super::load::Overrides;
use super::names::{Plan, ProxyPlan, SECTIONS};
use super::proxy::{self, FinishProxy, ProxyDraft, kind_name};
use super::resolvers::{self, ResolversDraft};
use super::saved::StateFiles;
use super::table::{self, Draft, Found, Prefix, Table};
use super::userlist::{self, UserlistDraft};
use super::values::SharedRef;
use crate::base::id::ProxyId;
use crate::config::{Line, Section};
use crate::diag::{Diagnostic, Diagnostics, Span, Word};
use crate::expr::{Lists, Noted};
use crate::ir::{Ir, Proxy, Resolvers, Userlist};
use crate::keyword::known::{self, Class};
use crate::keyword::{
    Defined, ErrorGroup, FileRef, Hook, Interned, Scope, Sections, Setting, Text, VarNames, VarScope, Words,
};

/// Everything that is being lowered.
pub(super) struct Lowering<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) shared: SharedRef,
    pub(super) reader: &'a Reader<'a>,
    pub(super) diags: &'a Diagnostics,
    pub(super) overrides: &'a Overrides,
    pub(super) vars: VarNames,
    pub(super) files: RefCell<Vec<FileRef>>,
    pub(super) lists: RefCell<Noted>,
}

/// The lines of a `defaults` section that are wrong by themselves.
type BadLines = HashSet<Span>;

impl Lowering<'_> {
    /// Lowers everything; the IR is only good if no alert was given.
    pub(super) fn run(&self) -> Ir {
        let global = self.global();
        self.plan.names.stick_counters.get_or_init(|| global.out.stick_counters);
        self.plan.names.runtime_addresses.get_or_init(|| global.out.runtime_addresses());
        let userlists = self.plan.names.accounts.get_or_init(|| self.userlists()).clone();
        self.plan.names.error_groups.get_or_init(|| self.error_groups(global.out.bufsize));
        self.plan.names.texts.get_or_init(|| self.texts());
        let resolvers = self.resolvers();
        let bad: Vec<BadLines> = (0..self.plan.defaults.len()).map(|at| self.try_defaults(at)).collect();
        let finish = FinishProxy {
            global: &global,
            reader: self.reader,
            diags: self.diags,
            told: RefCell::default(),
            states: self.states(&global),
            ignore_resolution: self.overrides.ignore_resolution,
            default_maxconn: self.overrides.proxy_maxconn,
        };
        let mut proxies: Vec<Proxy> = Vec::with_capacity(self.plan.proxies.len());
        for (at, plan) in self.plan.proxies.iter().enumerate() {
            proxies.push(self.proxy(Plan::proxy_id(at), plan, &bad, &finish));
        }
        super::checks::number(&mut proxies, self.diags, &self.plan);
        let backends = proxies.iter().filter(|proxy| proxy.backend);
        let backends: HashMap<Box<[u8]>, ProxyId> =
            backends.map(|proxy| (proxy.name.as_bytes().into(), proxy.id)).collect();
        let mut tables = self.plan.names.tables.clone();
        for rule in proxies.iter().flat_map(|proxy| &proxy.stick) {
            if let Some(table) = tables.get_mut(rule.table.index()) {
                table.store_server();
            }
        }
        for (proxy, named) in proxies.iter_mut().zip(&self.plan.names.proxies) {
            proxy.fixed_servers = named.fixed_servers.get();
        }
        super::tracking::link(&mut proxies, self.diags);
        super::checks::across(&proxies, &self.plan, self.diags);
        self.vars.seal();
        Ir {
            global: global.out,
            proxies: proxies.into_iter().map(Arc::new).collect(),
            userlists,
            tables,
            resolvers,
            backends,
            patterns: super::patterns::number(self.lists.take(), &self.shared.sources),
            sess_vars: self.vars.count(VarScope::Sess),
            txn_vars: self.vars.count(VarScope::Txn),
        }
    }

    fn global(&self) -> GlobalDraft {
        let mut draft = GlobalDraft::new(self.shared.clone());
        let (acls, interned) = (Defined::new(), RefCell::default());
        let scope = self.scope(None, false, &acls, self.diags, &interned);
        for section in &self.plan.globals {
            for line in &section.lines {
                self.line(line, &global::TABLE, &mut draft, &scope, Class::Global, "global");
            }
        }
        draft.finish(self.reader, self.diags);
        self.reader.set_base(&draft.default_path);
        draft.server_verify_none |= self.overrides.no_server_verify;
        self.overrides.apply(&mut draft.out);
        draft
    }

    fn states<'g>(&'g self, global: &GlobalDraft) -> StateFiles<'g> {
        StateFiles::new(self.reader, self.diags, global.state_base.clone(), global.state_file.as_deref())
    }

    fn error_groups(&self, bufsize: usize) -> Vec<ErrorGroup> {
        let (acls, interned) = (Defined::new(), RefCell::default());
        let scope = self.scope(None, false, &acls, self.diags, &interned);
        let group = |(section, name): &(&Section, &Word)| {
            let mut draft = ErrorsDraft::new(name);
            for line in &section.lines {
                self.line(line, &http_errors::TABLE, &mut draft, &scope, Class::Other, "http-errors");
            }
            draft.finish(self.reader, bufsize, self.diags)
        };
        self.plan.error_groups.iter().map(group).collect()
    }

    /// What stands behind `lf-file` anywhere in a proxy.
    fn texts(&self) -> HashMap<String, Text> {
        let defaults = self.plan.defaults.iter().map(|plan| plan.section);
        let sections = defaults.chain(self.plan.proxies.iter().map(|plan| plan.section));
        let pairs = sections.flat_map(|section| &section.lines).flat_map(|line| line.words.windows(2));
        let paths = pairs.filter_map(|pair| match pair {
            [keyword, path] if keyword.as_str() == "lf-file" => Some(path.as_str()),
            _ => None,
        });
        paths.map(|path| (path.to_owned(), self.reader.read(path))).collect()
    }

    fn userlists(&self) -> Vec<Arc<Userlist>> {
        let (acls, interned) = (Defined::new(), RefCell::default());
        let scope = self.scope(None, false, &acls, self.diags, &interned);
        let list = |section: &&Section| {
            let mut draft = UserlistDraft::new(section.name().map_or("", Word::as_str));
            for line in &section.lines {
                self.line(line, &userlist::TABLE, &mut draft, &scope, Class::Other, "userlist");
            }
            Arc::new(draft.finish(self.diags))
        };
        self.plan.userlists.iter().map(list).collect()
    }

    fn resolvers(&self) -> Vec<Arc<Resolvers>> {
        let (acls, interned) = (Defined::new(), RefCell::default());
        let scope = self.scope(None, false, &acls, self.diags, &interned);
        let mut all = Vec::new();
        for section in &self.plan.resolvers {
            let name = section.name().map_or("", Word::as_str);
            let mut draft = ResolversDraft::new(name, self.shared.clone());
            for line in &section.lines {
                self.line(line, &resolvers::TABLE, &mut draft, &scope, Class::Other, "resolvers");
            }
            all.push(Arc::new(draft.finish(section.head.span, self.reader, self.diags)));
        }
        if !all.iter().any(|section| section.name == resolvers::DEFAULT) {
            all.push(Arc::new(ResolversDraft::automatic(self.shared.clone(), self.reader)));
        }
        all
    }

    /// Applies a `defaults` section to a draft that is thrown away, to find what is wrong with it.
    fn try_defaults(&self, at: usize) -> BadLines {
        let Some(plan) = self.plan.defaults.get(at) else { return BadLines::new() };
        let name = plan.name.map_or("", Word::as_str);
        let span = plan.section.head.span;
        let mut draft = ProxyDraft::new(name, Sections::DEFAULTS, ProxyId(0), span, self.shared.clone());
        draft.anonymous = plan.name.is_none();
        let acls = acls_of(plan.section);
        let interned = RefCell::default();
        let http = self.defaults_http(at);
        let scope = self.scope(None, http, &acls, self.diags, &interned);
        let mut bad = BadLines::new();
        for line in &plan.section.lines {
            draft.line = line.span;
            let alerts = self.diags.count(crate::diag::Severity::Alert);
            self.proxy_line(line, &mut draft, &scope);
            if self.diags.count(crate::diag::Severity::Alert) > alerts {
                bad.insert(line.span);
            }
        }
        bad
    }

    fn defaults_http(&self, at: usize) -> bool {
        let chain = self.plan.ancestors(Some(at));
        let modes = chain.iter().filter_map(|at| self.plan.defaults.get(*at));
        let lines = modes.flat_map(|plan| plan.section.lines.iter()).filter(|line| line.keyword().as_str() == "mode");
        lines.last().and_then(|line| line.words.get(1)).is_some_and(|mode| mode.as_str() == "http")
    }

    fn proxy(&self, id: ProxyId, plan: &ProxyPlan<'_>, bad: &[BadLines], finish: &FinishProxy<'_>) -> Proxy {
        let span = plan.section.head.span;
        let mut draft = ProxyDraft::new(plan.name.as_str(), plan.kind, id, span, self.shared.clone());
        let http = self.plan.names.proxies.get(id.index()).is_some_and(|proxy| proxy.http);
        draft.out.server_context = super::dynamic::context(&self.plan, id);
        self.inherit(&mut draft, plan, bad, http);
        draft.inherited = false;
        let acls = acls_of(plan.section);
        let interned = RefCell::default();
        let scope = self.scope(Some(id), http, &acls, self.diags, &interned);
        if let Some(address) = plan.address {
            let line = [Word::new("bind", address.span), address.clone()];
            self.words(&line, span, address.span.after(), &mut draft, &scope);
        }
        for line in &plan.section.lines {
            draft.line = line.span;
            self.proxy_line(line, &mut draft, &scope);
        }
        proxy::check(&draft, self.diags);
        let proxy = finish.finish(draft, &scope);
        self.lists.borrow_mut().extend(Lists::take(&scope));
        proxy
    }

    /// Applies the lines of the proxy's defaults. What they are warned of was told when they were tried alone; errors that
    /// only show in this proxy are told.
    fn inherit(&self, draft: &mut ProxyDraft, plan: &ProxyPlan<'_>, bad: &[BadLines], http: bool) {
        draft.inherited = true;
        for at in self.plan.ancestors(plan.defaults) {
            let (Some(defaults), Some(bad)) = (self.plan.defaults.get(at), bad.get(at)) else { continue };
            let acls = acls_of(defaults.section);
            let (interned, found) = (RefCell::default(), Diagnostics::new());
            let scope = self.scope(Some(draft.out.id), http, &acls, &found, &interned);
            for line in defaults.section.lines.iter().filter(|line| !bad.contains(&line.span)) {
                draft.line = line.span;
                self.proxy_line(line, draft, &scope);
            }
            self.lists.borrow_mut().extend(Lists::take(&scope));
            let alert = |found: &Diagnostic| found.severity == crate::diag::Severity::Alert;
            for found in found.take().into_iter().filter(alert) {
                let known =
                    self.diags.to_vec().iter().any(|old| old.span == found.span && old.message == found.message);
                if !known {
                    self.diags.push(found);
                }
            }
        }
    }

    fn scope<'s>(
        &'s self,
        proxy: Option<ProxyId>,
        http: bool,
        acls: &'s Defined,
        diags: &'s Diagnostics,
        interned: &'s RefCell<Interned>,
    ) -> Scope<'s> {
        Scope {
            names: &self.plan.names,
            proxy,
            http,
            hook: Hook::Internal,
            acls,
            vars: &self.vars,
            files: &self.files,
            diags,
            interned,
        }
    }

    /// Applies one line of `global` or `userlist`.
    fn line<D: Draft>(
        &self,
        line: &Line,
        table: &'static Table<D>,
        draft: &mut D,
        scope: &Scope<'_>,
        class: Class,
        section: &str,
    ) {
        let (prefix, words) = prefix_of(&line.words);
        *draft.prefix() = prefix;
        if !matches!(table.find(words), Found::Setting(..))
            && let Some(old) = legacy::rewrite(words, false)
        {
            // No dropped word of these sections has a successor.
            self.diags.push(old.warning);
            return;
        }
        match table.find(words) {
            Found::Setting(setting, count) => self.apply(setting, words, count, line.end(), draft, scope),
            Found::Group(count, next) => self.diags.push(group(words, count, &next, line.end(), class)),
            Found::Unknown => self.diags.push(unknown(words, class, section, table.names(|_| true))),
        }
        *draft.prefix() = Prefix::None;
    }

    fn proxy_line(&self, line: &Line, draft: &mut ProxyDraft, scope: &Scope<'_>) {
        self.words(&line.words, line.span, line.end(), draft, scope);
    }

    /// Applies one line of a proxy: finds the directive and checks that it may stand in this kind of section.
    fn words(&self, all: &[Word], span: Span, end: Span, draft: &mut ProxyDraft, scope: &Scope<'_>) {
        let (prefix, words) = prefix_of(all);
        draft.line = span;
        *draft.prefix() = prefix;
        let Some(first) = words.first() else { return };
        let section = kind_name(draft.kind);
        if !matches!(proxy::TABLE.find(words), Found::Setting(..))
            && let Some(old) = legacy::rewrite(words, scope.http)
        {
            if !draft.inherited {
                scope.diags.push(old.warning);
            }
            match old.means {
                Means::Nothing => {}
                Means::Line(line) => {
                    let line = [all.get(..all.len() - words.len()).unwrap_or_default(), &line].concat();
                    self.words(&line, span, end, draft, scope);
                }
                Means::Rule(list, line) => {
                    if let Err(error) = draft.old_rule(list, &line, end, scope) {
                        scope.diags.push(*error);
                    }
                }
            }
            return;
        }
        match proxy::TABLE.find(words) {
            Found::Setting(setting, count) => match proxy::allowed(setting, draft, first) {
                Ok(true) => {
                    draft.note_http_only(setting.meta.name, prefix == Prefix::None, span);
                    self.apply(setting, words, count, end, draft, scope);
                }
                Ok(false) => {}
                Err(found) if draft.inherited && found.severity != crate::diag::Severity::Alert => {}
                Err(found) => scope.diags.push(*found),
            },
            Found::Group(count, next) => scope.diags.push(group(words, count, &next, end, Class::Proxy)),
            Found::Unknown => {
                let here = draft.kind;
                let names = proxy::TABLE.names(|setting| setting.sections.contains(here));
                scope.diags.push(unknown(words, Class::Proxy, section, names));
            }
        }
        *draft.prefix() = Prefix::None;
    }

    fn apply<D: Draft>(
        &self,
        setting: &'static Setting<D>,
        line: &[Word],
        count: usize,
        end: Span,
        draft: &mut D,
        scope: &Scope<'_>,
    ) {
        let span = line.first().map_or(end, |word| word.span);
        let mut words = Words::new(line.get(count..).unwrap_or_default(), end);
        let exposed = scope.expose(&setting.meta, "directive", span);
        let admitted = exposed.and_then(|()| scope.admit(&setting.meta, span));
        if let Err(error) = admitted.and_then(|()| table::apply(setting, &mut words, draft, scope)) {
            scope.diags.push(*error);
        }
    }
}

/// Takes `no` and `default` off.
fn prefix_of(words: &[Word]) -> (Prefix, &[Word]) {
    match words.split_first() {
        Some((first, rest)) if first.as_str() == "no" && !rest.is_empty() => (Prefix::No, rest),
        Some((first, rest)) if first.as_str() == "default" && !rest.is_empty() => (Prefix::Default, rest),
        _ => (Prefix::None, words),
    }
}

/// The declarations of a section by name, before anything is bound.
fn acls_of(section: &Section) -> Defined {
    let mut acls = Defined::new();
    for line in section.lines.iter().filter(|line| line.keyword().as_str() == "acl") {
        if let Some((name, words)) = line.arguments().split_first().filter(|(_, words)| !words.is_empty()) {
            acls.entry(name.as_str().to_owned()).or_default().push(words.to_vec());
        }
    }
    acls
}

/// The first word is known, what follows is not: `timeout foo`.
fn group(words: &[Word], count: usize, next: &[&'static str], end: Span, class: Class) -> Diagnostic {
    let name: Vec<&str> = words.iter().take(count).map(Word::as_str).collect();
    let name = name.join(" ");
    let found = words.get(count);
    let span = found.map_or(end, |word| word.span);
    if let Some(word) = found
        && let Some(error) = known::not_yet(class, &format!("{name} {word}"), span)
    {
        return *error;
    }
    if let Some(error) =
        found.and_then(|word| known::not_yet(Class::Filter, word.as_str(), span)).filter(|_| name == "filter")
    {
        return *error;
    }
    if let Some(error) = known::not_yet(class, &name, span).filter(|_| found.is_none() && next.is_empty()) {
        return *error;
    }
    if let Some(error) = found.and_then(legacy::removed_option).filter(|_| name == "option") {
        return *error;
    }
    let text = found.map_or("", Word::as_str);
    let message = match (name.as_str(), found) {
        ("option", None) => "'option' expects an option name.".to_owned(),
        ("option", Some(word)) if known::find(Class::Proxy, word.as_str()).is_some() => {
            let found = Diagnostic::alert("unknown-keyword", format!("unknown option '{word}'.")).at(span);
            return found.help(format!("'{word}' is no option: write it without 'option'"));
        }
        ("option", Some(word)) => match crate::diag::suggest(word.as_str(), next.iter().copied()) {
            Some(near) => format!("unknown option '{word}'; did you mean '{near}' maybe ?"),
            None => format!("unknown option '{word}'."),
        },
        ("stats", _) if class == Class::Proxy => {
            let list = "'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or \
                        'show-legends'";
            match found {
                None => format!("missing keyword in 'stats', expects {list}."),
                Some(word) => format!("unknown stats parameter '{word}', expects {list}."),
            }
        }
        _ => {
            let names: Vec<String> = next.iter().map(|name| format!("'{name}'")).collect();
            format!("'{name}' supports {} (got '{text}')", names.join(", "))
        }
    };
    let near = crate::diag::suggest(text, next.iter().copied()).filter(|_| name != "option");
    let found = Diagnostic::alert("unknown-keyword", message).at(span);
    match near {
        Some(near) => found.help(format!("did you mean '{name} {near}'?")),
        None => found,
    }
}

/// A word that begins no directive of this section.
fn unknown(words: &[Word], class: Class, section: &str, names: impl Iterator<Item = &'static str>) -> Diagnostic {
    let Some(word) = words.first() else { return Diagnostic::alert("unknown-keyword", "a line without a word") };
    if let Some(error) = legacy::removed(word) {
        return *error;
    }
    let two = words.iter().take(2).map(Word::as_str).collect::<Vec<_>>().join(" ");
    let known = known::not_yet(class, &two, word.span).or_else(|| known::not_yet(class, word.as_str(), word.span));
    if let Some(error) = known {
        return *error;
    }
    let message = format!("unknown keyword '{word}' in '{section}' section");
    if let Some(help) = known::elsewhere(class, word.as_str()) {
        return Diagnostic::alert("unknown-keyword", message).at(word.span).help(help);
    }
    let mut names: Vec<&str> = names.chain(SECTIONS).collect();
    names.sort_unstable();
    let near = crate::diag::suggest(word.as_str(), names);
    let near = near.map_or(String::new(), |near| format!("; did you mean '{near}' maybe ?"));
    Diagnostic::alert("unknown-keyword", message + &near).at(word.span)
}
