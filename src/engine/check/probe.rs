//! One health check: connects, sends, listens, within its time (manual 4.2 `timeout check`).

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::expect::{self, Judgement};
use super::outcome::Outcome;
use super::request::Request;
use super::response::Response;
use crate::engine::core::Core;
use crate::engine::live::{self, Live};
use crate::engine::preamble;
use crate::engine::servers::Place;
use crate::expr::{ConnFacts, Ctx, Dir, Payload, StreamFacts, UniqueId, Vars};
use crate::ir::check::{CheckConnect, PortOf};
use crate::ir::{Check, CheckKind, Expect, HttpCheckStep, Proxy, Server};
use crate::net::connect::{self, Options, Target};
use crate::net::io::Io;
use crate::state::{Health, ServerState};
use crate::wire::proxy_protocol::Addresses;

/// A check about to be made.
pub(super) struct Probe<'a> {
    pub(super) core: &'a Rc<Core>,
    pub(super) live: &'a Live,
    place: Place,
    proxy: &'a Proxy,
    server: &'a Server,
    state: &'a ServerState,
    check: &'a Check,
    conn: ConnFacts,
    stream: StreamFacts,
    pub(super) vars: Vars,
}

/// How to connect: as the server's line says, or as `http-check connect` and `tcp-check connect` do.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) port: Option<u16>,
    addr: Option<IpAddr>,
    pub(super) tls: bool,
    sni: Option<&'a str>,
    alpn: Option<&'a [Vec<u8>]>,
    send_proxy: bool,
    linger: bool,
}

/// A connection being checked, and until when its next step must be done.
pub(super) struct Line {
    io: Io,
    deadline: Instant,
}

impl Way<'_> {
    /// Closed in order, not with a reset.
    pub(super) fn closing(self, linger: bool) -> Self {
        Way { linger, ..self }
    }
}

impl<'a> Probe<'a> {
    /// `None` where the server is not checked.
    pub(super) fn new(core: &'a Rc<Core>, live: &'a Live, place: Place) -> Option<Probe<'a>> {
        let (server, state) = live.server(place.0, place.1)?;
        let conn = ConnFacts::without_client(core.id, place.0, core.unix_us(), core.now_ms());
        let check = server.check.as_ref()?;
        let proxy = live.ir.proxy(place.0);
        let unique_id = UniqueId::of(proxy.unique_id.as_ref());
        let stream = StreamFacts { backend: Some(place.0), server: Some(place.1), unique_id, ..StreamFacts::default() };
        Some(Probe { core, live, place, proxy, server, state, check, conn, stream, vars: Vars::default() })
    }

    /// Makes the check.
    pub(super) async fn run(mut self) -> Outcome {
        let begun = Instant::now();
        let check = self.check;
        let found = match &check.kind {
            CheckKind::Connect => self.connect_only().await,
            CheckKind::Http(steps) => self.http(steps).await,
            CheckKind::Tcp(steps) => self.tcp(steps).await,
            CheckKind::Dialog(dialog) => self.dialog(dialog).await,
        };
        // Both ways an outcome.
        let mut outcome = found.unwrap_or_else(|failed| failed);
        outcome.result.duration_ms = begun.elapsed().as_millis() as u64;
        outcome
    }

    pub(super) async fn connect_only(&self) -> Result<Outcome, Outcome> {
        let way = self.usual_way();
        let line = self.connect(way).await?;
        if way.send_proxy && !way.tls {
            // A reset would take back the header.
            let mut line = line;
            let _ = within(line.deadline, "L4TOUT", poll_fn(|cx| line.io.poll_shutdown(cx))).await?;
        }
        Ok(Outcome::bare(if way.tls { "L6OK" } else { "L4OK" }))
    }

    async fn http(&mut self, steps: &[HttpCheckStep]) -> Result<Outcome, Outcome> {
        let disable_on_404 = steps.iter().any(|step| matches!(step, HttpCheckStep::DisableOn404));
        let send_state = steps.iter().any(|step| matches!(step, HttpCheckStep::SendState));
        let mut line: Option<Line> = None;
        let mut response = Response::default();
        let mut asked = false;
        let mut done = None;
        // Steps are numbered as HAProxy does, which begins with a connection in any case.
        let mut number = 0;
        for step in steps {
            match step {
                HttpCheckStep::DisableOn404 | HttpCheckStep::SendState => continue,
                HttpCheckStep::Set { what, .. } => {
                    let value = what.value(&self.ctx(Some(&response)));
                    if let Some(value) = value {
                        self.vars.set_anywhere(&self.live.view, what.var(), value);
                    }
                }
                HttpCheckStep::Unset { var, .. } => self.vars.unset_anywhere(&self.live.view, *var),
                HttpCheckStep::Connect(to) => {
                    drop(line.take());
                    line = Some(self.connect(self.way(to)).await?);
                }
                HttpCheckStep::Send { method, uri, version, headers, body } => {
                    let mut ready = match line.take() {
                        Some(line) => line,
                        None => {
                            number += 1;
                            self.connect(self.usual_way()).await?
                        }
                    };
                    let (uri, body) = (uri.as_ref(), body.as_ref());
                    let state = send_state.then(|| self.server_state());
                    let request = Request { method, uri, version, headers, body, state: state.as_deref() };
                    let bytes = request.bytes(&self.ctx(None));
                    ready.send(&bytes).await?;
                    line = Some(ready);
                    response = Response::to(method, self.live.ir.global.bufsize);
                    asked = true;
                }
                HttpCheckStep::Expect(expect) => {
                    let Some(line) = &mut line else { return Err(Outcome::bare("SOCKERR")) };
                    self.expect(Some(expect), line, &mut response, disable_on_404, number).await?;
                    asked = false;
                    done = Some(expect);
                }
            }
            number += 1;
        }
        if asked && let Some(line) = &mut line {
            self.expect(None, line, &mut response, disable_on_404, number).await?;
            done = None;
        }
        Ok(expect::passed(done, &response, &self.ctx(Some(&response))))
    }

    /// Listens until the answer can be judged.
    async fn expect(
        &self,
        rule: Option<&Expect>,
        line: &mut Line,
        response: &mut Response,
        disable_on_404: bool,
        number: usize,
    ) -> Result<(), Outcome> {
        loop {
            if let Some(msg) = response.msg() {
                // Only what runs can be stopping (manual 4.2 `http-check disable-on-404`).
                if disable_on_404 && msg.status() == 404 && self.state.health() != Health::Down {
                    return Err(Outcome::new("L7OKC", 404, ""));
                }
                match expect::judge(rule, response, &self.ctx(Some(response)), number) {
                    Judgement::Pass => return Ok(()),
                    Judgement::Fail(outcome) => return Err(outcome),
                    Judgement::More => {}
                }
            }
            let late = rule.and_then(|rule| rule.timeout_status).unwrap_or("L7TOUT");
            line.receive(response, late).await?;
        }
    }

    pub(super) async fn connect(&self, way: Way<'_>) -> Result<Line, Outcome> {
        let timeouts = &self.proxy.timeouts;
        let inter = self.check.inter_ms;
        // Without `timeout check` the interval bounds the whole check.
        let connect = match (timeouts.check, timeouts.connect) {
            (Some(_), Some(connect)) => inter.min(connect),
            _ => inter,
        };
        let now = Instant::now();
        let deadline = now + Duration::from_millis(connect);
        let target = self.target(way).ok_or_else(|| Outcome::bare("SOCKERR"))?;
        let unix = !matches!(target, Target::Ip(_));
        let (source, multipath) = (self.server.source.as_deref(), self.server.multipath);
        let options = Options { source, multipath, ..Options::default() };
        let connected = within(deadline, "L4TOUT", connect::connect(&target, options)).await?;
        let plain = connected.map_err(|error| Outcome::not_connected(&error, unix))?;
        let header_only = way.send_proxy && matches!(self.check.kind, CheckKind::Connect);
        let in_order = way.linger || way.tls || header_only;
        if !in_order {
            plain.reset_on_close();
        }
        let mut line = Line { io: Io::Plain(plain), deadline };
        if way.send_proxy {
            let header = self.proxy_header(&line.io, &target);
            line.write(&header, "L4TOUT").await?;
        }
        if way.tls {
            line.io = self.encrypt(line.io, way, deadline).await?;
        }
        if let Some(check) = timeouts.check {
            line.deadline = Instant::now() + Duration::from_millis(check);
        }
        Ok(line)
    }

    /// The TLS handshake on a fresh connection.
    async fn encrypt(&self, mut io: Io, way: Way<'_>, deadline: Instant) -> Result<Io, Outcome> {
        let settings = self.check.own_tls.as_deref().or(self.server.tls.as_ref());
        let name = way.sni.or(settings.and_then(|tls| tls.check_sni.as_deref())).map(str::as_bytes);
        let live = self.live.proxies.get(self.proxy.id.index());
        let connector = live.and_then(|proxy| proxy.check_connector(self.place.1));
        let (Some(connector), Some(plain)) = (connector, io.take_plain()) else { return Err(Outcome::bare("L6RSP")) };
        let begun = match way.alpn {
            Some(alpn) => connector.offering(alpn).begin(plain, name),
            None => connector.begin(plain, name),
        };
        let mut tls = begun.map_err(|error| Outcome::not_secured(&error))?;
        let done = within(deadline, "L6TOUT", poll_fn(|cx| tls.poll_handshake(cx))).await?;
        done.map_err(|error| Outcome::not_secured(&error))?;
        Ok(Io::Connected(Box::new(tls)))
    }

    fn proxy_header(&self, io: &Io, target: &Target) -> Vec<u8> {
        let addresses = match (io.plain().local_addr(), target) {
            (Some(src), Target::Ip(dst)) => Addresses::Inet { src, dst: *dst, datagram: false },
            _ => Addresses::Unknown,
        };
        let local = !self.live.ir.global.checks_as_clients;
        preamble::of_check(self.server.send_proxy.as_ref(), &addresses, local)
    }

    pub(super) fn usual_way(&self) -> Way<'a> {
        Way {
            port: None,
            addr: None,
            tls: self.check.tls,
            sni: None,
            alpn: None,
            send_proxy: self.check.send_proxy,
            linger: false,
        }
    }

    /// What a `connect` rule says; with `default` the server's line stands behind it.
    pub(super) fn way<'w>(&self, to: &'w CheckConnect) -> Way<'w> {
        let usual = self.usual_way();
        let port = to.port.as_ref().and_then(|port| match port {
            PortOf::Fixed(port) => Some(*port),
            // Where the expression yields no port, that of the server's line counts.
            PortOf::Expr(expr) => expr.int(&self.ctx(None)).and_then(|port| u16::try_from(port).ok()),
        });
        Way {
            port,
            addr: to.addr,
            tls: to.tls || to.default && usual.tls,
            sni: to.sni.as_deref(),
            alpn: to.alpn.as_deref(),
            send_proxy: to.send_proxy || to.default && usual.send_proxy,
            linger: to.linger,
        }
    }

    /// `None` while the server's address is not known.
    fn target(&self, way: Way<'_>) -> Option<Target> {
        // What the runtime socket has set goes above the server's line.
        let set_addr = self.state.check_addr.load().as_deref().copied();
        let set_port = Some(self.state.check_port.load(Relaxed)).filter(|port| *port > 0);
        let addr = way.addr.or(set_addr).or(self.check.addr);
        let port = way.port.or(set_port).or(self.check.port);
        if let (Some(addr), Some(port)) = (addr, port) {
            return Some(Target::Ip(SocketAddr::new(addr, port)));
        }
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        match live::target(self.server, self.state, Some(unknown))? {
            Target::Ip(own) => {
                let target = SocketAddr::new(addr.unwrap_or(own.ip()), port.unwrap_or(own.port()));
                Some(Target::Ip(target)).filter(|_| target.port() != 0)
            }
            other => Some(other),
        }
    }

    /// How this process sees the server (manual 4.2 `http-check send-state`).
    fn server_state(&self) -> String {
        let (check, score) = (self.check, self.state.check_score.load(Relaxed));
        let word = match self.state.health() {
            Health::Down if score > 0 => format!("DOWN {score}/{}", check.rise),
            Health::Down => "DOWN".to_owned(),
            health => {
                let name = if health == Health::Stopping { "NOLB" } else { "UP" };
                match (score + 1).saturating_sub(check.rise) {
                    above if above < check.fall => format!("{name} {above}/{}", check.fall),
                    _ => name.to_owned(),
                }
            }
        };
        let (addr, port) = match live::target(self.server, self.state, None) {
            Some(Target::Ip(ip)) => (ip.ip().to_string(), ip.port().to_string()),
            _ => ("unix".to_owned(), "unix".to_owned()),
        };
        let backend = self.live.view.proxy(self.proxy.id);
        let weight = |state: &ServerState| state.weight.load(Relaxed);
        let total: u32 = backend.servers.iter().filter(|state| state.usable()).map(|state| weight(state)).sum();
        format!(
            "{word}; address={addr}; port={port}; name={}/{}; node={}; weight={}/{total}; scur={}/{}; qcur={}",
            self.proxy.name,
            self.server.name,
            self.live
                .ir
                .global
                .node
                .as_deref()
                .or(self.live.view.process.hostname.get().map(|name| &**name))
                .unwrap_or_default(),
            weight(self.state),
            self.state.current.load(Relaxed),
            backend.be_current.load(Relaxed),
            self.state.queued.load(Relaxed),
        )
    }

    fn ctx<'c>(&'c self, response: Option<&'c Response>) -> Ctx<'c> {
        let body = Payload {
            bytes: response.map(Response::body).unwrap_or_default(),
            complete: response.is_some_and(Response::is_whole),
            ..Payload::default()
        };
        Ctx { res: response.and_then(Response::msg), ..self.raw_ctx(body) }
    }

    /// The context of a check that has heard these bytes.
    pub(super) fn raw_ctx<'c>(&'c self, heard: Payload<'c>) -> Ctx<'c> {
        Ctx {
            now_ms: self.core.now_ms(),
            wall_us: self.core.unix_us(),
            conn: &self.conn,
            stream: &self.stream,
            req: None,
            res: None,
            req_bytes: Payload::default(),
            res_bytes: heard,
            vars: &self.vars,
            view: &self.live.view,
            dir: Dir::Response,
            last: true,
        }
    }
}

impl Line {
    /// A connection that was made.
    pub(super) fn new(io: Io, deadline: Instant) -> Self {
        Line { io, deadline }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Outcome> {
        self.write(bytes, "L7TOUT").await
    }

    async fn write(&mut self, bytes: &[u8], late: &'static str) -> Result<(), Outcome> {
        let io = &mut self.io;
        let all = async {
            let mut rest = bytes;
            while !rest.is_empty() {
                let written = poll_fn(|cx| io.poll_write(cx, rest)).await?;
                if written == 0 {
                    return Err(io::Error::from(io::ErrorKind::WriteZero));
                }
                rest = rest.get(written..).unwrap_or_default();
            }
            poll_fn(|cx| io.poll_flush(cx)).await
        };
        within(self.deadline, late, all).await?.map_err(|error| Outcome::broken(&error))
    }

    /// Takes in more of an answer; a server that closes before its head is complete has failed.
    async fn receive(&mut self, response: &mut Response, late: &'static str) -> Result<(), Outcome> {
        let mut buf = [0; 4096];
        match self.read(&mut buf, late).await? {
            Ok(0) if response.is_whole() || !response.end() => Err(Outcome::bare("SOCKERR")),
            Ok(0) => Ok(()),
            Ok(length) => response.push(buf.get(..length).unwrap_or_default()).map_err(|_| Outcome::bare("L7RSP")),
            Err(error) => Err(Outcome::broken(&error)),
        }
    }

    /// Hears what comes next, at most `room` bytes of it; false where the server has closed.
    pub(super) async fn hear(&mut self, heard: &mut Vec<u8>, room: usize, late: &'static str) -> Result<bool, Outcome> {
        let mut buf = [0; 4096];
        let most = buf.len().min(room);
        let read = self.read(buf.get_mut(..most).unwrap_or_default(), late).await?;
        let length = read.map_err(|error| Outcome::broken(&error))?;
        heard.extend_from_slice(buf.get(..length).unwrap_or_default());
        Ok(length > 0)
    }

    async fn read(&mut self, buf: &mut [u8], late: &'static str) -> Result<io::Result<usize>, Outcome> {
        let io = &mut self.io;
        within(self.deadline, late, poll_fn(|cx| io.poll_read(cx, buf))).await
    }
}

/// Runs a step; when its time is over, the check ends with `late`.
pub(super) async fn within<T>(
    deadline: Instant,
    late: &'static str,
    step: impl Future<Output = T>,
) -> Result<T, Outcome> {
    let step: Pin<Box<dyn Future<Output = T> + '_>> = Box::pin(step);
    timeout_at(deadline, step).await.map_err(|_| Outcome::bare(late))
}
