//! State files: the answer to `show servers state` of an earlier process (management.txt 9.3), read at the start (manual 4.2
//! `load-server-state-from-file`). What a line means for its server is decided here, and what is wrong with it told in
//! HAProxy's words; `engine::restore` does it.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::files::Reader;
use crate::diag::{Diagnostic, Diagnostics, Lead, Severity};
use crate::ir::{PortSpec, Saved, SavedAgent, SavedCheck, Server};
use crate::state::{Admin, CheckResult, Health};

/// Where a backend's servers get their state from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum From {
    /// They begin anew.
    #[default]
    Nowhere,
    /// `server-state-file`
    Global,
    /// `server-state-file-name`
    Local,
}

/// The files, each read once.
pub(super) struct StateFiles<'a> {
    reader: &'a Reader<'a>,
    diags: &'a Diagnostics,
    /// `server-state-base`
    base: Option<String>,
    global: OnceCell<Rc<StateFile>>,
}

/// What a file says.
#[derive(Default)]
pub(super) struct StateFile {
    /// The words of each line by the names of its backend and server.
    lines: HashMap<(String, String), Vec<String>>,
}

impl<'a> StateFiles<'a> {
    /// Reads the global file, whether or not a backend wants it, as HAProxy does.
    pub(super) fn new(
        reader: &'a Reader<'a>,
        diags: &'a Diagnostics,
        base: Option<String>,
        global: Option<&str>,
    ) -> StateFiles<'a> {
        let files = StateFiles { reader, diags, base, global: OnceCell::new() };
        if let Some(path) = global {
            files.global.get_or_init(|| Rc::new(files.read(path, None)));
        }
        files
    }

    /// What is known of the servers of a backend.
    pub(super) fn of(&self, backend: &str, from: From, name: Option<&str>) -> Option<Rc<StateFile>> {
        match from {
            From::Nowhere => None,
            From::Global => self.global.get().cloned(),
            From::Local => Some(Rc::new(self.read(name.unwrap_or(backend), Some(backend)))),
        }
    }

    /// A file that is broken says nothing. `backend` is whose own file it is.
    fn read(&self, path: &str, backend: Option<&str>) -> StateFile {
        let path = match &self.base {
            Some(base) if !path.starts_with('/') => format!("{}/{path}", base.trim_end_matches('/')),
            _ => path.to_owned(),
        };
        let (who, whose) = match backend {
            Some(backend) => (format!("Proxy '{backend}'"), ""),
            None => ("config".to_owned(), "global "),
        };
        let bytes = match self.reader.read(&path) {
            Ok(bytes) => bytes,
            Err(why) => {
                // At the first start there is none.
                let missing = why.starts_with("No such file");
                let severity = if missing { Severity::Notice } else { Severity::Warning };
                let dot = if backend.is_some() { "." } else { "" };
                self.say(severity, format!("{who}: Can't open {whose}server state file '{path}': {why}{dot}"));
                return StateFile::default();
            }
        };
        let said = |text: &str| format!("{who}: {text} {whose}server state file '{path}'");
        let text = String::from_utf8_lossy(&bytes);
        if text.is_empty() {
            self.say(Severity::Notice, said("Empty") + ".");
            return StateFile::default();
        }
        let Some(body) = text.strip_prefix("1\n") else {
            self.say(Severity::Warning, said("Can't get version of the") + ".");
            return StateFile::default();
        };
        let mut file = StateFile::default();
        for (line, number) in body.split_inclusive('\n').zip(1..) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            let named = words.get(BACKEND).zip(words.get(SERVER));
            let whole = words.len() >= FEWEST_WORDS && line.ends_with('\n');
            let Some((owner, server)) = named.filter(|_| whole) else {
                self.say(Severity::Warning, format!("{} at line {number}.", said("corrupted")));
                return StateFile::default();
            };
            // The first line of a server counts.
            let key = ((*owner).to_owned(), (*server).to_owned());
            file.lines.entry(key).or_insert_with(|| words.iter().map(|word| (*word).to_owned()).collect());
        }
        if let Some(backend) = backend.filter(|_| !file.lines.is_empty()) {
            self.compare(&file, backend);
        }
        file
    }

    /// A backend's own file that does not speak of it is another one's.
    fn compare(&self, file: &StateFile, backend: &str) {
        let whose = |key: &&(String, String)| key.0 == backend;
        if file.lines.keys().any(|key| whose(&key)) {
            return;
        }
        if let Some((owner, _)) = file.lines.keys().min() {
            let text = format!(
                "Proxy '{backend}': backend name mismatch: from server state file: '{owner}', from running config \
                 '{backend}'"
            );
            self.say(Severity::Warning, text);
        }
    }

    fn say(&self, severity: Severity, text: String) {
        self.diags.push(Diagnostic::new(severity, "server-state", text).lead(Lead::Config));
    }

    /// What a server begins with. What cannot be applied is told.
    pub(super) fn saved(&self, file: &StateFile, backend: &str, server: &Server) -> Option<Box<Saved>> {
        let line = file.line(backend, &server.name)?;
        let place = format!("server '{backend}/{}'", server.name);
        match saved(&line, server) {
            Ok((saved, left)) => {
                if !left.is_empty() {
                    let text = format!("server-state partially applied for {place}, {}", left.join(", "));
                    self.say(Severity::Warning, text);
                }
                Some(Box::new(saved))
            }
            Err(wrong) => {
                let text = format!("server-state application failed for {place}, {}", wrong.join(", "));
                self.say(Severity::Warning, text);
                None
            }
        }
    }
}

impl StateFile {
    fn line(&self, backend: &str, server: &str) -> Option<Line<'_>> {
        Some(Line(self.lines.get(&(backend.to_owned(), server.to_owned()))?))
    }

    /// The address that a server had (`init-addr last`).
    pub(super) fn addr(&self, backend: &str, server: &str) -> Option<IpAddr> {
        self.line(backend, server)?.word(4).parse().ok()
    }
}

/// The words of a line.
struct Line<'l>(&'l [String]);

impl Line<'_> {
    /// A word; columns that older releases do not write say nothing.
    fn word(&self, at: usize) -> &str {
        self.0.get(at).map_or("-", String::as_str)
    }

    /// The number in front of a word, if it is in the range; else its complaint is noted.
    fn number(&self, at: usize, name: &str, fits: impl Fn(i64) -> bool, wrong: &mut Vec<String>) -> i64 {
        let word = self.word(at);
        let digits = word.strip_prefix('-').unwrap_or(word);
        let end = word.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match word.get(..end).unwrap_or_default().parse() {
            Ok(number) if fits(number) => number,
            _ => {
                wrong.push(format!("invalid {name} value '{word}'"));
                0
            }
        }
    }
}

/// What the line means for the server, with what is left out; or all that is wrong with the line, of which nothing counts then.
fn saved(line: &Line<'_>, server: &Server) -> Result<(Saved, Vec<String>), Vec<String>> {
    let mut wrong = Vec::new();
    let operation = line.number(5, "srv_op_state", |state| (0..=3).contains(&state), &mut wrong);
    let both = FORCED_MAINT | FORCED_DRAIN;
    let admin = line.number(6, "srv_admin_state", |mask| mask & !0x7f == 0 && mask & both != both, &mut wrong);
    let weight = line.number(7, "srv_uweight", |weight| (0..=256).contains(&weight), &mut wrong);
    let initial = line.number(8, "srv_iweight", |weight| (0..=256).contains(&weight), &mut wrong);
    let age = line.number(9, "srv_last_time_change", |_| true, &mut wrong);
    let status = line.number(10, "srv_check_status", |status| (0..=20).contains(&status), &mut wrong);
    line.number(11, "srv_check_result", |result| (0..=4).contains(&result), &mut wrong);
    let counter = line.number(12, "srv_check_health", |_| true, &mut wrong);
    let checks = line.number(13, "srv_check_state", |mask| mask & !0x1f == 0, &mut wrong);
    let asked = line.number(14, "srv_agent_state", |mask| mask & !0x1f == 0, &mut wrong);
    line.number(15, "bk_f_forced_id", |flag| flag == 0 || flag == 1, &mut wrong);
    line.number(16, "srv_f_forced_id", |flag| flag == 0 || flag == 1, &mut wrong);
    let port = line.number(18, "srv_port", |port| (0..=65_535).contains(&port), &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut left = Vec::new();
    let is_paused = |has: bool, mask: i64| has && mask & CONFIGURED != 0 && mask & ENABLED == 0;
    let paused = is_paused(server.check.is_some(), checks);
    let (check_port, check_addr) =
        target(line, CHECK_TARGET, server.check.is_some() && !paused, "health checks", &mut left);
    let agent_off = is_paused(server.agent.is_some(), asked);
    let (agent_port, agent_addr) =
        target(line, AGENT_TARGET, server.agent.is_some() && !agent_off, "agent checks", &mut left);
    let check = server.check.as_ref().map(|_| SavedCheck {
        status: CheckResult::status_of_number(status),
        counter: u32::try_from(counter).unwrap_or(0),
        paused,
        port: check_port,
        addr: check_addr,
    });
    let agent = server.agent.as_ref().map(|_| SavedAgent { off: agent_off, port: agent_port, addr: agent_addr });
    let mut saved = Saved {
        agent,
        health: match operation {
            0 => Health::Down,
            3 => Health::Stopping,
            _ => Health::Up,
        },
        admin: admin_of(admin, server.disabled),
        weight: u32::try_from(weight).ok().filter(|_| initial == i64::from(server.weight)),
        seconds: age,
        check,
        name: None,
        addr: None,
        tls_off: line.word(20) == "0",
        // The port follows the client's where the line says so; 0 is what is written of that.
        port: u16::try_from(port).ok().filter(|port| *port > 0 && matches!(server.port, PortSpec::Fixed(_))),
    };
    name(line, server, admin & RENAMED != 0, &mut saved, &mut left);
    Ok((saved, left))
}

/// The administrator's word: a server that the configuration disables stays so unless it was enabled at run time, and one that
/// it does not disable any more is ready.
fn admin_of(mask: i64, disabled: bool) -> Admin {
    let (was_disabled, maint) = (mask & CONFIGURED_MAINT != 0, mask & FORCED_MAINT != 0);
    match (disabled, was_disabled) {
        (true, false) => Admin::Maint,
        (true, true) | (false, false) if maint => Admin::Maint,
        _ if mask & FORCED_DRAIN != 0 => Admin::Drain,
        _ => Admin::Ready,
    }
}

/// Where checks or the agent were connected to, if that was changed, in two columns from `at`: the port first for checks, last for the
/// agent. `what` they are where they are not enabled.
fn target(line: &Line<'_>, at: usize, enabled: bool, what: &str, left: &mut Vec<String>) -> (u16, Option<IpAddr>) {
    let (port, addr) = match at {
        AGENT_TARGET => (line.word(at + 1), line.word(at)),
        _ => (line.word(at), line.word(at + 1)),
    };
    if ["-", "0"].contains(&port) && addr == "-" {
        return (0, None);
    }
    if !enabled {
        left.push(format!("{what} are not enabled on this server"));
        return (0, None);
    }
    let addr = Some(addr).filter(|addr| *addr != "-");
    let Ok(addr) = addr.map(str::parse).transpose() else {
        let addr = addr.unwrap_or_default();
        left.push(format!("invalid addr '{addr}'"));
        return (0, None);
    };
    match port {
        "-" => (0, addr),
        text => match text.parse::<i64>().map(u16::try_from) {
            Ok(Ok(port)) => (port, addr),
            bad => {
                let why = if bad.is_ok() { "invalid" } else { "not an integer" };
                left.push(format!("provided port is {why}"));
                (0, None)
            }
        },
    }
}

/// The host's name that the server went by: one that was set at run time, or that the records of its service gave it.
fn name(line: &Line<'_>, server: &Server, renamed: bool, saved: &mut Saved, left: &mut Vec<String>) {
    let Some(resolve) = &server.resolve else { return };
    let fqdn = Some(line.word(17)).filter(|name| *name != "-");
    if !resolve.is_service() {
        let new = fqdn.filter(|name| renamed && !name.eq_ignore_ascii_case(&resolve.shown));
        saved.name = new.map(Into::into);
        return;
    }
    let service = line.word(19);
    if service != "-" && !service.eq_ignore_ascii_case(&resolve.shown) {
        left.push(format!(
            "SRV record mismatch between configuration ('{}') and state file ('{service}) for server '{}'. Previous \
             state not applied",
            resolve.shown, server.name
        ));
        saved.port = None;
        return;
    }
    saved.name = fqdn.map(Into::into);
    saved.addr = line.word(4).parse().ok();
}

const BACKEND: usize = 1;
const SERVER: usize = 3;
/// Columns of where the checks and the agent were.
const CHECK_TARGET: usize = 21;
const AGENT_TARGET: usize = 23;
/// Lines have this many words since 1.8, and more later.
const FEWEST_WORDS: usize = 20;

/// Bits of `srv_admin_state`.
const FORCED_MAINT: i64 = 0x01;
const CONFIGURED_MAINT: i64 = 0x04;
const FORCED_DRAIN: i64 = 0x08;
const RENAMED: i64 = 0x40;
/// Bits of `srv_check_state`.
const CONFIGURED: i64 = 0x02;
const ENABLED: i64 = 0x04;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::tests::{findings, load_text_with};
    use crate::lower::{Loaded, Memory};

    const BACKEND_B: &str = "server one 127.0.0.1:80 weight 10\nserver two 127.0.0.1:81 disabled check\n";

    fn load(servers: &str, file: &str) -> Loaded {
        let text = format!(
            "global\nserver-state-base /states\nserver-state-file all\nbackend be\nmode http\ntimeout connect 1s\n\
             timeout server 1s\nload-server-state-from-file global\n{servers}"
        );
        load_text_with(&text, &Memory::default().with("/states/all", file))
    }

    fn first(servers: &str, line: &str) -> Saved {
        let loaded = load(servers, &format!("1\n{line}\n"));
        assert_eq!(findings(&loaded), "");
        loaded.ir.and_then(|ir| ir.proxies[0].servers[0].saved.as_deref().cloned()).unwrap()
    }

    fn warning(servers: &str, file: &str) -> String {
        let loaded = load(servers, file);
        let servers = loaded.ir.iter().flat_map(|ir| &ir.proxies[0].servers);
        assert!(servers.clone().count() > 0 && servers.clone().all(|server| server.saved.is_none()));
        findings(&loaded).split_once("config : ").map_or(String::new(), |(_, text)| text.trim_end().to_owned())
    }

    #[test]
    fn a_line_is_found_by_names() {
        let saved = first(BACKEND_B, "9 be 9 one 127.0.0.9 2 8 5 10 100 1 0 2 0 0 0 0 - 8080 - 0 0 - - 0");
        assert_eq!((saved.health, saved.admin, saved.weight), (Health::Up, Admin::Drain, Some(5)));
        assert_eq!((saved.seconds, saved.port, saved.check), (100, Some(8080), None));
    }

    #[test]
    fn the_configuration_wins_where_it_has_changed() {
        let weight = |line| first(BACKEND_B, line).weight;
        assert_eq!(weight("3 be 1 one 127.0.0.1 2 0 5 11 1 1 0 2 0 0 0 0 - 80 -"), None);
        let admin = |mask: i64, disabled| admin_of(mask, disabled);
        assert_eq!([admin(0, true), admin(1, true), admin(5, true)], [Admin::Maint; 3]);
        assert_eq!([admin(4, true), admin(12, true), admin(4, false)], [Admin::Ready, Admin::Drain, Admin::Ready]);
        assert_eq!([admin(1, false), admin(5, false)], [Admin::Maint, Admin::Ready]);
    }

    #[test]
    fn checks_go_on_where_they_were() {
        let server = "server one 127.0.0.1:80 weight 10 check\n";
        let check = |rest: &str| {
            let line = format!("3 be 1 one 127.0.0.1 2 0 10 10 1 {rest}");
            first(server, &line).check.unwrap()
        };
        let was = check("17 2 4 6 0 0 0 - 80 - 0 88 127.0.0.3 - 0");
        assert_eq!((was.status, was.paused, was.port), ("L7STS", false, 88));
        assert_eq!(was.addr, Some("127.0.0.3".parse().unwrap()));
        assert!(check("6 3 4 2 0 0 0 - 80 - 0 0 - - 0").paused);
        // It was not configured then.
        assert!(!check("1 0 0 0 0 0 0 - 80 - 0 0 - - 0").paused);
    }

    #[test]
    fn agents_go_on_where_they_were() {
        let asked = "server one 127.0.0.1:80 agent-check agent-port 3\n";
        let line = |state: u8, target: &str| {
            format!("3 be 1 one 127.0.0.1 2 0 1 1 1 1 0 2 0 {state} 0 0 - 80 - 0 0 - {target}")
        };
        let agent = |state, target| first(asked, &line(state, target)).agent.unwrap();
        assert_eq!(agent(22, "127.0.0.2 7"), SavedAgent { off: false, port: 7, addr: Some([127, 0, 0, 2].into()) });
        assert_eq!(agent(22, "- 0"), SavedAgent { off: false, port: 0, addr: None });
        assert_eq!(agent(18, "- 0"), SavedAgent { off: true, port: 0, addr: None });
        let left = |servers: &str, state, target: &str| {
            let loaded = load(servers, &format!("1\n{}\n", line(state, target)));
            findings(&loaded).split_once("'be/one', ").map_or(String::new(), |(_, text)| text.trim_end().to_owned())
        };
        assert_eq!(left(asked, 22, "nowhere 7"), "invalid addr 'nowhere'");
        assert_eq!(left(asked, 22, "- 70000"), "provided port is invalid");
        assert_eq!(left(asked, 22, "127.0.0.2 x"), "provided port is not an integer");
        assert_eq!(left(asked, 18, "127.0.0.2 7"), "agent checks are not enabled on this server");
        assert_eq!(left("server one 127.0.0.1:80\n", 22, "- 7"), "agent checks are not enabled on this server");
    }

    #[test]
    fn tls_stays_off() {
        let server = "server one 127.0.0.1:80 ssl verify none\n";
        let off = |column: &str| {
            let line = format!("3 be 1 one 127.0.0.1 2 0 1 1 1 1 0 0 0 0 0 0 - 80 - {column}");
            first(server, line.trim_end()).tls_off
        };
        // Older files have no such column.
        assert_eq!([off("0 0 - - 0"), off("1 0 - - 0"), off("")], [true, false, false]);
    }

    #[test]
    fn a_broken_file_says_nothing() {
        let good = "3 be 1 one 127.0.0.1 2 0 5 10 100 1 0 2 0 0 0 0 - 80 -\n";
        let file = |what: &str| format!("config: {what} global server state file '/states/all'");
        assert_eq!(warning(BACKEND_B, ""), file("Empty") + ".");
        assert_eq!(warning(BACKEND_B, "2\n"), file("Can't get version of the") + ".");
        assert_eq!(warning(BACKEND_B, &format!("1\n# x\n{good}foo\n")), file("corrupted") + " at line 3.");
        assert_eq!(warning(BACKEND_B, &format!("1\n{}", good.trim_end())), file("corrupted") + " at line 1.");
    }

    #[test]
    fn lines_of_others_are_passed_over() {
        let none = "1\n7 x 1 one 127.0.0.1 2 0 5 10 100 1 0 2 0 0 0 0 - 80 -\n";
        assert_eq!(warning(BACKEND_B, none), "");
    }

    #[test]
    fn a_wrong_line_does_not_count_at_all() {
        let line = "1\n3 be 1 one 127.0.0.1 9 9 5x 300 abc 21 9 x x x x x - 99999 -\n";
        let names = ["srv_op_state value '9'", "srv_admin_state value '9'", "srv_iweight value '300'"];
        let said = warning(BACKEND_B, line);
        assert!(said.starts_with("server-state application failed for server 'be/one', invalid "), "{said}");
        assert!(names.iter().all(|name| said.contains(name)) && !said.contains("uweight"), "{said}");
    }

    #[test]
    fn the_last_address_is_one_method_of_many() {
        let server = "server one nowhere.invalid:80\n";
        let line = "1\n3 be 1 one 192.0.2.7 2 0 1 1 1 1 0 2 0 0 0 0 nowhere.invalid 80 - 0 0 - - 0\n";
        let loaded = load(server, line);
        let addr = loaded.ir.map(|ir| ir.proxies[0].servers[0].addr.clone());
        assert_eq!(addr, Some(crate::ir::ServerAddr::Ip("192.0.2.7".parse().unwrap())));
        assert!(findings(&load(server, "")).contains("could not resolve address 'nowhere.invalid'"));
        assert!(load("server one nowhere.invalid:80 init-addr libc\n", line).ir.is_none());
    }

    #[test]
    fn a_backend_may_have_its_own_file() {
        let load = |own: &str| {
            let text = format!("backend be\ntimeout connect 1s\ntimeout server 1s\n{own}\n{BACKEND_B}");
            let line = "1\n3 be 1 one 127.0.0.1 2 0 5 10 100 1 0 2 0 0 0 0 - 80 -\n";
            load_text_with(&text, &Memory::default().with("be", line).with("/x/y", line.replace("be", "other")))
        };
        let weight = |loaded: Loaded| loaded.ir?.proxies[0].servers[0].saved.as_ref()?.weight;
        let local = "load-server-state-from-file local";
        assert_eq!(weight(load(local)), Some(5));
        assert_eq!(weight(load(&format!("{local}\nserver-state-file-name use-backend-name"))), Some(5));
        assert_eq!(weight(load("load-server-state-from-file none")), None);
        let other = findings(&load(&format!("{local}\nserver-state-file-name /x/y")));
        assert!(other.contains("backend name mismatch: from server state file: 'other', from running config 'be'"));
    }
}
