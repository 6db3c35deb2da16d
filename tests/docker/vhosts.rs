//! Which hosts and paths `VIRTUAL_HOST` matches: the table of the original's README, asked for over the wire.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::engine::Engine;
use super::fixture::{Proxy, free_port};
use super::replica::Replica;

/// Virtual hosts without their port, what they match, and what they do not.
const TABLE: &[(&[&str], &[&str], &[&str])] = &[
    (&["http://example.com"], &["example.com"], &["www.example.com"]),
    (&["example.com"], &["example.com", "EXAMPLE.com", "example.com/any"], &["www.example.com", "example.com:1"]),
    (&["*.example.com"], &["www.example.com"], &["example.com"]),
    (&["*example.com"], &["www.example.com", "example.com", "anotherexample.com"], &["www.abc.com"]),
    (&["www.e*e.com"], &["www.example.com", "www.exxe.com"], &["www.axxa.com"]),
    (&["www.example.*"], &["www.example.com", "www.example.org"], &["example.com"]),
    (&["*"], &["anything", "a.b/c"], &[]),
    (&["*/"], &["a", "a/"], &["a/abc"]),
    (&["*/*"], &["a", "a/abc"], &[]),
    (&["*/path"], &["example.com/path", "example.org/path?u=user"], &["example.com/path/"]),
    (&["*/path/"], &["example.com/path/", "example.org/path/?u=user"], &["example.com/path", "example.com/path/abc"]),
    (&["*/path/*"], &["example.com/path/", "example.org/path/abc"], &["example.com/abc/path/"]),
    (
        &["*/*/path/*"],
        &["example.org/abc/path/", "example.net/abc/path/123", "example.com//path/"],
        &["example.com/path", "example.com/path/"],
    ),
    (&["*/*.js"], &["example.com/abc.js", "example.org/path/abc.js"], &["example.com/abc.css"]),
    (&["*/*.do/"], &["example.com/abc.do/", "example.org/path/abc.do/"], &["example.com/abc.do"]),
    (&["*/path/*.php"], &["example.com/path/abc.php"], &["example/abc.php", "example.com/root/abc.php"]),
    (
        &["*.example.com/*.jpg"],
        &["www.example.com/abc.jpg", "abc.example.com/123.jpg"],
        &["example.com/abc.jpg", "www.example.com/abc.png"],
    ),
    (&["*/path", "*/path/"], &["example.com/path", "example.org/path/"], &["example.com/path/x"]),
    (&["*/p*f/"], &["a/pf/", "a/p1/2f/"], &["a/pf"]),
    (&["ws://example.com"], &[], &["example.com"]),
];

#[test]
fn virtual_hosts_match_what_the_table_says() {
    let (engine, port) = (Engine::new("vhosts"), free_port());
    let _replica = Replica::new(1, port);
    // Each row has a port of its own, so that no other answers for it.
    let rows: Vec<u16> = TABLE.iter().map(|_| free_port()).collect();
    let entries =
        TABLE.iter().zip(&rows).flat_map(|((hosts, ..), at)| hosts.iter().map(move |host| with_port(host, *at)));
    let list: Vec<String> = entries.collect();
    engine.add(1, port, &[&format!("VIRTUAL_HOST={}", list.join(", "))]);
    let _proxy = Proxy::start(&engine);
    for ((hosts, matching, others), at) in TABLE.iter().zip(&rows) {
        for place in *matching {
            let host = place.split('/').next().unwrap_or_default();
            assert_eq!(ask(*at, place, None), "200", "{hosts:?} matches {place}");
            let with = place.replacen(host, &format!("{host}:{at}"), 1);
            assert_eq!(ask(*at, &with, None), "200", "{hosts:?} matches {with}");
        }
        for place in *others {
            assert_eq!(ask(*at, place, None), "503", "{hosts:?} does not match {place}");
        }
    }
    let upgrade = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert_eq!(ask(rows[rows.len() - 1], "example.com", Some(upgrade)), "200");
}

/// The port stands behind the host.
fn with_port(entry: &str, port: u16) -> String {
    let start = entry.find("://").map_or(0, |at| at + 3);
    let end = entry[start..].find('/').map_or(entry.len(), |at| start + at);
    format!("{}:{port}{}", &entry[..end], &entry[end..])
}

/// The status of an answer to `HOST/PATH`.
fn ask(port: u16, place: &str, more: Option<&str>) -> String {
    let (host, path) = place.find('/').map_or((place, "/"), |at| place.split_at(at));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    let more = more.unwrap_or("Connection: close\r\n");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").as_bytes()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    String::from_utf8_lossy(&start[9..]).into_owned()
}
