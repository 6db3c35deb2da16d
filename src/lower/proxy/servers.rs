//! `server` and `default-server` lines of a proxy, and `use-server`; server options stand in `lower::server`.

use super::ProxyDraft;
use crate::base::id::ServerId;
use crate::diag::{Diagnostic, Lead, Word};
use crate::expr::{Cond, LogFormat};
use crate::ir::ServerChoice;
use crate::ir::proxy::ServerTo;
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::server::{ServerDraft, template_names};
use crate::lower::table::sentence;
use crate::lower::values::invalid_char;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "server",
            "server <name> <address>[:<port>] [<option> ...]",
            "Adds a server to the backend.",
            &[("server a 127.0.0.1:8000", "server a 127.0.0.1:8000")],
        ),
        sections: Sections::BE,
        apply: server,
    },
    Setting {
        meta: Meta::new(
            "server-template",
            "server-template <prefix> <num | low-high> <address>[:<port>] [<option> ...]",
            "Adds servers with the same address and options, whose names are the prefix and a number.",
            &[("server-template app 2-3 127.0.0.1:80", "server app2 server app3 127.0.0.1:80")],
        ),
        sections: Sections::BE,
        apply: template,
    },
    Setting {
        meta: Meta::new(
            "default-server",
            "default-server <option> ...",
            "Sets options of the servers on the lines that follow.",
            &[("default-server inter 1s", "")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            // Read into a copy: a bad line must not leave half of its options behind.
            let mut options = draft.default_server.clone();
            options.read_options(words, scope, &draft.out.name).map_err(at_place)?;
            draft.default_server = options;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "use-server",
            "use-server <name> { if | unless } <condition>",
            "Sends requests for which the condition holds to this server, if it is up.",
            &[("use-server a if { src 127.0.0.1 }", "use-server a if")],
        ),
        sections: Sections::BE,
        apply: use_server,
    },
];

/// HAProxy does not write 'parsing' before the place of messages about servers.
fn at_place(mut error: crate::keyword::Error) -> crate::keyword::Error {
    error.lead = Lead::Place;
    error
}

fn server(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let mut server = draft.default_server.clone();
    server.read_head(words, &draft.out.name).map_err(at_place)?;
    server.read_options(words, scope, &draft.out.name).map_err(at_place)?;
    add(server, draft, scope);
    Ok(())
}

fn template(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let (Some(prefix), Some(range), Some(address)) = (words.next_word(), words.next_word(), words.next_word()) else {
        let message = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.";
        return Err(at_place(sentence(words.end(), "missing", message)));
    };
    if let Some(found) = invalid_char(prefix.as_str()) {
        let message = format!("character '{found}' is not permitted in server-template prefix '{prefix}'.");
        return Err(at_place(sentence(prefix.span, "bad-name", message)));
    }
    let Some(names) = template_names(prefix.as_str(), range.as_str()) else {
        let message = format!("Wrong server-template number or range arg '{range}'.");
        return Err(at_place(sentence(range.span, "range", message)));
    };
    let mut server = draft.default_server.clone();
    let named = |name: &str| Word::new(name, prefix.span);
    server.take_address(&named(prefix.as_str()), address, &draft.out.name).map_err(at_place)?;
    server.read_options(words, scope, &draft.out.name).map_err(at_place)?;
    let mut id = server.id;
    for name in names {
        let mut one = server.clone();
        one.name = Some(named(&name));
        one.id = id.take();
        add(one, draft, scope);
    }
    Ok(())
}

/// Adds a server, and warns if there is one of its name. Two of one number cannot be told apart by tools.
fn add(server: ServerDraft, draft: &mut ProxyDraft, scope: &Scope<'_>) {
    let same = |other: &&ServerDraft| {
        other.name.as_ref().map(|name| name.as_str()) == server.name.as_ref().map(|name| name.as_str())
    };
    if let Some(first) = draft.servers.iter().find(same) {
        let (name, place) = (server.name.as_ref().map_or("", |name| name.as_str()), draft.shared.place(first.span()));
        let text = format!(
            "backend '{}', another server named '{name}' was already defined at line {}, please use distinct names.",
            draft.out.name,
            place.rsplit(':').next().unwrap_or_default()
        );
        let found = Diagnostic::warning("duplicate-server", text).at(server.span());
        scope.diags.push(found.place(first.span(), "first one").help("HAProxy 3.3 and later refuse it"));
    }
    if let Some(first) = draft.servers.iter().find(|other| server.id.is_some() && other.id == server.id) {
        let (place, name) = (draft.shared.place(first.span()), first.name.as_ref().map_or("", |name| name.as_str()));
        let text = format!("custom id {} already used at {place} ('server {name}').", server.id.unwrap_or_default());
        let found = Diagnostic::alert("duplicate-id", text).at(server.span());
        scope.diags.push(found.place(first.span(), "first one"));
    }
    draft.servers.push(server);
}

fn use_server(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(name) = words.next_word() else {
        return Err(sentence(words.end(), "missing", "'use-server' expects a server name."));
    };
    if !matches!(words.peek_str(), "if" | "unless") {
        let message = "'use-server' requires either 'if' or 'unless' followed by a condition.";
        return Err(sentence(words.span(), "missing", message));
    }
    let scope = scope.at(Hook::UseServer);
    let cond = Cond::bind(words, &scope)
        .map_err(|error| Box::new(error.context("error detected while parsing switching rule : ")))?;
    let to = match name.as_str().contains('%') {
        true => ServerTo::Dynamic(LogFormat::bind(name, &scope)?),
        false => ServerTo::Fixed(find_server(name, draft, &scope)?),
    };
    draft.out.use_server.push(ServerChoice { cond, to });
    Ok(())
}

fn find_server(name: &crate::diag::Word, draft: &ProxyDraft, scope: &Scope<'_>) -> Result<ServerId> {
    let found = scope.proxy.and_then(|proxy| scope.names.server(proxy, name.as_str()));
    found.ok_or_else(|| {
        let message = format!("unable to find server '{name}' referenced in a 'use-server' rule.");
        let message = format!("{} : {message}", draft.title());
        let error = sentence(name.span, "unknown-server", message);
        let servers = scope.proxy.and_then(|proxy| scope.names.proxies.get(proxy.index())).map(|proxy| &proxy.servers);
        let names = servers.into_iter().flatten().map(String::as_str);
        match crate::diag::suggest(name.as_str(), names) {
            Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
            None => error,
        }
    })
}
