//! The linked services, whatever the mode.

use crate::discovery::docker::{Container, SwarmService, SwarmTask};
use crate::discovery::mode::Mode;
use crate::discovery::note::Note;
use crate::discovery::service::{Environment, Service};
use crate::discovery::{compose, legacy, swarm};

/// What the engine was asked for, by mode.
#[derive(Clone, Copy, Debug)]
pub enum Answers<'a> {
    /// The proxy's own container, and every running one that was inspected, in the order of the engine's list.
    Containers { own: &'a Container, running: &'a [Container] },
    /// The proxy's own container and the swarm's services and running tasks.
    Swarm { own: &'a Container, services: &'a [SwarmService], tasks: &'a [SwarmTask] },
    /// Nobody was asked.
    None,
}

/// The services to forward to, in the order of their links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub services: Vec<Service>,
    /// What a user should hear, such as services that were asked for and not found.
    pub notes: Vec<Note>,
}

/// Lists the linked services. Answers that do not belong to the mode yield nothing.
pub fn find(mode: &Mode, env: &Environment, answers: Answers<'_>) -> Found {
    match (mode, answers) {
        (Mode::Compose { project }, Answers::Containers { own, running }) => compose::find(project, env, own, running),
        (Mode::Swarm { service }, Answers::Swarm { own, services, tasks }) => {
            swarm::find(service, own, services, tasks)
        }
        (Mode::Legacy(_), _) => legacy::find(env),
        (Mode::Cloud, _) => {
            let text = "the variables of Docker Cloud are set, which was switched off in 2018: there is nobody to ask for services";
            Found { services: Vec::new(), notes: vec![Note::error(text)] }
        }
        (Mode::Compose { .. } | Mode::Swarm { .. }, _) => Found::default(),
    }
}

#[cfg(test)]
mod tests;
