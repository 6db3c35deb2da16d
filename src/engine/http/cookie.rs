//! The persistence cookie of a backend (manual 4.2 `cookie`): read from the request, taken out of it or cut, set in the response.
//! What was found and done is told in the log (8.5).

use super::dates;
use crate::base::id::ServerId;
use crate::engine::live::Live;
use crate::engine::persist::{self, Persist};
use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::http::list::{self, Cookie as Pair};
use crate::http::{CookieEdit, HeaderId, HeaderName, Method, MsgMut};
use crate::ir::{Cookie, CookieMode, CookieOptions, Proxy};

/// Nothing found, nothing done: what the log tells of a backend with a cookie.
pub(super) fn watch(st: &mut Stream, backend: &Proxy) {
    let watched = backend.persist.cookie.as_ref().is_some_and(Cookie::is_watched);
    st.facts.cookie_flags = if watched { *b"NN" } else { [0, 0] };
}

/// Binds the stream to the server that the client's cookie names, and makes the cookies what the server is to see.
pub(super) fn read(s: &Session, st: &mut Stream, live: &Live, backend: &Proxy) {
    let Some(cookie) = &backend.persist.cookie else { return };
    let now = s.core.unix_us() / 1_000_000;
    let mut reader = Reader { cookie, backend, live, now, persist: st.persist, found: b'N' };
    MsgMut::new(s.buf.data(), &mut st.req).edit_cookies(|pair| reader.see(pair));
    st.persist = reader.persist;
    if cookie.is_watched() {
        st.facts.cookie_flags[0] = reader.found;
    }
    if st.persist.by_cookie {
        st.facts.backend.get_or_insert(backend.id);
        st.facts.server = st.persist.server;
    }
}

struct Reader<'a> {
    cookie: &'a Cookie,
    backend: &'a Proxy,
    live: &'a Live,
    /// Unix time in seconds.
    now: i64,
    persist: Persist,
    /// The first character of cookie persistence in the log.
    found: u8,
}

impl Reader<'_> {
    fn see(&mut self, pair: &Pair<'_>) -> CookieEdit {
        if pair.name != self.cookie.name.as_bytes() {
            return CookieEdit::Keep;
        }
        let prefix = self.cookie.mode == CookieMode::Prefix;
        let delimiter = if prefix { b'~' } else { b'|' };
        let end = memchr::memchr(delimiter, pair.value);
        let (named, rest) = pair.value.split_at(end.unwrap_or(pair.value.len()));
        let mut over = None;
        if self.cookie.mode == CookieMode::Insert {
            over = self.date(rest);
        }
        self.found = match over {
            Some(over) => over,
            // Of several cookies the first that binds is the one.
            None if self.found == b'V' || self.persist.by_cookie => self.found,
            None if self.persist.ignored => b'U',
            None => self.bind(named),
        };
        match self.cookie.mode {
            CookieMode::Prefix => CookieEdit::Cut(end.map_or(0, |end| end + 1)),
            CookieMode::Insert if self.cookie.options.contains(CookieOptions::INDIRECT) => CookieEdit::Remove,
            _ => CookieEdit::Cut(0),
        }
    }

    /// Keeps the dates behind a value; says what the log tells of a cookie that is too old. A later cookie's dates count.
    fn date(&mut self, rest: &[u8]) -> Option<u8> {
        let (seen_at, since) = dates::read(rest);
        self.persist.seen_at = seen_at.or(self.persist.seen_at);
        self.persist.since = since.or(self.persist.since);
        let over = |date, limit, found| dates::is_over(date, limit, self.now).then_some(found);
        over(since, self.cookie.max_life, b'O').or_else(|| over(seen_at, self.cookie.max_idle, b'E'))
    }

    /// Binds the stream to the server with this value. Returns what the log says of the cookie.
    fn bind(&mut self, named: &[u8]) -> u8 {
        let mut found = if self.found == b'N' { b'I' } else { self.found };
        let changed = &self.live.view.proxy(self.backend.id).dynamic_cookie;
        for (server, at) in self.backend.servers.iter().zip(0..) {
            let id = ServerId(at);
            let Some(state) = self.live.view.server(self.backend.id, id) else { continue };
            if persist::cookie_of(self.backend, changed, server, state).is_none_or(|value| value.bytes() != named) {
                continue;
            }
            found = if state.running() { b'V' } else { b'D' };
            if persist::may_serve(self.live, self.backend, id, self.persist.forced) {
                self.persist = Persist { server: Some(id), by_cookie: true, ..self.persist };
                break;
            }
        }
        found
    }
}

/// Makes the cookies of a response what the client is to see.
pub(super) fn answer(s: &Session, st: &mut Stream, live: &Live, backend: &Proxy, id: ServerId, raw: &[u8]) {
    let Some(cookie) = &backend.persist.cookie else { return };
    MsgMut::new(raw, &mut st.res).tidy_set_cookies();
    if !cookie.is_watched() || st.persist.ignored {
        return;
    }
    let Some((server, state)) = live.server(backend.id, id) else { return };
    let value = persist::cookie_of(backend, &live.view.proxy(backend.id).dynamic_cookie, server, state);
    let value = value.as_ref().map(|value| value.bytes());
    let bound = st.persist.by_cookie && st.persist.server == Some(id);
    if let Some(done) = of_server(MsgMut::new(raw, &mut st.res), cookie, value, bound) {
        st.facts.cookie_flags[1] = done;
    }
    let options = cookie.options;
    let now = s.core.unix_us() / 1_000_000;
    let stale = || dates::is_stale(&st.persist, cookie, now);
    if cookie.mode != CookieMode::Insert
        || st.facts.cookie_flags[1] == b'P'
        || (options.contains(CookieOptions::POSTONLY) && st.req.method != Method::Post)
        || (bound && !stale())
    {
        return;
    }
    let mut text = std::mem::take(&mut st.scratch);
    text.clear();
    write(&mut text, cookie, value, st.persist.since.filter(|_| bound), now);
    let mut msg = MsgMut::new(raw, &mut st.res);
    msg.add(&HeaderName::SET_COOKIE, &text);
    if options.contains(CookieOptions::NOCACHE) && super::cacheable::is_cacheable(msg.read(), st.req.method) {
        msg.add(&HeaderName::CACHE_CONTROL, b"private");
    }
    st.scratch = text;
    st.facts.cookie_flags[1] = if bound { b'U' } else { b'I' };
}

/// Treats the server's own cookies of the name; says what was done, if there was one.
fn of_server(mut msg: MsgMut<'_>, cookie: &Cookie, value: Option<&[u8]>, bound: bool) -> Option<u8> {
    let options = cookie.options;
    let kept = options.contains(CookieOptions::PRESERVE);
    let removes = !kept && (cookie.mode == CookieMode::Insert || (options.contains(CookieOptions::INDIRECT) && bound));
    let own = |field: &[u8]| list::set_cookie(field).is_some_and(|pair| pair.name == cookie.name.as_bytes());
    if removes {
        let removed = msg.del_where(|field| field.id == HeaderId::SetCookie && own(field.value));
        return (removed > 0).then_some(b'D');
    }
    let mut done = None;
    msg.replace_values(&HeaderName::SET_COOKIE, |field, text| {
        let Some(pair) = list::set_cookie(field).filter(|_| own(field)) else { return false };
        let (Some(value), CookieMode::Rewrite | CookieMode::Prefix) = (value, cookie.mode) else {
            done = Some(b'P');
            return false;
        };
        done = Some(b'R');
        // No blanks are left around the `=`.
        let start = pair.start + pair.name.len() + 1;
        text.extend_from_slice(pair.name);
        text.push(b'=');
        text.extend_from_slice(value);
        if cookie.mode == CookieMode::Prefix {
            text.push(b'~');
            text.extend_from_slice(&field[start..]);
        } else {
            text.extend_from_slice(&field[start + pair.value.len()..]);
        }
        true
    });
    done
}

/// Writes the cookie that is inserted; one that ends persistence for a server without a value.
fn write(text: &mut Vec<u8>, cookie: &Cookie, value: Option<&[u8]>, since: Option<u32>, now: i64) {
    text.extend_from_slice(cookie.name.as_bytes());
    text.push(b'=');
    match value {
        Some(value) => {
            text.extend_from_slice(value);
            if cookie.max_idle.is_some() || cookie.max_life.is_some() {
                dates::write(text, now);
            }
            if cookie.max_life.is_some() {
                dates::write(text, since.map_or(now, i64::from));
            }
        }
        None => text.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
    }
    text.extend_from_slice(b"; path=/");
    text.extend_from_slice(cookie.attributes.as_bytes());
}
