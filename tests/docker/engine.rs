//! A Docker Engine as a script: it answers what it is told to, and fails as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// What goes wrong with answers to questions; the stream of events is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Status 500.
    Errors,
    /// Something that is no JSON.
    Garbage,
    /// The connection is closed in the middle of an answer.
    Cut,
    /// Answers after a minute.
    Slow,
}

#[derive(Default)]
struct State {
    /// By id, in the order of the list.
    containers: Vec<(String, Value)>,
    trouble: Option<Trouble>,
    /// Is listed, but gone when it is inspected.
    vanished: Option<String>,
    /// `GET /services` and `GET /tasks`.
    swarm: (Value, Value),
    streams: Vec<UnixStream>,
    connections: Vec<UnixStream>,
    questions: Vec<String>,
}

pub struct Engine {
    path: PathBuf,
    state: Arc<Mutex<State>>,
    listening: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

/// The proxy's own container.
pub const OWN: &str = "c5b03c73a3f1d6e30965296f3947170e2b0a897744fa803e2050441eef930d77";
pub const PROJECT: &str = "myproj";

impl Engine {
    pub fn new(name: &str) -> Engine {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("docker-{name}.sock"));
        let mut engine = Engine { path, state: Arc::default(), listening: None };
        let links = json!([format!("{PROJECT}_api_1:{PROJECT}_api_1"), format!("{PROJECT}_api_1:api")]);
        engine.put(OWN, container(OWN, "lb", 1, "127.0.0.1", 80, &[], links));
        engine.up();
        engine
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn put(&self, id: &str, value: Value) {
        let mut state = self.state();
        state.containers.retain(|(known, _)| known != id);
        state.containers.push((id.to_owned(), value));
    }

    /// A container of the service `api` is there, without an event.
    pub fn add(&self, number: u8, port: u16, env: &[&str]) {
        let address = format!("127.0.1.{number}");
        self.put(&id(number), container(&id(number), "api", number, &address, port, env, Value::Null));
    }

    /// The same with the event.
    pub fn start(&self, number: u8, port: u16, env: &[&str]) {
        self.add(number, port, env);
        self.tell(number, "start", &[]);
    }

    /// `docker stop` has sent its signal; the container is still listed as running.
    pub fn kill(&self, number: u8) {
        self.tell(number, "kill", &[("signal", "15")]);
    }

    /// The container has ended.
    pub fn die(&self, number: u8) {
        self.state().containers.retain(|(known, _)| *known != id(number));
        self.tell(number, "die", &[("exitCode", "0")]);
    }

    /// Is gone without a word.
    pub fn forget(&self, number: u8) {
        self.state().containers.retain(|(known, _)| *known != id(number));
    }

    /// The proxy is a task of a swarm, beside these of the service `web` at their addresses and port.
    pub fn swarm(&self, tasks: &[u8], port: u16) {
        let mut own = container(OWN, "lb", 1, "127.0.0.1", 80, &[], Value::Null);
        own["Config"]["Labels"] = json!({ "com.docker.swarm.service.id": "lb-id" });
        self.put(OWN, own);
        let task = |number: &u8| {
            json!({
                "ID": format!("task{number}"), "ServiceID": "web-id", "Slot": number, "DesiredState": "running",
                "Status": { "State": "running" },
                "Spec": { "ContainerSpec": { "Env": [format!("SERVICE_PORTS={port}")] } },
                "NetworksAttachments": [{ "Network": { "ID": "n1" }, "Addresses": [format!("127.0.1.{number}/24")] }],
            })
        };
        let services = json!([
            { "ID": "lb-id", "Spec": { "Name": "lb", "Labels": {} } },
            { "ID": "web-id", "Spec": { "Name": "web", "Labels": {} } },
        ]);
        self.state().swarm = (services, tasks.iter().map(task).collect());
    }

    pub fn vanish(&self, number: u8) {
        self.state().vanished = Some(id(number));
    }

    pub fn trouble(&self, trouble: Trouble) {
        self.state().trouble = Some(trouble);
    }

    pub fn tell(&self, number: u8, action: &str, more: &[(&str, &str)]) {
        let mut attributes = json!({
            "com.docker.compose.project": PROJECT, "com.docker.compose.service": "api", "name": name("api", number),
        });
        for (name, value) in more {
            attributes[*name] = json!(value);
        }
        let event = json!({
            "Type": "container", "Action": action, "Actor": { "ID": id(number), "Attributes": attributes },
            "scope": "local", "time": 1, "timeNano": 1,
        });
        self.say(&format!("{event}\n"));
    }

    /// Writes bytes into all streams of events.
    pub fn say(&self, text: &str) {
        self.state().streams.retain_mut(|stream| stream.write_all(text.as_bytes()).is_ok());
    }

    pub fn cut_streams(&self) {
        for stream in self.state().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Streams of events that somebody listens to.
    pub fn streams(&self) -> usize {
        let listened = |stream: &mut UnixStream| {
            stream.set_nonblocking(true).unwrap();
            let gone = matches!(stream.read(&mut [0; 1]), Ok(0));
            stream.set_nonblocking(false).unwrap();
            !gone
        };
        let mut state = self.state();
        state.streams.retain_mut(listened);
        state.streams.len()
    }

    pub fn questions(&self) -> Vec<String> {
        self.state().questions.clone()
    }

    /// The engine ends, and its socket with it.
    pub fn down(&mut self) {
        if let Some((end, thread)) = self.listening.take() {
            end.store(true, SeqCst);
            let _ = UnixStream::connect(&self.path);
            thread.join().unwrap();
        }
        let _ = std::fs::remove_file(&self.path);
        for connection in self.state().connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.cut_streams();
    }

    pub fn up(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).unwrap();
        let (state, end) = (self.state.clone(), Arc::new(AtomicBool::new(false)));
        let ended = end.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(SeqCst) {
                    return;
                }
                let (stream, state) = (stream.unwrap(), state.clone());
                state.lock().unwrap().connections.push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        self.listening = Some((end, thread));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.down();
    }
}

/// One question. Whoever asks may go at any time.
fn serve(mut stream: UnixStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(target) = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)) else { return };
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let (path, _) = target.split_once('?').unwrap_or((&target, ""));
    let path = path.strip_prefix("/v1.24").unwrap_or(path).to_owned();
    let trouble = {
        let mut state = state.lock().unwrap();
        state.questions.push(target.clone());
        state.trouble.unwrap_or(Trouble::None)
    };
    if path == "/events" {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
        state.lock().unwrap().streams.push(stream);
        return;
    }
    let (status, body) = match trouble {
        Trouble::Errors => (500, json!({ "message": "out of order" }).to_string()),
        Trouble::Garbage => (200, "[{\"Id\": <html>".to_owned()),
        _ => answer(&path, &state.lock().unwrap()),
    };
    if trouble == Trouble::Slow {
        std::thread::sleep(Duration::from_secs(60));
    }
    let mut text = format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    if trouble == Trouble::Cut {
        text.truncate(text.len() - body.len() / 2 - 1);
    }
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.shutdown(Shutdown::Both);
}

fn answer(path: &str, state: &State) -> (u16, String) {
    if path == "/_ping" {
        return (200, "OK".to_owned());
    }
    if path == "/containers/json" {
        let list = state.containers.iter().map(|(id, value)| {
            json!({ "Id": id, "Names": [value["Name"]], "Labels": value["Config"]["Labels"], "State": "running" })
        });
        return (200, Value::from(list.collect::<Vec<_>>()).to_string());
    }
    match path {
        "/services" => return (200, state.swarm.0.to_string()),
        "/tasks" => return (200, state.swarm.1.to_string()),
        _ => {}
    }
    let id = path.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json")).unwrap_or("?");
    let found = state.containers.iter().find(|(known, _)| known.starts_with(id));
    match found.filter(|(id, _)| state.vanished.as_ref() != Some(id)) {
        Some((_, value)) => (200, value.to_string()),
        None => (404, json!({ "message": format!("No such container: {id}") }).to_string()),
    }
}

fn id(number: u8) -> String {
    format!("{number:064x}")
}

fn name(service: &str, number: u8) -> String {
    format!("{PROJECT}_{service}_{number}")
}

fn container(id: &str, service: &str, number: u8, address: &str, port: u16, env: &[&str], links: Value) -> Value {
    json!({
        "Id": id,
        "Name": format!("/{}", name(service, number)),
        "State": { "Status": "running", "Running": true, "Paused": false },
        "Config": {
            "Env": env,
            "ExposedPorts": { format!("{port}/tcp"): {} },
            "Labels": {
                "com.docker.compose.container-number": number.to_string(),
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": PROJECT,
                "com.docker.compose.service": service,
            },
        },
        "HostConfig": { "Links": null, "NetworkMode": "myproj_default" },
        "NetworkSettings": {
            "Networks": { "myproj_default": { "IPAddress": address, "NetworkID": "n1", "Links": links } },
        },
    })
}
