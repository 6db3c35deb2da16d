//! Servers that clients are sent to (manual 5.2 `redir`): they get a redirect to a prefix and the request's target.

use std::sync::Arc;

use super::rules::{Answer, Why};
use super::{After, reply};
use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::http::{Method, Msg};
use crate::ir::Proxy;

/// Writes the answer to the request in the session's buffer to `Stream::reply`. False if the request is to be forwarded: only GET and
/// HEAD with a path are redirected.
pub(super) fn prepare(s: &Session, st: &mut Stream, prefix: &str) -> bool {
    let msg = Msg { raw: s.buf.data(), head: &st.req };
    let target = msg.path_and_query().filter(|target| target.starts_with(b"/"));
    let Some(target) = target.filter(|_| matches!(msg.head.method, Method::Get | Method::Head)) else { return false };
    st.reply.clear();
    for part in [HEAD, prefix.as_bytes(), target, b"\r\nconnection: close\r\n\r\n"] {
        st.reply.extend_from_slice(part);
    }
    true
}

/// Sends the answer.
pub(super) async fn send(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>, backend: &Arc<Proxy>) -> After {
    let answer = Answer { status: None, meant: None, why: Why::Redirected };
    reply::answer(s, st, frontend, Some(backend), answer).await
}

const HEAD: &[u8] = b"HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: ";
