//! A proxy's draft becomes IR: names resolved, files read, what depends on several directives settled.

use std::sync::Arc;

use std::cell::RefCell;
use std::collections::HashSet;

use super::checks::check_contents;
use super::logging::{Format, preset};
use super::rules::find_backend;
use super::{ProxyDraft, title};
use crate::diag::{Diagnostic, Diagnostics, Lead, Span, Word};
use crate::expr::captures::CaptureSlots;
use crate::expr::{Dir, LogFormat};
use crate::ir::{Bind, CheckKind, Mode, Proxy, Server};
use crate::keyword::{Hook, Scope};
use crate::lower::files::Reader;
use crate::lower::global::GlobalDraft;
use crate::lower::saved::StateFiles;
use crate::lower::server::FinishServer;

/// What finishing a proxy needs.
pub(in crate::lower) struct FinishProxy<'a> {
    pub(in crate::lower) global: &'a GlobalDraft,
    pub(in crate::lower) reader: &'a Reader<'a>,
    pub(in crate::lower) diags: &'a Diagnostics,
    /// Errors of inherited lines that were told already.
    pub(in crate::lower) told: RefCell<HashSet<(Option<Span>, String)>>,
    /// `-dr`
    pub(in crate::lower) ignore_resolution: bool,
    /// What servers had in an earlier process.
    pub(in crate::lower) states: StateFiles<'a>,
    /// `-N`
    pub(in crate::lower) default_maxconn: Option<u32>,
}

impl FinishProxy<'_> {
    /// What is wrong goes to the diagnostics; the proxy comes back in any case, so that other proxies are checked too.
    pub(in crate::lower) fn finish(&self, mut draft: ProxyDraft, scope: &Scope<'_>) -> Proxy {
        if draft.out.frontend && draft.out.maxconn.is_none() {
            draft.out.maxconn = self.default_maxconn;
        }
        let http = draft.out.mode == Mode::Http;
        let default = http && !draft.shared.compat.before_3_3();
        draft.out.abort_on_close = draft.abort_on_close.unwrap_or(default);
        draft.out.aborts_served = draft.out.abort_on_close && draft.shared.compat.before_3_3();
        if let Some((id, _)) = draft.id {
            draft.out.uuid = id;
            draft.out.forced_id = true;
        }
        self.finish_default_backend(&mut draft, scope);
        self.finish_captures(&draft, scope);
        let binds = self.finish_binds(&mut draft);
        let servers = self.finish_servers(&mut draft, scope);
        self.finish_logs(&mut draft, scope);
        // It is made once the request is there; rules come behind it.
        let begun = if http { Hook::HttpRequest } else { Hook::TcpRequestContent };
        draft.out.unique_id =
            draft.unique_id.take().and_then(|word| self.format(&word, &scope.at(begun))).map(Arc::new);
        let errors = std::mem::take(&mut draft.errors);
        let bufsize = self.global.out.bufsize;
        draft.out.errors =
            errors.into_iter().filter_map(|error| error.finish(self.reader, bufsize, self.diags)).collect();
        draft.finish_compression();
        let stats = draft.stats.take();
        draft.out.stats = stats.map(|stats| stats.finish(&draft));
        check_contents(&draft, self.diags);
        finish_rules(&mut draft);
        Proxy::new(draft.out, binds, servers)
    }

    /// Rules may name slots that are declared behind them; here all are known.
    fn finish_captures(&self, draft: &ProxyDraft, scope: &Scope<'_>) {
        for (dir, slot, span) in CaptureSlots::of(draft.out.id, scope).missing() {
            let rule = if dir == Dir::Request { "http-request" } else { "http-response" };
            let name = &draft.out.name;
            let text = format!("Proxy '{name}': unable to find capture id '{slot}' referenced by {rule} capture rule.");
            let error = Diagnostic::alert("no-capture", text).at(span).lead(Lead::Config);
            let side = if dir == Dir::Request { "request" } else { "response" };
            self.diags.push(
                error.help(format!("declare it: 'declare capture {side} len <length>'; the first one has the id 0")),
            );
        }
    }

    fn finish_default_backend(&self, draft: &mut ProxyDraft, scope: &Scope<'_>) {
        let Some(word) = draft.default_backend.take() else { return };
        if !draft.out.frontend {
            return;
        }
        match find_backend(&word, "default_backend", draft, scope) {
            Ok(id) => draft.out.default_backend = Some(id),
            Err(error) => self.diags.push(*error),
        }
    }

    fn finish_binds(&self, draft: &mut ProxyDraft) -> Vec<Bind> {
        let mut out = Vec::new();
        for bind in std::mem::take(&mut draft.binds) {
            match bind.finish(self.global, self.reader, self.diags, out.len()) {
                Ok(binds) => out.extend(binds),
                Err(error) => self.diags.push(*error),
            }
        }
        out
    }

    fn finish_servers(&self, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Vec<Server> {
        let check = std::mem::take(&mut draft.check);
        for (span, rules, option) in check.unused().filter(|_| draft.out.backend) {
            let title = title(draft.kind, &draft.out.name);
            let text = format!("{title} uses {rules} rules without '{option}', so the rules are ignored.");
            self.diags.push(Diagnostic::warning("unused-check", text).at(span).lead(Lead::Config));
        }
        let host = check.host();
        let port = check.has_port();
        draft.out.choosing.leaves_on_404 = check.disables_on_404();
        let kind = check.finish();
        let shared = || match &kind {
            CheckKind::Connect => CheckKind::Connect,
            CheckKind::Http(steps) => CheckKind::Http(steps.clone()),
            CheckKind::Tcp(steps) => CheckKind::Tcp(steps.clone()),
            CheckKind::Dialog(dialog) => CheckKind::Dialog(dialog.clone()),
        };
        let states = self.states.of(&draft.out.name, draft.state_from, draft.state_file.as_deref());
        let finish = FinishServer {
            global: self.global,
            reader: self.reader,
            diags: self.diags,
            scope,
            proxy: &draft.out.name,
            http: draft.out.mode == Mode::Http,
            retry_on: draft.out.retry_on,
            source: draft.source.as_ref(),
            check_host: host.as_deref(),
            ignore_resolution: self.ignore_resolution,
            states: states.as_deref(),
        };
        let mut out = Vec::with_capacity(draft.servers.len());
        for (server, number) in draft.servers.iter().zip(1..) {
            match finish.finish(server, number, shared, port) {
                Ok(mut server) => {
                    let saved = states.as_deref().map(|file| self.states.saved(file, &draft.out.name, &server));
                    server.saved = saved.flatten();
                    out.push(server);
                }
                Err(error) => self.diags.push(error.lead(Lead::Place)),
            }
        }
        out
    }

    /// Binds a format string; one of the defaults that is wrong for several proxies is told once.
    fn format(&self, word: &Word, scope: &Scope<'_>) -> Option<LogFormat> {
        match LogFormat::bind(word, scope) {
            Ok(format) => Some(format),
            Err(error) => {
                let error = error.or_at(word.span);
                if self.told.borrow_mut().insert((error.span, error.message.clone())) {
                    self.diags.push(error);
                }
                None
            }
        }
    }

    fn finish_logs(&self, draft: &mut ProxyDraft, scope: &Scope<'_>) {
        let log = scope.at(Hook::Log);
        let logs = std::mem::take(&mut draft.logs);
        if logs.global {
            draft.out.logs.extend(self.global.out.logs.iter().cloned());
        }
        let send_hostname = self.global.out.log_send_hostname.is_some();
        for log in &logs.own {
            match log.finish(self.reader, send_hostname) {
                Ok(target) => draft.out.logs.push(target),
                Err(error) => self.diags.push(*error),
            }
        }
        if !draft.out.frontend {
            return;
        }
        let structured = logs.structured.as_ref().map(|word| word.span);
        let format = logs.format.as_ref().map(|(_, span)| *span).or(structured);
        if let Some(span) = format.filter(|_| draft.out.logs.is_empty()) {
            let text = format!("log format ignored for {} since it has no log address.", draft.title());
            self.diags.push(Diagnostic::warning("no-log-address", text).at(span).lead(Lead::Bare));
        }
        draft.out.log_formats.error = logs.error_format.and_then(|word| self.format(&word, &log));
        draft.out.log_formats.structured = logs.structured.and_then(|word| self.format(&word, &log));
        draft.out.log_formats.stream = match logs.format {
            None => None,
            Some((Format::Custom(word), _)) => self.format(&word, &log),
            Some((Format::Preset(text), span)) => self.preset(text, span, draft, scope),
        };
    }

    /// A format of HAProxy's own. One for HTTP falls back to that for TCP where the proxy is no HTTP proxy.
    fn preset(&self, text: &'static str, span: Span, draft: &ProxyDraft, scope: &Scope<'_>) -> Option<LogFormat> {
        use crate::base::log_formats::{HTTP, HTTP_CLF, HTTPS, TCP, TCP_CLF};
        let mut text = text;
        if draft.out.mode == Mode::Tcp && [HTTP, HTTP_CLF, HTTPS].contains(&text) {
            let (old, new) = match text {
                HTTPS => ("httpslog", "tcplog"),
                HTTP_CLF => ("httplog clf", "tcplog clf"),
                _ => ("httplog", "tcplog"),
            };
            let shown = if old == "httpslog" { old } else { "httplog" };
            let message = format!(
                "'option {shown}' not usable with {} (needs 'mode http'). Falling back to 'option {new}'.",
                draft.title()
            );
            self.diags.push(Diagnostic::warning("log-mode", message).at(span));
            text = if text == HTTP_CLF { TCP_CLF } else { TCP };
        }
        match LogFormat::bind(&preset(text), &scope.at(Hook::Log)) {
            Ok(format) => Some(format),
            Err(error) => {
                let error = Diagnostic { span: Some(span), ..*error };
                self.diags.push(error);
                None
            }
        }
    }
}

fn finish_rules(draft: &mut ProxyDraft) {
    let http = draft.serves_http();
    let mut rules = std::mem::take(&mut draft.rules);
    if !http {
        // They were told to be ignored.
        rules = rules.without_http();
    }
    let shared = &draft.shared;
    let out = &mut draft.out;
    out.tcp_req_conn = rules.tcp_req_conn.finish(shared);
    out.tcp_req_sess = rules.tcp_req_sess.finish(shared);
    out.tcp_req_content = rules.tcp_req_content.finish(shared);
    out.tcp_res_content = rules.tcp_res_content.finish(shared);
    rules.first.extend(rules.health);
    let req = [rules.first, rules.http_req, rules.req_lines, rules.req_added, rules.redirect];
    out.http_req = super::rules::finish_parts(req, shared);
    out.http_res = super::rules::finish_parts([rules.http_res, rules.res_lines, rules.res_added], shared);
    out.http_after = rules.http_after.finish(shared);
    out.use_backend = rules.use_backend.into_iter().map(|(choice, _)| choice).collect();
}
