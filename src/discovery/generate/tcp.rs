//! `TCP_PORTS`: one `listen` section per port, over all services that name it.

use super::Work;
use super::server::{Settings, Style};
use super::specs::{Route, Spec};
use crate::discovery::note::Note;
use crate::discovery::text::{Line, Origin, Section};
use crate::discovery::{list, order};

impl<'a> Work<'a> {
    pub(super) fn tcp_sections(&mut self) {
        let specs = self.specs;
        let entries = order::python(specs.all.iter().flat_map(Spec::tcp_ports));
        for entry in entries {
            let services: Vec<&Spec<'_>> =
                specs.all.iter().filter(|spec| spec.tcp_ports().any(|own| own == entry)).collect();
            match port_of(entry).1.parse::<u16>() {
                Ok(1..) => self.tcp_section(entry, &services),
                _ => {
                    let keys: Vec<&str> = services.iter().map(|spec| spec.key).collect();
                    let text = format!(
                        "TCP_PORTS of service '{}': expected PORT or PORT/ssl, found '{entry}'",
                        keys.join("', '")
                    );
                    self.notes.push(Note::error(text));
                }
            }
        }
    }

    /// The ports that TCP sections listen on.
    pub(super) fn tcp_ports(&self) -> impl Iterator<Item = &str> {
        self.specs.all.iter().flat_map(Spec::tcp_ports).map(|entry| port_of(entry).1)
    }

    fn tcp_section(&mut self, entry: &str, services: &[&'a Spec<'a>]) {
        let (tls, port) = port_of(entry);
        let mut section = Section::new(format!("listen port_{port}"));
        let key = services.first().map_or("", |spec| spec.key);
        section.push(self.tcp_bind(port, tls, &Origin::service("TCP_PORTS", key)));
        section.say("mode tcp");
        if let Some((balance, key)) = self.specs.attribute(None, "BALANCE") {
            section.say_of(&Origin::service("BALANCE", key), format!("balance {balance}"));
        }
        self.tcp_settings(&mut section, services);
        let number: u16 = port.parse().unwrap_or_default();
        let routes: Vec<(&'a Spec<'a>, &'a Route<'a>)> = services
            .iter()
            .flat_map(|spec| spec.routes.iter().map(move |route| (*spec, route)))
            .filter(|(_, route)| route.port == number)
            .collect();
        self.routed.extend(routes.iter().map(|(_, route)| route.id));
        self.servers(&mut section, routes, &Style { settings: Settings::Own, cookie: false });
        self.sections.add(section);
    }

    fn tcp_bind(&self, port: &str, tls: bool, origin: &Origin) -> Line {
        let plain = format!("bind :{port}");
        let words = self.bind_settings(port).map(|words| format!(" {words}")).unwrap_or_default();
        match (&self.certificates.bind, words.is_empty()) {
            (Some(ssl), true) if tls => Line::of(self.certificates.origin.clone(), format!("{plain} {ssl}")),
            (Some(ssl), false) if tls => {
                Line::of(Origin::proxy("EXTRA_BIND_SETTINGS"), format!("{plain}{words} {ssl}"))
                    .or(Line::of(self.certificates.origin.clone(), format!("{plain} {ssl}")))
            }
            _ => self.with_bind_settings(port, Line::of(origin.clone(), plain)),
        }
    }

    /// What the services add, each line once.
    fn tcp_settings(&self, section: &mut Section, services: &[&Spec<'_>]) {
        let mut said: Vec<String> = Vec::new();
        for name in ["OPTION", "EXTRA_SETTINGS"] {
            for spec in services {
                let Some(value) = spec.attributes.value(name) else { continue };
                let lines: Vec<String> = match name {
                    "OPTION" => list::plain(value).map(|option| format!("option {option}")).collect(),
                    _ => list::escaped(value),
                };
                for text in lines {
                    if !said.contains(&text) {
                        section.push(Line::of(Origin::service(name, spec.key), &text));
                        said.push(text);
                    }
                }
            }
        }
    }
}

/// Whether the entry ends in `/ssl`, and the port before that.
fn port_of(entry: &str) -> (bool, &str) {
    match entry.len().checked_sub(4).and_then(|at| entry.split_at_checked(at)) {
        Some((port, end)) if end.eq_ignore_ascii_case("/ssl") => (true, port),
        _ => (false, entry),
    }
}
