//! What table tests run examples on: one configuration, one connection, one request and its response.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{ConnError, ConnFacts, Ctx, Dir, Endpoint, Part, Payload, StreamFacts, Termination, TlsFacts, Vars};
use crate::base::id::{BindId, CoreId, ProxyId, ServerId};
use crate::base::stick::{DataType, KeyType, Shape, Stored, TableSpec};
use crate::base::value::Value;
use crate::diag::{Diagnostics, Span, Word};
use crate::http::{Head, Kind, Msg, MsgMut};
use crate::keyword::{Defined, FileRef, Hook, Interned, Names, ProxyName, Scope, SectionName, VarNames, VarScope};
use crate::state::{ProxyState, Table, Tracking, View};

/// A configuration: listen section `www` (id 0), backend `be` with servers `s1` and `s2` (id 1), userlist `users`.
pub(crate) struct Config {
    pub(crate) names: Names,
    pub(crate) acls: Defined,
    pub(crate) vars: VarNames,
    pub(crate) files: RefCell<Vec<FileRef>>,
    pub(crate) diags: Diagnostics,
    pub(crate) interned: RefCell<Interned>,
}

impl Config {
    pub(crate) fn new() -> Config {
        let proxy = |name: &str, frontend, servers: &[&str]| ProxyName {
            name: name.to_owned(),
            frontend,
            backend: true,
            http: true,
            servers: servers.iter().map(|server| (*server).to_owned()).collect(),
            fixed_servers: Default::default(),
            span: Span::nowhere(),
        };
        let names = Names {
            proxies: vec![proxy("www", true, &[]), proxy("be", false, &["s1", "s2"])],
            tables: tables("www"),
            resolvers: vec![SectionName { name: "default".to_owned(), span: Span::nowhere() }],
            userlists: vec![SectionName { name: "users".to_owned(), span: Span::nowhere() }],
            experimental: Span::nowhere().into(),
            ..Names::default()
        };
        Config {
            names,
            acls: Defined::default(),
            vars: VarNames::default(),
            files: RefCell::default(),
            diags: Diagnostics::new(),
            interned: RefCell::default(),
        }
    }

    /// A scope in `www`.
    pub(crate) fn scope(&self, hook: Hook) -> Scope<'_> {
        Scope {
            names: &self.names,
            proxy: Some(ProxyId(0)),
            http: true,
            hook,
            acls: &self.acls,
            vars: &self.vars,
            files: &self.files,
            diags: &self.diags,
            interned: &self.interned,
        }
    }

    /// The slot of a variable written with its scope.
    pub(crate) fn var(&self, name: &str) -> crate::keyword::VarSlot {
        match name.split_once('.') {
            Some(("sess", name)) => self.vars.slot(VarScope::Sess, name),
            Some(("req", name)) => self.vars.slot(VarScope::Req, name),
            Some((_, name)) => self.vars.slot(VarScope::Txn, name),
            None => panic!("{name} has no scope"),
        }
    }
}

/// Cuts a line into words at blanks; quotes and backslashes as in the manual's chapter 2.2.
pub(crate) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None, b' ') => words.extend(word.take().map(quoted_if_empty)),
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == byte => quote = None,
            (None | Some(b'"'), b'\\') if bytes.peek().is_some_and(|next| b" \\\"'#".contains(next)) => {
                word.get_or_insert_default().extend(bytes.next());
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word.map(quoted_if_empty));
    words
}

fn quoted_if_empty(text: Vec<u8>) -> Word {
    let quoted = text.is_empty();
    let mut word = Word::new(text, Span::nowhere());
    word.quoted = quoted;
    word
}

/// A connection over TLS from 192.0.2.7:49224 to 198.51.100.1:443, whose first request was answered by `be/s1`.
pub(crate) struct World {
    pub(crate) now_ms: u64,
    pub(crate) wall_us: i64,
    pub(crate) conn: ConnFacts,
    pub(crate) stream: StreamFacts,
    pub(crate) req: Head,
    pub(crate) res: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) vars: Vars,
    pub(crate) view: View,
    pub(crate) dir: Dir,
}

impl World {
    pub(crate) fn new() -> World {
        let view = view();
        World {
            now_ms: 5_200,
            wall_us: ACCEPTED_US + 200_000,
            conn: conn(),
            stream: tracking_stream(&view),
            req: request(),
            res: response(),
            body: b"name=value&x=y".to_vec(),
            vars: Vars::default(),
            view,
            dir: Dir::Request,
        }
    }

    pub(crate) fn ctx(&self) -> Ctx<'_> {
        Ctx {
            now_ms: self.now_ms,
            wall_us: self.wall_us,
            conn: &self.conn,
            stream: &self.stream,
            req: Some(Msg::new(b"", &self.req)),
            res: Some(Msg::new(b"", &self.res)),
            req_bytes: Payload { bytes: &self.body, complete: true, part: Part::Body },
            res_bytes: Payload::default(),
            vars: &self.vars,
            view: &self.view,
            dir: self.dir,
            last: true,
        }
    }

    /// Sets `txn.old` to 5 and `txn.text` to `some text`.
    pub(crate) fn with_variables(mut self, config: &Config) -> World {
        self.vars.set(config.var("txn.old"), Value::Int(5));
        self.vars.set(config.var("txn.text"), Value::str(b"some text"));
        self
    }
}

fn conn() -> ConnFacts {
    let (src, dst) = (end("192.0.2.7:49224"), end("198.51.100.1:443"));
    ConnFacts {
        core: CoreId(0),
        frontend: ProxyId(0),
        bind: BindId(0),
        bind_name: Arc::from("https"),
        src,
        dst,
        real_src: src,
        real_dst: dst,
        socket: -1,
        accepted_us: ACCEPTED_US,
        accepted_ms: 5_000,
        handshake_ms: 2,
        tls: Some(Box::new(TlsFacts {
            version: "TLSv1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            key_bits: 256,
            sni: Some("example.com".into()),
            alpn: Some(b"http/1.1"[..].into()),
            ..TlsFacts::default()
        })),
        expects_proxy: false,
        expects_netscaler: false,
        silent_drop: None,
        rare: None,
        rcvd_proxy: false,
        error: ConnError::None,
        requests: 1,
        tracked: Default::default(),
    }
}

fn stream() -> StreamFacts {
    let line = b"GET /a/b%20c?x=\"1\" HTTP/1.1";
    StreamFacts {
        number: 53,
        began_ms: 5_000,
        began_us: ACCEPTED_US,
        first_byte_ms: Some(5_023),
        first_byte_us: ACCEPTED_US + 23_000,
        request_ms: Some(5_033),
        queue_ms: Some(5_037),
        connect_ms: Some(5_040),
        response_ms: Some(5_060),
        end_ms: Some(5_100),
        backend: Some(ProxyId(1)),
        server: Some(ServerId(0)),
        server_src: end("10.0.0.1:40990"),
        server_dst: end("10.0.0.2:8080"),
        retries: 2,
        redispatched: true,
        server_queue: 6,
        backend_queue: 5,
        counts: [4, 3, 2, 1],
        status: 200,
        server_status: 200,
        compressed: Some("gzip"),
        bytes_out: 2_750,
        bytes_in: 97,
        termination: Termination { cause: b'c', phase: b'D' },
        request_line: line.to_vec(),
        method_len: 3,
        target_len: 14,
        req_captures: vec![Some(b"a|b\\]"[..].into()), None].into(),
        res_captures: vec![Some(b"abc"[..].into())].into(),
        req_cookie: Some(b"SESS=12"[..].into()),
        cookie_flags: *b"VN",
        log_origin: Some("txn_close"),
        unique_id: b"C0000207:C048"[..].into(),
        ..StreamFacts::default()
    }
}

fn request() -> Head {
    let mut head = Head::new();
    let mut msg = MsgMut::new(b"", &mut head);
    msg.set_method(b"GET");
    msg.set_target(b"/a/b?c=d");
    for (name, value) in [
        ("host", "example.com"),
        ("user-agent", "curl/8.5.0"),
        ("accept", "text/html, */*;q=0.1"),
        ("x-forwarded-for", "203.0.113.5"),
        ("x-list", "a, b ,c"),
        ("x-list", "d"),
    ] {
        msg.add_named(name.as_bytes(), value.as_bytes());
    }
    head
}

fn response() -> Head {
    let mut head = Head::new();
    let mut msg = MsgMut::new(b"", &mut head);
    msg.set_status(200, None);
    for (name, value) in [("server", "nginx/1.24"), ("content-type", "text/plain"), ("set-cookie", "SRV=1; path=/")] {
        msg.add_named(name.as_bytes(), value.as_bytes());
    }
    head.kind = Kind::Response;
    head
}

fn view() -> View {
    let proxies = vec![
        Arc::new(ProxyState::new("www", &[], &["https".to_owned()], 1, 0)),
        Arc::new(ProxyState::new("be", &["s1", "s2"], &[], 1, 0)),
    ];
    proxies[0].logged.store(12, Relaxed);
    let tables = made(tables("www"));
    fill(&tables, Ipv4Addr::new(192, 0, 2, 7), 5_200);
    let view = View { proxies, tables, ..View::default() };
    let _ = view.process.hostname.set("proxy1".into());
    view
}

/// Stick tables of addresses: one that stores all single data, `lists` with the arrays, and `updated` with nothing in it.
pub(crate) fn tables(own: &str) -> Vec<TableSpec> {
    let store = |fits: fn(Shape) -> bool| {
        let data = DataType::ALL.iter().copied().filter(|data| fits(data.shape()));
        data.map(|data| Stored { data, elements: 2, period_ms: 10_000 }).collect()
    };
    let table =
        |name, store| TableSpec { size: 100, expire_ms: Some(60_000), store, ..TableSpec::new(name, KeyType::Ipv4) };
    vec![
        table(own, store(|shape| matches!(shape, Shape::Number | Shape::Rate))),
        table("lists", store(|shape| matches!(shape, Shape::Numbers | Shape::Rates))),
        table("updated", store(|shape| shape == Shape::Number)),
    ]
}

/// Empty tables.
pub(crate) fn made(specs: Vec<TableSpec>) -> Vec<Arc<Table>> {
    specs.into_iter().map(|spec| Arc::new(Table::new(spec))).collect()
}

/// Fills in an entry for the client.
pub(crate) fn fill(tables: &[Arc<Table>], client: Ipv4Addr, now_ms: u64) {
    let values = [
        (DataType::ServerId, 1),
        (DataType::Gpt0, 7),
        (DataType::Gpc0, 1),
        (DataType::Gpc0Rate, 1),
        (DataType::Gpc1, 1),
        (DataType::Gpc1Rate, 1),
        (DataType::ConnCnt, 3),
        (DataType::ConnRate, 3),
        (DataType::ConnCur, 3),
        (DataType::SessCnt, 2),
        (DataType::SessRate, 2),
        (DataType::HttpReqCnt, 5),
        (DataType::HttpReqRate, 5),
        (DataType::HttpErrCnt, 1),
        (DataType::HttpErrRate, 1),
        (DataType::HttpFailCnt, 2),
        (DataType::HttpFailRate, 2),
        (DataType::BytesInCnt, 4_500),
        (DataType::BytesInRate, 150),
        (DataType::BytesOutCnt, 20_500),
        (DataType::BytesOutRate, 3_000),
    ];
    for table in tables.iter().filter(|table| &*table.spec().name != "updated") {
        let entry = table.obtain(&client.octets(), now_ms).expect("the table is empty");
        let mut open = table.open(&entry, now_ms);
        for (data, value) in values {
            open.set(data, 0, value);
        }
        open.set(DataType::Gpt, 0, if &*table.spec().name == "lists" { 9 } else { 7 });
    }
}

/// The stream, whose second counter tracks the entry of 10.0.0.1 in `lists`.
fn tracking_stream(view: &View) -> StreamFacts {
    let mut stream = stream();
    stream.tracked.set(1, Tracking::start(&view.tables[1], &[10, 0, 0, 1], 5_200).expect("there is room"));
    stream
}

fn end(text: &str) -> Endpoint {
    Endpoint::Ip(text.parse::<SocketAddr>().expect("a socket address"))
}

/// 22 November 2026, 18:27:11.503 UTC.
const ACCEPTED_US: i64 = 1_795_372_031_503_000;
