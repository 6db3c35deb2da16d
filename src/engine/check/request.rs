//! The request of an HTTP check: `OPTIONS / HTTP/1.0` and what `http-check send` makes of it, byte for byte as HAProxy sends it.

use crate::expr::{Ctx, LogFormat};

/// `http-check send`.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) uri: Option<&'a LogFormat>,
    pub(super) version: &'a str,
    /// Names in lower case.
    pub(super) headers: &'a [(Box<str>, LogFormat)],
    pub(super) body: Option<&'a LogFormat>,
    /// The value of `http-check send-state`.
    pub(super) state: Option<&'a str>,
}

impl Request<'_> {
    /// The head and the body. Framing is ours; a `connection` field is followed where it says something about the connection, else
    /// `HTTP/1.1` servers are asked to close.
    pub(super) fn bytes(&self, ctx: &Ctx<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        match self.uri {
            Some(uri) => uri.render(ctx, &mut out),
            None => out.push(b'/'),
        }
        out.push(b' ');
        out.extend_from_slice(self.version.as_bytes());
        out.extend_from_slice(b"\r\n");
        let mut close = None;
        for (name, value) in self.headers {
            match &**name {
                "connection" => close = Some(says_close(value, ctx)),
                "content-length" | "transfer-encoding" => {}
                name => {
                    field(&mut out, name, |out| value.render(ctx, out));
                }
            }
        }
        if let Some(state) = self.state {
            field(&mut out, "x-haproxy-server-state", |out| out.extend_from_slice(state.as_bytes()));
        }
        let body = self.body.map(|body| {
            let mut text = Vec::new();
            body.render(ctx, &mut text);
            text
        });
        if let Some(body) = &body {
            field(&mut out, "content-length", |out| {
                out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
            });
        }
        let old = self.version == "HTTP/1.0";
        match close {
            Some(false) if old => field(&mut out, "connection", |out| out.extend_from_slice(b"keep-alive")),
            Some(true) | None if !old => field(&mut out, "connection", |out| out.extend_from_slice(b"close")),
            _ => {}
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body.unwrap_or_default());
        out
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value(out);
    out.extend_from_slice(b"\r\n");
}

fn says_close(value: &LogFormat, ctx: &Ctx<'_>) -> bool {
    let mut text = Vec::new();
    value.render(ctx, &mut text);
    text.to_ascii_lowercase().windows(5).any(|part| part == b"close")
}
