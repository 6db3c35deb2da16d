//! `hydroxy demo`: N small APIs and the proxy in front of them, in one process, from a real haproxy.cfg text.

pub mod api;
pub mod config;
pub mod iris;

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use clap::Parser;

use super::load::{self, Outcome, Voice};
use super::options::Options;
use super::run;
use crate::base::clock;
use crate::config::Input;
use crate::lower::{Disk, Files, Memory};
use config::Ports;

/// Shows load balancing in one command: small APIs behind HTTP, HTTPS and a statistics page.
#[derive(Debug, Parser)]
#[command(name = "hydroxy demo")]
pub struct Arguments {
    /// How many replicas of the API run behind the proxy.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=100))]
    replicas: u16,
    /// HTTP port [default: 80 where that is allowed, else 8080]
    #[arg(long)]
    http: Option<u16>,
    /// HTTPS port [default: 443 where that is allowed, else 8443]
    #[arg(long)]
    https: Option<u16>,
    /// Port of the statistics page
    #[arg(long, default_value_t = 1936)]
    stats: u16,
    /// First port of the replicas on 127.0.0.1
    #[arg(long, default_value_t = 18081)]
    api: u16,
    /// Prints the configuration and exits.
    #[arg(long)]
    print_config: bool,
    /// Runs one replica of the API under this machine's name, without a proxy: what a container of it runs.
    #[arg(long)]
    replica: bool,
    /// Where that replica listens
    #[arg(long, default_value = ":80", requires = "replica")]
    listen: String,
}

/// Runs the demonstration; the value is the exit code.
pub fn run(arguments: &Arguments) -> i32 {
    if arguments.replica {
        return replica(&arguments.listen);
    }
    let api: Vec<u16> = (0..arguments.replicas).map(|at| arguments.api.saturating_add(at)).collect();
    if arguments.print_config {
        let ports = Ports {
            http: arguments.http.unwrap_or(80),
            https: arguments.https.unwrap_or(443),
            stats: arguments.stats,
            api,
        };
        print!("{}", config::text(&ports));
        return 0;
    }
    match prepare(arguments, api) {
        Ok((ports, replicas)) => start(&ports, replicas),
        Err(why) => {
            eprintln!("error: {why}");
            1
        }
    }
}

/// One replica until SIGTERM.
fn replica(listen: &str) -> i32 {
    let address = if listen.starts_with(':') { format!("0.0.0.0{listen}") } else { listen.to_owned() };
    let hostname = Disk.hostname();
    let served = TcpListener::bind(&address).and_then(|listener| {
        println!("replica {hostname} listens on {address}");
        api::serve_alone(listener, hostname)
    });
    match served {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("error: {address}: {error}; choose another with --listen ADDRESS:PORT");
            1
        }
    }
}

type Replicas = Vec<(TcpListener, String)>;

fn prepare(arguments: &Arguments, api: Vec<u16>) -> Result<(Ports, Replicas), String> {
    let ports = Ports {
        http: choose(arguments.http, 80, 8080, "--http")?,
        https: choose(arguments.https, 443, 8443, "--https")?,
        stats: choose(Some(arguments.stats), 0, 0, "--stats")?,
        api,
    };
    let mut seed = clock::unix_us() as u64;
    let mut replicas = Vec::new();
    for port in &ports.api {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port))
            .map_err(|error| format!("port {port} for a replica of the API: {error}; choose another with --api"))?;
        // A container's host name: twelve hexadecimal digits (splitmix64, so that replicas look different).
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        replicas.push((listener, format!("{:012x}", (mixed ^ (mixed >> 31)) & 0xffff_ffff_ffff)));
    }
    Ok((ports, replicas))
}

/// The port asked for, which must be free; else the first of the usual and the fallback port that may be used.
fn choose(asked: Option<u16>, usual: u16, fallback: u16, option: &str) -> Result<u16, String> {
    let in_use = |port: u16, error: &io::Error| format!("port {port}: {error}; choose another with {option} PORT");
    let port = asked.unwrap_or(usual);
    match probe(port) {
        Ok(()) => Ok(port),
        Err(error) if asked.is_none() && error.kind() == io::ErrorKind::PermissionDenied => {
            probe(fallback).map(|()| fallback).map_err(|error| in_use(fallback, &error))
        }
        Err(error) => Err(in_use(port, &error)),
    }
}

/// Whether a port is free: bound without SO_REUSEPORT, which would share it with another proxy silently.
fn probe(port: u16) -> io::Result<()> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).map(drop)
}

fn start(ports: &Ports, replicas: Replicas) -> i32 {
    let pem = match certificate() {
        Ok(pem) => pem,
        Err(error) => {
            eprintln!("error: cannot make a certificate: {error}");
            return 1;
        }
    };
    if let Err(error) = api::serve(replicas) {
        eprintln!("error: cannot start the API's replicas: {error}");
        return 1;
    }
    let options = Options { foreground: true, ..Options::default() };
    let files = Memory::default().with(config::CERTIFICATE, pem);
    // Warnings about running as root are for services; the configuration itself has none.
    let mut voice = Voice::new(true, false);
    let input = Input::new("demo.cfg", config::text(ports));
    match load::load_inputs(&options, vec![input], &files, &mut voice) {
        Outcome::Stop(code) => code,
        Outcome::Good(ir, _) => run::run(*ir, &options, &mut voice, |_| announce(ports)),
    }
}

/// A certificate for this machine's demonstration only, made anew at each start.
fn certificate() -> Result<String, rcgen::Error> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    Ok(format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()))
}

fn announce(ports: &Ports) {
    let show = |scheme: &str, port: u16| match (scheme, port) {
        ("http", 80) | ("https", 443) => format!("{scheme}://localhost"),
        _ => format!("{scheme}://localhost:{port}"),
    };
    let (http, https, stats) = (show("http", ports.http), show("https", ports.https), show("http", ports.stats));
    let flower = r#"{"sepal_length": 6.0, "sepal_width": 2.7, "petal_length": 4.2, "petal_width": 1.3}"#;
    println!(
        "{} replicas of an API are served at\n  {http}/\n  {https}/ (certificate made just now)\n  {stats}/ (statistics)\n\
         Try:\n  curl {http}/\n  curl -k {https}/\n  curl {http}/predict -H 'content-type: application/json' -d '{flower}'\n\
         Ctrl-C ends it; `hydroxy demo --print-config` shows the configuration.",
        ports.api.len()
    );
}
