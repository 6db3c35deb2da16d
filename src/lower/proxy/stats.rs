//! The `stats` family of a proxy (manual 4.2 `stats enable` and its neighbours). Any of them turns the page on.

use std::sync::Arc;

use super::ProxyDraft;
use super::rules::{PlacedRules, rule};
use crate::expr::Cond;
use crate::ir::Stats;
use crate::ir::global::{Password, User, Userlist};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::{millis_from_seconds, text};

/// The statistics page being described.
#[derive(Default)]
pub(super) struct StatsDraft {
    /// All settings so far come from `defaults`: the first own one starts anew, as HAProxy does.
    inherited: bool,
    uri: Option<Box<str>>,
    auth: Vec<(String, String)>,
    realm: Option<Box<str>>,
    scope: Vec<String>,
    refresh_ms: Option<u64>,
    hide_version: Option<bool>,
    show_legends: bool,
    show_desc: Option<Option<String>>,
    show_node: Option<Option<String>>,
    show_modules: bool,
    admin: Vec<Cond>,
    rules: PlacedRules,
}

type Apply = fn(&mut Words<'_>, &mut ProxyDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, sections: Sections, apply: Apply) -> Setting<ProxyDraft> {
    Setting { meta, sections, apply }
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    entry(
        Meta::new(
            "stats enable",
            "stats enable",
            "Answers requests for the statistics page in this proxy.",
            &[("stats enable", "stats uri /haproxy?stats")],
        ),
        Sections::D_PROXY,
        |_, draft, _| {
            draft.stats();
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats uri",
            "stats uri <prefix>",
            "Sets where the page is. The default is /haproxy?stats.",
            &[("stats uri /stats", "stats uri /stats")],
        ),
        Sections::D_PROXY,
        |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "'uri' needs an URI prefix."));
            };
            draft.stats().uri = Some(word.as_str().into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats auth",
            "stats auth <user>:<password>",
            "Lets only those see the page who know a user and password. It may be given several times.",
            &[("stats auth admin:secret", "stats auth admin")],
        ),
        Sections::D_PROXY,
        auth,
    ),
    entry(
        Meta::new(
            "stats realm",
            "stats realm <realm>",
            "Sets the realm that browsers show when they ask for the password.",
            &[("stats realm shop", "stats realm shop")],
        ),
        Sections::D_PROXY,
        |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "'realm' needs an realm name."));
            };
            draft.stats().realm = Some(word.as_str().into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats refresh",
            "stats refresh <time>",
            "Makes browsers reload the page at this interval, in seconds unless it has a unit.",
            &[("stats refresh 30s", "stats refresh 30000")],
        ),
        Sections::D_PROXY,
        |words, draft, scope| {
            let ms = millis_from_seconds(words, scope, "stats refresh")?;
            draft.stats().refresh_ms = Some(ms).filter(|ms| *ms > 0);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats scope",
            "stats scope { <name> | . }",
            "Shows only the proxies named, '.' being this one. It may be given several times.",
            &[("stats scope .", "stats scope")],
        ),
        Sections::D_PROXY,
        |words, draft, _| {
            let name = match text(words, "a proxy name.")? {
                "." => draft.out.name.to_string(),
                name => name.to_owned(),
            };
            draft.stats().scope.push(name);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats hide-version",
            "stats hide-version",
            "Keeps the program's version off the page, which is the default.",
            &[("stats hide-version", "stats hide-version")],
        ),
        Sections::D_PROXY,
        |_, draft, _| {
            draft.stats().hide_version = Some(true);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats show-version",
            "stats show-version",
            "Shows the program's version on the page.",
            &[("stats show-version", "stats uri /haproxy?stats")],
        ),
        Sections::D_PROXY,
        |_, draft, _| {
            draft.stats().hide_version = Some(false);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats show-legends",
            "stats show-legends",
            "Shows more about proxies, servers and listeners when the mouse stands on them.",
            &[("stats show-legends", "stats show-legends")],
        ),
        Sections::D_PROXY,
        |_, draft, _| {
            draft.stats().show_legends = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats show-modules",
            "stats show-modules",
            "Shows counters of protocol modules behind the common ones.",
            &[("stats show-modules", "stats show-modules")],
        ),
        Sections::D_PROXY,
        |_, draft, _| {
            draft.stats().show_modules = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats show-desc",
            "stats show-desc [<text>]",
            "Shows a description on the page: this text, or the global one.",
            &[("stats show-desc shop", "stats show-desc shop")],
        ),
        Sections::D_PROXY,
        |words, draft, _| {
            let all: Vec<&str> = words.take_rest().iter().map(|word| word.as_str()).collect();
            draft.stats().show_desc = Some((!all.is_empty()).then(|| all.join(" ")));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats show-node",
            "stats show-node [<name>]",
            "Shows the machine's name on the page: this one, or the global one.",
            &[("stats show-node edge", "stats show-node edge")],
        ),
        Sections::D_PROXY,
        |words, draft, _| {
            draft.stats().show_node = Some(words.next_word().map(|word| word.as_str().to_owned()));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "stats admin",
            "stats admin { if | unless } <condition>",
            "Lets those for whom the condition holds change states of servers on the page.",
            &[("stats admin if { src 127.0.0.1 }", "stats admin if")],
        ),
        Sections::PROXY,
        admin,
    ),
    entry(
        Meta::new(
            "stats http-request",
            "stats http-request { allow | deny | auth [realm <realm>] } [ { if | unless } <condition> ]",
            "Adds a rule for who may see the page.",
            &[("stats http-request deny unless { src 127.0.0.1 }", "stats rule deny")],
        ),
        Sections::PROXY,
        |words, draft, scope| {
            let name = words.peek_str();
            if !matches!(name, "allow" | "deny" | "auth") {
                let message = format!("'stats http-request' expects 'allow', 'deny' or 'auth', but got '{name}'.");
                return Err(sentence(words.span(), "unknown", message));
            }
            let placed = rule(words, Hook::HttpRequest, draft.line, scope)?;
            draft.stats().rules.push(placed);
            Ok(())
        },
    ),
];

impl ProxyDraft {
    /// The page's settings; one that came from `defaults` whole is not mixed with own settings.
    fn stats(&mut self) -> &mut StatsDraft {
        if !self.inherited && self.stats.as_ref().is_some_and(|stats| stats.inherited) {
            self.stats = None;
        }
        let inherited = self.inherited;
        self.stats.get_or_insert_with(|| StatsDraft { inherited, ..StatsDraft::default() })
    }
}

impl StatsDraft {
    pub(super) fn finish(self, draft: &ProxyDraft) -> Stats {
        let users: Vec<User> = self
            .auth
            .iter()
            .map(|(name, password)| User {
                name: name.clone(),
                password: Password::Plain(password.clone()),
                groups: Vec::new(),
            })
            .collect();
        let list = Userlist { name: format!(".internal-stats-userlist:{}", draft.out.name), users, groups: Vec::new() };
        Stats {
            uri: self.uri.unwrap_or_else(|| "/haproxy?stats".into()),
            users: (!self.auth.is_empty()).then(|| Arc::new(list)),
            auth: self.auth,
            realm: self.realm.unwrap_or_else(|| "HAProxy Statistics".into()),
            scope: self.scope,
            refresh_ms: self.refresh_ms,
            hide_version: self.hide_version.unwrap_or(!draft.shared.compat.before_3_3()),
            show_legends: self.show_legends,
            show_desc: self.show_desc,
            show_node: self.show_node,
            show_modules: self.show_modules,
            admin: self.admin,
            rules: self.rules.finish(&draft.shared),
        }
    }
}

fn auth(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    let usage = "'auth' needs a user:password account.";
    let Some(word) = words.next_word() else { return Err(sentence(words.end(), "missing", usage)) };
    let (user, password) = match word.as_str().split_once(':') {
        Some((user, password)) => (user, password),
        // HAProxy takes a word without colon for a user without password.
        None => (word.as_str(), ""),
    };
    let account = (user.to_owned(), password.to_owned());
    draft.stats().auth.push(account);
    Ok(())
}

fn admin(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    if !matches!(words.peek_str(), "if" | "unless") {
        let message = "'stats admin' requires either 'if' or 'unless' followed by a condition.";
        return Err(sentence(words.span(), "missing", message));
    }
    let place = "error detected while parsing a 'stats admin' rule : ";
    let cond = Cond::bind(words, &scope.at(Hook::HttpRequest)).map_err(|error| Box::new(error.context(place)))?;
    draft.stats().admin.extend(cond);
    Ok(())
}
