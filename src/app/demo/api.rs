//! The demonstration's servers: small HTTP APIs that say who they are, so that one can see the balancing.
//!
//! They stand in for containers. hyper serves them: this is not the data path.

use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::iris;

/// Serves the replicas from one thread of its own until the process ends.
pub fn serve(replicas: Vec<(TcpListener, String)>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (listener, _) in &replicas {
        listener.set_nonblocking(true)?;
    }
    std::thread::Builder::new().name("demo-api".into()).spawn(move || {
        runtime.block_on(async move {
            // These end with the process.
            let (_end, ended) = watch::channel(false);
            for (listener, hostname) in replicas {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => drop(tokio::spawn(accept(listener, hostname.into(), ended.clone()))),
                    Err(error) => tracing::error!(%error, "a replica cannot listen"),
                }
            }
            std::future::pending::<()>().await;
        });
    })?;
    Ok(())
}

/// Serves one replica until SIGTERM; requests that have begun are answered.
pub fn serve_alone(listener: TcpListener, hostname: String) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    listener.set_nonblocking(true)?;
    runtime.block_on(async move {
        let mut ends = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let (end, ended) = watch::channel(false);
        let accepting = tokio::spawn(accept(tokio::net::TcpListener::from_std(listener)?, hostname.into(), ended));
        tokio::select! {
            _ = ends.recv() => {}
            _ = interrupted.recv() => {}
        }
        // The proxy hears of it at the same time; what is on its way already is served.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        accepting.abort();
        let _ = end.send(true);
        // The last connection lets the channel go.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(8), end.closed()).await;
        Ok(())
    })
}

async fn accept(listener: tokio::net::TcpListener, hostname: Arc<str>, ended: watch::Receiver<bool>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let (hostname, mut ended) = (hostname.clone(), ended.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, hostname.clone()));
            let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            // A client that goes away is no news here.
            tokio::select! {
                _ = &mut connection => {}
                () = async { _ = ended.wait_for(|ended| *ended).await } => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        });
    }
}

async fn answer(request: Request<Incoming>, hostname: Arc<str>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => text(StatusCode::OK, "text/plain", format!("Hello World! My Hostname is: {hostname}\n")),
        (&Method::GET, "/health") => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        (&Method::POST, "/predict") => predict(request, &hostname).await,
        (_, "/predict") => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "POST a flower as JSON\n".to_owned());
            response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("POST"));
            response
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain", "There are / and /predict here\n".to_owned()),
    })
}

async fn predict(request: Request<Incoming>, hostname: &str) -> Response<Full<Bytes>> {
    let body = match Limited::new(request.into_body(), LARGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return text(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "the body is too large\n".to_owned()),
    };
    match iris::read(&body) {
        Ok(flower) => {
            let mut prediction = iris::predict(&flower);
            prediction["hostname"] = hostname.into();
            text(StatusCode::OK, "application/json", format!("{prediction}\n"))
        }
        Err(why) => {
            text(StatusCode::BAD_REQUEST, "application/json", format!("{}\n", serde_json::json!({ "error": why })))
        }
    }
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

/// The largest body read, in bytes.
const LARGEST: usize = 64 * 1024;
