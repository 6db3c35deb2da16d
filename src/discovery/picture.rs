//! The containers as they were last seen, with what events have said since.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::docker::Container;
use super::event::{Event, Meaning};

/// What is known of the containers beside the proxy.
#[derive(Debug, Default)]
pub struct Picture {
    running: Vec<Container>,
    /// Containers that were told to end, or cannot answer, since when.
    leaving: BTreeMap<String, Instant>,
}

/// What an event changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The picture is another one.
    Now,
    /// The engine must be asked.
    Look,
}

impl Picture {
    /// Takes in an event.
    pub fn hear(&mut self, event: &Event, now: Instant) -> Effect {
        let seen = self.running.iter_mut().find(|container| container.id == event.id);
        match (event.meaning(), seen) {
            (Meaning::Nothing, _) => Effect::None,
            (Meaning::Comes, _) => {
                self.leaving.remove(&event.id);
                Effect::Look
            }
            (Meaning::Leaves, seen) => {
                let known = self.leaving.insert(event.id.clone(), now).is_some();
                // A look that is under way may bring it back; it is remembered in any case.
                if known || seen.is_none() { Effect::None } else { Effect::Now }
            }
            (Meaning::Changes, Some(container)) => match event.action.strip_prefix("health_status:") {
                Some(status) => {
                    container.state.health.get_or_insert_default().status = status.trim().to_owned();
                    Effect::Now
                }
                None => Effect::Look,
            },
            (Meaning::Changes, None) => Effect::Look,
        }
    }

    /// Takes in the engine's answer to a question asked at `asked`.
    pub fn see(&mut self, running: Vec<Container>, asked: Instant) {
        let listed = |id: &str| running.iter().any(|container| container.id == id);
        // What left before the question and is still listed does not end so quickly; it gets another chance after a while.
        self.leaving.retain(|id, since| *since >= asked || (listed(id) && asked.duration_since(*since) < PATIENCE));
        self.running = running;
    }

    /// The containers that may serve, in the order of the engine's list.
    pub fn serving(&self) -> Vec<Container> {
        let serves = |container: &&Container| {
            container.state.running && !container.state.paused && !self.leaving.contains_key(&container.id)
        };
        self.running.iter().filter(serves).cloned().collect()
    }
}

/// Longer than anybody lets a container take for its end.
const PATIENCE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str) -> Container {
        let mut container = Container { id: id.to_owned(), ..Container::default() };
        container.state.running = true;
        container
    }

    fn event(id: &str, action: &str) -> Event {
        Event { id: id.to_owned(), action: action.to_owned(), ..Event::default() }
    }

    fn ids(picture: &Picture) -> Vec<String> {
        picture.serving().into_iter().map(|container| container.id).collect()
    }

    #[test]
    fn a_container_that_is_told_to_end_leaves_at_once_and_stays_away() {
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);
        let mut picture = Picture::default();
        picture.see(vec![container("a"), container("b")], at(0));
        assert_eq!(picture.hear(&event("a", "kill"), at(1)), Effect::Now);
        assert_eq!(ids(&picture), ["b"]);
        // It is listed as long as it takes to end.
        picture.see(vec![container("a"), container("b")], at(2));
        assert_eq!(ids(&picture), ["b"]);
        assert_eq!(picture.hear(&event("a", "die"), at(3)), Effect::None);
        assert_eq!(picture.hear(&event("a", "start"), at(4)), Effect::Look);
        picture.see(vec![container("a"), container("b")], at(5));
        assert_eq!(ids(&picture), ["a", "b"]);
        // Whoever takes the signal and goes on is served again in the end.
        assert_eq!(picture.hear(&event("b", "kill"), at(10)), Effect::Now);
        picture.see(vec![container("a"), container("b")], at(131));
        assert_eq!(ids(&picture), ["a", "b"]);
    }

    #[test]
    fn an_answer_older_than_the_event_does_not_bring_a_container_back() {
        let start = Instant::now();
        let mut picture = Picture::default();
        assert_eq!(picture.hear(&event("a", "die"), start + Duration::from_millis(5)), Effect::None);
        picture.see(vec![container("a")], start);
        assert_eq!(ids(&picture), [] as [&str; 0]);
    }

    #[test]
    fn health_is_told_by_events_and_paused_containers_do_not_serve() {
        let now = Instant::now();
        let mut picture = Picture::default();
        let mut paused = container("p");
        paused.state.paused = true;
        picture.see(vec![container("a"), paused], now);
        assert_eq!(ids(&picture), ["a"]);
        assert_eq!(picture.hear(&event("a", "health_status: unhealthy"), now), Effect::Now);
        let health = picture.serving().first().and_then(|container| container.state.health.clone());
        assert_eq!(health.map(|health| health.status).as_deref(), Some("unhealthy"));
        assert_eq!(picture.hear(&event("x", "health_status: healthy"), now), Effect::Look);
    }
}
