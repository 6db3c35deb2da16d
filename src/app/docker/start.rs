//! The start: where the engine is, which container this is, and what that makes the mode.

use std::sync::Arc;

use super::files::Kept;
use crate::diag::Severity;
use crate::discovery::{Addressing, Environment, Mode, Place, Reason, Say, Source, ask_patiently, has_links};

/// An engine's socket, an engine that somebody has named, or the variables of links.
pub fn is_meant(env: &Environment) -> bool {
    let named = env.get("DOCKER_HOST").is_some_and(|host| !host.is_empty());
    named || Place::from_environment(env).is_ok_and(|place| place.exists()) || has_links(env)
}

/// Finds out, and says what it found as the original did.
pub async fn find(env: Environment, addressing: Addressing, kept: Arc<Kept>, say: Say) -> Source {
    let version = env!("CARGO_PKG_VERSION");
    let banner = format!("hydroxy {version} for dockercloud/haproxy 1.6.7 is running outside Docker Cloud");
    say(Severity::Notice, &banner);
    let place = Place::from_environment(&env);
    let (engine, own) = match &place {
        Ok(place) => ask_patiently(place, &env).await,
        Err(why) => (None, Err(Reason::NoEngine(why.clone()))),
    };
    let mode = Mode::decide(&env, own.as_ref().map_err(Clone::clone));
    say(Severity::Notice, mode.announcement().as_str());
    say(Severity::Notice, &format!("dockercloud/haproxy PID: {}", std::process::id()));
    Source { env, mode, place: place.ok(), engine, own: own.unwrap_or_default(), addressing, files: kept, say }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_without_a_file_is_meant_for_containers_if_there_is_an_engine_or_a_link() {
        let env = |name: &str, value: &str| Environment::from([(name.to_owned(), value.to_owned())]);
        assert!(is_meant(&env("DOCKER_HOST", "tcp://engine:2375")));
        assert!(is_meant(&env("WEB_1_PORT_80_TCP", "tcp://172.17.0.5:80")));
    }
}
