//! Servers that the runtime socket adds (management.txt 9.3 `add server`): a line is read by the code that reads configurations, in
//! one that holds what counts for servers of that backend and nothing else.

use std::sync::Arc;

use super::load::{LoadInput, load};
use super::names::Plan;
use super::server::FAMILIES;
use crate::base::id::ProxyId;
use crate::config::{Input, Line};
use crate::diag::Severity;
use crate::ir::{Proxy, Server};
use crate::keyword::{Sections, Status};

/// The beginning of that configuration; what is missing is the line of the server.
pub(super) fn context(plan: &Plan<'_>, id: ProxyId) -> Box<str> {
    let Some(proxy) = plan.proxies.get(id.index()).filter(|proxy| proxy.kind.contains(Sections::BACKEND)) else {
        return "".into();
    };
    let mut out = "global\n".to_owned();
    let globals = plan.globals.iter().flat_map(|section| &section.lines);
    globals.filter(|line| GLOBAL.contains(&line.keyword().as_str())).for_each(|line| write(line, &mut out));
    out.push_str("defaults\n");
    let ancestors = plan.ancestors(proxy.defaults).into_iter().filter_map(|at| plan.defaults.get(at));
    let lines = ancestors.flat_map(|defaults| &defaults.section.lines);
    lines.filter(|line| counts(line)).for_each(|line| write(line, &mut out));
    // HAProxy's restrictions on names have been checked; a bad one never comes here.
    out.push_str(&format!("backend {}\n", quoted(proxy.name.as_str())));
    proxy.section.lines.iter().filter(|line| counts(line)).for_each(|line| write(line, &mut out));
    out.into()
}

/// Whether a line of a proxy says something about its servers.
fn counts(line: &Line) -> bool {
    let words = match line.words.as_slice() {
        [no, rest @ ..] if no.as_str() == "no" => rest,
        words => words,
    };
    match words {
        [option, name, ..] if option.as_str() == "option" => {
            name.as_str().ends_with("-check") || name.as_str().ends_with("chk")
        }
        [name, ..] => PROXY.contains(&name.as_str()),
        [] => false,
    }
}

fn write(line: &Line, out: &mut String) {
    let words: Vec<String> = line.words.iter().map(|word| quoted(word.as_str())).collect();
    out.push_str(&format!("    {}\n", words.join(" ")));
}

/// A word as the reader of configurations gets it back: between single quotes nothing is special but their end.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Reads the words behind `add server`, the first of which is the server's name. The texts of `input` are replaced.
pub fn server(proxy: &Proxy, words: &[&str], mut input: LoadInput<'_>) -> Result<Server, String> {
    let name = words.first().copied().unwrap_or_default();
    let place = format!("'server {}/{name}' : ", proxy.name);
    let fail = |text: &str| Err(text.strip_prefix(&place).unwrap_or(text).to_owned());
    if let Some(word) = words.iter().skip(2).find(|word| REFUSED.contains(word)) {
        return Err(format!("'{word}' option is not accepted for dynamic server"));
    }
    let lent = |word: &&&str| ["var(txn.", "var(req.", "var(res."].iter().any(|scope| word.contains(scope));
    if let Some(word) = words.iter().skip(2).find(lent) {
        return Err(format!("'{word}' names a variable of a stream, which a dynamic server cannot read"));
    }
    let taken = |id: u32| proxy.servers.iter().find(|server| server.id == id);
    let mut line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    if words.len() > 1 {
        // A name is resolved later, not while everybody waits (management.txt 9.3).
        line.extend(["init-addr".to_owned(), "none".to_owned()]);
    }
    let own_id = words.iter().skip(2).any(|word| *word == "id");
    if !own_id && words.len() > 1 {
        let free = (1..).find(|id| taken(*id).is_none()).unwrap_or(u32::MAX);
        line.extend(["id".to_owned(), free.to_string()]);
    }
    let text = format!("{}    server {}\n", proxy.server_context, line.join(" "));
    input.inputs = vec![Input { name: "<CLI>".to_owned(), text: text.into_bytes() }];
    let loaded = load(input);
    if let Some(found) = loaded.diags.iter().find(|found| found.severity == Severity::Alert) {
        return fail(&found.message);
    }
    let made = loaded.ir.and_then(|mut ir| Arc::get_mut(ir.proxies.last_mut()?)?.servers.pop());
    let Some(mut server) = made.and_then(Arc::into_inner) else { return fail("the server cannot be made") };
    if let Some(other) = taken(server.id) {
        return Err(format!(
            "'id' : custom id {} already used at {} ('server {}').",
            server.id, other.place, other.name
        ));
    }
    server.dynamic = true;
    server.forced_id = own_id;
    server.place = "<CLI>:0".into();
    Ok(server)
}

/// What such a line may say.
pub fn options() -> Vec<&'static str> {
    let settings = FAMILIES.iter().copied().flatten();
    let supported =
        settings.filter(|setting| setting.meta.status == Status::Supported).map(|setting| setting.meta.name);
    let mut names: Vec<_> = supported.filter(|name| !REFUSED.contains(name)).collect();
    names.sort_unstable();
    names
}

/// Directives of `global` that servers depend on.
const GLOBAL: [&str; 10] = [
    "ca-base",
    "crt-base",
    "default-path",
    "ssl-default-server-ciphers",
    "ssl-default-server-ciphersuites",
    "ssl-default-server-options",
    "ssl-server-verify",
    "tune.bufsize",
    "tune.ssl.hard-maxrecord",
    "tune.ssl.maxrecord",
];
/// Directives of proxies that servers depend on.
const PROXY: [&str; 5] = ["mode", "source", "http-check", "tcp-check", "balance"];
/// Options that cannot be set at run time.
const REFUSED: [&str; 3] = ["init-addr", "resolvers", "track"];
