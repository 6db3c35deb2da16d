//! TLS on both sides with peers of another making: tokio-rustls, which keeps buffers of its own and cuts records elsewhere.

use std::sync::Arc;
use std::time::Duration;

use hydroxy::ir::Verify;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::fixture::run;
use crate::tls::{bind_tls, certificate, server_tls};

/// The body's size and the size of the pieces it is written in. Around the largest record (16 KiB) and our buffers.
const MESSAGES: [(usize, usize); 8] = [
    (0, 1),
    (1, 1),
    (16_383, 16_383),
    (16_384, 5_000),
    (16_385, 16_385),
    (53_000, 53_000),
    (300_000, 1_400),
    (1_000_000, 100_000),
];

#[test]
fn bodies_of_all_sizes_pass_through_tls_on_both_sides() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (outer, inner) = (certificate(&["a.test"]), certificate(&["origin.test"]));
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(inner.chain.clone(), inner.key.clone_key()).expect("a server");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = listener.local_addr().expect("bound");
        tokio::spawn(echo_for_ever(listener, TlsAcceptor::from(Arc::new(config))));
        let proxy = run(&[origin], |proxy| {
            proxy.binds[0].tls = Some(bind_tls(vec![outer.clone()]));
            proxy.servers[0].tls = Some(server_tls(&inner, Verify::Required));
        });
        let mut roots = RootCertStore::empty();
        roots.add(outer.chain[0].clone()).expect("a root");
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let clients: Vec<_> = (0..12).map(|at| tokio::spawn(client(connector.clone(), proxy.addr, at))).collect();
        for client in clients {
            let done = tokio::time::timeout(Duration::from_secs(30), client).await;
            done.expect("in time").expect("a client without panic");
        }
    });
}

/// Sends all messages on one connection, each client from another one on.
async fn client(connector: TlsConnector, proxy: std::net::SocketAddr, start: usize) {
    let tcp = TcpStream::connect(proxy).await.expect("connected");
    let name = ServerName::try_from("a.test").expect("a name");
    let mut tls = connector.connect(name, tcp).await.expect("a handshake");
    for (size, piece) in MESSAGES.iter().cycle().skip(start % MESSAGES.len()).take(MESSAGES.len()) {
        let body: Vec<u8> = (0..*size).map(|at| (at * 7 + start) as u8).collect();
        let (mut reader, mut writer) = tokio::io::split(&mut tls);
        let send = async {
            let head = format!("POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: {size}\r\n\r\n");
            writer.write_all(head.as_bytes()).await.expect("written");
            for part in body.chunks(*piece) {
                writer.write_all(part).await.expect("written");
                writer.flush().await.expect("flushed");
            }
        };
        let receive = message(&mut reader);
        let ((), answer) = tokio::join!(send, receive);
        let answer = answer.expect("an answer");
        assert!(answer == body, "{} bytes came back of {size}", answer.len());
    }
    tls.shutdown().await.expect("an orderly end");
}

/// Answers each request with its own body.
pub async fn echo_for_ever(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((tcp, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut tls = acceptor.accept(tcp).await.expect("a handshake");
            while let Some(body) = message(&mut tls).await {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let sent = async {
                    tls.write_all(head.as_bytes()).await?;
                    tls.write_all(&body).await?;
                    tls.flush().await
                };
                if sent.await.is_err() {
                    break;
                }
            }
        });
    }
}

/// The body of the next message; `None` at the end.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let (mut seen, mut part) = (Vec::new(), vec![0; 20_000]);
    let mut whole = None;
    loop {
        if whole.is_none()
            && let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            whole = Some((end + 4, length.map_or(0, |length| length.parse::<usize>().expect("a number"))));
        }
        if let Some((head, body)) = whole
            && seen.len() >= head + body
        {
            assert_eq!(seen.len(), head + body, "bytes behind the message");
            return Some(seen.split_off(head));
        }
        match stream.read(&mut part).await {
            Ok(0) => {
                assert!(seen.is_empty(), "the end within a message, after {} bytes", seen.len());
                return None;
            }
            Ok(n) => seen.extend_from_slice(&part[..n]),
            // A server's connection that nobody needs any more may be reset.
            Err(_) => return None,
        }
    }
}
