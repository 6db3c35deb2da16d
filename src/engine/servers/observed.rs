//! What streams meet at a server counts for its health (manual 5.2 `observe`, `error-limit`, `on-error`).

use std::sync::atomic::Ordering::Relaxed;

use super::{Ends, Place, Scene};
use crate::engine::check::outcome::Outcome;
use crate::engine::core::Core;
use crate::engine::fault::Fault;
use crate::engine::live::Live;
use crate::engine::log::herald::Herald;
use crate::ir::check::{Observe, OnError};
use crate::state::{Health, ServerState};

/// What a stream meets at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new connection.
    Connected,
    /// A connection that could not be made.
    NotConnected,
    /// The head of a response with this status.
    Answered(u16),
    /// A response that ended in the middle of its head, or that is none.
    BadResponse,
    /// A connection that broke before a response began.
    Broken,
    /// A response that did not begin in time.
    Late,
}

impl Event {
    /// What a connection that was not made means; nothing where that was not the server's fault.
    pub fn of_connect(fault: Fault) -> Option<Event> {
        matches!(fault, Fault::Refused | Fault::ConnectTimeout).then_some(Event::NotConnected)
    }

    /// What a response that did not come means; `begun` where some of it did.
    pub fn of_response(fault: Fault, begun: bool) -> Option<Event> {
        match fault {
            Fault::ServerAbort if begun => Some(Event::BadResponse),
            Fault::ServerAbort => Some(Event::Broken),
            Fault::BadResponse => Some(Event::BadResponse),
            Fault::ServerTimeout => Some(Event::Late),
            _ => None,
        }
    }

    /// Whether it speaks for the server; nothing where it says nothing at this layer.
    fn is_good(self, responses: bool) -> Option<bool> {
        match self {
            Event::NotConnected => Some(false),
            Event::Connected => (!responses).then_some(true),
            _ if !responses => None,
            Event::Answered(status) => Some(matches!(status, 100..=499 | 501 | 505)),
            Event::BadResponse | Event::Broken | Event::Late => Some(false),
        }
    }

    /// In HAProxy's words.
    fn told(self) -> &'static str {
        match self {
            Event::Connected => "L4 successful connection",
            Event::NotConnected => "L4 unsuccessful connection",
            Event::Answered(_) => "Wrong http response",
            Event::BadResponse => "Invalid http response (headers)",
            Event::Broken => "Read error (http)",
            Event::Late => "Read timeout (http)",
        }
    }
}

/// Takes an event at an observed server into account.
pub fn observed(core: &Core, live: &Live, place: Place, observe: &Observe, event: Event) {
    let (Some(good), Some((_, state))) = (event.is_good(observe.responses), live.server(place.0, place.1)) else {
        return;
    };
    if good {
        // Nobody else's memory is touched where all is well.
        if state.errors.load(Relaxed) != 0 {
            state.errors.store(0, Relaxed);
        }
        return;
    }
    if !counts(state) {
        return;
    }
    let errors = state.errors.fetch_add(1, Relaxed) + 1;
    if errors < observe.limit {
        return;
    }
    state.errors.store(0, Relaxed);
    let mut ends = exceeded(&core.shared.herald, live, place, observe, errors, event);
    ends.extend(super::tracked::follow(&core.shared.herald, live, place));
    core.shared.end_streams(&ends);
    state.hurry.notify_one();
}

/// Who is down, in maintenance or not checked at present cannot fall.
fn counts(state: &ServerState) -> bool {
    !state.in_maintenance() && !state.checks_off.load(Relaxed) && state.health() != Health::Down
}

fn exceeded(herald: &Herald, live: &Live, place: Place, observe: &Observe, errors: u32, event: Event) -> Ends {
    let Some(scene) = Scene::open(herald, live, place) else { return Ends::new() };
    let Some(check) = &scene.line.check else { return Ends::new() };
    let _held = scene.hold();
    let operation = scene.operation();
    if !counts(scene.state) {
        return Ends::new();
    }
    scene.state.errors_exceeded.fetch_add(1, Relaxed);
    let score = scene.state.check_score.load(Relaxed);
    let score = match observe.then {
        OnError::FastInter => return Ends::new(),
        OnError::FailCheck => score,
        OnError::SuddenDeath => score.min(check.rise + 1),
        OnError::MarkDown => score.min(check.rise),
    };
    let text = format!("Detected {errors} consecutive errors, last one was: {}", event.told());
    scene.judge(check, &Outcome::new("HANA", 0, text), score);
    scene.ends(operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_for_a_server_depends_on_the_layer() {
        let statuses = [200, 304, 404, 500, 501, 502, 505, 599].map(|status| Event::Answered(status).is_good(true));
        let expected = [true, true, true, false, true, false, true, false].map(Some);
        assert_eq!(statuses, expected);
        assert_eq!(Event::Answered(500).is_good(false), None);
        assert_eq!([true, false].map(|responses| Event::NotConnected.is_good(responses)), [Some(false); 2]);
        // A connection proves nothing about responses.
        assert_eq!([true, false].map(|responses| Event::Connected.is_good(responses)), [None, Some(true)]);
    }

    #[test]
    fn faults_of_others_are_no_errors_of_the_server() {
        assert_eq!(Event::of_connect(Fault::Refused), Some(Event::NotConnected));
        assert_eq!(Event::of_connect(Fault::Resource), None);
        assert_eq!(Event::of_response(Fault::ClientAbort, false), None);
        assert_eq!(Event::of_response(Fault::ServerAbort, true), Some(Event::BadResponse));
        assert_eq!(Event::of_response(Fault::ServerAbort, false), Some(Event::Broken));
        assert_eq!(Event::of_response(Fault::ServerTimeout, false), Some(Event::Late));
    }
}
