//! Where the linked services are read from: the decision that the original takes at start.

use std::fmt;

use super::docker::{Container, PROJECT, SWARM_SERVICE};
use super::service::Environment;

/// Where linked services come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Containers of a compose project, and of `ADDITIONAL_SERVICES`.
    Compose {
        /// The proxy's own project.
        project: String,
    },
    /// Tasks of a swarm that share a network with the proxy.
    Swarm {
        /// The proxy's own service.
        service: String,
    },
    /// The environment that links of the default bridge write.
    Legacy(Reason),
    /// The environment of Docker Cloud, which was switched off in 2018: there is nothing to ask.
    Cloud,
}

/// Why only the environment is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The engine cannot be reached; with what went wrong.
    NoEngine(String),
    /// `HOSTNAME` is empty and the process' control group names no container.
    NoIdentity,
    /// The engine does not know this container; with what it said.
    NotInspected(String),
    /// `HostConfig.Links` is set: the container is on the default bridge.
    DefaultBridge,
    /// Neither compose nor a swarm started this container.
    NoProject,
}

/// What came of asking the engine for the proxy's own container.
pub type Own<'a> = Result<&'a Container, Reason>;

impl Mode {
    /// Whether the environment is that of Docker Cloud. No engine is asked then.
    pub fn is_cloud(env: &Environment) -> bool {
        ["DOCKERCLOUD_CONTAINER_API_URI", "DOCKERCLOUD_SERVICE_API_URI", "DOCKERCLOUD_AUTH"]
            .iter()
            .all(|name| env.get(*name).is_some_and(|value| !value.is_empty()))
    }

    /// Decides; the order of the questions is the original's.
    pub fn decide(env: &Environment, own: Own<'_>) -> Mode {
        if Mode::is_cloud(env) {
            return Mode::Cloud;
        }
        let own = match own {
            Ok(own) => own,
            Err(reason) => return Mode::Legacy(reason),
        };
        if !own.host_config.links.is_empty() {
            return Mode::Legacy(Reason::DefaultBridge);
        }
        match (own.label(SWARM_SERVICE), own.label(PROJECT)) {
            (Some(service), _) => Mode::Swarm { service: service.to_owned() },
            (None, Some(project)) => Mode::Compose { project: project.to_owned() },
            (None, None) => Mode::Legacy(Reason::NoProject),
        }
    }
}

impl Mode {
    /// What the original's log says.
    pub fn announcement(&self) -> String {
        match self {
            Mode::Compose { .. } => {
                "Haproxy is running by docker-compose, loading HAProxy definition through docker api".to_owned()
            }
            Mode::Swarm { .. } => {
                "Haproxy is running in SwarmMode, loading HAProxy definition through docker api".to_owned()
            }
            Mode::Legacy(reason) => format!(
                "Haproxy is running using legacy link, loading HAProxy definition from environment variables: {reason}"
            ),
            Mode::Cloud => "Haproxy is running in Docker Cloud".to_owned(),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Compose { project } => write!(f, "compose, project '{project}'"),
            Mode::Swarm { service } => write!(f, "swarm, service '{service}'"),
            Mode::Legacy(reason) => write!(f, "legacy links, from environment variables: {reason}"),
            Mode::Cloud => write!(f, "Docker Cloud, which was switched off in 2018"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoEngine(why) => write!(f, "unable to connect to the docker daemon: {why}"),
            Reason::NoIdentity => write!(f, "HOSTNAME is not set, and no control group names this container"),
            Reason::NotInspected(why) => write!(f, "unable to inspect this container: {why}"),
            Reason::DefaultBridge => write!(f, "the container runs on the default bridge with links"),
            Reason::NoProject => write!(f, "neither compose nor a swarm started this container"),
        }
    }
}
