//! What a proxy forwards to, whatever it was found by: services, their containers, and the environment that configures them.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// The environment of the proxy's own container.
pub type Environment = BTreeMap<String, String>;

/// A linked service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of its backend without `SERVICE_`: `PROJECT_SERVICE` with compose, the service's name in a swarm, the
    /// alias of legacy links.
    pub key: String,
    /// Its containers in the order in which they were found.
    pub replicas: Vec<Replica>,
    /// Its place among the others in the original's file. It went by the containers' ids, so a new container could change it.
    pub rank: usize,
}

/// Gives each service the place that it had in the original: that of the first of its containers in `order`.
pub(super) fn rank(services: &mut [Service], order: &[&str]) {
    for service in services {
        let place = |replica: &Replica| order.iter().position(|id| *id == replica.id);
        service.rank = service.replicas.iter().filter_map(place).min().unwrap_or(order.len());
    }
}

/// One container of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The engine's id of the container or task; empty with legacy links.
    pub id: String,
    /// The container's name, which becomes the server's.
    pub name: String,
    /// Its environment in the engine's order.
    pub env: Vec<(String, String)>,
    /// What it exposes.
    pub ports: Vec<Port>,
    /// How the original addresses it: with compose by its name, else by its address.
    pub host: String,
    /// Its address on a network shared with the proxy.
    pub address: Option<IpAddr>,
    /// Without an address: whether the name may lead somewhere, since there is a shared network or nobody can tell.
    pub reachable: bool,
    pub readiness: Readiness,
}

/// An exposed port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    pub number: u16,
    /// `udp` ports become servers like any other, as the original had it.
    pub udp: bool,
}

/// What the container's `HEALTHCHECK` says. A server that rests is in the configuration, in maintenance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Healthy, or nobody asks.
    #[default]
    Ready,
    /// The first checks run: the server rests.
    Starting,
    /// Failing: the server rests.
    Unhealthy,
    /// Frozen: it would accept connections and never answer. The server rests.
    Paused,
}

impl Readiness {
    /// Whether requests may go there.
    pub fn serves(self) -> bool {
        self == Readiness::Ready
    }
}
