//! What services ask for: their attributes, routes and virtual hosts, with those of one `VIRTUAL_HOST` merged.

use std::cmp::Ordering;

use super::Addressing;
use crate::discovery::note::Note;
use crate::discovery::service::{Replica, Service};
use crate::discovery::variables::Attributes;
use crate::discovery::vhost::{self, Vhost};
use crate::discovery::{list, order};

/// One exposed port of one container.
pub(super) struct Route<'a> {
    pub(super) id: RouteId,
    pub(super) replica: &'a Replica,
    /// The address or name, as it is written in front of a port.
    pub(super) host: String,
    pub(super) port: u16,
    /// The service has `FAILOVER`.
    pub(super) backup: bool,
}

/// Tells routes apart.
pub(super) type RouteId = usize;

impl Route<'_> {
    /// By the container's name, numbers in it as numbers, then by port.
    pub(super) fn order(&self, other: &Route<'_>) -> Ordering {
        order::natural(&self.replica.name, &other.replica.name).then(self.port.cmp(&other.port))
    }
}

/// A service, or several that have one `VIRTUAL_HOST`.
pub(super) struct Spec<'a> {
    pub(super) key: &'a str,
    pub(super) attributes: Attributes,
    pub(super) routes: Vec<Route<'a>>,
    pub(super) vhosts: Vec<Vhost>,
}

/// All of them.
pub(super) struct Specs<'a> {
    /// In the order in which they were found.
    pub(super) all: Vec<Spec<'a>>,
    /// Their places in the order of the original's dictionary.
    order: Vec<usize>,
}

impl<'a> Specs<'a> {
    pub(super) fn of(services: &'a [Service], addressing: Addressing, notes: &mut Vec<Note>) -> Specs<'a> {
        let mut count = 0;
        let mut all: Vec<Spec<'a>> = Vec::new();
        let mut services: Vec<&Service> = services.iter().collect();
        if addressing == Addressing::Names {
            services.sort_by_key(|service| service.rank);
        }
        for service in services {
            if all.iter().all(|known| known.key != service.key) {
                all.push(Spec::of(service, addressing, &mut count, notes));
            }
        }
        let order = order_of(&all);
        merge(&mut all, &order, notes);
        let order = order.into_iter().filter(|at| !all[*at].key.is_empty());
        // Places move up where a merged service stood before them.
        let moved = order.map(|at| at - all[..at].iter().filter(|gone| gone.key.is_empty()).count()).collect();
        all.retain(|spec| !spec.key.is_empty());
        Specs { all, order: moved }
    }

    /// In the order of the original's dictionary: where it picks one, it picks the first.
    pub(super) fn ordered(&self) -> impl Iterator<Item = &Spec<'a>> {
        self.order.iter().filter_map(|at| self.all.get(*at))
    }

    /// The attribute of `of`, or of the first service that has it; with the key of its service.
    pub(super) fn attribute<'s>(&'s self, of: Option<&'s Spec<'a>>, name: &str) -> Option<(&'s str, &'s str)> {
        match of {
            Some(spec) => Some((spec.attributes.value(name)?, spec.key)),
            None => self.ordered().find_map(|spec| Some((spec.attributes.value(name)?, spec.key))),
        }
    }

    /// All virtual hosts, by weight, with the key of their service.
    pub(super) fn vhosts(&self) -> Vec<(&Vhost, &'a str)> {
        let mut specs: Vec<&Spec<'a>> = self.ordered().collect();
        specs.sort_by_key(|spec| std::cmp::Reverse(spec.weight()));
        specs.into_iter().flat_map(|spec| spec.vhosts.iter().map(move |vhost| (vhost, spec.key))).collect()
    }
}

/// The places of `specs` in the order of the original's dictionary.
fn order_of(specs: &[Spec<'_>]) -> Vec<usize> {
    let place = |key: &str| specs.iter().position(|spec| spec.key == key);
    order::python(specs.iter().map(|spec| spec.key)).into_iter().filter_map(place).collect()
}

impl<'a> Spec<'a> {
    fn of(service: &'a Service, addressing: Addressing, count: &mut RouteId, notes: &mut Vec<Note>) -> Spec<'a> {
        let key = service.key.as_str();
        let attributes = Attributes::of(&service.replicas);
        let (vhosts, bad) = attributes.value("VIRTUAL_HOST").map(vhost::parse).unwrap_or_default();
        for entry in bad {
            notes.push(Note::error(format!(
                "VIRTUAL_HOST of service '{key}': '{entry}' has no usable port; expected [scheme://]host[:port][/path]"
            )));
        }
        if attributes.value("APPSESSION").is_some() {
            notes.push(Note::warning(format!(
                "APPSESSION of service '{key}' has no effect: HAProxy 1.6 dropped 'appsession'. Use COOKIE, such as \
                 'SRV insert indirect nocache'"
            )));
        }
        let excluded: Vec<&str> = attributes.value("EXCLUDE_PORTS").map(list::plain).into_iter().flatten().collect();
        let backup = attributes.value("FAILOVER").is_some();
        let mut routes = Vec::new();
        for replica in &service.replicas {
            let Some(host) = host(replica, addressing) else {
                notes.push(Note::error(format!(
                    "container '{}' has no address in a network of this proxy",
                    replica.name
                )));
                continue;
            };
            for port in replica.ports.iter().filter(|port| !excluded.contains(&port.number.to_string().as_str())) {
                routes.push(Route { id: *count, replica, host: host.clone(), port: port.number, backup });
                *count += 1;
            }
        }
        routes.sort_by(Route::order);
        Spec { key, attributes, routes, vhosts }
    }

    /// A weight that is no number counts as none.
    fn weight(&self) -> i64 {
        self.attributes.value("VIRTUAL_HOST_WEIGHT").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The entries of `TCP_PORTS`, such as `9000` or `9001/ssl`.
    pub(super) fn tcp_ports(&self) -> impl Iterator<Item = &str> {
        self.attributes.value("TCP_PORTS").map(list::plain).into_iter().flatten()
    }
}

/// What is written for the container's address, if it can be reached.
fn host(replica: &Replica, addressing: Addressing) -> Option<String> {
    match (addressing, replica.address) {
        (Addressing::Addresses, Some(address)) if address.is_ipv6() => Some(format!("[{address}]")),
        (Addressing::Addresses, Some(address)) => Some(address.to_string()),
        (Addressing::Addresses, None) if !replica.reachable => None,
        _ => Some(replica.host.clone()),
    }
}

/// Services whose `VIRTUAL_HOST` is the same text become one: the first takes the routes of the others, which lose their key.
fn merge(all: &mut [Spec<'_>], order: &[usize], notes: &mut Vec<Note>) {
    for (nth, &at) in order.iter().enumerate() {
        let Some(hosts) = all[at].attributes.value("VIRTUAL_HOST") else { continue };
        let same =
            |one: &&usize| all[**one].attributes.value("VIRTUAL_HOST") == Some(hosts) && !all[**one].key.is_empty();
        let Some(&into) = order[..nth].iter().find(same) else { continue };
        notes.push(Note::warning(format!(
            "services '{}' and '{}' have the same VIRTUAL_HOST: one backend serves both, with the settings of the first",
            all[into].key, all[at].key
        )));
        let routes = std::mem::take(&mut all[at].routes);
        all[at].key = "";
        all[into].routes.extend(routes);
        all[into].routes.sort_by(Route::order);
    }
}
