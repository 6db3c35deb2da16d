//! Linked services of a swarm: the tasks that share a network with the proxy.

use std::collections::BTreeSet;

use super::compose::variable;
use super::docker::{Container, DEACTIVATE, SwarmService, SwarmTask};
use super::found::Found;
use super::note::Note;
use super::service::{Port, Readiness, Replica, Service, rank};
use super::{list, order};

/// The network that publishes ports; every such service is in it.
const INGRESS: &str = "ingress";

/// The variable in which a service says its ports: tasks show none.
const PORTS: &str = "SERVICE_PORTS";

/// Lists them in the order of their tasks.
pub(super) fn find(own_service: &str, own: &Container, services: &[SwarmService], tasks: &[SwarmTask]) -> Found {
    let networks: BTreeSet<&str> = own
        .network_settings
        .networks
        .iter()
        .filter(|(name, network)| *name != INGRESS && !network.network_id.is_empty())
        .map(|(_, network)| network.network_id.as_str())
        .collect();
    let mut found = Found::default();
    for task in tasks.iter().filter(|task| task.service_id != own_service) {
        let Some(service) = services.iter().find(|service| service.id == task.service_id) else { continue };
        if service.spec.labels.get(DEACTIVATE).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            continue;
        }
        let shared = task.networks_attachments.iter().find(|attached| networks.contains(attached.network.id.as_str()));
        let Some(shared) = shared else { continue };
        let name = service.spec.name.as_str();
        let replica = replica(task, name, &shared.addresses, &mut found.notes);
        match found.services.iter_mut().find(|known| known.key == name) {
            Some(known) => known.replicas.push(replica),
            None => found.services.push(Service { key: name.to_owned(), replicas: vec![replica], rank: 0 }),
        }
    }
    rank(&mut found.services, &order::python(tasks.iter().map(|task| task.id.as_str())));
    found
}

fn replica(task: &SwarmTask, service: &str, addresses: &[String], notes: &mut Vec<Note>) -> Replica {
    let name = format!("{service}.{}.{}", task.slot, task.id);
    let env: Vec<(String, String)> = task.spec.container_spec.env.iter().map(|entry| variable(entry)).collect();
    let ports = env.iter().rfind(|(name, _)| name == PORTS).map_or("", |(_, value)| value);
    let mut numbers = Vec::new();
    for text in list::plain(ports) {
        match text.parse() {
            Ok(number @ 1..) => numbers.push(Port { number, udp: false }),
            _ => notes.push(Note::error(format!("{PORTS} of service '{service}': expected a port, found '{text}'"))),
        }
    }
    let missing = Note::error(format!("service '{service}' does not say its ports: set {PORTS}, such as {PORTS}=80"));
    if ports.is_empty() && !notes.contains(&missing) {
        notes.push(missing);
    }
    let address = addresses.first().map(|text| text.split('/').next().unwrap_or_default());
    Replica {
        id: task.id.clone(),
        host: address.unwrap_or(&name).to_owned(),
        address: address.and_then(|text| text.parse().ok()),
        reachable: true,
        readiness: match task.status.state.as_str() {
            "" | "running" => Readiness::Ready,
            _ => Readiness::Starting,
        },
        name,
        env,
        ports: numbers,
    }
}
