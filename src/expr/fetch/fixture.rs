//! A fixed stream for tests of fetches and conditions: parsed messages, credentials, certificates, states.
//!
//! Examples in keyword tables are evaluated on it: `expression` yields a text, and where an example yields `true` or `false` it
//! is what stands between the braces of an anonymous ACL.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::base::id::{BindId, CoreId, ProxyId, ServerId};
use crate::base::tcp_info::TcpInfo;
use crate::base::userlist::{Group, Password, User, Userlist};
use crate::base::value::Value;
use crate::diag::{Diagnostics, Span, Word};
use crate::expr::fixture::{fill, made, tables, words};
use crate::expr::{
    Cond, ConnError, ConnFacts, Ctx, Dir, Endpoint, Expr, Part, Payload, RareFacts, StreamFacts, Termination, TlsFacts,
    Tri, Vars, bind,
};
use crate::http::{Answering, Head, Msg, ParseOptions, Parsed, parse_request, parse_response};
use crate::keyword::{
    Defined, Example, FileRef, Hook, Interned, Names, ProxyName, Scope, SectionName, VarNames, VarScope, Words,
};
use crate::state::{ProxyState, Tracking, View};
use crate::wire::hello_lists::HelloLists;

/// Everything that a scope and a context borrow.
pub struct Fixture {
    /// Names of sections: frontend `web`, backend `app` with servers `s1` and `s2`, userlist `staff`.
    pub names: Names,
    /// Named ACLs of the section: `is_cart`.
    pub acls: Defined,
    /// Files that were named.
    pub files: RefCell<Vec<FileRef>>,
    /// Warnings and errors of named ACLs.
    pub diags: Diagnostics,
    vars: VarNames,
    interned: RefCell<Interned>,
    /// The client connection.
    pub conn: ConnFacts,
    /// The stream.
    pub stream: StreamFacts,
    /// Variables: `txn.host` is a text, `sess.n` the number 12, `proc.mode` a text.
    pub values: Vars,
    /// States.
    pub view: View,
    /// Request head.
    pub req: (Vec<u8>, Head),
    /// Response head.
    pub res: (Vec<u8>, Head),
    /// Request body, or bytes of a TCP client.
    pub body: (Vec<u8>, bool),
    /// Response body.
    pub res_body: (Vec<u8>, bool),
    /// What is being processed.
    pub dir: Dir,
    /// `ctx.last`
    pub last: bool,
    /// `ctx.wall_us`
    pub wall_us: i64,
}

impl Default for Fixture {
    fn default() -> Self {
        Fixture::new()
    }
}

impl Fixture {
    /// The stream that the examples are about.
    pub fn new() -> Fixture {
        let mut names = Names {
            proxies: vec![proxy_name("web", true, &[]), proxy_name("app", false, &["s1", "s2"])],
            tables: tables("app"),
            userlists: vec![SectionName { name: "staff".to_owned(), span: Span::nowhere() }],
            accounts: vec![Arc::new(staff())].into(),
            ..Names::default()
        };
        names.env.insert(b"STAGE".to_vec(), b"blue".to_vec());
        let vars = VarNames::default();
        let mut values = Vars::default();
        values.set(vars.slot(VarScope::Txn, "host"), Value::str(b"example.com"));
        values.set(vars.slot(VarScope::Sess, "n"), Value::Int(12));
        vars.seal();
        let acl = vec![words("path_end cart.php")];
        let (req, res) = (request(REQUEST), response(RESPONSE));
        let (view, mut conn, mut stream) = (view(), connection(), stream(&req.0));
        let track = || Tracking::start(&view.tables[0], &CLIENT.octets(), 61_000).expect("there is room");
        conn.tracked.set(0, track());
        stream.tracked.set(1, track());
        stream.tracked.set(2, track());
        fill(&view.tables, CLIENT, 61_000);
        Fixture {
            names,
            acls: Defined::from([("is_cart".to_owned(), acl)]),
            files: RefCell::default(),
            diags: Diagnostics::new(),
            vars,
            interned: RefCell::default(),
            conn,
            stream,
            values,
            view,
            req,
            res,
            body: (b"a=1&b=two&B=3&c".to_vec(), true),
            res_body: (b"Hello World".to_vec(), true),
            dir: Dir::Request,
            last: true,
            wall_us: 1_700_000_000_123_456,
        }
    }

    /// A scope in the backend, where nothing is refused for its place.
    pub fn scope(&self, hook: Hook) -> Scope<'_> {
        Scope {
            names: &self.names,
            proxy: Some(ProxyId(1)),
            http: true,
            hook,
            acls: &self.acls,
            vars: &self.vars,
            files: &self.files,
            diags: &self.diags,
            interned: &self.interned,
        }
    }

    /// The context.
    pub fn ctx(&self) -> Ctx<'_> {
        Ctx {
            now_ms: 61_000,
            wall_us: self.wall_us,
            conn: &self.conn,
            stream: &self.stream,
            req: Some(Msg::new(&self.req.0, &self.req.1)),
            res: Some(Msg::new(&self.res.0, &self.res.1)),
            req_bytes: Payload { bytes: &self.body.0, complete: self.body.1, part: Part::Body },
            res_bytes: Payload { bytes: &self.res_body.0, complete: self.res_body.1, part: Part::Body },
            vars: &self.values,
            view: &self.view,
            dir: self.dir,
            last: self.last,
        }
    }

    /// Binds an expression wherever it may stand; the error is its message.
    pub fn bind(&self, text: &str) -> Result<Expr, String> {
        let word = Word::new(text, Span::nowhere());
        let scope = self.scope(Hook::HttpRequest);
        Expr::bind_word(&word, &scope, &bind::find_fetch).map_err(|error| error.message)
    }

    /// The value of an expression as text; empty if there is none.
    pub fn text(&self, text: &str) -> Result<String, String> {
        let expr = self.bind(text)?;
        let mut out = Vec::new();
        expr.with_value(&self.ctx(), |value| value.write_to(&mut out));
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Binds a condition, which begins with `if` or `unless`; the error is its message.
    pub fn cond(&self, text: &str) -> Result<Cond, String> {
        let words = words(text);
        let cond = Cond::bind(&mut Words::new(&words, Span::nowhere()), &self.scope(Hook::HttpRequest));
        cond.map(|cond| cond.expect("the text is not empty")).map_err(|error| error.message)
    }

    /// What a condition yields.
    pub fn test(&self, text: &str) -> Result<Tri, String> {
        Ok(self.cond(text)?.eval(&self.ctx()))
    }

    /// Evaluates an example; the error says what it yields instead.
    pub fn check(&self, name: &str, (text, yields): &Example) -> Result<(), String> {
        let found = match *yields {
            "true" | "false" if text.contains(' ') => {
                self.test(&format!("if {{ {text} }}")).map(|holds| (holds == Tri::Pass).to_string())
            }
            _ => self.text(text),
        };
        match found {
            Ok(found) if found == *yields => Ok(()),
            found => Err(format!("example of '{name}': {text} yields {found:?} instead of {yields:?}")),
        }
    }
}

/// A parsed request head.
pub fn request(text: &str) -> (Vec<u8>, Head) {
    let (mut raw, mut head) = (text.replace('\n', "\r\n").into_bytes(), Head::new());
    let parsed = parse_request(&mut raw, &mut head, &ParseOptions::default());
    assert_eq!(parsed, Ok(Parsed::Complete), "{text}");
    (raw, head)
}

fn response(text: &str) -> (Vec<u8>, Head) {
    let (mut raw, mut head) = (text.replace('\n', "\r\n").into_bytes(), Head::new());
    let parsed = parse_response(&mut raw, &mut head, Answering::default(), &ParseOptions::default());
    assert_eq!(parsed, Ok(Parsed::Complete), "{text}");
    (raw, head)
}

fn proxy_name(name: &str, frontend: bool, servers: &[&str]) -> ProxyName {
    let servers = servers.iter().map(|name| (*name).to_owned()).collect();
    ProxyName {
        name: name.to_owned(),
        frontend,
        backend: !frontend,
        http: true,
        servers,
        fixed_servers: Default::default(),
        span: Span::nowhere(),
    }
}

fn staff() -> Userlist {
    let group = |name: &str| Group { name: name.to_owned() };
    let user = |name: &str, password, groups| User { name: name.to_owned(), password, groups };
    // The hash of "secret" as `openssl passwd -5` makes it.
    let hash = "$5$salt$kpa26zwgX83BPSR8d7w93OIXbFt/d3UOTZaAu5vsTM6".to_owned();
    Userlist {
        name: "staff".to_owned(),
        users: vec![
            user("anna", Password::Crypt(hash), vec![0, 1]),
            user("bert", Password::Plain("plain".to_owned()), vec![1]),
            user("carl", Password::None, vec![]),
        ],
        groups: vec![group("admin"), group("dev")],
    }
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::Ip(text.parse::<SocketAddr>().expect("an address"))
}

fn connection() -> ConnFacts {
    ConnFacts {
        core: CoreId(0),
        frontend: ProxyId(0),
        bind: BindId(0),
        bind_name: "public".into(),
        src: endpoint("192.0.2.1:58100"),
        dst: endpoint("203.0.113.5:443"),
        real_src: endpoint("10.0.0.9:40000"),
        real_dst: endpoint("10.0.0.1:8443"),
        socket: 7,
        accepted_us: 1_700_000_000_000_000,
        accepted_ms: 60_000,
        handshake_ms: 8,
        tls: Some(Box::new(tls())),
        expects_proxy: false,
        expects_netscaler: false,
        silent_drop: None,
        rcvd_proxy: true,
        error: ConnError::SslHandshake,
        rare: Some(Box::new(RareFacts { proxy_tlvs: PROXY_TLVS.into(), ..RareFacts::default() })),
        requests: 1,
        tracked: Default::default(),
    }
}

const TCP_INFO: TcpInfo =
    TcpInfo { rtt_us: 7000, rttvar_us: 3500, unacked: 1, sacked: 2, lost: 4, retrans: 5, fackets: 6, reordering: 3 };

/// AUTHORITY, UNIQUE_ID twice, and SSL with the version of TLS.
const PROXY_TLVS: &[u8] =
    b"\x02\0\x0bexample.org\x05\0\x06first1\x05\0\x07second2\x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.2";

fn tls() -> TlsFacts {
    TlsFacts {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        key_bits: 256,
        sni: Some("www.example.com".into()),
        alpn: Some(b"http/1.1".as_slice().into()),
        resumed: false,
        client_cert: Some(super::certificate::tests::sample().into()),
        server_cert: Some(super::certificate::tests::sample().into()),
        hello: Some(Box::new(HelloLists {
            version: 0x0303,
            ciphers_hash: 1234,
            ciphers: b"\x0a\x0a\x13\x01\x13\x02".as_slice().into(),
            extensions: b"\x1a\x1a\0\0\0\x2b".as_slice().into(),
            groups: b"\x2a\x2a\0\x1d\0\x17".as_slice().into(),
            formats: b"\0".as_slice().into(),
            signatures: b"\x04\x03".as_slice().into(),
            versions: b"\x3a\x3a\x03\x04\x03\x03".as_slice().into(),
        })),
    }
}

fn stream(request: &[u8]) -> StreamFacts {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default().to_vec();
    let parts: Vec<usize> = line.split(|byte| *byte == b' ').map(<[u8]>::len).collect();
    StreamFacts {
        number: 77,
        began_ms: 60_000,
        began_us: 1_700_000_000_000_000,
        first_byte_ms: Some(60_020),
        first_byte_us: 1_700_000_000_020_000,
        request_ms: Some(60_050),
        queue_ms: Some(60_055),
        connect_ms: Some(60_058),
        response_ms: Some(60_100),
        end_ms: Some(60_140),
        backend: Some(ProxyId(1)),
        server: Some(ServerId(0)),
        server_src: endpoint("10.0.0.1:33000"),
        server_error: ConnError::Erefused,
        server_tcp: Some(TCP_INFO),
        server_dst: endpoint("10.0.0.11:8080"),
        reused: true,
        retries: 1,
        redispatched: false,
        server_queue: 2,
        backend_queue: 3,
        status: 200,
        server_status: 200,
        compressed: Some("gzip"),
        bytes_in: 412,
        bytes_out: 180,
        bytes_to_client: 190,
        bytes_to_server: 440,
        termination: Termination { cause: b'-', phase: b'-' },
        method_len: parts[0] as u16,
        target_len: parts[1] as u32,
        request_line: line,
        req_captures: vec![Some(b"www.example.com".as_slice().into()), None].into(),
        res_captures: vec![Some(b"11".as_slice().into())].into(),
        unique_id: b"C0000201:E2F4".as_slice().into(),
        ..StreamFacts::default()
    }
}

fn view() -> View {
    let web = ProxyState::new("web", &[], &["public".to_owned()], 1, 1_699_999_000);
    let app = ProxyState::new("app", &["s1", "s2"], &[], 1, 1_699_999_000);
    web.fe_current.store(5, Relaxed);
    app.be_current.store(4, Relaxed);
    app.queued.store(6, Relaxed);
    app.servers[0].current.store(3, Relaxed);
    app.servers[0].queued.store(2, Relaxed);
    app.servers[0].weight.store(10, Relaxed);
    web.binds[0].current.store(5, Relaxed);
    let tables = made(tables("app"));
    let view = View { proxies: vec![Arc::new(web), Arc::new(app)], tables, ..View::default() };
    view.process.connections.store(9, Relaxed);
    let _ = view.process.started_ms.set(0);
    let _ = view.process.is_local_address.set(|ip| ip.is_loopback());
    let _ = view.process.tcp_info.set(|socket| (socket == 7).then_some(TCP_INFO));
    view.proxies[0].number.store(2, Relaxed);
    view.proxies[1].number.store(3, Relaxed);
    let _ = view.process.hostname.set("gate1".into());
    view
}

/// Counters 0 to 2 track the entry of this address.
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

const REQUEST: &str = "POST /shop/cart.php?id=17&Name=anna;id=18&empty= HTTP/1.1
Host: www.example.com:8080
X-List: a , \"b,c\"
X-List: d
X-Forwarded-For: 192.0.2.7:4711, 2001:db8::7
X-Number: 12
X-Number: 34x
Cookie: sid=abc; lang=en; n=12; lang=de
Authorization: Basic YW5uYTpzZWNyZXQ=
Content-Length: 15

";

const RESPONSE: &str = "HTTP/1.1 200 OK
Content-Length: 11
Cache-Control: no-cache, max-age=60
X-Served-By: 198.51.100.4
Set-Cookie: sid=xyz; Path=/
Set-Cookie: n=7x

";
