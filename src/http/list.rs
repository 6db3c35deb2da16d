//! Iteration inside field values: comma lists, cookies, query parameters. Works on plain bytes; knows no field names.
//!
//! The rules are those observable on HAProxy (`req.hdr`, `req.cook`, `url_param`): a comma inside double quotes does not
//! separate, empty elements count, cookies whose name starts with `$` are skipped.

/// Elements of a separated value, trimmed of blanks. An empty value has one empty element.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    value: &'a [u8],
    separators: &'static [u8],
    /// Start of the next element, past the end when there is none.
    next: usize,
}

/// An element of a list and where it starts in the whole value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Element<'a> {
    pub start: usize,
    pub bytes: &'a [u8],
}

impl<'a> Elements<'a> {
    pub fn new(value: &'a [u8]) -> Elements<'a> {
        Elements { value, separators: b",", next: 0 }
    }

    /// The parts of a `Cookie` value, cookies or not: semicolons and commas separate.
    pub fn of_cookie(value: &'a [u8]) -> Elements<'a> {
        Elements { value, separators: b";,", next: 0 }
    }

    /// The separator behind the latest element.
    fn ended_by(&self) -> Option<u8> {
        self.value.get(self.next.checked_sub(1)?).copied()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let rest = self.value.get(self.next..)?;
        let end = separator(rest, self.separators);
        let (lead, bytes) = trim(&rest[..end]);
        let start = self.next + lead;
        self.next += end + 1;
        Some(Element { start, bytes })
    }
}

/// Name and value pairs of a `Cookie` value, in order. Quotes stay part of the value; words without `=` and names that start
/// with `$` are skipped.
#[derive(Clone, Debug)]
pub struct Cookies<'a>(Elements<'a>);

/// One cookie and where its name starts in the whole value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cookie<'a> {
    pub start: usize,
    pub name: &'a [u8],
    pub value: &'a [u8],
}

impl<'a> Cookies<'a> {
    /// The cookies of a request's `Cookie` value.
    pub fn new(value: &'a [u8]) -> Cookies<'a> {
        Cookies(Elements::of_cookie(value))
    }
}

impl<'a> Iterator for Cookies<'a> {
    type Item = Cookie<'a>;

    fn next(&mut self) -> Option<Cookie<'a>> {
        self.0.by_ref().filter_map(|part| pair_of(part.start, part.bytes)).find(|cookie| !cookie.name.starts_with(b"$"))
    }
}

/// The first cookie of a `Set-Cookie` value (RFC 6265, 4.1.1): what stands before the attributes. A comma ends it, too, as in
/// HAProxy: RFC 2109 let one field set several cookies.
pub fn set_cookie(value: &[u8]) -> Option<Cookie<'_>> {
    let first = Elements::of_cookie(value).next()?;
    pair_of(first.start, first.bytes)
}

/// The cookies of a `Set-Cookie` value, mostly one. Behind a comma follows another one, behind a semicolon its attributes.
#[derive(Clone, Debug)]
pub struct SetCookies<'a> {
    parts: Elements<'a>,
    over: bool,
}

impl<'a> SetCookies<'a> {
    pub fn new(value: &'a [u8]) -> SetCookies<'a> {
        SetCookies { parts: Elements::of_cookie(value), over: false }
    }
}

impl<'a> Iterator for SetCookies<'a> {
    type Item = Cookie<'a>;

    fn next(&mut self) -> Option<Cookie<'a>> {
        while !self.over {
            let part = self.parts.next()?;
            let Some(cookie) = pair_of(part.start, part.bytes) else { continue };
            self.over = self.parts.ended_by() != Some(b',');
            if !cookie.name.starts_with(b"$") {
                return Some(cookie);
            }
        }
        None
    }
}

/// Name and value pairs of a query string, still encoded. `&`, `;` and the delimiter that started the parameters separate.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: Option<&'a [u8]>,
    delimiter: u8,
}

impl<'a> Params<'a> {
    /// `query` is what follows the first `delimiter`: `?` usually, or the second argument of `url_param`.
    pub fn new(query: &'a [u8], delimiter: u8) -> Params<'a> {
        Params { rest: Some(query), delimiter }
    }
}

impl<'a> Iterator for Params<'a> {
    /// The name, and the value when there is a `=`.
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let pair = match memchr::memchr3(b'&', b';', self.delimiter, rest) {
            Some(at) => {
                self.rest = Some(&rest[at + 1..]);
                &rest[..at]
            }
            None => {
                self.rest = None;
                rest
            }
        };
        match memchr::memchr(b'=', pair) {
            Some(at) => Some((&pair[..at], Some(&pair[at + 1..]))),
            None => Some((pair, None)),
        }
    }
}

/// Whether a comma-separated value has this token, in any case (`Connection`, `Upgrade`, `Transfer-Encoding`).
pub fn has_token(value: &[u8], token: &[u8]) -> bool {
    Elements::new(value).any(|e| e.bytes.eq_ignore_ascii_case(token))
}

/// Cuts blanks (space, tab) from both ends; also says how many were cut in front.
pub(super) fn trim(text: &[u8]) -> (usize, &[u8]) {
    let blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let lead = text.iter().take_while(blank).count();
    let rest = &text[lead..];
    let tail = rest.iter().rev().take_while(blank).count();
    (lead, &rest[..rest.len() - tail])
}

/// Where the first of `separators` stands outside double quotes, or the length. A backslash inside quotes escapes.
fn separator(text: &[u8], separators: &[u8]) -> usize {
    let mut quoted = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            _ if !quoted && separators.contains(&byte) => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

pub(super) fn pair_of(start: usize, pair: &[u8]) -> Option<Cookie<'_>> {
    let at = memchr::memchr(b'=', pair)?;
    Some(Cookie { start, name: trim(&pair[..at]).1, value: trim(&pair[at + 1..]).1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(value: &str) -> Vec<&str> {
        Elements::new(value.as_bytes()).map(|e| std::str::from_utf8(e.bytes).unwrap()).collect()
    }

    /// What HAProxy 2.6 and 2.8 answer for `req.hdr(x,n)` with the same values.
    #[test]
    fn commas_separate_as_haproxy_separates() {
        assert_eq!(elements("a,b,c"), ["a", "b", "c"]);
        assert_eq!(elements(""), [""]);
        assert_eq!(elements(",a"), ["", "a"]);
        assert_eq!(elements("a,"), ["a", ""]);
        assert_eq!(elements("a,,b"), ["a", "", "b"]);
        assert_eq!(elements(", a , b ,"), ["", "a", "b", ""]);
        assert_eq!(elements("\"a,b\",c"), ["\"a,b\"", "c"]);
        assert_eq!(elements("\"a\\\",b\",c"), ["\"a\\\",b\"", "c"]);
        assert_eq!(elements("a\"b,c"), ["a\"b,c"]);
        assert_eq!(elements("a\\,b"), ["a\\", "b"]);
        assert_eq!(elements("a;q=\"1,2\" , b"), ["a;q=\"1,2\"", "b"]);
    }

    #[test]
    fn an_element_says_where_it_stands() {
        let found: Vec<_> = Elements::new(b"ab,  cd ").map(|e| e.start).collect();
        assert_eq!(found, [0, 5]);
    }

    fn cookies(value: &str) -> Vec<(&str, &str)> {
        let text = |b| std::str::from_utf8(b).unwrap();
        Cookies::new(value.as_bytes()).map(|c| (text(c.name), text(c.value))).collect()
    }

    /// What HAProxy 2.6 and 2.8 answer for `req.cook` and `req.cook_cnt` with the same values.
    #[test]
    fn cookies_separate_as_haproxy_separates() {
        assert_eq!(cookies("a=1; b=2"), [("a", "1"), ("b", "2")]);
        assert_eq!(cookies("a=1,b=2"), [("a", "1"), ("b", "2")]);
        assert_eq!(cookies("a=\"x;y\"; b=2"), [("a", "\"x;y\""), ("b", "2")]);
        assert_eq!(cookies("a = 1 ; b= 2 "), [("a", "1"), ("b", "2")]);
        assert_eq!(cookies("a; b=2"), [("b", "2")]);
        assert_eq!(cookies("a=; b=2"), [("a", ""), ("b", "2")]);
        assert_eq!(cookies("a=1=2; b"), [("a", "1=2")]);
        assert_eq!(cookies("=1; a=2"), [("", "1"), ("a", "2")]);
        assert_eq!(cookies("$Version=1; a=2; $Path=/"), [("a", "2")]);
        assert_eq!(cookies("a=\"x\\\"y;z\"; b=2"), [("a", "\"x\\\"y;z\""), ("b", "2")]);
    }

    #[test]
    fn the_cookie_of_a_response_ends_at_its_attributes() {
        let cookie = set_cookie(b" SID=31d4,x ; Path=/").unwrap();
        assert_eq!((cookie.start, cookie.name, cookie.value), (1, &b"SID"[..], &b"31d4"[..]));
        assert!(set_cookie(b"HttpOnly").is_none());
    }

    /// What HAProxy 2.8 finds with `res.cook(<name>)`.
    #[test]
    fn a_comma_separates_cookies_of_a_response() {
        let names = |value: &'static [u8]| SetCookies::new(value).map(|c| c.name).collect::<Vec<_>>().join(&b' ');
        assert_eq!(names(b"a=1; path=/; b=2"), b"a");
        assert_eq!(names(b"a=1, b=2; path=/; c=3"), b"a b");
        assert_eq!(names(b"a; b=1; c=2"), b"b");
        assert_eq!(names(b"a, b=2; c=3"), b"b");
        assert_eq!(names(b"a=\"1,b=2\""), b"a");
    }

    #[test]
    fn parameters_come_in_order_with_or_without_value() {
        let found: Vec<_> = Params::new(b"a=1&b;=3?c==&", b'?').collect();
        assert_eq!(
            found,
            [
                (&b"a"[..], Some(&b"1"[..])),
                (&b"b"[..], None),
                (&b""[..], Some(&b"3"[..])),
                (&b"c"[..], Some(&b"="[..])),
                (&b""[..], None)
            ]
        );
    }
}
