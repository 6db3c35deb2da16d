//! The start: where the engine is, which container this is, and what that makes the mode.

use std::sync::Arc;
use std::time::Duration;

use super::files::Kept;
use crate::diag::Severity;
use crate::discovery::docker::Container;
use crate::discovery::{Addressing, Engine, Environment, Fault, Mode, Place, Reason, Say, Source, own};

/// An engine's socket, an engine that somebody has named, or the variables of links.
pub fn is_meant(env: &Environment) -> bool {
    let named = env.get("DOCKER_HOST").is_some_and(|host| !host.is_empty());
    named || Place::from_environment(env).is_ok_and(|place| place.exists()) || has_links(env)
}

/// `WEB_PORT_80_TCP=tcp://172.17.0.5:80`.
fn has_links(env: &Environment) -> bool {
    env.iter().any(|(name, value)| {
        let port = name.rsplit_once("_PORT_").map(|(_, rest)| rest);
        let port = port.and_then(|rest| rest.strip_suffix("_TCP").or_else(|| rest.strip_suffix("_UDP")));
        port.is_some_and(|port| port.parse::<u16>().is_ok()) && value.contains("://")
    })
}

/// Finds out, and says what it found as the original did.
pub async fn find(env: Environment, addressing: Addressing, kept: Arc<Kept>, say: Say) -> Source {
    let version = env!("CARGO_PKG_VERSION");
    let banner = format!("hydroxy {version} for dockercloud/haproxy 1.6.7 is running outside Docker Cloud");
    say(Severity::Notice, &banner);
    let (place, engine, own) = ask(&env).await;
    let mode = Mode::decide(&env, own.as_ref().map_err(Clone::clone));
    let text = match &mode {
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
    };
    say(Severity::Notice, &text);
    say(Severity::Notice, &format!("dockercloud/haproxy PID: {}", std::process::id()));
    let engine = engine.filter(|_| matches!(mode, Mode::Compose { .. } | Mode::Swarm { .. }));
    Source { env, mode, place, engine, own: own.unwrap_or_default(), addressing, files: kept, say }
}

async fn ask(env: &Environment) -> (Place, Option<Engine>, Result<Container, Reason>) {
    let place = match Place::from_environment(env) {
        Ok(place) => place,
        Err(why) => return (Place::Socket(String::new()), None, Err(Reason::NoEngine(why))),
    };
    let engine = match reach(&place, has_links(env)).await {
        Ok(engine) => engine,
        Err(fault) => return (place, None, Err(Reason::NoEngine(fault.to_string()))),
    };
    let mut reason = Reason::NoIdentity;
    for name in own::candidates(env, |path| std::fs::read_to_string(path).ok()) {
        match engine.inspect(&name).await {
            Ok(own) => return (place, Some(engine), Ok(own)),
            Err(fault) if reason == Reason::NoIdentity => reason = Reason::NotInspected(format!("{name}: {fault}")),
            Err(_) => {}
        }
    }
    (place, Some(engine), Err(reason))
}

/// An engine that has just been started may need a moment, unless there is something else to go by.
async fn reach(place: &Place, links: bool) -> Result<Engine, Fault> {
    let mut attempts = if place.exists() && !links { 5 } else { 1 };
    loop {
        let reached = tokio::time::timeout(Duration::from_secs(5), Engine::connect(place)).await;
        let fault = match reached {
            Ok(Ok(engine)) => return Ok(engine),
            Ok(Err(fault)) => fault,
            Err(_) => Fault::Failed("the engine does not answer in time".to_owned()),
        };
        attempts -= 1;
        if attempts == 0 {
            return Err(fault);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_recognised_by_their_variables() {
        let env = |name: &str, value: &str| Environment::from([(name.to_owned(), value.to_owned())]);
        assert!(has_links(&env("WEB_1_PORT_80_TCP", "tcp://172.17.0.5:80")));
        assert!(!has_links(&env("WEB_PORT", "tcp://172.17.0.5:80")));
        assert!(!has_links(&env("STATS_PORT", "1936")));
        assert!(!has_links(&env("X_PORT_80_TCP_ADDR", "172.17.0.5")));
        assert!(is_meant(&env("DOCKER_HOST", "tcp://engine:2375")));
    }
}
