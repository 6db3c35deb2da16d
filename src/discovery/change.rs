//! What differs between two configurations, for the one line that tells of a change, and which servers rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::generate::Placed;

/// Servers added and removed by backend, such as `default_service: added api_8 (10.0.0.9:80), removed api_2; 7 servers`. Empty where the
/// servers are the same.
pub fn difference(old: &[Placed], new: &[Placed]) -> String {
    let mut text = String::new();
    let backends: BTreeSet<&str> = old.iter().chain(new).map(|placed| placed.backend.as_str()).collect();
    for backend in backends {
        let (before, after) = (of(backend, old), of(backend, new));
        let added = after.iter().filter(|(key, _)| !before.contains_key(*key));
        let added: Vec<String> = added.map(|(_, placed)| format!("{} ({})", placed.server, address(placed))).collect();
        let removed = before.iter().filter(|(key, _)| !after.contains_key(*key));
        let removed: Vec<String> = removed.map(|(_, placed)| placed.server.clone()).collect();
        let changed: Vec<String> = after
            .iter()
            .filter(|(key, placed)| before.get(*key).is_some_and(|before| before.readiness != placed.readiness))
            .map(|(_, placed)| format!("{} ({:?})", placed.server, placed.readiness))
            .collect();
        let parts: Vec<String> = [("added", added), ("removed", removed), ("health of", changed)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(word, names)| format!("{word} {}", names.join(", ")))
            .collect();
        if !parts.is_empty() {
            let servers = if after.len() == 1 { "server" } else { "servers" };
            let separator = if text.is_empty() { "" } else { ". " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{backend}: {}; {} {servers}", parts.join(", "), after.len());
        }
    }
    text
}

/// The servers that take no requests: containers that are not healthy, as long as their backend has one that is. A service all of
/// whose health checks fail is still better served than not.
pub fn resting(servers: &[Placed]) -> BTreeSet<(String, String)> {
    let serves = |backend: &str| servers.iter().any(|other| other.backend == backend && other.readiness.serves());
    let rests = servers.iter().filter(|placed| !placed.readiness.serves() && serves(&placed.backend));
    rests.map(|placed| (placed.backend.clone(), placed.server.clone())).collect()
}

/// A server is another one when its address is.
type Key<'a> = (&'a str, String);

fn of<'a>(backend: &str, servers: &'a [Placed]) -> BTreeMap<Key<'a>, &'a Placed> {
    let here = servers.iter().filter(|placed| placed.backend == backend);
    here.map(|placed| ((placed.server.as_str(), address(placed)), placed)).collect()
}

fn address(placed: &Placed) -> String {
    match placed.address {
        Some(ip) => std::net::SocketAddr::new(ip, placed.port).to_string(),
        None => format!("{}:{}", placed.server, placed.port),
    }
}

#[cfg(test)]
mod tests {
    use super::super::service::Readiness;
    use super::*;

    fn placed(backend: &str, number: u8, readiness: Readiness) -> Placed {
        Placed {
            backend: backend.to_owned(),
            server: format!("api_{number}"),
            id: number.to_string(),
            address: Some([10, 0, 0, number].into()),
            port: 80,
            readiness,
        }
    }

    #[test]
    fn one_line_says_what_was_added_and_removed() {
        let ready = |backend, number| placed(backend, number, Readiness::Ready);
        let old = [ready("default_service", 1), ready("default_service", 2), ready("port_9000", 1)];
        let mut moved = ready("default_service", 1);
        moved.address = Some([10, 0, 0, 9].into());
        assert_eq!(difference(&old, &old), "");
        assert_eq!(
            difference(&old, &[moved, ready("default_service", 3), placed("port_9000", 1, Readiness::Unhealthy)]),
            "default_service: added api_1 (10.0.0.9:80), api_3 (10.0.0.3:80), removed api_1, api_2; 2 servers. \
             port_9000: health of api_1 (Unhealthy); 1 server"
        );
    }

    #[test]
    fn a_sick_server_rests_unless_all_are_sick() {
        let mixed = [
            placed("a", 1, Readiness::Ready),
            placed("a", 2, Readiness::Unhealthy),
            placed("b", 1, Readiness::Starting),
        ];
        assert_eq!(resting(&mixed), BTreeSet::from([("a".to_owned(), "api_2".to_owned())]));
    }
}
