//! Reaching the engine and finding the proxy's own container in it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::client::{Engine, Fault, Place};
use super::docker::Container;
use super::mode::Reason;
use super::own;
use super::service::Environment;

/// `WEB_PORT_80_TCP=tcp://172.17.0.5:80`: there is something to go by without an engine.
pub fn has_links(env: &Environment) -> bool {
    env.iter().any(|(name, value)| {
        let port = name.rsplit_once("_PORT_").map(|(_, rest)| rest);
        let port = port.and_then(|rest| rest.strip_suffix("_TCP").or_else(|| rest.strip_suffix("_UDP")));
        port.is_some_and(|port| port.parse::<u16>().is_ok()) && value.contains("://")
    })
}

/// Asks for the own container. An engine that has just been started may need a moment, unless there are links to go by.
pub async fn ask_patiently(place: &Place, env: &Environment) -> (Option<Engine>, Result<Container, Reason>) {
    let mut attempts = if place.exists() && !has_links(env) { 4 } else { 1 };
    loop {
        let answer = ask(place, env).await;
        attempts -= 1;
        if attempts == 0 || !matches!(answer, (_, Err(Reason::NoEngine(_)))) {
            return answer;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Asks once. An engine that answers with errors is as good as none: they pass.
pub async fn ask(place: &Place, env: &Environment) -> (Option<Engine>, Result<Container, Reason>) {
    match timeout(PATIENCE, ask_for_own(place, env)).await {
        Ok(Ok((engine, own))) => (Some(engine), own),
        Ok(Err(fault)) => (None, Err(Reason::NoEngine(fault.to_string()))),
        Err(_) => (None, Err(Reason::NoEngine("it does not answer in time".to_owned()))),
    }
}

async fn ask_for_own(place: &Place, env: &Environment) -> Result<(Engine, Result<Container, Reason>), Fault> {
    let engine = Engine::connect(place).await?;
    let mut reason = Reason::NoIdentity;
    for name in own::candidates(env, |path| std::fs::read_to_string(path).ok()) {
        match engine.inspect(&name).await {
            Ok(own) => return Ok((engine, Ok(own))),
            Err(Fault::Gone) if reason == Reason::NoIdentity => {
                reason = Reason::NotInspected(format!("{name}: {}", Fault::Gone));
            }
            Err(Fault::Gone) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok((engine, Err(reason)))
}

const PATIENCE: Duration = Duration::from_secs(5);

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
    }
}
