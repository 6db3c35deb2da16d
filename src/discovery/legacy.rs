//! Linked services of the default bridge: the variables that Docker's links write into the proxy's environment.
//!
//! `WEB_1_PORT_80_TCP=tcp://172.17.0.5:80` is a port of the container `WEB_1` of the service `WEB`;
//! `WEB_1_ENV_BALANCE=source` and `WEB_ENV_BALANCE=source` are variables of the service.

use super::found::Found;
use super::order::natural;
use super::service::{Environment, Port, Readiness, Replica, Service};

/// Lists them; a service without its number comes before one with.
pub(super) fn find(env: &Environment) -> Found {
    let mut found = Found::default();
    let mut routes: Vec<(&str, &str, Port)> = env.iter().filter_map(|(name, value)| route(name, value)).collect();
    routes.sort_by(|a, b| natural(a.0, b.0).then(a.2.cmp(&b.2)));
    for (container, host, port) in routes {
        let alias = without_number(container);
        if alias.is_empty() {
            continue;
        }
        let service = match found.services.iter().position(|service| service.key == alias) {
            Some(at) => &mut found.services[at],
            None => {
                found.services.push(Service {
                    key: alias.to_owned(),
                    replicas: Vec::new(),
                    rank: found.services.len(),
                });
                let last = found.services.len() - 1;
                &mut found.services[last]
            }
        };
        match service.replicas.iter_mut().find(|replica| replica.name == container && replica.host == host) {
            Some(replica) => replica.ports.push(port),
            None => service.replicas.push(Replica {
                id: String::new(),
                name: container.to_owned(),
                env: Vec::new(),
                ports: vec![port],
                host: host.to_owned(),
                address: host.parse().ok(),
                reachable: true,
                readiness: Readiness::Ready,
            }),
        }
    }
    for service in &mut found.services {
        // The variables are the service's, whichever container's link brought them.
        if let Some(first) = service.replicas.first_mut() {
            first.env = variables(env, &service.key);
        }
    }
    found
}

/// `CONTAINER_PORT_NUMBER_TCP` with a value such as `tcp://ADDRESS:NUMBER`.
fn route<'e>(name: &'e str, value: &'e str) -> Option<(&'e str, &'e str, Port)> {
    let rest = name.strip_suffix("_TCP").or_else(|| name.strip_suffix("_UDP"))?;
    let (start, number) = rest.rsplit_once('_')?;
    let container = start.strip_suffix("_PORT")?;
    if number.is_empty() || number.len() > 5 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (udp, place) = match value.strip_prefix("tcp://") {
        Some(place) => (false, place),
        None => (true, value.strip_prefix("udp://")?),
    };
    let (host, port) = place.split_once(':')?;
    let number = port.parse().ok().filter(|port| *port > 0)?;
    Some((container, host, Port { number, udp }))
}

/// `WEB_1` is a container of `WEB`.
fn without_number(container: &str) -> &str {
    match container.rsplit_once('_') {
        Some((alias, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => alias,
        _ => container,
    }
}

/// The variables of a service.
fn variables(env: &Environment, service: &str) -> Vec<(String, String)> {
    let mut found: Vec<(&str, &str, &str)> = env
        .iter()
        .filter_map(|(name, value)| {
            let (container, variable) = name.split_once("_ENV_")?;
            (without_number(container) == service).then_some((container, variable, value.as_str()))
        })
        .collect();
    found.sort_by(|a, b| natural(a.0, b.0));
    found.into_iter().map(|(_, name, value)| (name.to_owned(), value.to_owned())).collect()
}
