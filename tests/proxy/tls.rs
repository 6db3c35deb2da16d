//! TLS with clients: names, versions, protocols, resumption, and what is not TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hydroxy::ir::{BindTls, CertChain, ClientAuth, RecordSizes, Reuse, ServerTls, TlsAlgorithms, TlsVersions, Verify};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, RootCertStore, SignatureScheme, StreamOwned};

use crate::fixture::{Conn, Draft, Running, plain_origin, run};

/// A certificate of its own authority for these names.
pub fn certificate(names: &[&str]) -> Arc<CertChain> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names.clone()).expect("a certificate");
    Arc::new(CertChain {
        path: names.concat(),
        chain: vec![made.cert.der().clone()],
        key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        names,
    })
}

pub fn bind_tls(certs: Vec<Arc<CertChain>>) -> BindTls {
    BindTls {
        lists: Vec::new(),
        certs,
        defaults: 1,
        strict_sni: false,
        alpn: Vec::new(),
        suites: Vec::new(),
        algorithms: TlsAlgorithms::default(),
        versions: TlsVersions::default(),
        prefer_client_ciphers: false,
        no_tickets: false,
        sessions: 100,
        lifetime: 300,
        capture: 0,
        records: RecordSizes::default(),
        client_auth: None,
    }
}

fn serve(certs: Vec<Arc<CertChain>>, change: impl FnOnce(&mut BindTls, &mut Draft)) -> Running {
    run(&[plain_origin()], |proxy| {
        let mut tls = bind_tls(certs);
        change(&mut tls, proxy);
        proxy.binds[0].tls = Some(tls);
    })
}

/// A client that believes these certificates.
fn client(certs: &[Arc<CertChain>]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for cert in certs {
        roots.add(cert.chain[0].clone()).expect("a root");
    }
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// A connection after its handshake.
fn connect(config: &Arc<ClientConfig>, addr: SocketAddr, name: &str) -> std::io::Result<Secure> {
    secure(config, TcpStream::connect(addr)?, name)
}

fn secure(config: &Arc<ClientConfig>, mut stream: TcpStream, name: &str) -> std::io::Result<Secure> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut tls = ClientConnection::new(config.clone(), name).expect("a client");
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(tls, stream))
}

/// One request on a connection that stays open; the body of the answer.
fn ask(stream: &mut Secure, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").expect("written");
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: "))
            && body.len() == length.parse::<usize>().expect("a number")
        {
            return body.to_owned();
        }
        let mut buf = [0; 65536];
        let n = stream.read(&mut buf).expect("read in time");
        assert!(n > 0, "ended, so far {text:?}");
        seen.extend_from_slice(&buf[..n]);
    }
}

#[test]
fn names_choose_the_certificate() {
    let certs = [&["default.test"][..], &["www.example.org"], &["*.example.org"]].map(certificate);
    let proxy = serve(certs.to_vec(), |_, _| ());
    for (at, name) in [(1, "www.example.org"), (1, "WWW.Example.org"), (2, "api.example.org"), (0, "default.test")] {
        // Only the right certificate is believed.
        let config = Arc::new(client(&certs[at..=at]));
        let mut stream = connect(&config, proxy.addr, name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(ask(&mut stream, "/a").ends_with(": GET /a HTTP/1.1"));
        assert!(ask(&mut stream, "/b").ends_with(": GET /b HTTP/1.1"));
    }
    // A wildcard stands for one label; other names are shown the first certificate, which is not for them.
    let config = Arc::new(client(&certs[..1]));
    let error = connect(&config, proxy.addr, "a.b.example.org").expect_err("another name");
    assert!(
        error.to_string().contains("NotValidForName") || error.to_string().contains("not valid for name"),
        "{error}"
    );
}

#[test]
fn strict_sni_refuses_other_names() {
    let certs = [certificate(&["default.test"])];
    let proxy = serve(certs.to_vec(), |tls, _| tls.strict_sni = true);
    let config = Arc::new(client(&certs));
    let error = connect(&config, proxy.addr, "other.test").expect_err("refused");
    assert!(error.to_string().contains("Unrecogni"), "{error}");
    connect(&config, proxy.addr, "default.test").expect("accepted");
}

#[test]
fn versions_are_limited() {
    let certs = [certificate(&["a.test"])];
    let proxy = serve(certs.to_vec(), |tls, _| tls.versions = TlsVersions { tls12: false, tls13: true });
    let mut roots = RootCertStore::empty();
    roots.add(certs[0].chain[0].clone()).expect("a root");
    let old = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12]);
    let old = Arc::new(old.with_root_certificates(roots).with_no_client_auth());
    let error = connect(&old, proxy.addr, "a.test").expect_err("refused");
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    connect(&Arc::new(client(&certs)), proxy.addr, "a.test").expect("accepted");
}

#[test]
fn groups_and_signatures_are_limited() {
    let certs = [certificate(&["a.test"])];
    let proxy = serve(certs.to_vec(), |tls, _| tls.algorithms.groups = vec![NamedGroup::secp384r1]);
    let stream = connect(&Arc::new(client(&certs)), proxy.addr, "a.test").expect("accepted");
    assert_eq!(stream.conn.negotiated_key_exchange_group().map(|group| group.name()), Some(NamedGroup::secp384r1));
    // The key is one of P-256, which signs with SHA-256 only.
    for (scheme, fits) in
        [(SignatureScheme::ECDSA_NISTP256_SHA256, true), (SignatureScheme::ECDSA_NISTP384_SHA384, false)]
    {
        let proxy = serve(certs.to_vec(), |tls, _| tls.algorithms.signatures = vec![scheme]);
        assert_eq!(connect(&Arc::new(client(&certs)), proxy.addr, "a.test").is_ok(), fits, "{scheme:?}");
    }
}

#[test]
fn a_protocol_is_agreed_on_or_left_open() {
    let certs = [certificate(&["a.test"])];
    let proxy = serve(certs.to_vec(), |tls, _| tls.alpn = vec![b"http/1.1".to_vec()]);
    for (offer, agreed) in [(&["h2", "http/1.1"][..], Some("http/1.1")), (&["h2"], None), (&[], None)] {
        let mut config = client(&certs);
        config.alpn_protocols = offer.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut stream = connect(&Arc::new(config), proxy.addr, "a.test").expect("accepted");
        assert_eq!(stream.conn.alpn_protocol(), agreed.map(str::as_bytes));
        assert!(ask(&mut stream, "/").ends_with(": GET / HTTP/1.1"));
    }
}

#[test]
fn sessions_are_resumed_with_tickets_and_without_for_their_lifetime() {
    let certs = [certificate(&["a.test"])];
    for (no_tickets, lifetime) in [(false, 300), (true, 300), (false, 0), (true, 0)] {
        let proxy = serve(certs.to_vec(), |tls, _| {
            tls.no_tickets = no_tickets;
            tls.lifetime = lifetime;
        });
        let again = if lifetime > 0 { HandshakeKind::Resumed } else { HandshakeKind::Full };
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut roots = RootCertStore::empty();
            roots.add(certs[0].chain[0].clone()).expect("a root");
            let config = ClientConfig::builder_with_protocol_versions(&[version]);
            let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
            for kind in [HandshakeKind::Full, again, again] {
                let mut stream = connect(&config, proxy.addr, "a.test").expect("accepted");
                ask(&mut stream, "/");
                assert_eq!(stream.conn.handshake_kind(), Some(kind), "{version:?}, no tickets: {no_tickets}");
            }
        }
    }
}

#[test]
fn a_proxy_header_may_stand_before_the_handshake() {
    let certs = [certificate(&["a.test"])];
    let proxy = serve(certs.to_vec(), |_, proxy| proxy.binds[0].accept_proxy = true);
    let config = Arc::new(client(&certs));
    let mut stream = TcpStream::connect(proxy.addr).expect("connected");
    stream.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 443\r\n").expect("written");
    let mut stream = secure(&config, stream, "a.test").expect("accepted");
    assert!(ask(&mut stream, "/").ends_with(": GET / HTTP/1.1"));
    connect(&config, proxy.addr, "a.test").expect_err("a header is required");
}

#[test]
fn large_bodies_pass_both_ways() {
    let certs = [certificate(&["a.test"])];
    let origin = crate::fixture::origin(|_, mut conn| {
        let (head, body) = conn.message();
        assert!(head.starts_with("POST"), "{head}");
        conn.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    });
    let proxy = run(&[origin], |proxy| proxy.binds[0].tls = Some(bind_tls(certs.to_vec())));
    let mut stream = connect(&Arc::new(client(&certs)), proxy.addr, "a.test").expect("accepted");
    let body: String = (0..300_000).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
    write!(stream, "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .expect("written");
    let mut answer = String::new();
    // The end is announced: a truncated stream would be an error.
    stream.read_to_string(&mut answer).expect("an orderly end");
    let (_, received) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(received == body, "{} bytes of {}", received.len(), body.len());
}

#[test]
fn what_is_not_tls_is_refused_and_slow_handshakes_end() {
    let certs = [certificate(&["a.test"])];
    let proxy = serve(certs.to_vec(), |_, proxy| proxy.timeouts.client_hs = Some(300));
    let mut garbage = Conn::to(proxy.addr);
    garbage.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut answer = Vec::new();
    match garbage.stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(answer.is_empty() || answer[0] == 0x15, "an alert at most: {answer:?}");
    let began = Instant::now();
    let mut slow = Conn::to(proxy.addr);
    slow.send([0x16, 3, 1]);
    assert_eq!(slow.stream.read(&mut [0; 16]).expect("closed"), 0);
    let waited = began.elapsed().as_millis();
    assert!((250..3000).contains(&waited), "{waited} ms");
    // Others are not disturbed.
    connect(&Arc::new(client(&certs)), proxy.addr, "a.test").expect("accepted");
}

#[test]
fn clients_are_asked_for_a_certificate() {
    let certs = [certificate(&["a.test"])];
    let (known, unknown) = (certificate(&["client.test"]), certificate(&["other.test"]));
    for required in [false, true] {
        let roots = known.chain.clone();
        let auth = ClientAuth { required, roots, names: true };
        let proxy = serve(certs.to_vec(), |tls, _| tls.client_auth = Some(auth));
        let with = |cert: &CertChain| {
            let mut roots = RootCertStore::empty();
            roots.add(certs[0].chain[0].clone()).expect("a root");
            let config = ClientConfig::builder().with_root_certificates(roots);
            Arc::new(config.with_client_auth_cert(cert.chain.clone(), cert.key.clone_key()).expect("a client"))
        };
        // In TLS 1.3 a client learns of a refusal after its own handshake.
        let served = |config: &Arc<ClientConfig>| {
            let mut stream = connect(config, proxy.addr, "a.test").ok()?;
            write!(stream, "GET / HTTP/1.0\r\n\r\n").ok()?;
            stream.read(&mut [0; 4096]).ok().filter(|n| *n > 0)
        };
        assert!(served(&with(&known)).is_some());
        assert!(served(&with(&unknown)).is_none());
        assert_eq!(served(&Arc::new(client(&certs))).is_some(), !required);
    }
}

/// A server that speaks TLS with this certificate and answers each request with the name asked for.
fn secure_origin(cert: &CertChain) -> SocketAddr {
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(cert.chain.clone(), cert.key.clone_key()).expect("a server"));
    crate::fixture::origin(move |at, conn| {
        let tls = rustls::ServerConnection::new(config.clone()).expect("a server");
        let mut stream = StreamOwned::new(tls, conn.stream);
        let mut seen = Vec::new();
        let mut buf = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buf) {
            seen.extend_from_slice(&buf[..n]);
            if seen.ends_with(b"\r\n\r\n") {
                seen.clear();
                let resumed = stream.conn.handshake_kind() == Some(HandshakeKind::Resumed);
                let body = format!("{at} {} {resumed}", stream.conn.server_name().unwrap_or("-"));
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("written");
            }
        }
    })
}

/// A server's TLS that believes this certificate.
pub fn server_tls(cert: &CertChain, verify: Verify) -> ServerTls {
    ServerTls {
        verify,
        roots: cert.chain.clone(),
        system_roots: false,
        verify_host: None,
        sni: None,
        cert: None,
        alpn: Vec::new(),
        suites: Vec::new(),
        algorithms: TlsAlgorithms::default(),
        versions: TlsVersions::default(),
        no_reuse: false,
        no_tickets: false,
        records: RecordSizes::default(),
        check_sni: None,
    }
}

/// A stream that remembers what was read.
struct Tap(TcpStream, Vec<u8>);

impl Read for Tap {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1.extend_from_slice(&buf[..n]);
        Ok(n)
    }
}

impl Write for Tap {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The lengths of the records with data in which an answer of more than 12,000 bytes comes.
fn records_of_an_answer(sizes: RecordSizes) -> Vec<usize> {
    let certs = [certificate(&["a.test"])];
    let proxy = serve(certs.to_vec(), |tls, _| {
        tls.records = sizes;
        tls.versions = TlsVersions { tls12: true, tls13: false };
    });
    let config = Arc::new(client(&certs));
    let stream = TcpStream::connect(proxy.addr).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let name = ServerName::try_from("a.test").expect("a name");
    let tls = ClientConnection::new(config, name).expect("a client");
    let mut secure = StreamOwned::new(tls, Tap(stream, Vec::new()));
    let path = format!("/{}", "x".repeat(12_000));
    write!(secure, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("written");
    let mut answer = Vec::new();
    let _ = secure.read_to_end(&mut answer);
    assert!(answer.len() > 12_000, "{}", answer.len());
    let (mut lengths, mut seen) = (Vec::new(), secure.sock.1.as_slice());
    while let [kind, _, _, high, low, rest @ ..] = seen {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == 23 {
            lengths.push(length);
        }
        seen = rest.get(length..).unwrap_or_default();
    }
    lengths
}

#[test]
fn records_are_as_small_as_wanted() {
    // Of a record's length 24 bytes are not data.
    let free = records_of_an_answer(RecordSizes::default());
    assert!(free.iter().any(|length| *length > 8_000), "{free:?}");
    for sizes in [RecordSizes { first: 1_000, any: 0 }, RecordSizes { first: 0, any: 1_000 }] {
        let bounded = records_of_an_answer(sizes);
        assert!(bounded.len() >= 12 && bounded.iter().all(|length| *length <= 1_024), "{sizes:?}: {bounded:?}");
    }
}

#[test]
fn servers_are_verified() {
    let (cert, other) = (certificate(&["server.test"]), certificate(&["server.test"]));
    let origin = secure_origin(&cert);
    let status = |change: &dyn Fn(&mut ServerTls)| {
        let proxy = run(&[origin], |proxy| {
            let mut tls = server_tls(&cert, Verify::Required);
            change(&mut tls);
            proxy.servers[0].tls = Some(tls);
            proxy.retries = 0;
        });
        let mut client = Conn::to(proxy.addr);
        client.send("GET / HTTP/1.1\r\nhost: server.test\r\nconnection: close\r\n\r\n");
        client.rest().split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(status(&|_| ()).as_deref(), Some("200"));
    assert_eq!(status(&|tls| tls.verify_host = Some("server.test".to_owned())).as_deref(), Some("200"));
    assert_eq!(status(&|tls| tls.verify_host = Some("www.test".to_owned())).as_deref(), Some("503"));
    assert_eq!(status(&|tls| tls.roots = other.chain.clone()).as_deref(), Some("503"));
    let believes_all = |tls: &mut ServerTls| (tls.verify, tls.roots) = (Verify::None, other.chain.clone());
    assert_eq!(status(&believes_all).as_deref(), Some("200"));
    assert_eq!(status(&|tls| tls.versions = TlsVersions { tls12: true, tls13: false }).as_deref(), Some("200"));
}

#[test]
fn a_server_that_does_not_speak_tls_is_an_error_in_time() {
    let silent = crate::fixture::origin(|_, mut conn| drop(conn.rest()));
    let cert = certificate(&["server.test"]);
    let proxy = run(&[silent], |proxy| {
        proxy.servers[0].tls = Some(server_tls(&cert, Verify::None));
        proxy.retries = 0;
        proxy.timeouts.connect = Some(300);
    });
    let began = Instant::now();
    let mut client = Conn::to(proxy.addr);
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert!(client.rest().starts_with("HTTP/1.1 503 "));
    let waited = began.elapsed().as_millis();
    assert!((250..3000).contains(&waited), "{waited} ms");
}

#[test]
fn connections_and_sessions_with_servers_are_used_again() {
    let cert = certificate(&["server.test"]);
    let origin = secure_origin(&cert);
    let proxy = run(&[origin], |proxy| {
        proxy.servers[0].tls = Some(server_tls(&cert, Verify::None));
        proxy.reuse = Reuse::Always;
    });
    let mut client = Conn::to(proxy.addr);
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(client.message().1, "0 - false");
    }
    let proxy = run(&[origin], |proxy| {
        proxy.servers[0].tls = Some(server_tls(&cert, Verify::None));
        proxy.reuse = Reuse::Never;
    });
    for resumed in [false, true, true] {
        let mut client = Conn::to(proxy.addr);
        client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = client.rest();
        assert!(answer.ends_with(&format!(" - {resumed}")), "{answer}");
    }
}
