//! Linked services of a compose project.

use std::net::IpAddr;

use super::docker::{Container, DEACTIVATE, DEPENDS_ON, ONE_OFF, PROJECT, SERVICE};
use super::found::Found;
use super::note::Note;
use super::service::{Environment, Port, Readiness, Replica, Service, rank};
use super::{list, order};

/// The proxy's host is the machine itself.
const HOST: &str = "host";

/// A service of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    project: String,
    service: String,
}

/// Lists them: by the proxy's links, and without any by what it depends on, or else by shared networks; then those of
/// `ADDITIONAL_SERVICES`.
pub(super) fn find(project: &str, env: &Environment, own: &Container, running: &[Container]) -> Found {
    let mut found = Found::default();
    let (additional, bad) = additional(env);
    for entry in bad {
        found.notes.push(Note::error(format!("ADDITIONAL_SERVICES: expected PROJECT:SERVICE, found '{entry}'")));
    }
    let running: Vec<&Container> = running.iter().filter(|other| is_candidate(other, own)).collect();
    let wanted = match linked(project, own, &running) {
        Some(linked) => linked,
        // Who names services that way has said which.
        None if !additional.is_empty() => Vec::new(),
        None => unlinked(project, own, &running),
    };
    for service in &wanted {
        found.services.extend(service.find(own, &running));
    }
    for service in additional.iter().filter(|service| !wanted.contains(service)) {
        match service.find(own, &running) {
            Some(found_one) => found.services.push(found_one),
            None => {
                let text = format!("Cannot find the additional service: {}:{}", service.project, service.service);
                found.notes.push(Note::error(text));
            }
        }
    }
    // The original went through the engine's list for the links, and again for each additional service.
    let of = |services: &[Wanted]| -> Vec<&str> {
        let belongs = |other: &&&Container| services.iter().any(|service| service.has(other));
        running.iter().filter(belongs).map(|other| other.id.as_str()).collect()
    };
    let others: Vec<Vec<&str>> = additional.chunks(1).map(of).collect();
    rank(&mut found.services, &order::python_updated(&of(&wanted), &others));
    found
}

/// Not the proxy itself, not `docker compose run`, and not taken out by label.
fn is_candidate(other: &Container, own: &Container) -> bool {
    let is = |name: &str| other.label(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    other.id != own.id && !is(ONE_OFF) && !is(DEACTIVATE)
}

impl Wanted {
    fn new(project: &str, service: &str) -> Wanted {
        Wanted { project: project.to_owned(), service: service.to_owned() }
    }

    fn has(&self, other: &Container) -> bool {
        other.label(PROJECT) == Some(&self.project) && other.label(SERVICE) == Some(&self.service)
    }

    /// Its running containers, if there are any.
    fn find(&self, own: &Container, running: &[&Container]) -> Option<Service> {
        let replicas: Vec<Replica> =
            running.iter().filter(|other| self.has(other)).map(|other| replica(other, own)).collect();
        let key = format!("{}_{}", self.project, self.service);
        (!replicas.is_empty()).then_some(Service { key, replicas, rank: 0 })
    }
}

/// Entries of `ADDITIONAL_SERVICES`, and those that are none.
fn additional(env: &Environment) -> (Vec<Wanted>, Vec<&str>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for entry in env.get("ADDITIONAL_SERVICES").map(|text| list::plain(text)).into_iter().flatten() {
        match entry.split_once(':') {
            Some((project, service)) if !service.contains(':') => good.push(Wanted::new(project, service)),
            _ => bad.push(entry),
        }
    }
    (good, bad)
}

/// The services of the project to which the proxy's networks have links; `None` if there are no links at all.
fn linked(project: &str, own: &Container, running: &[&Container]) -> Option<Vec<Wanted>> {
    let links: Vec<&str> =
        own.network_settings.networks.values().flat_map(|net| &net.links).map(String::as_str).collect();
    let mut services: Vec<Wanted> = Vec::new();
    for link in &links {
        let name = link.split(':').next().unwrap_or_default().trim();
        let target = running.iter().find(|other| other.plain_name() == name);
        let service = match target {
            Some(target) if target.label(PROJECT) == Some(project) => target.label(SERVICE),
            Some(_) => None,
            None => service_of(name, project),
        };
        let wanted = service.map(|service| Wanted::new(project, service)).filter(|wanted| !services.contains(wanted));
        services.extend(wanted);
    }
    (!links.is_empty()).then_some(services)
}

/// The service in a container's name, which is `PROJECT_SERVICE_NUMBER` or, since compose 2, `PROJECT-SERVICE-NUMBER`. It is
/// asked where the container itself is gone: a service that was scaled to nothing stays linked.
fn service_of<'n>(name: &'n str, project: &str) -> Option<&'n str> {
    let rest = name.strip_prefix(project)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '_' | '-'))?;
    let (service, number) = rest[1..].rsplit_once(separator)?;
    (!service.is_empty() && !number.is_empty()).then_some(service)
}

/// What a proxy without links serves: what it depends on, or else every other service of its project in one of its networks.
fn unlinked(project: &str, own: &Container, running: &[&Container]) -> Vec<Wanted> {
    let depends = own.label(DEPENDS_ON).map(list::plain).into_iter().flatten();
    let mut services: Vec<Wanted> = Vec::new();
    for entry in depends {
        let wanted = Wanted::new(project, entry.split(':').next().unwrap_or_default().trim());
        if !services.contains(&wanted) {
            services.push(wanted);
        }
    }
    if !services.is_empty() {
        return services;
    }
    let itself = own.label(SERVICE);
    let near = running.iter().filter(|other| other.label(PROJECT) == Some(project) && other.label(SERVICE) != itself);
    for other in near.filter(|other| other.shared_networks(own).next().is_some()) {
        let wanted = other.label(SERVICE).map(|service| Wanted::new(project, service));
        services.extend(wanted.filter(|wanted| !services.contains(wanted)));
    }
    services
}

fn replica(container: &Container, own: &Container) -> Replica {
    let name = container.plain_name();
    let from_host = own.host_config.network_mode == HOST;
    let networks = &container.network_settings.networks;
    let address = match from_host {
        true => networks.values().find_map(address_in),
        false => container.shared_networks(own).find_map(address_in),
    };
    let unknown = networks.is_empty() || own.network_settings.networks.is_empty();
    Replica {
        id: container.id.clone(),
        name: name.to_owned(),
        env: container.config.env.iter().map(|entry| variable(entry)).collect(),
        ports: container.config.exposed_ports.keys().filter_map(|key| port(key)).collect(),
        host: name.to_owned(),
        address,
        reachable: unknown || from_host || container.shared_networks(own).next().is_some(),
        readiness: readiness(container),
    }
}

/// A container's address in a network.
fn address_in(network: &super::docker::Network) -> Option<IpAddr> {
    [&network.ip_address, &network.global_ipv6_address].into_iter().find_map(|text| text.parse().ok())
}

/// `NAME=VALUE`; without `=` the value is empty.
pub(super) fn variable(entry: &str) -> (String, String) {
    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
    (name.to_owned(), value.to_owned())
}

/// A key of `ExposedPorts`: `80/tcp`, `53/udp`, `80`.
fn port(key: &str) -> Option<Port> {
    let (number, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    let number = number.trim().parse().ok().filter(|number| *number > 0)?;
    matches!(protocol, "tcp" | "udp").then_some(Port { number, udp: protocol == "udp" })
}

fn readiness(container: &Container) -> Readiness {
    let health = container.state.health.as_ref().map_or("", |health| health.status.as_str());
    match (container.state.paused, health) {
        (true, _) => Readiness::Paused,
        (false, "starting") => Readiness::Starting,
        (false, "unhealthy") => Readiness::Unhealthy,
        (false, _) => Readiness::Ready,
    }
}
