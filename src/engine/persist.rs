//! `Persist`: the server that a stream is bound to before the balancing algorithm is asked, by a `use-server` rule or by its
//! cookie (`http::cookie`), and how firmly (`option persist`, `force-persist`, `ignore-persist`).

use std::net::{Ipv4Addr, SocketAddr};

use super::hooks::{self, Stage};
use super::live::Live;
use super::session::Session;
use super::stream::Stream;
use crate::base::id::ServerId;
use crate::base::value::Value;
use crate::ir::proxy::ServerTo;
use crate::ir::{CookieOptions, Proxy, Server};
use crate::state::{DynamicCookie, ServerState};

/// What a stream is bound to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Persist {
    /// The server.
    pub server: Option<ServerId>,
    /// Its cookie names the server; else a `use-server` rule does.
    pub by_cookie: bool,
    /// It goes there even if the server is down, and nowhere else.
    pub forced: bool,
    /// The cookie is neither believed nor set.
    pub ignored: bool,
    /// When the cookie was sent last, in Unix time.
    pub seen_at: Option<u32>,
    /// When the cookie was sent first.
    pub since: Option<u32>,
}

impl Stream {
    /// The server that it was bound to is given up; a valid cookie counts as one of a server that is down from now on.
    pub fn unbind(&mut self) {
        self.persist.server = None;
        if self.facts.cookie_flags[0] == b'V' {
            self.facts.cookie_flags[0] = b'D';
        }
    }
}

/// Applies `force-persist`, `ignore-persist` and `use-server` rules to a stream that was given to a backend.
pub fn assign(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, stage: Stage<'_>) {
    let rules = &backend.persist.rules;
    if rules.is_empty() && backend.use_server.is_empty() {
        return;
    }
    let txn = hooks::txn(s, st, live, stage);
    let rule = rules.iter().find(|rule| rule.cond.holds(&txn.ctx())).map(|rule| rule.force);
    let named = by_rule(&txn.ctx(), backend);
    let persist = &mut st.persist;
    persist.forced = rule == Some(true);
    persist.server = named.filter(|server| may_serve(live, backend, *server, persist.forced));
    persist.ignored = rule == Some(false) || persist.server.is_some();
}

/// Binds a stream to the server whose address its RDP cookie says (`persist rdp-cookie`), unless a `use-server` rule has decided.
/// `force-persist` and `ignore-persist` do not mean this cookie, as HAProxy shows.
pub fn by_rdp_cookie(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, stage: Stage<'_>) {
    let Some((_, cookie)) = &backend.persist.rdp_cookie else { return };
    if st.persist.server.is_some() {
        return;
    }
    let txn = hooks::txn(s, st, live, stage);
    let read = |value: Value<'_>| match value {
        Value::Str(text) => terminal_server(&text),
        _ => None,
    };
    let Some(addr) = cookie.with_value(&txn.ctx(), read).flatten() else { return };
    let mut servers = live.view.proxy(backend.id).servers.iter();
    let at = servers.position(|server| server.addr.load().as_deref() == Some(&addr));
    let server = at.map(|at| ServerId(at as u32));
    st.persist.server = server.filter(|server| may_serve(live, backend, *server, false));
}

/// The address in a cookie such as `3640205228.15629.0000`: its bytes and those of the port in the order of the network, each written
/// as the number that a little-endian machine sees. What stands behind the second dot does not matter.
fn terminal_server(cookie: &[u8]) -> Option<SocketAddr> {
    let (ip, rest) = number(cookie)?;
    let (port, _) = number(rest)?;
    // Numbers that are too large lose their upper bits, as in HAProxy.
    Some((Ipv4Addr::from((ip as u32).to_le_bytes()), (port as u16).swap_bytes()).into())
}

/// A number that ends with a dot, read as C does: behind blanks and a plus sign; and what stands behind the dot.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = text.split_at_checked(memchr::memchr(b'.', text)?)?;
    let digits = std::str::from_utf8(digits.trim_ascii_start()).ok()?;
    Some((digits.parse().ok()?, rest.get(1..)?))
}

/// The server of the first `use-server` rule that holds.
fn by_rule(ctx: &crate::expr::Ctx<'_>, backend: &Proxy) -> Option<ServerId> {
    let rule = backend.use_server.iter().find(|rule| rule.cond.as_ref().is_none_or(|cond| cond.holds(ctx)))?;
    match &rule.to {
        ServerTo::Fixed(id) => Some(*id),
        ServerTo::Dynamic(format) => {
            let mut name = Vec::new();
            format.render(ctx, &mut name);
            let at = backend.servers.iter().position(|server| server.name.as_bytes() == name)?;
            Some(ServerId(at as u32))
        }
    }
}

/// The server that the stream is bound to, if it may still be used.
pub fn bound_to(st: &mut Stream, live: &Live, backend: &Proxy) -> Option<ServerId> {
    let server = st.persist.server?;
    if !may_serve(live, backend, server, st.persist.forced) {
        st.unbind();
    }
    st.persist.server
}

/// Whether a server gets the streams that are bound to it.
pub fn may_serve(live: &Live, backend: &Proxy, server: ServerId, forced: bool) -> bool {
    let state = live.view.server(backend.id, server);
    state.is_some_and(|state| forced || backend.persist.on_down || state.running())
}

/// The value by which a cookie names a server.
pub enum CookieValue<'a> {
    /// `cookie` of the server.
    Fixed(&'a str),
    /// Made from its address (`dynamic`).
    Dynamic([u8; 16]),
}

impl CookieValue<'_> {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            CookieValue::Fixed(text) => text.as_bytes(),
            CookieValue::Dynamic(text) => text,
        }
    }
}

/// The cookie's value for a server, if it has one.
pub fn cookie_of<'a>(
    backend: &Proxy,
    changed: &DynamicCookie,
    server: &'a Server,
    state: &ServerState,
) -> Option<CookieValue<'a>> {
    if let Some(fixed) = &server.cookie {
        return Some(CookieValue::Fixed(fixed));
    }
    let cookie = backend.persist.cookie.as_ref()?;
    let on = changed.on.load();
    if !on.as_deref().copied().unwrap_or(cookie.options.contains(CookieOptions::DYNAMIC)) {
        return None;
    }
    let key = changed.key.load();
    let key = key.as_deref().or(backend.persist.dynamic_key.as_ref())?;
    let addr = state.addr.load();
    Some(CookieValue::Dynamic(dynamic(key, addr.as_deref()?)))
}

/// XXH64 over the key, the address and the port in 32 bits, as HAProxy's values show.
fn dynamic(key: &str, addr: &std::net::SocketAddr) -> [u8; 16] {
    let mut hash = xxhash_rust::xxh64::Xxh64::new(0);
    hash.update(key.as_bytes());
    match addr.ip() {
        std::net::IpAddr::V4(ip) => hash.update(&ip.octets()),
        std::net::IpAddr::V6(ip) => hash.update(&ip.octets()),
    }
    hash.update(&u32::from(addr.port()).to_be_bytes());
    let digest = hash.digest();
    std::array::from_fn(|at| b"0123456789abcdef"[(digest >> (60 - 4 * at)) as usize & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rdp_cookie_says_an_address() {
        assert_eq!(terminal_server(b"3640205228.15629.0000"), Some("172.31.249.216:3389".parse().unwrap()));
        for bad in ["", "anna", "3640205228", "3640205228.15629", "1..0000", "-1.1.0000"] {
            assert_eq!(terminal_server(bad.as_bytes()), None, "{bad}");
        }
    }

    /// The values of HAProxy 2.8 for `dynamic-cookie-key mykey`.
    #[test]
    fn dynamic_values_are_those_of_haproxy() {
        let value = |addr: &str| String::from_utf8(dynamic("mykey", &addr.parse().unwrap()).to_vec()).unwrap();
        assert_eq!(value("127.0.0.1:31333"), "9fb18166083abeaf");
        assert_eq!(value("[::1]:80"), "2aac8d266f18e3f3");
    }
}
