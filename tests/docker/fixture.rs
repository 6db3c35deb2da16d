//! `hydroxy docker` beside a scripted engine, and clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::engine::{Engine, OWN};

pub struct Proxy {
    child: Child,
    pub http: u16,
    pub stats: u16,
    out: Arc<Mutex<Vec<String>>>,
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A port that is free on all addresses of the loopback network for as long as nobody takes it at random.
pub fn command(engine: &Engine) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydroxy"));
    command.env_clear().env("DOCKER_HOST", engine.host()).env("HOSTNAME", &OWN[..12]).arg("docker");
    command
}

impl Proxy {
    pub fn start(engine: &Engine) -> Proxy {
        Proxy::start_with(engine, &[])
    }

    /// The frontend is at a free port instead of 80: that is what settings for a port do.
    pub fn start_with(engine: &Engine, env: &[(&str, &str)]) -> Proxy {
        let (http, stats) = (free_port(), free_port());
        let mut command = command(engine);
        command.env(format!("EXTRA_FRONTEND_SETTINGS_{http}"), "timeout http-request 5s");
        command.env("STATS_PORT", stats.to_string()).env("RSYSLOG_DESTINATION", "127.0.0.1");
        command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (out, lines) = (Arc::<Mutex<Vec<String>>>::default(), BufReader::new(child.stdout.take().unwrap()).lines());
        let heard = out.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line)));
        let proxy = Proxy { child, http, stats, out };
        // Sockets are opened one after the other; whoever answers has opened all.
        proxy.wait("the statistics page", |_| get(stats).is_ok_and(|status| status == "401"));
        proxy
    }

    pub fn said(&self) -> Vec<String> {
        self.out.lock().unwrap().clone()
    }

    /// What was said but for the traffic's log.
    fn talk(&self) -> Vec<String> {
        self.said().into_iter().filter(|line| line.contains(":haproxy:")).collect()
    }

    /// Waits until a line with this text was said; tells after what time.
    pub fn hears(&self, text: &str) -> Duration {
        self.wait(text, |proxy| proxy.said().iter().any(|line| line.contains(text)))
    }

    pub fn wait(&self, what: &str, mut holds: impl FnMut(&Proxy) -> bool) -> Duration {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(10), "waited for {what}; said:\n{}", self.talk().join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
        start.elapsed()
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(done.unwrap().success());
    }

    pub fn ends(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().unwrap();
        status.signal().or(status.code())
    }

    /// The body of an answer to a request on a connection of its own, or the status if it is not 200.
    pub fn get(&self) -> String {
        get(self.http).unwrap_or_else(|error| error.to_string())
    }

    /// Who answers a number of requests, sorted.
    pub fn who(&self, requests: usize) -> Vec<String> {
        let mut names: Vec<String> = (0..requests).map(|_| self.get()).collect();
        names.sort();
        names
    }

    /// Waits until requests are answered by these and nobody else; tells after what time.
    pub fn serves(&self, numbers: &[u8]) -> Duration {
        let mut expected: Vec<String> = numbers.iter().map(|number| format!("api-{number}")).collect();
        expected.sort();
        self.wait(&format!("{expected:?}"), |proxy| proxy.who(expected.len()) == expected)
    }

    /// The statistics as CSV.
    pub fn stats(&self, path: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.stats)).unwrap();
        // stats:stats
        let request = format!("GET {path} HTTP/1.0\r\nAuthorization: Basic c3RhdHM6c3RhdHM=\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn get(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(8)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split(' ').nth(1).unwrap_or("no answer").to_owned();
    let body = text.split("\r\n\r\n").nth(1).unwrap_or("").trim_end().to_owned();
    Ok(if status == "200" { body } else { status })
}

/// A client with one connection that it keeps; counts answers that are not 200.
pub struct Load {
    end: Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<(usize, Vec<String>)>,
}

impl Load {
    pub fn start(port: u16, method: &'static str) -> Load {
        let end = Arc::<std::sync::atomic::AtomicBool>::default();
        let ended = end.clone();
        let thread = std::thread::spawn(move || {
            let (mut count, mut failures) = (0, Vec::new());
            let mut reader = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
            while !ended.load(std::sync::atomic::Ordering::SeqCst) {
                count += 1;
                match ask(&mut reader, method) {
                    Ok(status) if status == "200" => {}
                    other => {
                        failures.push(format!("{other:?}"));
                        reader = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            (count, failures)
        });
        Load { end, thread }
    }

    /// Requests, and what failed.
    pub fn stop(self) -> (usize, Vec<String>) {
        self.end.store(true, std::sync::atomic::Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn ask(reader: &mut BufReader<TcpStream>, method: &str) -> std::io::Result<String> {
    let stream = reader.get_mut();
    stream.set_read_timeout(Some(Duration::from_secs(8)))?;
    stream.write_all(format!("{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).unwrap_or("closed").to_owned();
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        if field.trim_end().is_empty() {
            break;
        }
        if let Some(value) = field.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(status)
}
