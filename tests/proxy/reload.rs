//! A second configuration in a running engine: what goes on, what changes, what is freed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::{Duration, Instant};

use hydroxy::base::id::{ProxyId, ServerId};
use hydroxy::ir::Ir;
use hydroxy::net::listen;
use hydroxy::state::{Admin, Change, Stat};

use crate::fixture::{Conn, Draft, Running, check, configuration, origin, plain_origin, run};

/// Swaps a configuration in; what is left of it at the end tells whether it was freed.
fn reload(proxy: &Running, servers: &[SocketAddr], change: impl FnOnce(&mut Draft)) -> Weak<Ir> {
    let ir = configuration(servers, change);
    let weak = Arc::downgrade(&ir);
    proxy.engine.swap(ir, &mut listen::open).map_err(|failed| failed.len()).expect("its sockets are open");
    weak
}

pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn get(client: &mut Conn) -> String {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message().1
}

#[test]
fn old_configurations_are_freed_though_clients_stay() {
    let server = plain_origin();
    let proxy = run(&[server], |_| {});
    let first = Arc::downgrade(&proxy.engine.current().0);
    let (mut busy, mut idle) = (Conn::to(proxy.addr), Conn::to(proxy.addr));
    get(&mut idle);
    let mut old = vec![first];
    for round in 0..50 {
        old.push(reload(&proxy, &[server], |_| {}));
        if round % 5 == 0 {
            get(&mut busy);
        }
    }
    let last = old.pop().expect("fifty");
    wait_until("configurations that nobody uses are kept", || old.iter().all(|ir| ir.strong_count() == 0));
    assert!(last.strong_count() > 0);
    get(&mut idle);
}

#[test]
fn a_response_on_its_way_is_finished_under_its_own_configuration() {
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let slow = origin(move |_, mut conn| {
        conn.head();
        conn.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
        may_go.lock().expect("one connection").recv().expect("told to go on");
        conn.send("full");
        conn.rest();
    });
    let proxy = run(&[slow], |_| {});
    let old = Arc::downgrade(&proxy.engine.current().0);
    let mut client = Conn::to(proxy.addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").until("half");
    reload(&proxy, &[plain_origin()], |proxy| proxy.servers[0].name = "other".into());
    assert!(Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message().1.starts_with("0: GET"));
    assert!(old.strong_count() > 0);
    go.send(()).expect("the server waits");
    assert_eq!(client.take(4), b"full");
    // The same connection takes the new rules at its next request.
    assert!(get(&mut client).contains("GET / HTTP/1.1"));
    wait_until("the old configuration is kept", || old.strong_count() == 0);
}

#[test]
fn counters_and_changes_at_run_time_live_on() {
    let servers = [plain_origin(), plain_origin()];
    let proxy = run(&servers, |_| {});
    get(&mut Conn::to(proxy.addr));
    proxy.engine.change(ProxyId(0), ServerId(1), Change::Admin(Admin::Drain));
    proxy.engine.change(ProxyId(0), ServerId(0), Change::Weight(7));
    // A server comes before the others and a listener is added: places change, names do not.
    let all = [plain_origin(), servers[0], servers[1]];
    let rename = |proxy: &mut Draft| {
        for (server, name) in proxy.servers.iter_mut().zip(["new", "s0", "s1"]) {
            server.name = name.into();
        }
    };
    reload(&proxy, &all, rename);
    let (_, view) = proxy.engine.current();
    let web = view.proxy(ProxyId(0));
    assert_eq!(web.fe.sum(Stat::Connections), 1);
    assert_eq!(web.servers[1].weight.load(Relaxed), 7);
    assert_eq!(web.servers[1].counters.sum(Stat::Sessions), 1);
    assert_eq!(web.servers[2].admin(), Admin::Drain);
    assert_eq!((web.servers[0].weight.load(Relaxed), web.servers[0].admin()), (1, Admin::Ready));
    // A line that changes wins over the change at run time.
    reload(&proxy, &all, |proxy| {
        rename(proxy);
        proxy.servers[1].weight = 3;
    });
    assert_eq!(proxy.engine.current().1.proxy(ProxyId(0)).servers[1].weight.load(Relaxed), 3);
}

#[test]
fn a_stream_that_waits_for_a_server_is_served_after_a_reload() {
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let slow = origin(move |_, mut conn| {
        while conn.try_until("\r\n\r\n").is_some() {
            may_go.lock().expect("one at a time").recv().expect("told to go on");
            conn.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let limited = |proxy: &mut Draft| proxy.servers[0].maxconn = Some(1);
    let proxy = run(&[slow], limited);
    let (mut first, mut second) = (Conn::to(proxy.addr), Conn::to(proxy.addr));
    first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    let current = || proxy.engine.current().1.proxy(ProxyId(0)).clone();
    wait_until("the first is served", || current().servers[0].current.load(Relaxed) == 1);
    second.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the second waits", || current().queued.load(Relaxed) == 1);
    reload(&proxy, &[slow], limited);
    go.send(()).expect("the server waits");
    assert_eq!(first.message().1, "ok");
    go.send(()).expect("the server waits");
    assert_eq!(second.message().1, "ok");
}

#[test]
fn a_listener_that_is_taken_out_closes_and_one_that_comes_opens() {
    let server = plain_origin();
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    get(&mut client);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    reload(&proxy, &[server], |proxy| {
        proxy.binds[0].addr = hydroxy::ir::BindAddr::Ip { addr: free, v6only: false };
    });
    assert!(Conn::to(free).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message().0.starts_with("HTTP/1.1 200"));
    wait_until("the old listener is open", || std::net::TcpStream::connect(proxy.addr).is_err());
    // Its connections go on.
    get(&mut client);
}

#[test]
fn checks_go_on_in_time_while_other_servers_are_added() {
    let checks = Arc::new(AtomicUsize::new(0));
    let counted = checks.clone();
    let server = origin(move |_, _| {
        counted.fetch_add(1, Relaxed);
    });
    let checked = |draft: &mut Draft| draft.servers[0].check = Some(check(100));
    let proxy = run(&[server], checked);
    let spare = configuration(&[plain_origin(); 81], |_| {});
    for added in &spare.proxies[0].servers[1..] {
        let edited = proxy.engine.edit(|ir, _| {
            let mut proxy = (*ir.proxies[0]).clone();
            proxy.servers.push(added.clone());
            let mut ir = ir.clone();
            ir.proxies[0] = Arc::new(proxy);
            Ok(ir)
        });
        edited.expect("its sockets are open");
        std::thread::sleep(Duration::from_millis(10));
    }
    let made = checks.load(Relaxed);
    assert!((4..=12).contains(&made), "{made} checks in 800 ms, one each 100 ms was wanted");
}
