//! The sections that every configuration has, and what the proxy's own variables add to them.

use super::Work;
use crate::discovery::list;
use crate::discovery::note::Note;
use crate::discovery::order;
use crate::discovery::text::{Line, Origin, Section};

impl Work<'_> {
    pub(super) fn fixed_sections(&mut self) {
        self.global();
        self.defaults();
        self.statistics();
        self.users();
    }

    /// `daemon` is left out: the original ran HAProxy with `-db`, which takes it back.
    fn global(&mut self) {
        let mut global = Section::new("global");
        let log = self.proxy.value("RSYSLOG_DESTINATION");
        let origin = Origin::proxy("RSYSLOG_DESTINATION");
        global.all_of(&origin, [format!("log {log} local0"), format!("log {log} local1 notice")]);
        global.say("log-send-hostname");
        self.one(&mut global, "maxconn", "MAXCONN");
        global.say("pidfile /var/run/haproxy.pid");
        self.one(&mut global, "user", "HAPROXY_USER");
        self.one(&mut global, "group", "HAPROXY_GROUP");
        global.say("stats socket /var/run/haproxy.stats level admin");
        self.processes(&mut global);
        for (keyword, name) in
            [("ssl-default-bind-options", "SSL_BIND_OPTIONS"), ("ssl-default-bind-ciphers", "SSL_BIND_CIPHERS")]
        {
            if self.proxy.set(name).is_some() {
                self.one(&mut global, keyword, name);
            }
        }
        self.extra(&mut global, "EXTRA_GLOBAL_SETTINGS", "EXTRA_GLOBAL_SETTINGS_FILE");
        self.sections.add(global);
    }

    fn processes(&mut self, global: &mut Section) {
        let text = self.proxy.value("NBPROC");
        let Ok(count) = text.trim().parse::<i64>() else {
            self.notes.push(Note::error(format!("NBPROC: expected a number, found '{text}'; one process runs")));
            return;
        };
        if count > 1 {
            let origin = Origin::proxy("NBPROC");
            global.all_of(&origin, [format!("nbproc {count}"), format!("stats bind-process {count}")]);
            // More than HAProxy ever allowed would only make the text long.
            global.all_of(&origin, (1..=count.min(64)).map(|n| format!("cpu-map {n} {}", n - 1)));
        }
    }

    fn defaults(&mut self) {
        let mut defaults = Section::new("defaults");
        self.one(&mut defaults, "balance", "BALANCE");
        defaults.say("log global");
        self.one(&mut defaults, "mode", "MODE");
        for (keyword, name) in [("option", "OPTION"), ("timeout", "TIMEOUT")] {
            let items = list::plain(self.proxy.value(name)).map(|item| format!("{keyword} {item}"));
            defaults.all_of(&Origin::proxy(name), items);
        }
        self.extra(&mut defaults, "EXTRA_DEFAULT_SETTINGS", "EXTRA_DEFAULT_SETTINGS_FILE");
        self.sections.add(defaults);
    }

    fn statistics(&mut self) {
        let mut stats = Section::new("listen stats");
        let port = self.proxy.value("STATS_PORT");
        let plain = Line::of(Origin::proxy("STATS_PORT"), format!("bind :{port}"));
        stats.push(self.with_bind_settings(port, plain));
        for line in [
            "mode http",
            "stats enable",
            "timeout connect 10s",
            "timeout client 1m",
            "timeout server 1m",
            "stats hide-version",
            "stats realm Haproxy\\ Statistics",
            "stats uri /",
        ] {
            stats.say(line);
        }
        // Without it the page would be open to anybody.
        let closed = Line::new("stats http-request deny");
        let auth = Line::of(Origin::proxy("STATS_AUTH"), format!("stats auth {}", self.proxy.value("STATS_AUTH")));
        stats.push(auth.or(closed));
        self.sections.add(stats);
    }

    fn users(&mut self) {
        let mut users = Section::new("userlist haproxy_userlist");
        let mut any = false;
        for (name, kind) in [("HTTP_BASIC_AUTH", "insecure-password"), ("HTTP_BASIC_AUTH_SECURE", "password")] {
            for item in list::escaped(self.proxy.value(name)) {
                match item.split_once(':') {
                    Some((user, password)) => {
                        any = true;
                        users.say_of(&Origin::proxy(name), format!("user {user} {kind} {password}"));
                    }
                    None => self.notes.push(Note::error(format!("{name}: expected USER:PASSWORD, found '{item}'"))),
                }
            }
        }
        if any {
            self.sections.add(users);
        }
    }

    /// `ADDITIONAL_BACKEND_NAME` and `ADDITIONAL_BACKEND_FILE_NAME`.
    pub(super) fn additional_backends(&mut self) {
        let mut found: Vec<(&str, &str, bool)> = Vec::new();
        for name in self.proxy.0.keys() {
            let Some(rest) = name.strip_prefix("ADDITIONAL_BACKEND_") else { continue };
            let (backend, file) = match rest.strip_prefix("FILE_").filter(|rest| !rest.is_empty()) {
                Some(backend) => (backend, true),
                None => (rest, false),
            };
            if !backend.is_empty() && backend.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                found.push((backend, name, file));
            }
        }
        for backend in order::python(found.iter().map(|(backend, ..)| *backend)) {
            let mut section = Section::new(format!("backend {backend}"));
            for &(_, name, file) in found.iter().filter(|(of, ..)| *of == backend) {
                let value = self.proxy.value(name);
                let lines = if file { self.file_lines(name, value) } else { list::escaped(value) };
                section.all_of(&Origin::proxy(name), lines);
            }
            self.sections.add(section);
        }
    }

    /// A line of a keyword and a variable's value.
    fn one(&self, section: &mut Section, keyword: &str, name: &str) {
        section.say_of(&Origin::proxy(name), format!("{keyword} {}", self.proxy.value(name)));
    }

    /// What `EXTRA_*_SETTINGS` and `EXTRA_*_SETTINGS_FILE` add.
    fn extra(&mut self, section: &mut Section, name: &str, file: &str) {
        section.all_of(&Origin::proxy(name), list::escaped(self.proxy.value(name)));
        if let Some(path) = self.proxy.set(file) {
            let lines = self.file_lines(file, path);
            section.all_of(&Origin::proxy(file), lines);
        }
    }

    /// What `EXTRA_BIND_SETTINGS` says about a port.
    pub(super) fn bind_settings(&self, port: &str) -> Option<String> {
        let mut settings = list::raw(self.proxy.value("EXTRA_BIND_SETTINGS")).into_iter().filter_map(|item| {
            let (of, words) = item.split_once(':')?;
            (of.trim() == port).then(|| words.trim().replace("\\,", ","))
        });
        // The last one counted.
        settings.next_back().filter(|words| !words.is_empty())
    }

    /// `plain` with them at its end.
    pub(super) fn with_bind_settings(&self, port: &str, plain: Line) -> Line {
        match self.bind_settings(port) {
            Some(words) => Line::of(Origin::proxy("EXTRA_BIND_SETTINGS"), format!("{} {words}", plain.text)).or(plain),
            None => plain,
        }
    }
}
