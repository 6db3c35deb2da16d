//! A proxy under test: a configuration built by hand, an engine on free ports, servers and clients with deadlines.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use hydroxy::base::id::{BindId, ProxyId};
use hydroxy::engine::{Engine, Options, Sockets, start, view};
use hydroxy::ir::{
    Bind, BindAddr, Check, CheckKind, Global, Ir, Mode, PortSpec, Proxy, Section, Server, ServerAddr, Timeouts,
};

pub struct Running {
    pub engine: Engine,
    pub addr: SocketAddr,
}

/// A `listen` section that a test changes before it is used.
pub struct Draft {
    pub global: Global,
    pub section: Section,
    pub binds: Vec<Bind>,
    pub servers: Vec<Server>,
}

impl std::ops::Deref for Draft {
    type Target = Section;

    fn deref(&self) -> &Section {
        &self.section
    }
}

impl std::ops::DerefMut for Draft {
    fn deref_mut(&mut self) -> &mut Section {
        &mut self.section
    }
}

/// Starts a `listen` section with these servers, changed by `change`.
pub fn run(servers: &[SocketAddr], change: impl FnOnce(&mut Draft)) -> Running {
    let ir = configuration(servers, change);
    let sockets = Sockets::open(&ir, 2).map_err(|failed| failed.len()).expect("free ports");
    let options = Options { cores: 2, maxconn: 1000, service: None, quiet: true };
    let state = view(&ir, 2, None);
    let engine = start(ir, state, sockets, options).expect("an engine");
    let addr = engine.local_addr(ProxyId(0), BindId(0)).expect("an address");
    Running { engine, addr }
}

/// A configuration of one `listen` section with these servers, changed by `change`.
pub fn configuration(servers: &[SocketAddr], change: impl FnOnce(&mut Draft)) -> Arc<Ir> {
    let servers = servers.iter().enumerate().map(|(at, addr)| server(at, *addr)).collect();
    let global = Global { bufsize: 16384, maxrewrite: 1024, maxhdr: 101, shares_idle: true, ..Global::default() };
    let mut draft = Draft { global, section: listen(), binds: vec![bind()], servers };
    change(&mut draft);
    let proxy = Proxy::new(draft.section, draft.binds, draft.servers);
    Arc::new(Ir {
        resolvers: Vec::new(),
        global: draft.global,
        backends: [(proxy.name.as_bytes().into(), ProxyId(0))].into(),
        proxies: vec![Arc::new(proxy)],
        userlists: Vec::new(),
        tables: Vec::new(),
        patterns: Vec::new(),
        sess_vars: 0,
        txn_vars: 0,
    })
}

fn server(at: usize, addr: SocketAddr) -> Server {
    Server {
        host: None,
        resolve: None,
        name: format!("s{at}").into(),
        addr: ServerAddr::Ip(addr.ip()),
        port: PortSpec::Fixed(addr.port()),
        weight: 1,
        backup: false,
        non_stick: false,
        disabled: false,
        dynamic: false,
        maxconn: None,
        maxqueue: None,
        minconn: None,
        slowstart_ms: None,
        hash_key: hydroxy::ir::HashKey::Id,
        check: None,
        agent: None,
        observe: None,
        send_proxy: None,
        tls: None,
        source: None,
        user_timeout_ms: 0,
        pool_max: None,
        pool_low: 0,
        pool_purge_ms: 5000,
        max_reuse: None,
        id: at as u32 + 1,
        forced_id: false,
        saved: None,
        redir: None,
        cookie: None,
        fast_open: false,
        track: None,
        trackers: Vec::new(),
        multipath: false,
        ends_streams_when_down: false,
        ends_backups_when_up: false,
        place: "test:1".into(),
    }
}

/// A check that connects, and that believes the first failure.
pub fn check(inter_ms: u64) -> Check {
    Check {
        kind: CheckKind::Connect,
        inter_ms,
        fastinter_ms: None,
        downinter_ms: None,
        rise: 1,
        fall: 1,
        init_state: Default::default(),
        port: None,
        addr: None,
        tls: false,
        own_tls: None,
        send_proxy: false,
    }
}

fn bind() -> Bind {
    Bind {
        addr: BindAddr::Ip { addr: ([127, 0, 0, 1], 0).into(), v6only: false },
        name: "sock-1".into(),
        maxconn: None,
        backlog: None,
        accept_proxy: false,
        netscaler_magic: None,
        fast_open: false,
        multipath: false,
        defer_accept: false,
        transparent: false,
        interface: None,
        mss: None,
        user_timeout_ms: 0,
        unix_mode: None,
        uid: None,
        gid: None,
        id: None,
        tls: None,
        place: "test:1".into(),
    }
}

fn listen() -> Section {
    Section {
        frontend: true,
        backend: true,
        uuid: 2,
        mode: Mode::Http,
        place: "test:1".into(),
        timeouts: Timeouts { client: Some(5000), connect: Some(5000), server: Some(5000), ..Timeouts::default() },
        abort_on_close: true,
        ..Section::new("web", ProxyId(0))
    }
}

/// Runs a server that gives each connection to `serve`, in order of arrival.
pub fn origin(serve: impl Fn(usize, Conn) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().flatten().enumerate() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(at, Conn::new(stream)));
        }
    });
    addr
}

/// A connection with deadlines and the little HTTP that tests need.
pub struct Conn {
    pub stream: TcpStream,
    seen: Vec<u8>,
}

impl Conn {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Conn { stream, seen: Vec::new() }
    }

    pub fn to(addr: SocketAddr) -> Self {
        Conn::new(TcpStream::connect(addr).expect("connected"))
    }

    pub fn send(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(text.as_ref()).expect("written");
        self
    }

    /// Everything up to and with the next `end`; `None` if the stream ends before.
    pub fn try_until(&mut self, end: &str) -> Option<String> {
        let end = end.as_bytes();
        loop {
            if let Some(at) = self.seen.windows(end.len()).position(|window| window == end) {
                let text: Vec<u8> = self.seen.drain(..at + end.len()).collect();
                return Some(String::from_utf8(text).expect("text"));
            }
            let mut buf = [0; 65536];
            match self.stream.read(&mut buf) {
                Ok(0) => return None,
                Ok(n) => self.seen.extend_from_slice(&buf[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("read: {error}; so far {:?}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    pub fn until(&mut self, end: &str) -> String {
        self.try_until(end).unwrap_or_else(|| panic!("ended, so far {:?}", String::from_utf8_lossy(&self.seen)))
    }

    /// A head.
    pub fn head(&mut self) -> String {
        self.until("\r\n\r\n")
    }

    /// Exactly so many bytes.
    pub fn take(&mut self, len: usize) -> Vec<u8> {
        while self.seen.len() < len {
            let mut buf = [0; 65536];
            match self.stream.read(&mut buf).expect("read in time") {
                0 => panic!("ended after {} of {len} bytes", self.seen.len()),
                n => self.seen.extend_from_slice(&buf[..n]),
            }
        }
        self.seen.drain(..len).collect()
    }

    /// A head and the body that its content-length announces.
    pub fn message(&mut self) -> (String, String) {
        let head = self.head();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |len| len.trim().parse().expect("a number"));
        let body = self.take(length);
        (head, String::from_utf8(body).expect("text"))
    }

    /// Everything to the end of the stream.
    pub fn rest(&mut self) -> String {
        let mut all = std::mem::take(&mut self.seen);
        match self.stream.read_to_end(&mut all) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("read: {error}; so far {:?}", String::from_utf8_lossy(&all)),
        }
        String::from_utf8(all).expect("text")
    }
}

/// A server that answers every request on every connection with 200 and `connection N: <request line>` in its body.
pub fn plain_origin() -> SocketAddr {
    origin(|at, mut conn| {
        while let Some(head) = conn.try_until("\r\n\r\n") {
            let body = format!("{at}: {}", head.lines().next().unwrap_or_default());
            conn.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        }
    })
}
