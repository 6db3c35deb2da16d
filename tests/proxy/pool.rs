//! Idle connections to servers: who uses them, and which stay over a reload.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, mpsc};

use hydroxy::base::id::{ProxyId, ServerId};
use hydroxy::ir::{Reuse, Verify};
use hydroxy::net::listen;
use hydroxy::state::{Change, Stat};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fixture::{Conn, Draft, Running, configuration, origin, plain_origin, run};
use crate::reload::wait_until;
use crate::tls::{certificate, server_tls};
use crate::tls_peers::echo_for_ever;

/// Clients one after the other; the kernel spreads them over both cores.
const CLIENTS: usize = 40;

fn always(draft: &mut Draft) {
    draft.reuse = Reuse::Always;
}

/// How many connections to the first server were opened for so many clients of one request each.
fn opened(proxy: &Running, clients: usize) -> u64 {
    let view = proxy.engine.current().1;
    let state = &view.proxy(ProxyId(0)).servers[0];
    let before = state.counters.sum(Stat::Connects);
    for _ in 0..clients {
        let (head, _) = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").message();
        assert!(head.contains(" 200 "), "{head}");
        wait_until("the connection lies idle", || state.used.load(Relaxed) == 0);
    }
    state.counters.sum(Stat::Connects) - before
}

#[test]
fn a_core_without_idle_connections_uses_those_of_others() {
    let proxy = run(&[plain_origin()], always);
    assert_eq!(opened(&proxy, CLIENTS), 1);
}

#[test]
fn connections_under_tls_move_between_cores_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cert = certificate(&["origin.test"]);
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(cert.chain.clone(), cert.key.clone_key()).expect("a server");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let origin = listener.local_addr().expect("bound");
    std::thread::spawn(move || runtime.block_on(echo_for_ever(listener, TlsAcceptor::from(Arc::new(config)))));
    let proxy = run(&[origin], |draft| {
        always(draft);
        draft.servers[0].tls = Some(server_tls(&cert, Verify::Required));
    });
    assert_eq!(opened(&proxy, CLIENTS), 1);
}

#[test]
fn cores_can_be_kept_apart() {
    let apart = run(&[plain_origin()], |draft| {
        always(draft);
        draft.global.shares_idle = false;
    });
    let few = run(&[plain_origin()], |draft| {
        always(draft);
        draft.servers[0].pool_low = 4;
    });
    for proxy in [apart, few] {
        assert_eq!(opened(&proxy, CLIENTS), 2, "one for each core");
    }
}

#[test]
fn without_a_purge_delay_none_is_kept() {
    let proxy = run(&[plain_origin()], |draft| {
        always(draft);
        draft.servers[0].pool_purge_ms = 0;
    });
    assert_eq!(opened(&proxy, 10), 10);
}

#[test]
fn a_connection_in_use_is_not_kept_once_its_server_has_moved() {
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let slow = origin(move |_, mut conn| {
        conn.head();
        let _ = may_go.lock().expect("one user").recv();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").try_until("\r\n\r\n");
    });
    let proxy = run(&[slow], always);
    let mut client = Conn::to(proxy.addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let view = proxy.engine.current().1;
    let used = || view.proxy(ProxyId(0)).servers[0].used.load(Relaxed);
    wait_until("the connection is in use", || used() == 1);
    proxy.engine.change(ProxyId(0), ServerId(0), Change::Addr(plain_origin()));
    go.send(()).expect("it waits");
    assert_eq!(client.message().1, "ok");
    wait_until("the connection is closed", || used() == 0);
    assert_eq!(proxy.engine.idle_connections(ProxyId(0), ServerId(0)).iter().sum::<usize>(), 0);
    assert_eq!(opened(&proxy, CLIENTS), 1);
}

#[test]
fn a_reload_keeps_what_leads_to_a_server_in_the_same_way() {
    let servers = [plain_origin()];
    let proxy = run(&servers, always);
    let reload = |servers: &[SocketAddr], change: fn(&mut Draft)| {
        let ir = configuration(servers, |draft| {
            always(draft);
            change(draft);
        });
        proxy.engine.swap(ir, &mut listen::open).map_err(|failed| failed.len()).expect("its sockets are open");
        opened(&proxy, CLIENTS)
    };
    assert_eq!(opened(&proxy, CLIENTS), 1);
    assert_eq!(reload(&servers, |draft| draft.servers[0].weight = 7), 0, "another weight");
    assert_eq!(reload(&servers, |draft| draft.servers[0].user_timeout_ms = 5000), 1, "another setting of the socket");
    assert_eq!(reload(&[plain_origin()], |draft| draft.servers[0].user_timeout_ms = 5000), 1, "another address");
    // Nothing that was opened for another server of the name is left.
    assert_eq!(proxy.engine.idle_connections(ProxyId(0), ServerId(0)).iter().sum::<usize>(), 1);
    proxy.engine.change(ProxyId(0), ServerId(0), Change::Weight(3));
    assert_eq!(opened(&proxy, CLIENTS), 0);
}
