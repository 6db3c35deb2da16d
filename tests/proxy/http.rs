//! HTTP/1 semantics, one behaviour per test.

use std::net::TcpListener;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use hydroxy::base::id::{ProxyId, ServerId};
use hydroxy::ir::{Balance, ConnectionMode, Reuse};
use hydroxy::state::Stat;

use crate::fixture::{Conn, check, origin, plain_origin, run};
use crate::reload::wait_until;

#[test]
fn a_request_is_forwarded_and_the_connection_lives_on() {
    let proxy = run(&[plain_origin()], |_| {});
    let mut client = Conn::to(proxy.addr);
    for path in ["/one", "/two", "/three"] {
        let (head, body) = client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).message();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(!head.contains("connection:"), "{head}");
        assert_eq!(body, format!("0: GET {path} HTTP/1.1"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let proxy = run(&[plain_origin()], |_| {});
    let mut client = Conn::to(proxy.addr);
    client
        .send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    for path in ["/1", "/2", "/3"] {
        assert_eq!(client.message().1, format!("0: GET {path} HTTP/1.1"));
    }
}

#[test]
fn servers_take_turns() {
    let proxy = run(&[plain_origin(), plain_origin()], |proxy| proxy.servers[1].name = "other".into());
    let mut seen = [0, 0];
    for _ in 0..4 {
        let mut client = Conn::to(proxy.addr);
        let (_, body) = client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").message();
        seen[usize::from(!body.starts_with('0'))] += 1;
        assert_eq!(client.rest(), "");
    }
    let state = &proxy.engine;
    assert_eq!(state.cores(), 2);
    // Each server saw its first and second connection.
    assert_eq!(seen, [2, 2]);
}

#[test]
fn http_close_ends_both_connections() {
    let proxy = run(&[plain_origin()], |proxy| proxy.connection = ConnectionMode::Close);
    let mut client = Conn::to(proxy.addr);
    let (head, _) = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message();
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_eq!(client.rest(), "");
}

#[test]
fn server_close_keeps_the_client() {
    let proxy = run(&[plain_origin()], |proxy| proxy.connection = ConnectionMode::ServerClose);
    let mut client = Conn::to(proxy.addr);
    for at in 0..3 {
        let (head, body) = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message();
        assert!(!head.contains("connection:"), "{head}");
        assert_eq!(body, format!("{at}: GET / HTTP/1.1"));
    }
}

#[test]
fn reuse_always_shares_connections_between_clients_and_never_does_not() {
    for (reuse, shared) in [(Reuse::Always, true), (Reuse::Never, false), (Reuse::Safe, false)] {
        let proxy = run(&[plain_origin()], |proxy| {
            proxy.reuse = reuse;
            proxy.name = "web".into();
        });
        let mut numbers = Vec::new();
        for _ in 0..8 {
            let mut client = Conn::to(proxy.addr);
            let (_, body) = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message();
            numbers.push(body.split(':').next().expect("a number").parse::<usize>().expect("a number"));
        }
        let opened = numbers.iter().max().expect("some") + 1;
        // The last connection may not lie idle yet when the next client comes.
        assert_eq!(opened <= 2, shared, "{reuse:?}: {numbers:?}");
    }
}

#[test]
fn a_large_upload_and_download_pass() {
    let server = origin(|_, mut conn| {
        let head = conn.head();
        assert!(head.contains("content-length: 3000000\r\n"), "{head}");
        let body = conn.take(3_000_000);
        assert!(body.iter().all(|byte| *byte == b'u'));
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n").send(vec![b'd'; 5_000_000]);
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n").send(vec![b'u'; 3_000_000]);
    client.head();
    assert!(client.take(5_000_000).iter().all(|byte| *byte == b'd'));
}

#[test]
fn chunked_bodies_pass_with_trailers() {
    let server = origin(|_, mut conn| {
        let head = conn.head();
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        assert_eq!(conn.until("\r\n\r\n"), "3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n");
        conn.send("wxyz\r\n0\r\nX-End: yes\r\n\r\n");
        conn.head();
        conn.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
    client.head();
    assert_eq!(client.until("\r\n\r\n"), "4\r\nwxyz\r\n0\r\nx-end: yes\r\n\r\n");
    let head = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert!(head.starts_with("HTTP/1.1 204"), "{head}");
}

#[test]
fn old_clients_get_chunks_decoded_and_a_close() {
    let server = origin(|_, mut conn| {
        conn.head();
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n1\r\n!\r\n0\r\n\r\n");
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    let all = client.send("GET / HTTP/1.0\r\n\r\n").rest();
    assert!(all.ends_with("\r\n\r\nwxyz!"), "{all}");
    assert!(!all.contains("chunked"), "{all}");
}

#[test]
fn a_body_until_close_ends_with_its_connection() {
    let server = origin(|_, mut conn| {
        conn.head();
        conn.send("HTTP/1.1 200 OK\r\n\r\nto the end");
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    let all = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").rest();
    assert!(all.contains("connection: close\r\n"), "{all}");
    assert!(all.ends_with("\r\n\r\nto the end"), "{all}");
}

#[test]
fn answers_to_head_and_304_have_no_body() {
    let server = origin(|_, mut conn| {
        while let Some(head) = conn.try_until("\r\n\r\n") {
            let status = if head.starts_with("HEAD") { "200 OK" } else { "304 Not Modified" };
            conn.send(format!("HTTP/1.1 {status}\r\nContent-Length: 10\r\n\r\n"));
        }
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    for method in ["HEAD", "GET", "HEAD"] {
        let head = client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).head();
        assert!(head.contains("content-length: 10\r\n"), "{head}");
    }
}

#[test]
fn continue_comes_from_the_server() {
    let server = origin(|_, mut conn| {
        let head = conn.head();
        assert!(head.to_lowercase().contains("expect: 100-continue"), "{head}");
        conn.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(conn.take(4), b"body");
        conn.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 100"));
    client.send("body");
    assert_eq!(client.head(), "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    assert_eq!(client.message().1, "ok");
}

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let server = origin(|_, mut conn| {
        let head = conn.head();
        assert!(head.contains("upgrade: chat\r\n"), "{head}");
        conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nhello");
        assert_eq!(conn.take(4), b"ping");
        conn.send("pong");
        assert_eq!(conn.rest(), "bye");
        conn.send("end");
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 101"));
    assert_eq!(client.take(5), b"hello");
    client.send("ping");
    assert_eq!(client.take(4), b"pong");
    client.send("bye");
    client.stream.shutdown(std::net::Shutdown::Write).expect("open");
    assert_eq!(client.rest(), "end");
}

#[test]
fn an_early_response_passes_during_the_upload() {
    let server = origin(|_, mut conn| {
        conn.head();
        conn.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
        // The server goes on reading for a while, as servers do that want their answer to arrive.
        std::thread::sleep(Duration::from_millis(300));
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nbegin");
    let (head, body) = client.message();
    assert!(head.starts_with("HTTP/1.1 413"), "{head}");
    assert_eq!(body, "big");
}

#[test]
fn no_server_no_answer_and_garbage_have_their_status() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound")
    };
    let proxy = run(&[closed], |proxy| proxy.retries = 0);
    let head = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n"), "{head}");

    let proxy = run(&[origin(|_, mut conn| drop(conn.head()))], |_| {});
    let head = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{head}");

    let silent = origin(|_, mut conn| drop(conn.rest()));
    let proxy = run(&[silent], |proxy| proxy.timeouts.server = Some(200));
    let head = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert!(head.starts_with("HTTP/1.1 504 Gateway Time-out\r\n"), "{head}");

    let all = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n").rest();
    assert!(all.starts_with("HTTP/1.1 400 Bad request\r\nContent-length: 90\r\n"), "{all}");
}

#[test]
fn a_server_that_goes_down_before_a_retry_is_left() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound")
    };
    let proxy = run(&[plain_origin(), closed], |proxy| {
        // By its weight the second one is meant; its first check comes in the middle of the interval.
        (proxy.balance, proxy.redispatch, proxy.timeouts.connect) = (Balance::Source, Some(-1), Some(800));
        proxy.servers[1].weight = 256;
        proxy.servers.iter_mut().for_each(|server| server.check = Some(check(600)));
    });
    let head = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let (_, view) = proxy.engine.current();
    let closed = view.server(ProxyId(0), ServerId(1)).expect("a server");
    assert_eq!([Stat::Connects, Stat::Retries, Stat::Redispatches].map(|stat| closed.counters.sum(stat)), [1, 1, 1]);
}

#[test]
fn who_was_refused_waits_for_a_server_that_is_full() {
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let busy = origin(move |_, mut conn| {
        while conn.try_until("\r\n\r\n").is_some() {
            let _ = may_go.lock().expect("one at a time").recv();
            conn.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let proxy = run(&[busy, dead], |proxy| {
        proxy.redispatch = Some(-1);
        proxy.timeouts.queue = Some(5000);
        proxy.servers[0].maxconn = Some(1);
        proxy.servers[1].maxconn = Some(1);
    });
    let state = proxy.engine.current().1.proxy(ProxyId(0)).clone();
    let (mut first, mut second) = (Conn::to(proxy.addr), Conn::to(proxy.addr));
    first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the first is served", || state.servers[0].current.load(Relaxed) == 1);
    second.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the second waits", || state.queued.load(Relaxed) == 1);
    assert_eq!(state.servers[1].counters.sum(Stat::Connects), 1, "asked once, and not again");
    go.send(()).expect("the server waits");
    assert_eq!(first.message().1, "ok");
    go.send(()).expect("the server waits");
    assert_eq!(second.message().1, "ok");
}

#[test]
fn a_slow_head_times_out() {
    let proxy = run(&[plain_origin()], |proxy| proxy.timeouts.http_request = Some(150));
    let all = Conn::to(proxy.addr).send("GET / HTTP/1.1\r\nHost:").rest();
    assert!(all.starts_with("HTTP/1.1 408 Request Time-out\r\n"), "{all}");
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let proxy = run(&[plain_origin()], |proxy| proxy.timeouts.http_keep_alive = Some(150));
    let mut client = Conn::to(proxy.addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message();
    assert_eq!(client.rest(), "");
}

#[test]
fn a_dead_idle_connection_is_replaced_unnoticed() {
    // Each connection answers one request with keep-alive and closes when the next one comes.
    let server = origin(|_, mut conn| {
        conn.head();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        conn.try_until("\r\n\r\n");
    });
    let proxy = run(&[server], |_| {});
    let mut client = Conn::to(proxy.addr);
    for _ in 0..4 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message().1, "ok");
    }
}
