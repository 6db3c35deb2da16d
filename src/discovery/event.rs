//! What an event of the engine means for the containers that are served.

/// Something that happened to a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The container.
    pub id: String,
    /// `start`, `die`, `health_status: healthy`...
    pub action: String,
    /// The container's name.
    pub name: String,
    /// The number of the signal of a `kill`.
    pub signal: String,
    /// Its compose project.
    pub project: String,
    /// Its compose service.
    pub service: String,
}

/// What an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The container may serve from now on: look again.
    Comes,
    /// It ends, or cannot answer: no request may go there.
    Leaves,
    /// Something about it has changed: look again.
    Changes,
    /// Nothing.
    Nothing,
}

impl Event {
    /// What the engine is asked to tell.
    pub const ACTIONS: &'static [&'static str] =
        &["start", "die", "kill", "stop", "pause", "unpause", "destroy", "rename", "health_status"];

    /// What it means. `docker stop` tells of `kill` as soon as the container has its signal, long before it ends.
    pub fn meaning(&self) -> Meaning {
        match self.action.as_str() {
            "start" | "unpause" => Meaning::Comes,
            "die" | "stop" | "pause" | "destroy" => Meaning::Leaves,
            "kill" if self.signal.is_empty() || ENDING.contains(&self.signal.as_str()) => Meaning::Leaves,
            "rename" => Meaning::Changes,
            action if action.starts_with("health_status") => Meaning::Changes,
            _ => Meaning::Nothing,
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signal = if self.signal.is_empty() { "" } else { " by signal " };
        write!(f, "Docker event: container {} {}{signal}{}", self.name, self.action, self.signal)
    }
}

/// SIGINT, SIGQUIT, SIGKILL, SIGTERM, and SIGWINCH, with which Apache's image stops. Others, such as SIGHUP, make a server read its
/// configuration again.
const ENDING: [&str; 5] = ["2", "3", "9", "15", "28"];

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(action: &str, signal: &str) -> Meaning {
        Event { action: action.to_owned(), signal: signal.to_owned(), ..Event::default() }.meaning()
    }

    #[test]
    fn a_container_leaves_with_its_signal_not_with_its_end() {
        assert_eq!(meaning("kill", "15"), Meaning::Leaves);
        assert_eq!(meaning("kill", "1"), Meaning::Nothing);
        assert_eq!(meaning("die", ""), Meaning::Leaves);
        assert_eq!(meaning("start", ""), Meaning::Comes);
        assert_eq!(meaning("health_status: unhealthy", ""), Meaning::Changes);
        assert_eq!(meaning("exec_create: sh", ""), Meaning::Nothing);
    }
}
