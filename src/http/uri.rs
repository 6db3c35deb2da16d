//! Request targets (RFC 9112, 3.2): scheme, authority, path, query; hosts and ports. Splits, never decodes.

/// The parts of a request target. `path_at` and the lengths let an editor cut the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Target<'a> {
    /// `http` in `http://host/`.
    pub scheme: Option<&'a [u8]>,
    /// `user@host:port`; for CONNECT the whole target.
    pub authority: Option<&'a [u8]>,
    /// From the first slash to the question mark. None for `*`, an authority, and an absolute target without a path.
    pub path: Option<&'a [u8]>,
    /// What follows the question mark; empty if nothing does.
    pub query: Option<&'a [u8]>,
    /// Where the path starts or would have to be inserted.
    pub path_at: usize,
}

impl<'a> Target<'a> {
    /// Splits a target. A fragment, where accepted at all, stays with the path or the query, as the manual says of `path`.
    pub fn split(target: &'a [u8]) -> Target<'a> {
        if target.first() == Some(&b'/') {
            return Target::default().with_path(target, 0);
        }
        match scheme_end(target) {
            Some(end) => {
                let from = end + 3;
                let rest = &target[from..];
                let len = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
                let head = Target { scheme: Some(&target[..end]), authority: Some(&rest[..len]), ..Target::default() };
                head.with_path(target, from + len)
            }
            // What a rule wrote may be anything; a question mark begins a query in it too.
            None => Target { path_at: target.len(), query: after_mark(target), ..Target::default() },
        }
    }

    /// Splits the target of a CONNECT, which is an authority.
    pub fn authority(target: &'a [u8]) -> Target<'a> {
        Target { authority: Some(target), path_at: target.len(), ..Target::default() }
    }

    fn with_path(mut self, target: &'a [u8], at: usize) -> Target<'a> {
        let rest = &target[at..];
        self.path_at = at;
        let (path, query) = match memchr::memchr(b'?', rest) {
            Some(mark) => (&rest[..mark], Some(&rest[mark + 1..])),
            None => (rest, None),
        };
        self.path = (!path.is_empty()).then_some(path);
        self.query = query;
        self
    }
}

fn after_mark(target: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'?', target).map(|mark| &target[mark + 1..])
}

/// Host and port of an authority without user information: (`host`, `port` as written if there is a colon).
pub fn host_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let authority = match memchr::memrchr(b'@', authority) {
        Some(at) => &authority[at + 1..],
        None => authority,
    };
    if authority.first() == Some(&b'[') {
        return match memchr::memchr(b']', authority) {
            Some(end) => match authority.get(end + 1) {
                Some(b':') => (&authority[..=end], Some(&authority[end + 2..])),
                _ => (authority, None),
            },
            None => (authority, None),
        };
    }
    match memchr::memrchr(b':', authority) {
        Some(at) => (&authority[..at], Some(&authority[at + 1..])),
        None => (authority, None),
    }
}

/// The port of a `Host` value or authority: 0 if there is none or it is no number up to 65535.
pub fn port(authority: &[u8]) -> u16 {
    match host_port(authority).1 {
        Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            digits.iter().try_fold(0_u16, |n, d| n.checked_mul(10)?.checked_add(u16::from(d - b'0'))).unwrap_or(0)
        }
        _ => 0,
    }
}

/// The default port of a scheme, 0 if unknown.
pub fn default_port(scheme: &[u8]) -> u16 {
    if scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"ws") {
        80
    } else if scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"wss") {
        443
    } else {
        0
    }
}

/// Appends the text with `%XX` decoded, and `+` as space where asked for (query strings and forms). False if an escape is not
/// two hexadecimal digits; what was decoded up to there stays appended.
pub fn percent_decode(text: &[u8], plus_is_space: bool, out: &mut Vec<u8>) -> bool {
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else { return false };
                out.push((high * 16 + low) as u8);
            }
            b'+' if plus_is_space => out.push(b' '),
            _ => out.push(byte),
        }
    }
    true
}

/// Where the scheme of an absolute target ends: before `://`.
fn scheme_end(target: &[u8]) -> Option<usize> {
    let end = target.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))?;
    (end > 0 && target[0].is_ascii_alphabetic() && target[end..].starts_with(b"://")).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_split_into_their_parts() {
        let of = |t: &'static str| {
            let t = Target::split(t.as_bytes());
            let text = |b: Option<&'static [u8]>| b.map(|b| std::str::from_utf8(b).unwrap());
            (text(t.scheme), text(t.authority), text(t.path), text(t.query), t.path_at)
        };
        assert_eq!(of("/a?b"), (None, None, Some("/a"), Some("b"), 0));
        assert_eq!(of("/a?"), (None, None, Some("/a"), Some(""), 0));
        assert_eq!(of("//a/b"), (None, None, Some("//a/b"), None, 0));
        assert_eq!(of("/http://x/"), (None, None, Some("/http://x/"), None, 0));
        assert_eq!(of("*"), (None, None, None, None, 1));
        assert_eq!(of("http://u:p@a:81/b/c?d=/"), (Some("http"), Some("u:p@a:81"), Some("/b/c"), Some("d=/"), 15));
        assert_eq!(of("http://a"), (Some("http"), Some("a"), None, None, 8));
        assert_eq!(of("http://a?x"), (Some("http"), Some("a"), None, Some("x"), 8));
        assert_eq!(of("1http://a/"), (None, None, None, None, 10));
        assert_eq!(of("a:443"), (None, None, None, None, 5));
        assert_eq!(of(""), (None, None, None, None, 0));
    }

    #[test]
    fn escapes_are_decoded() {
        let of = |t: &str, plus| {
            let mut out = Vec::new();
            (percent_decode(t.as_bytes(), plus, &mut out), String::from_utf8(out).unwrap())
        };
        assert_eq!(of("a%20b+c%2F", false), (true, "a b+c/".into()));
        assert_eq!(of("a+b", true), (true, "a b".into()));
        assert_eq!(of("a%2", false), (false, "a".into()));
        assert_eq!(of("a%zz", false), (false, "a".into()));
    }

    #[test]
    fn hosts_and_ports_come_apart() {
        let of = |a: &'static str| {
            let (host, port) = host_port(a.as_bytes());
            (std::str::from_utf8(host).unwrap(), port.map(|p| std::str::from_utf8(p).unwrap()))
        };
        assert_eq!(of("a"), ("a", None));
        assert_eq!(of("a:80"), ("a", Some("80")));
        assert_eq!(of("u:p@a:80"), ("a", Some("80")));
        assert_eq!(of("a:"), ("a", Some("")));
        assert_eq!(of("[::1]"), ("[::1]", None));
        assert_eq!(of("[::1]:80"), ("[::1]", Some("80")));
        assert_eq!(of("[::1"), ("[::1", None));
        assert_eq!((port(b"a:80"), port(b"a"), port(b"a:x"), port(b"a:65536"), port(b"a:65535")), (80, 0, 0, 0, 65535));
    }
}
