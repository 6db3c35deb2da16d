//! The image's entry point and its health check, so that the image needs no shell.
//!
//! One image stands in for two: `haproxy`, which runs `/usr/local/etc/haproxy/haproxy.cfg` or the options it is given, and
//! `dockercloud/haproxy`, which looks around for containers.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What the image is started for.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// hydroxy with these arguments.
    Run(Vec<String>),
    /// Another program of the image, as `docker run IMAGE sh`.
    Exec(Vec<String>),
}

/// Reads the image's arguments; `has_config` says that there is a file at the usual place.
pub fn plan(args: Vec<String>, has_config: bool) -> Plan {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut rest = args;
    match rest.first().map(String::as_str) {
        None if has_config => Plan::Run(words(&["-W", "-db", "-f", CONFIG])),
        None => Plan::Run(words(&["docker"])),
        Some("dockercloud-haproxy") => {
            rest[0] = "docker".to_owned();
            Plan::Run(rest)
        }
        Some("docker" | "demo") => Plan::Run(rest),
        Some("haproxy" | "hydroxy" | "/usr/local/sbin/haproxy") => plan(rest.split_off(1), has_config),
        // As the entry point of `haproxy` has it: a supervisor above the worker, in the foreground.
        Some(option) if option.starts_with('-') => {
            Plan::Run(["-W", "-db"].into_iter().map(str::to_owned).chain(rest).collect())
        }
        Some(_) => Plan::Exec(rest),
    }
}

/// `hydroxy entrypoint ARGUMENTS`: the arguments to go on with, or the exit code.
pub fn entrypoint(args: Vec<String>) -> Result<Vec<String>, i32> {
    match plan(args, Path::new(CONFIG).exists()) {
        Plan::Run(args) => Ok(args),
        Plan::Exec(words) => {
            let Some((program, args)) = words.split_first() else { return Err(1) };
            let error = Command::new(program).args(args).exec();
            eprintln!("{program}: {error}");
            Err(127)
        }
    }
}

/// `hydroxy healthcheck`: 0 if the proxy of this container answers: on its runtime socket, which leaves no line in the log, or else where
/// its statistics are. Beside a configuration file nobody knows where it should; something must listen then.
pub fn healthcheck() -> i32 {
    let port = std::env::var("STATS_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(1936);
    let healthy = match Path::new(CONFIG).exists() {
        true => listens(),
        false => answers_on_socket().or_else(|_| answers(port)).unwrap_or(false),
    };
    i32::from(!healthy)
}

fn answers_on_socket() -> io::Result<bool> {
    let mut stream = UnixStream::connect(SOCKET)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"show version\n")?;
    Ok(stream.read(&mut [0; 64])? > 0)
}

fn answers(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A request that ends the connection, and that `option dontlognull` does not take for nothing.
    stream.write_all(b"HEAD / HTTP/1.0\r\n\r\n")?;
    let mut start = [0; 7];
    stream.read_exact(&mut start)?;
    Ok(&start == b"HTTP/1.")
}

/// Whether any TCP socket of the container listens (state 0A).
fn listens() -> bool {
    let state = |line: &str| line.split_ascii_whitespace().nth(3).map(str::to_owned);
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .any(|text| text.lines().any(|line| state(line).as_deref() == Some("0A")))
}

const CONFIG: &str = "/usr/local/etc/haproxy/haproxy.cfg";
/// Where every generated configuration has it.
const SOCKET: &str = "/var/run/haproxy.stats";
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(line: &str, has_config: bool) -> String {
        match plan(line.split_whitespace().map(str::to_owned).collect(), has_config) {
            Plan::Run(args) => format!("hydroxy {}", args.join(" ")),
            Plan::Exec(args) => args.join(" "),
        }
    }

    #[test]
    fn one_image_stands_in_for_two() {
        assert_eq!(planned("", false), "hydroxy docker");
        assert_eq!(planned("dockercloud-haproxy", false), "hydroxy docker");
        assert_eq!(planned("", true), "hydroxy -W -db -f /usr/local/etc/haproxy/haproxy.cfg");
        assert_eq!(planned("haproxy -f /etc/my.cfg", false), "hydroxy -W -db -f /etc/my.cfg");
        assert_eq!(planned("-c -f /etc/my.cfg", true), "hydroxy -W -db -c -f /etc/my.cfg");
        assert_eq!(planned("docker --dry-run", true), "hydroxy docker --dry-run");
        assert_eq!(planned("demo --replica", false), "hydroxy demo --replica");
        assert_eq!(planned("sh -c ls", false), "sh -c ls");
    }
}
