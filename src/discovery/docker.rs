//! What the Docker Engine API answers, as far as discovery reads it: container inspection, swarm services and tasks.
//!
//! The field names are the API's (version 1.24 and later). Everything is optional: the engine leaves out what is empty, writes `null`
//! where a list could stand, and other engines (Podman) leave out more.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `GET /containers/ID/json`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Container {
    /// The whole id, 64 hexadecimal digits.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// With a leading slash.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    #[serde(deserialize_with = "nullable")]
    pub state: State,
    #[serde(deserialize_with = "nullable")]
    pub config: Config,
    #[serde(deserialize_with = "nullable")]
    pub host_config: HostConfig,
    #[serde(deserialize_with = "nullable")]
    pub network_settings: NetworkSettings,
}

/// `State` of a container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct State {
    #[serde(deserialize_with = "nullable")]
    pub running: bool,
    #[serde(deserialize_with = "nullable")]
    pub paused: bool,
    /// Absent where the image has no `HEALTHCHECK`.
    pub health: Option<Health>,
}

/// `State.Health`: `Status` is `none`, `starting`, `healthy` or `unhealthy`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Health {
    #[serde(deserialize_with = "nullable")]
    pub status: String,
}

/// `Config` of a container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// `NAME=VALUE`: the image's environment with the container's above it.
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<String>,
    /// Keys such as `80/tcp`.
    #[serde(deserialize_with = "nullable")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
}

/// `HostConfig` of a container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostConfig {
    /// Links of the default bridge network.
    #[serde(deserialize_with = "nullable")]
    pub links: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub network_mode: String,
}

/// `NetworkSettings` of a container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkSettings {
    /// By name of the network.
    #[serde(deserialize_with = "nullable")]
    pub networks: BTreeMap<String, Network>,
}

/// A container's place in a network.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    #[serde(rename = "NetworkID", deserialize_with = "nullable")]
    pub network_id: String,
    #[serde(rename = "IPAddress", deserialize_with = "nullable")]
    pub ip_address: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "nullable")]
    pub global_ipv6_address: String,
    /// `container:alias`.
    #[serde(deserialize_with = "nullable")]
    pub links: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub aliases: Vec<String>,
}

/// An element of `GET /services`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmService {
    #[serde(rename = "ID", deserialize_with = "nullable")]
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    pub spec: SwarmServiceSpec,
}

/// `Spec` of a swarm service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmServiceSpec {
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
}

/// An element of `GET /tasks`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmTask {
    #[serde(rename = "ID", deserialize_with = "nullable")]
    pub id: String,
    #[serde(rename = "ServiceID", deserialize_with = "nullable")]
    pub service_id: String,
    #[serde(deserialize_with = "nullable")]
    pub slot: u64,
    #[serde(deserialize_with = "nullable")]
    pub desired_state: String,
    #[serde(deserialize_with = "nullable")]
    pub status: SwarmTaskStatus,
    #[serde(deserialize_with = "nullable")]
    pub spec: SwarmTaskSpec,
    #[serde(deserialize_with = "nullable")]
    pub networks_attachments: Vec<SwarmAttachment>,
}

/// `Status` of a task: `State` is `running`, `starting`, ...
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmTaskStatus {
    #[serde(deserialize_with = "nullable")]
    pub state: String,
}

/// `Spec` of a task.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmTaskSpec {
    #[serde(deserialize_with = "nullable")]
    pub container_spec: SwarmContainerSpec,
}

/// `Spec.ContainerSpec` of a task.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmContainerSpec {
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<String>,
}

/// An element of `NetworksAttachments`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmAttachment {
    #[serde(deserialize_with = "nullable")]
    pub network: SwarmNetwork,
    /// In CIDR notation.
    #[serde(deserialize_with = "nullable")]
    pub addresses: Vec<String>,
}

/// `Network` of an attachment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmNetwork {
    #[serde(rename = "ID", deserialize_with = "nullable")]
    pub id: String,
}

/// `null` is the empty value.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The label by which a container belongs to a compose project.
pub const PROJECT: &str = "com.docker.compose.project";
/// The label that names a container's service in its project.
pub const SERVICE: &str = "com.docker.compose.service";
/// The label of one-off containers (`docker compose run`): `True` there.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// The label with what a service waits for: `SERVICE:CONDITION:RESTART,...`.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The label of a swarm task's container with the id of its service.
pub const SWARM_SERVICE: &str = "com.docker.swarm.service.id";
/// The label that takes a container or a service out: `true`.
pub const DEACTIVATE: &str = "com.docker.dockercloud.haproxy.deactivate";

impl Container {
    /// The name without the leading slash.
    pub fn plain_name(&self) -> &str {
        self.name.strip_prefix('/').unwrap_or(&self.name)
    }

    /// A label's value; an empty one is as good as none.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.config.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The networks both containers are in, as this container's places in them, in order of their names.
    pub fn shared_networks<'a>(&'a self, other: &'a Container) -> impl Iterator<Item = &'a Network> {
        let others = &other.network_settings.networks;
        self.network_settings
            .networks
            .iter()
            .filter(|(name, mine)| others.iter().any(|(n, o)| same(name, mine, n, o)))
            .map(|(_, mine)| mine)
    }
}

/// The ids decide where both are known.
fn same(name: &str, network: &Network, other_name: &str, other: &Network) -> bool {
    match network.network_id.is_empty() || other.network_id.is_empty() {
        true => name == other_name,
        false => network.network_id == other.network_id,
    }
}
