//! Frontends: one per port of virtual hosts, or the default pair on 80 and 443.

use std::collections::BTreeMap;

use super::Work;
use crate::discovery::text::{Line, Origin, Section};
use crate::discovery::vhost::Vhost;
use crate::discovery::{list, order};

/// What one variable adds to the frontend of a port.
pub(super) struct FrontendSettings {
    port: String,
    name: String,
    lines: Vec<String>,
}

impl Work<'_> {
    pub(super) fn frontends(&mut self) {
        let vhosts = self.specs.vhosts();
        let monitored = match vhosts.is_empty() {
            false => self.virtual_frontends(&vhosts),
            true if self.needs_default() => self.default_frontends(),
            true => false,
        };
        if let (Some(uri), Some(port), false) =
            (self.proxy.set("MONITOR_URI"), self.proxy.set("MONITOR_PORT"), monitored)
        {
            let mut monitor = Section::new("frontend monitor");
            monitor.say_of(&Origin::proxy("MONITOR_PORT"), format!("bind :{port}"));
            monitor.say_of(&Origin::proxy("MONITOR_URI"), format!("monitor-uri {uri}"));
            self.sections.add(monitor);
        }
    }

    /// Whether a route is left that no TCP port has taken.
    pub(super) fn needs_default(&self) -> bool {
        self.specs.all.iter().flat_map(|spec| &spec.routes).any(|route| !self.routed.contains(&route.id))
    }

    /// The second value says that one of them answers the monitor's URI.
    fn virtual_frontends(&mut self, vhosts: &[(&Vhost, &str)]) -> bool {
        let mut monitored = false;
        let mut frontends: BTreeMap<&str, Section> = BTreeMap::new();
        for (nth, (vhost, key)) in vhosts.iter().enumerate() {
            let frontend = frontends.entry(&vhost.port).or_insert_with(|| {
                let (frontend, monitors) = self.virtual_frontend(vhosts, vhost, key);
                monitored |= monitors;
                frontend
            });
            let origin = Origin::service("VIRTUAL_HOST", key);
            if let Some((rules, condition)) = vhost.rules(nth + 1) {
                frontend.all_of(&origin, rules);
                frontend.say_of(&origin, format!("use_backend SERVICE_{key} if {condition}"));
            }
        }
        let taken: Vec<String> = self.tcp_ports().map(str::to_owned).collect();
        for port in order::python(vhosts.iter().map(|(vhost, _)| vhost.port.as_str())) {
            if let Some(frontend) = frontends.remove(port).filter(|_| taken.iter().all(|tcp| tcp != port)) {
                self.sections.add(frontend);
            }
        }
        monitored
    }

    fn virtual_frontend(&self, vhosts: &[(&Vhost, &str)], vhost: &Vhost, key: &str) -> (Section, bool) {
        let port = vhost.port.as_str();
        let secure = vhosts.iter().any(|(other, _)| other.port == port && other.secure);
        let ssl = self.certificates.bind.as_deref().filter(|_| secure);
        let mut frontend = Section::new(format!("frontend port_{port}"));
        let plain = format!("bind :{port}");
        let of_certificates = || self.certificates.origin.clone();
        frontend.push(match (ssl, self.bind_settings(port)) {
            (None, _) => self.with_bind_settings(port, Line::of(Origin::service("VIRTUAL_HOST", key), plain)),
            (Some(ssl), None) => Line::of(of_certificates(), format!("{plain} {ssl}")),
            (Some(ssl), Some(words)) => {
                Line::of(Origin::proxy("EXTRA_BIND_SETTINGS"), format!("{plain} {words} {ssl}"))
                    .or(Line::of(of_certificates(), format!("{plain} {ssl}")))
            }
        });
        let monitored = self.common(&mut frontend, port, ssl.is_some());
        frontend.say("acl is_websocket hdr(Upgrade) -i WebSocket");
        (frontend, monitored)
    }

    /// With `EXTRA_FRONTEND_SETTINGS_PORT` there is a frontend for each such port instead of the pair, and all of them have TLS
    /// if there is a certificate: so it was in the original.
    fn default_frontends(&mut self) -> bool {
        let extra = order::python(self.frontend_settings.iter().map(|extra| extra.port.as_str()));
        let ssl = self.certificates.bind.clone();
        let ports: Vec<(String, Option<&str>)> = match extra.is_empty() {
            false => extra.into_iter().map(|port| (port.to_owned(), ssl.as_deref())).collect(),
            true => {
                let secure = ssl.as_deref().map(|ssl| ("443".to_owned(), Some(ssl)));
                std::iter::once(("80".to_owned(), None)).chain(secure).collect()
            }
        };
        let mut monitored = false;
        for (port, ssl) in ports {
            let mut frontend = Section::new(format!("frontend default_port_{port}"));
            let plain = match ssl {
                Some(ssl) => Line::of(self.certificates.origin.clone(), format!("bind :{port} {ssl}")),
                None => Line::new(format!("bind :{port}")),
            };
            frontend.push(self.with_bind_settings(&port, plain));
            monitored |= self.common(&mut frontend, &port, ssl.is_some());
            if self.proxy.value("FORCE_DEFAULT_BACKEND").contains("True") {
                frontend.say("default_backend default_service");
            }
            self.sections.add(frontend);
        }
        monitored
    }

    /// What both kinds have behind `bind`; says whether the monitor's URI is among it.
    fn common(&self, frontend: &mut Section, port: &str, secure: bool) -> bool {
        if self.proxy.set("SKIP_FORWARDED_PROTO").is_none() {
            let scheme = if secure { "https" } else { "http" };
            frontend.say(format!("http-request add-header X-Forwarded-Proto {scheme}"));
        }
        frontend.say_of(&Origin::proxy("MAXCONN"), format!("maxconn {}", self.proxy.value("MAXCONN")));
        let monitor = self.proxy.set("MONITOR_URI").filter(|_| self.proxy.value("MONITOR_PORT") == port);
        if let Some(uri) = monitor {
            frontend.say_of(&Origin::proxy("MONITOR_URI"), format!("monitor-uri {uri}"));
        }
        for extra in self.frontend_settings.iter().filter(|extra| extra.port == port) {
            frontend.all_of(&Origin::proxy(&extra.name), &extra.lines);
        }
        monitor.is_some()
    }

    /// Reads `EXTRA_FRONTEND_SETTINGS_PORT` and `EXTRA_FRONTEND_SETTINGS_FILE_PORT`.
    pub(super) fn read_frontend_settings(&mut self) {
        for name in self.proxy.0.keys() {
            let Some(rest) = name.strip_prefix("EXTRA_FRONTEND_SETTINGS_") else { continue };
            let port = rest.strip_prefix("FILE_").unwrap_or(rest);
            if port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let lines = match (self.proxy.set(name), port == rest) {
                (None, _) => continue,
                (Some(value), true) => list::escaped(value),
                (Some(path), false) => self.file_lines(name, path),
            };
            if !lines.is_empty() {
                self.frontend_settings.push(FrontendSettings { port: port.to_owned(), name: name.clone(), lines });
            }
        }
    }
}
