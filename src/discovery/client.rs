//! The Docker Engine's API: the few questions discovery asks. bollard speaks HTTP over the UNIX socket, TCP and TLS.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::pin::pin;

use bollard::errors::Error;
use bollard::models::EventMessage;
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, ListContainersOptions, ListServicesOptions};
use bollard::{ClientVersion, Docker};
use futures_util::{Stream, StreamExt, stream};
use hyper::Uri;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::docker::{Container, SwarmService, SwarmTask};
use super::event::Event;
use super::service::Environment;

/// A connection to an engine; each question opens a connection of its own.
#[derive(Clone)]
pub struct Engine(Docker);

/// Why the engine did not answer a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such container (any more).
    Gone,
    /// Anything else, in words.
    Failed(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Gone => f.write_str("no such container"),
            Fault::Failed(why) => f.write_str(why),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::DockerResponseServerError { status_code: 404, .. } => Fault::Gone,
            other => Fault::Failed(chain(&other)),
        }
    }
}

/// Where the engine is, as Docker's own clients read it from `DOCKER_HOST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A UNIX socket.
    Socket(String),
    /// An address and port, without TLS.
    Tcp(String),
    /// An address and port with TLS, and the directory with `ca.pem`, `cert.pem` and `key.pem`.
    Tls(String, PathBuf),
}

impl Place {
    /// Reads `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`.
    pub fn from_environment(env: &Environment) -> Result<Place, String> {
        let value = |name: &str| env.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let host = value("DOCKER_HOST").unwrap_or(DEFAULT_SOCKET);
        if host.starts_with('/') {
            return Ok(Place::Socket(host.to_owned()));
        }
        let (scheme, rest) = host.split_once("://").unwrap_or(("tcp", host));
        let tls = scheme == "https" || value("DOCKER_TLS_VERIFY").is_some();
        match scheme {
            "unix" => Ok(Place::Socket(rest.to_owned())),
            "tcp" | "http" | "https" if tls => {
                let home = || Path::new(value("HOME").unwrap_or("/root")).join(".docker");
                Ok(Place::Tls(rest.to_owned(), value("DOCKER_CERT_PATH").map_or_else(home, PathBuf::from)))
            }
            "tcp" | "http" => Ok(Place::Tcp(rest.to_owned())),
            _ => Err(format!("DOCKER_HOST expects unix://PATH, tcp://HOST:PORT or https://HOST:PORT, found '{host}'")),
        }
    }

    /// Whether something is there; an address is not asked.
    pub fn exists(&self) -> bool {
        match self {
            Place::Socket(path) => Path::new(path).exists(),
            Place::Tcp(_) | Place::Tls(..) => true,
        }
    }
}

impl Engine {
    /// Greets the engine in the version of the API that the original spoke, and in a newer one where that is no longer understood.
    pub async fn connect(place: &Place) -> Result<Engine, Fault> {
        let mut last = Fault::Gone;
        for version in VERSIONS {
            let docker = open(place, version)?;
            match docker.ping().await {
                // Whoever answers at all is there.
                Ok(_) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(Engine(docker)),
                Err(error @ Error::DockerResponseServerError { status_code: 400, .. }) => {
                    last = Fault::Failed(chain(&error));
                }
                Err(error) => return Err(Fault::Failed(chain(&error))),
            }
        }
        Err(last)
    }

    /// One container.
    pub async fn inspect(&self, id: &str) -> Result<Container, Fault> {
        translate(&self.0.inspect_container(id, None::<InspectContainerOptions>).await?)
    }

    /// All running containers, or those of a compose project, in the order of the engine's list. Those that go meanwhile are left out.
    pub async fn running(&self, project: Option<&str>) -> Result<Vec<Container>, Fault> {
        let options = ListContainersOptions { filters: project.map(label_filter), ..ListContainersOptions::default() };
        let listed = self.0.list_containers(Some(options)).await?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        // Inspected a few at a time: one after the other takes long on a busy host.
        let mut inspected = stream::iter(ids).map(|id| async move { self.inspect(&id).await }).buffered(AT_ONCE);
        let mut found = Vec::new();
        while let Some(container) = inspected.next().await {
            match container {
                Ok(container) => found.push(container),
                Err(Fault::Gone) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }

    /// The services of the swarm and its tasks that should run.
    pub async fn swarm(&self) -> Result<(Vec<SwarmService>, Vec<SwarmTask>), Fault> {
        let services = self.0.list_services(None::<ListServicesOptions>).await?;
        Ok((translate(&services)?, self.raw("/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D").await?))
    }

    /// A question whose answer bollard's model does not hold: its tasks have no `NetworksAttachments`. An image is what it gives byte by
    /// byte; asked at another address it gives any answer that way.
    async fn raw<T: DeserializeOwned>(&self, target: &'static str) -> Result<T, Fault> {
        let docker = self.0.clone().with_request_modifier(move |mut request| {
            let elsewhere = redirected(request.uri(), target);
            if let Some(uri) = elsewhere {
                *request.uri_mut() = uri;
            }
            request
        });
        let mut parts = pin!(docker.export_image(IMAGE));
        let mut body = Vec::new();
        while let Some(part) = parts.next().await {
            body.extend_from_slice(&part?);
        }
        serde_json::from_slice(&body).map_err(|error| Fault::Failed(error.to_string()))
    }

    /// What happens to containers from `since` (Unix time in seconds) on. The engine sends only what matters here.
    pub fn events(
        &self,
        since: u64,
        project: Option<&str>,
    ) -> impl Stream<Item = Result<Event, Fault>> + Unpin + use<> {
        let mut filters = project.map(label_filter).unwrap_or_default();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        filters.insert("event".to_owned(), Event::ACTIONS.iter().map(|action| (*action).to_owned()).collect());
        let options = EventsOptions { since: Some(since.to_string()), until: None, filters: Some(filters) };
        let events = self.0.events(Some(options));
        Box::pin(events.map(|event| event.map(read_event).map_err(Fault::from)))
    }
}

fn open(place: &Place, version: &ClientVersion) -> Result<Docker, Fault> {
    let opened = match place {
        Place::Socket(path) => Docker::connect_with_unix(path, TIMEOUT_S, version),
        Place::Tcp(address) => Docker::connect_with_http(address, TIMEOUT_S, version),
        Place::Tls(address, dir) => {
            let file = |name: &str| dir.join(name);
            let (key, cert, ca) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
            Docker::connect_with_ssl(address, &key, &cert, &ca, TIMEOUT_S, version)
        }
    };
    opened.map_err(|error| Fault::Failed(chain(&error)))
}

fn label_filter(project: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{}={project}", super::docker::PROJECT)])])
}

/// From bollard's model, which knows everything, to the part that discovery reads.
fn translate<T: DeserializeOwned>(answer: &impl Serialize) -> Result<T, Fault> {
    let failed = |error: serde_json::Error| Fault::Failed(error.to_string());
    serde_json::from_value(serde_json::to_value(answer).map_err(failed)?).map_err(failed)
}

/// The same engine and version, another path.
fn redirected(uri: &Uri, target: &str) -> Option<Uri> {
    let version = uri.path().strip_suffix(&format!("/images/{IMAGE}/get"))?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{version}{target}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn read_event(message: EventMessage) -> Event {
    let actor = message.actor.unwrap_or_default();
    let mut attributes = actor.attributes.unwrap_or_default();
    let mut take = |name: &str| attributes.remove(name).unwrap_or_default();
    Event {
        id: actor.id.unwrap_or_default(),
        action: message.action.unwrap_or_default(),
        name: take("name"),
        signal: take("signal"),
        project: take(super::docker::PROJECT),
        service: take(super::docker::SERVICE),
    }
}

/// An error with its causes: the outermost alone says only that a request failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Where the engine listens if nobody says otherwise.
pub const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";
/// What the original spoke; what engines from release 25 on speak, when 1.24 is too old for them.
const VERSIONS: [&ClientVersion; 2] =
    [&ClientVersion { major_version: 1, minor_version: 24 }, &ClientVersion { major_version: 1, minor_version: 44 }];
/// For the head of an answer. An engine that starts many containers takes its time.
const TIMEOUT_S: u64 = 10;
/// A UNIX socket refuses connections while its queue is full, and there are engines' stand-ins that queue five.
const AT_ONCE: usize = 4;
/// No image has such a name.
const IMAGE: &str = "-";

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pairs: &[(&str, &str)]) -> Result<Place, String> {
        let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Place::from_environment(&env)
    }

    #[test]
    fn another_path_is_asked_of_the_same_engine() {
        let uri: Uri = "unix://2f746d70/v1.24/images/-/get".parse().expect("a URI");
        let there = redirected(&uri, "/tasks?a=b").expect("a path of an image");
        assert_eq!(there.to_string(), "unix://2f746d70/v1.24/tasks?a=b");
        assert_eq!(redirected(&"http://x/_ping".parse().expect("a URI"), "/tasks"), None);
    }

    #[test]
    fn docker_host_is_read_as_docker_s_own_clients_read_it() {
        let socket = |path: &str| Ok(Place::Socket(path.to_owned()));
        assert_eq!(place(&[]), socket("/var/run/docker.sock"));
        assert_eq!(place(&[("DOCKER_HOST", "")]), socket("/var/run/docker.sock"));
        assert_eq!(place(&[("DOCKER_HOST", "unix:///tmp/d.sock"), ("DOCKER_TLS_VERIFY", "1")]), socket("/tmp/d.sock"));
        assert_eq!(place(&[("DOCKER_HOST", "tcp://10.0.0.1:2375")]), Ok(Place::Tcp("10.0.0.1:2375".to_owned())));
        let tls = [("DOCKER_HOST", "tcp://e:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")];
        assert_eq!(place(&tls), Ok(Place::Tls("e:2376".to_owned(), "/certs".into())));
        assert_eq!(place(&tls[..2]), Ok(Place::Tls("e:2376".to_owned(), "/root/.docker".into())));
        assert!(place(&[("DOCKER_HOST", "ssh://me@there")]).is_err_and(|why| why.contains("DOCKER_HOST")));
    }
}
