//! The runtime commands (management.txt 9.3): one table, one file per family.
//!
//! | file | commands |
//! |---|---|
//! | `cert` | certificates: `show ssl cert`, `set ssl cert`, `commit ssl cert` |
//! | `cert_list` | lists of them: `add ssl crt-list` |
//! | `console` | the connection: `prompt`, `quit`, `operator`, `user`, `set timeout cli`, `wait` |
//! | `cookie` | `enable dynamic-cookie backend`, `set dynamic-cookie-key backend` |
//! | `help` | `help`, and the answer to what is no command |
//! | `info` | `show info`, `show version`: the process |
//! | `pattern` | maps and ACLs: `show map`, `add acl`, `set map`, versions |
//! | `process` | environment, sockets, messages of the start, `echo` |
//! | `resolvers` | `show resolvers`: name servers |
//! | `stat` | `show stat`, `clear counters` |
//! | `backends` | `show backend`, `show servers` |
//! | `server` | the state of one server: `set server`, `set weight`, `disable server` |
//! | `dynamic` | `add server`, `del server` |
//! | `errors` | `show errors` |
//! | `frontend` | `disable frontend`, `set maxconn`, `set rate-limit` |
//! | `stream` | `show sess`, `shutdown session` |
//! | `table` | `show table`, `set table`, `clear table` |
//! | `variable` | `get var`, `set var` |
//!
//! A command is a function of the configuration, the state and its words; the socket around it is `admin::socket`.

mod agent;
mod backends;
mod cert;
mod cert_list;
pub mod console;
mod cookie;
mod dynamic;
mod errors;
mod frontend;
mod help;
mod info;
mod line;
mod pattern;
mod process;
mod resolvers;
mod server;
mod stat;
mod stream;
mod table;
mod variable;

use std::sync::Arc;

use crate::base::id::{ProxyId, ServerId};
use crate::engine::Engine;
use crate::ir::{Ir, Proxy, Server};
use crate::keyword::Meta;
use crate::keyword::known::{self, Class};
use crate::state::{Change, ServerState, View};

use super::stats::page::Process;
use super::stats::rows::At;
pub use cert::Certificates;
pub use console::{Console, Reply};
pub use dynamic::{ChainAndKey, Loader};
pub use info::{process_doc, process_value};
pub use line::{payload, split};

/// Rights of a connection to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Looks at what is not sensitive.
    User = 1,
    /// Looks at everything.
    Operator = 2,
    /// Changes everything.
    Admin = 3,
}

impl Level {
    /// As `show cli level` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Level::User => "user",
            Level::Operator => "operator",
            Level::Admin => "admin",
        }
    }
}

/// What a command works on.
pub struct Shell<'a> {
    /// Carries out what commands ask for; none while the process starts.
    pub engine: Option<&'a Engine>,
    /// Reads what commands bring; none while the process starts.
    pub lines: Option<&'a dyn Loader>,
    /// Certificates that no configuration has.
    pub certs: &'a Certificates,
    /// The configuration.
    pub ir: &'a Ir,
    /// The run-time state.
    pub view: &'a View,
    /// Facts of the process.
    pub process: &'a Process,
    /// When.
    pub at: At,
    /// The connection.
    pub console: &'a mut Console,
    /// What came behind `<<`.
    pub payload: Option<&'a str>,
}

/// One command.
pub struct Command {
    /// Name as typed, documentation, examples, status.
    pub meta: Meta,
    /// Rights it takes.
    pub level: Level,
    /// Runs it on the words behind its name.
    pub run: fn(&mut Shell<'_>, &[&str]) -> Answer,
}

/// What a command says, without the empty line that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    text: String,
    /// Of a message that says how something went; data has none.
    severity: Option<Severity>,
}

/// How serious a message is; the numbers are syslog's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It was not done.
    Error = 3,
    /// It was done, with a reservation.
    Warning = 4,
    /// It was done.
    Notice = 5,
    /// What was asked for.
    Info = 6,
}

impl Answer {
    /// Data.
    pub fn data(text: impl Into<String>) -> Answer {
        Answer { text: text.into(), severity: None }
    }

    /// Nothing to say.
    pub fn done() -> Answer {
        Answer::data("")
    }

    /// A message.
    pub fn message(severity: Severity, text: impl Into<String>) -> Answer {
        Answer { text: text.into(), severity: Some(severity) }
    }

    /// What was wrong.
    pub fn error(text: impl Into<String>) -> Answer {
        Answer::message(Severity::Error, text)
    }

    /// The text as it is sent.
    fn show(self, output: console::SeverityOutput) -> String {
        let mut text = match self.severity {
            Some(severity) if !self.text.is_empty() => format!("{}{}", output.prefix(severity), self.text),
            _ => self.text,
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

/// What a command could not do; `?` turns it into its answer.
type Done = Result<Answer, Answer>;

fn flat(done: Done) -> Answer {
    done.unwrap_or_else(|error| error)
}

/// All tables.
pub static FAMILIES: &[&[Command]] = &[
    backends::COMMANDS,
    cert::COMMANDS,
    cert_list::COMMANDS,
    console::COMMANDS,
    cookie::COMMANDS,
    dynamic::COMMANDS,
    errors::COMMANDS,
    frontend::COMMANDS,
    help::COMMANDS,
    info::COMMANDS,
    pattern::COMMANDS,
    process::COMMANDS,
    resolvers::COMMANDS,
    server::COMMANDS,
    stat::COMMANDS,
    stream::COMMANDS,
    table::COMMANDS,
    variable::COMMANDS,
];

/// Every command.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// Runs one command with its words.
pub fn run(shell: &mut Shell<'_>, command: &str) -> Reply {
    let words = line::words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = match words.as_slice() {
        [] => Answer::done(),
        // `@1` names this process, as the master's socket would (management.txt 9.4).
        [prefix, rest @ ..] if prefix.starts_with('@') => match console::is_this_process(prefix, shell.process.pid) {
            true if rest.is_empty() => Answer::done(),
            true => one(shell, rest),
            false => Answer::error(format!("Can't find the target PID matching the prefix '{prefix}'.")),
        },
        words => one(shell, words),
    };
    let output = shell.console.severity;
    Reply { text: answer.show(output), wait: shell.console.wait.take() }
}

fn one(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    match find(words) {
        Some((command, _)) if command.level > shell.console.level => Answer::error("Permission denied"),
        Some((command, length)) => (command.run)(shell, words.get(length..).unwrap_or_default()),
        None => match not_yet(words) {
            Some(answer) => answer,
            None => help::unknown(shell.console.level, words),
        },
    }
}

/// The command with the longest name that begins the words, and how many words that name has.
fn find(words: &[&str]) -> Option<(&'static Command, usize)> {
    let named = |command: &'static Command| {
        let length = command.meta.name.split(' ').count();
        let fits = words.len() >= length && command.meta.name.split(' ').eq(words.iter().copied().take(length));
        fits.then_some((command, length))
    };
    all().filter_map(named).max_by_key(|(_, length)| *length)
}

/// The answer to a command that HAProxy 3.4 has and the tables have not.
fn not_yet(words: &[&str]) -> Option<Answer> {
    let mut names = (1..=words.len()).rev().filter_map(|length| words.get(..length)).map(|words| words.join(" "));
    let known = names.find_map(|name| known::find(Class::Cli, &name)).filter(|known| !known.is_for_master())?;
    let (name, manual) = (known.name, known.manual());
    Some(Answer::error(format!("'{name}' is known to HAProxy 3.4, not supported by hydroxy yet ({manual}).")))
}

/// A server that a command names.
#[derive(Clone, Copy)]
struct Found<'a> {
    proxy: &'a Proxy,
    id: ServerId,
    line: &'a Server,
    state: &'a Arc<ServerState>,
}

impl<'a> Shell<'a> {
    /// The proxy of that name or `#id` that fits.
    fn proxy(&self, name: &str, fits: impl Fn(&Proxy) -> bool) -> Option<&'a Proxy> {
        let proxies = self.ir.proxies.iter().map(|proxy| &**proxy);
        let id = name.strip_prefix('#').and_then(|id| id.parse().ok());
        proxies
            .filter(|proxy| !proxy.disabled)
            .find(|proxy| fits(proxy) && (*proxy.name == *name || id == Some(proxy.uuid)))
    }

    /// The server in `backend/server`, the first word.
    fn server(&self, words: &[&str]) -> Result<Found<'a>, Answer> {
        let named = words.first().and_then(|word| word.split_once('/')).filter(|(_, server)| !server.is_empty());
        let Some((backend, name)) = named else { return Err(Answer::error("Require 'backend/server'.")) };
        let Some(proxy) = self.proxy(backend, |proxy| proxy.backend) else {
            return Err(Answer::error("No such backend."));
        };
        let id = name.strip_prefix('#').and_then(|id| id.parse().ok());
        let at = proxy.servers.iter().position(|server| *server.name == *name || id == Some(server.id));
        let found = at.and_then(|at| {
            let id = ServerId(u32::try_from(at).ok()?);
            Some(Found { proxy, id, line: proxy.servers.get(at)?, state: self.view.server(proxy.id, id)? })
        });
        found.ok_or_else(|| Answer::error("No such server."))
    }

    /// The frontend in the first word.
    fn frontend(&self, words: &[&str]) -> Result<&'a Proxy, Answer> {
        let Some(name) = words.first() else { return Err(Answer::error("A frontend name is expected.")) };
        self.proxy(name, |proxy| proxy.frontend).ok_or_else(|| Answer::error("No such frontend."))
    }

    fn change(&self, proxy: ProxyId, server: ServerId, change: Change) {
        if let Some(engine) = self.engine {
            engine.change(proxy, server, change);
        }
    }
}

impl Found<'_> {
    fn change(&self, shell: &Shell<'_>, change: Change) {
        shell.change(self.proxy.id, self.id, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_release_is_known() {
        for known in known::all().iter().filter(|known| known.class == Class::Cli && !known.is_for_master()) {
            let words: Vec<&str> = known.name.split(' ').chain(["x"]).collect();
            let answer = not_yet(&words).map(|answer| answer.text).unwrap_or_default();
            assert!(answer.starts_with(&format!("'{}' is known to HAProxy 3.4", known.name)), "{answer}");
        }
        assert_eq!(not_yet(&["show", "nonsense"]), None);
    }

    #[test]
    fn every_command_is_one_of_the_release() {
        for command in all() {
            assert!(known::find(Class::Cli, command.meta.name).is_some(), "{}", command.meta.name);
        }
    }

    #[test]
    fn the_longest_name_wins() {
        let name = |words: &[&str]| find(words).map(|(command, _)| command.meta.name);
        assert_eq!(name(&["set", "maxconn", "server", "a/b"]), Some("set maxconn server"));
        assert_eq!(name(&["show", "servers"]), None);
        assert_eq!(name(&["show", "stat", "typed"]), Some("show stat"));
    }
}
