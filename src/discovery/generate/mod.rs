//! From services and variables to the text of a configuration, with what the text needs and where each line comes from.
//!
//! Sections come in the original's order: `global`, `defaults`, statistics, the list of users, TCP ports, frontends, backends,
//! additional backends.

mod backend;
mod certificates;
mod fixed;
mod frontend;
mod server;
mod specs;
mod tcp;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::note::Note;
use super::service::{Environment, Readiness, Service};
use super::text::{Line, Origin, Sections};
use super::variables::Proxy;
use certificates::Certificates;
use frontend::FrontendSettings;
use specs::{RouteId, Specs};

/// How servers are addressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// By the container's address on the shared network, where it is known. No resolver is asked, and a container that comes back
    /// with another address is seen.
    #[default]
    Addresses,
    /// As the original writes it: with compose by the container's name. Services too come in its order, which another id of a
    /// container could change.
    Names,
}

/// A configuration made of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// The configuration.
    pub text: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Files that it names and that exist in memory only: certificates and authorities, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The variables that the files were.
    pub file_origins: BTreeMap<String, Origin>,
    /// Each `server` line of a container.
    pub servers: Vec<Placed>,
    pub notes: Vec<Note>,
}

/// A server of the generated text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The section's name: `default_service`, `SERVICE_...`, `port_...`.
    pub backend: String,
    /// The server's name there.
    pub server: String,
    /// The container.
    pub id: String,
    pub address: Option<IpAddr>,
    pub port: u16,
    pub readiness: Readiness,
}

/// Reads the files that `*_FILE` variables name; the same door as the loader's.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<Vec<u8>>;

/// Generates the configuration for `services`. Never fails: what cannot be used is left out and noted.
pub fn generate(env: &Environment, services: &[Service], addressing: Addressing, read: ReadFile<'_>) -> Generated {
    let mut notes = Vec::new();
    let specs = Specs::of(services, addressing, &mut notes);
    let certificates = Certificates::of(Proxy(env), &specs, &mut notes);
    let mut work = Work {
        proxy: Proxy(env),
        specs: &specs,
        certificates: &certificates,
        read,
        sections: Sections::default(),
        frontend_settings: Vec::new(),
        routed: Vec::new(),
        servers: Vec::new(),
        notes,
    };
    work.read_frontend_settings();
    work.fixed_sections();
    work.tcp_sections();
    work.frontends();
    work.backends();
    work.additional_backends();
    let Work { sections, servers, notes, .. } = work;
    let lines = sections.into_lines();
    let text = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    let Certificates { files, origins: file_origins, .. } = certificates;
    Generated { text, lines, files, file_origins, servers, notes }
}

/// What the parts of generation share.
struct Work<'a> {
    proxy: Proxy<'a>,
    specs: &'a Specs<'a>,
    certificates: &'a Certificates,
    read: ReadFile<'a>,
    sections: Sections,
    frontend_settings: Vec<FrontendSettings>,
    /// Routes that TCP ports have taken.
    routed: Vec<RouteId>,
    servers: Vec<Placed>,
    notes: Vec<Note>,
}

impl Work<'_> {
    /// The lines of the file that the variable `name` names.
    fn file_lines(&mut self, name: &str, path: &str) -> Vec<String> {
        match (self.read)(path) {
            Ok(bytes) => super::list::lines(&bytes),
            Err(why) => {
                self.notes.push(Note::error(format!("{name}: cannot read '{path}': {why}")));
                Vec::new()
            }
        }
    }
}
