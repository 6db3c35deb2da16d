//! Whether a response may be kept by caches between us and the client: what `nocache` of `cookie` and
//! `option checkcache` ask. The rules are those that
//! HAProxy's answers show; they follow RFC 9111, 3, and the list at `option checkcache` in the manual.

use crate::http::{HeaderId, HeaderName, Method, Msg};

/// Whether a cache may keep the response to a request with this method.
pub(super) fn is_cacheable(msg: Msg<'_>, method: Method) -> bool {
    let safe = matches!(method, Method::Get | Method::Head | Method::Options | Method::Trace);
    let mut says = Says { cacheable: safe && by_status(msg.status()), ..Says::default() };
    for field in msg.fields() {
        match field.id {
            HeaderId::Pragma if field.value.eq_ignore_ascii_case(b"no-cache") => return false,
            HeaderId::Expires | HeaderId::Etag | HeaderId::LastModified => says.dated = true,
            HeaderId::CacheControl => {
                for element in crate::http::list::Elements::new(field.value) {
                    says.directive(element.bytes);
                }
            }
            _ => {}
        }
    }
    says.cacheable && says.dated && !says.outdated
}

/// Whether a cache may keep the response with a cookie that it sets for one client (`option checkcache`).
pub(super) fn exposes_cookie(msg: Msg<'_>, method: Method) -> bool {
    let spared = |element: &[u8]| {
        let head = element.get(..NO_CACHE_COOKIE.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(NO_CACHE_COOKIE))
    };
    msg.has(&HeaderName::SET_COOKIE)
        && is_cacheable(msg, method)
        && !msg.elements(&HeaderName::CACHE_CONTROL).any(spared)
}

const NO_CACHE_COOKIE: &[u8] = b"no-cache=\"set-cookie";

/// Statuses that caches keep without being told.
fn by_status(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501)
}

#[derive(Default)]
struct Says {
    cacheable: bool,
    /// There is an age, or something to ask the server with whether the copy is still good.
    dated: bool,
    /// `max-age=0`, unless a later `s-maxage` speaks for shared caches.
    outdated: bool,
}

impl Says {
    fn directive(&mut self, text: &[u8]) {
        let is = |other: &str| text.eq_ignore_ascii_case(other.as_bytes());
        let begins =
            |other: &str| text.get(..other.len()).is_some_and(|head| head.eq_ignore_ascii_case(other.as_bytes()));
        if is("public") {
            self.cacheable = true;
        } else if is("private") || is("no-cache") || is("no-store") || is("s-maxage=0") {
            self.cacheable = false;
        } else if is("max-age=0") {
            self.outdated = true;
        } else if begins("s-maxage") {
            self.dated = true;
            self.outdated = false;
        } else if begins("max-age") {
            self.dated = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Head, MsgMut};

    fn cacheable(method: Method, status: u16, fields: &[(&str, &str)]) -> bool {
        let mut head = Head::new();
        let mut msg = MsgMut::new(b"", &mut head);
        for (name, value) in fields {
            msg.add(&HeaderName::new(*name), value.as_bytes());
        }
        head.status = status;
        is_cacheable(Msg::new(b"", &head), method)
    }

    /// Whether HAProxy 2.8 adds `cache-control: private`; each response has an `ETag` too.
    #[test]
    fn directives_count_as_in_haproxy() {
        let says = |value| cacheable(Method::Get, 200, &[("etag", "\"1\""), ("cache-control", value)]);
        for yes in
            ["public", "no-cache, public", "no-cache=\"x\"", "private=\"x\"", "foo", "s-maxage=0, public", "max-age=00"]
        {
            assert!(says(yes), "{yes}");
        }
        assert!(says("max-age=0, s-maxage=60"));
        for no in [
            "public, no-cache",
            "private, max-age=60",
            "max-age=60, no-store",
            "max-age=0, public",
            "public, max-age=0",
            "s-maxage=60, max-age=0",
            "s-maxage=0, max-age=60",
            "max-age=60, s-maxage=0",
            "No-Store",
        ] {
            assert!(!says(no), "{no}");
        }
    }

    #[test]
    fn a_copy_needs_an_age_or_a_mark() {
        let get = |name, value| cacheable(Method::Get, 200, &[(name, value)]);
        assert!(get("cache-control", "max-age=60") && get("cache-control", "s-maxage=5") && get("expires", "0"));
        assert!(get("etag", "\"1\"") && get("last-modified", "x"));
        assert!(!get("cache-control", "public") && !get("vary", "*"));
        assert!(!cacheable(Method::Get, 200, &[("etag", "x"), ("pragma", "No-Cache")]));
    }

    #[test]
    fn methods_and_statuses_count_unless_the_response_is_public() {
        let etag = ("etag", "x");
        assert!(!cacheable(Method::Post, 200, &[etag]) && !cacheable(Method::Get, 302, &[etag]));
        assert!(cacheable(Method::Head, 404, &[etag]));
        assert!(cacheable(Method::Post, 500, &[etag, ("cache-control", "public")]));
    }
}
