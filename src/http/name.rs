//! Header field names: the well-known ones as small ids, any other as prepared lower-case bytes.

use std::borrow::Cow;

macro_rules! header_ids {
    ($($variant:ident $constant:ident $text:literal,)*) => {
        /// A well-known field name. The parser gives every field its id, so that rules compare one byte instead of a name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum HeaderId {
            /// Any name without an id of its own.
            Other,
            $($variant,)*
        }

        /// Lower-case text of every id, by its number.
        const TEXTS: &[&str] = &["", $($text,)*];
        const IDS: &[HeaderId] = &[HeaderId::Other, $(HeaderId::$variant,)*];

        impl HeaderName {
            $(#[doc = concat!("`", $text, "`")]
            pub const $constant: HeaderName = HeaderName { id: HeaderId::$variant, text: Cow::Borrowed($text.as_bytes()) };)*
        }
    };
}

header_ids! {
    Accept ACCEPT "accept",
    AcceptEncoding ACCEPT_ENCODING "accept-encoding",
    AcceptLanguage ACCEPT_LANGUAGE "accept-language",
    AccessControlAllowOrigin ACCESS_CONTROL_ALLOW_ORIGIN "access-control-allow-origin",
    Age AGE "age",
    Allow ALLOW "allow",
    Authorization AUTHORIZATION "authorization",
    CacheControl CACHE_CONTROL "cache-control",
    Connection CONNECTION "connection",
    ContentEncoding CONTENT_ENCODING "content-encoding",
    ContentLength CONTENT_LENGTH "content-length",
    ContentType CONTENT_TYPE "content-type",
    Cookie COOKIE "cookie",
    Date DATE "date",
    Etag ETAG "etag",
    Expect EXPECT "expect",
    Expires EXPIRES "expires",
    Forwarded FORWARDED "forwarded",
    Host HOST "host",
    IfMatch IF_MATCH "if-match",
    IfModifiedSince IF_MODIFIED_SINCE "if-modified-since",
    IfNoneMatch IF_NONE_MATCH "if-none-match",
    IfUnmodifiedSince IF_UNMODIFIED_SINCE "if-unmodified-since",
    KeepAlive KEEP_ALIVE "keep-alive",
    LastModified LAST_MODIFIED "last-modified",
    Link LINK "link",
    Location LOCATION "location",
    Origin ORIGIN "origin",
    Pragma PRAGMA "pragma",
    ProxyAuthorization PROXY_AUTHORIZATION "proxy-authorization",
    ProxyConnection PROXY_CONNECTION "proxy-connection",
    Range RANGE "range",
    Referer REFERER "referer",
    RetryAfter RETRY_AFTER "retry-after",
    SecWebsocketAccept SEC_WEBSOCKET_ACCEPT "sec-websocket-accept",
    SecWebsocketKey SEC_WEBSOCKET_KEY "sec-websocket-key",
    Server SERVER "server",
    SetCookie SET_COOKIE "set-cookie",
    StrictTransportSecurity STRICT_TRANSPORT_SECURITY "strict-transport-security",
    Te TE "te",
    Trailer TRAILER "trailer",
    TransferEncoding TRANSFER_ENCODING "transfer-encoding",
    Upgrade UPGRADE "upgrade",
    UpgradeInsecureRequests UPGRADE_INSECURE_REQUESTS "upgrade-insecure-requests",
    UserAgent USER_AGENT "user-agent",
    Vary VARY "vary",
    Via VIA "via",
    WwwAuthenticate WWW_AUTHENTICATE "www-authenticate",
    XForwardedFor X_FORWARDED_FOR "x-forwarded-for",
    XForwardedHost X_FORWARDED_HOST "x-forwarded-host",
    XForwardedPort X_FORWARDED_PORT "x-forwarded-port",
    XForwardedProto X_FORWARDED_PROTO "x-forwarded-proto",
    XRealIp X_REAL_IP "x-real-ip",
    XRequestId X_REQUEST_ID "x-request-id",
}

impl HeaderId {
    /// The id of a name that is already in lower case.
    pub fn of_lower(name: &[u8]) -> HeaderId {
        let mut words = NameWords::default();
        for (number, chunk) in name.chunks(8).enumerate() {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            words.put(number * 8, u64::from_le_bytes(bytes));
        }
        words.id(name.len())
    }

    /// The name in lower case, empty for `Other`.
    #[inline]
    pub fn text(self) -> &'static str {
        TEXTS[self as usize]
    }

    /// One bit per id, for sets of names.
    #[inline]
    pub const fn bit(self) -> u64 {
        1 << (self as u64)
    }
}

/// A field name prepared at load: lower case, with its id.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct HeaderName {
    id: HeaderId,
    text: Cow<'static, [u8]>,
}

impl HeaderName {
    /// Prepares a name as written in a configuration; the case does not matter.
    pub fn new(name: impl AsRef<[u8]>) -> HeaderName {
        let lower = name.as_ref().to_ascii_lowercase();
        match HeaderId::of_lower(&lower) {
            HeaderId::Other => HeaderName { id: HeaderId::Other, text: Cow::Owned(lower) },
            id => HeaderName::from(id),
        }
    }

    #[inline]
    pub fn id(&self) -> HeaderId {
        self.id
    }

    /// The name in lower case.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether a field with this id and lower-case name is meant.
    #[inline]
    pub fn is(&self, id: HeaderId, lower: &[u8]) -> bool {
        self.id == id && (id != HeaderId::Other || *self.text == *lower)
    }
}

impl From<HeaderId> for HeaderName {
    fn from(id: HeaderId) -> HeaderName {
        HeaderName { id, text: Cow::Borrowed(id.text().as_bytes()) }
    }
}

impl std::fmt::Display for HeaderName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

/// The first 32 bytes of a lower-case name as little-endian words, zeros behind its end: what the parser has in registers
/// while it reads a name, and enough to tell the well-known names apart.
#[derive(Clone, Copy, Default)]
pub(super) struct NameWords([u64; WORDS]);

impl NameWords {
    /// Adds the eight bytes at `at`, or some of them; what lies behind the first 32 is not kept.
    #[inline(always)]
    pub(super) fn put(&mut self, at: usize, word: u64) {
        if let Some(place) = self.0.get_mut(at / 8) {
            *place |= word;
        }
    }

    /// Writes the name over the first `len` bytes of `bytes`, which are the same name in any case.
    #[inline(always)]
    pub(super) fn write(&self, bytes: &mut [u8], len: usize) {
        if len > WORDS * 8 || bytes.len() < len.next_multiple_of(8) {
            return bytes.iter_mut().take(len).for_each(|byte| byte.make_ascii_lowercase());
        }
        let mut left = len;
        for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&self.0) {
            let kept = if left < 8 { u64::from_le_bytes(*chunk) & (u64::MAX << (left * 8)) } else { 0 };
            *chunk = (word | kept).to_le_bytes();
            if left <= 8 {
                break;
            }
            left -= 8;
        }
    }

    /// The id of the name, whose length in bytes is `len`.
    #[inline(always)]
    pub(super) fn id(&self, len: usize) -> HeaderId {
        let count = len.div_ceil(8);
        let Some(last) = count.checked_sub(1).and_then(|at| self.0.get(at)) else { return HeaderId::Other };
        let number = usize::from(SLOTS[slot(self.0[0], *last)]);
        // Word by word: a comparison of the whole array would read back fresh stores in another width, which is slow.
        let known = &NAMES[number];
        for at in 0..count.min(WORDS) {
            if self.0[at] != known.0[at] {
                return HeaderId::Other;
            }
        }
        if number > 0 && known.0.get(count).is_none_or(|&word| word == 0) { IDS[number] } else { HeaderId::Other }
    }
}

/// A lower-case name of less than 16 bytes, with zeros behind its end: a `NameWords` that stays in registers.
#[derive(Clone, Copy)]
pub(super) struct ShortName {
    words: [u64; 2],
    /// The bytes of the words that belong to the name.
    masks: [u64; 2],
    len: usize,
}

impl ShortName {
    /// The first `len` bytes of a text in lower case, whatever stands behind them.
    #[inline(always)]
    pub(super) fn new(lower: [u64; 2], len: usize) -> ShortName {
        let bits = len as u32 * 8;
        let masks = [!u64::MAX.unbounded_shl(bits), !u64::MAX.unbounded_shl(bits.saturating_sub(64))];
        ShortName { words: [lower[0] & masks[0], lower[1] & masks[1]], masks, len }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Writes the name over itself in any case at the start of `bytes`.
    #[inline(always)]
    pub(super) fn write(&self, bytes: &mut [u8]) {
        let ([first, second, ..], _) = bytes.as_chunks_mut::<8>() else { return };
        *first = (u64::from_le_bytes(*first) & !self.masks[0] | self.words[0]).to_le_bytes();
        // Most often the line goes on there, which the next reads would meet.
        if self.masks[1] != 0 {
            *second = (u64::from_le_bytes(*second) & !self.masks[1] | self.words[1]).to_le_bytes();
        }
    }

    #[inline(always)]
    pub(super) fn id(&self) -> HeaderId {
        let [first, second] = self.words;
        let number = usize::from(SLOTS[slot(first, if second != 0 { second } else { first })]);
        // No name leads to number 0, whose words are zeros as well.
        let known = &NAMES[number].0;
        if (known[0] ^ first) | (known[1] ^ second) | known[2] == 0 { IDS[number] } else { HeaderId::Other }
    }
}

/// A perfect hash of the well-known names, found by trying multipliers; `slots` refuses to compile if two names collide.
#[inline]
const fn slot(first: u64, last: u64) -> usize {
    (first.wrapping_add(last.rotate_left(7)).wrapping_mul(0x3a4e_fa24_bc03_9eab) >> 57) as usize
}

const fn slots() -> [u8; 128] {
    let mut table = [0; 128];
    let mut number = 1;
    while number < TEXTS.len() {
        let words = &NAMES[number].0;
        let place = slot(words[0], words[TEXTS[number].len().div_ceil(8) - 1]);
        assert!(table[place] == 0, "two well-known names share a slot: choose another multiplier");
        table[place] = number as u8;
        number += 1;
    }
    table
}

const fn names() -> [NameWords; TEXTS.len()] {
    let mut names = [NameWords([0; WORDS]); TEXTS.len()];
    let mut number = 0;
    while number < TEXTS.len() {
        let text = TEXTS[number].as_bytes();
        let mut at = 0;
        while at < text.len() {
            names[number].0[at / 8] |= (text[at] as u64) << (at % 8 * 8);
            at += 1;
        }
        number += 1;
    }
    names
}

/// Words that tell names apart: the longest well-known name has 27 bytes.
const WORDS: usize = 4;
static SLOTS: [u8; 128] = slots();
static NAMES: [NameWords; TEXTS.len()] = names();
/// `HeaderId::bit` has room for 64 ids.
const _: () = assert!(TEXTS.len() <= 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_well_known_name_is_found_and_nothing_else() {
        for (number, text) in TEXTS.iter().enumerate().skip(1) {
            assert_eq!(HeaderId::of_lower(text.as_bytes()), IDS[number], "{text}");
            assert_eq!(HeaderName::new(text.to_uppercase()).id(), IDS[number]);
            assert_eq!(IDS[number].text(), *text);
        }
        for other in ["", "t", "x", "tE", "hosu", "host2", "x-forwarded-fop", "connectiom"] {
            assert_eq!(HeaderId::of_lower(other.as_bytes()), HeaderId::Other, "{other}");
        }
    }

    #[test]
    fn a_prepared_name_matches_by_id_or_by_bytes() {
        let custom = HeaderName::new("X-Custom");
        assert_eq!(custom.as_bytes(), b"x-custom");
        assert!(custom.is(HeaderId::Other, b"x-custom"));
        assert!(!custom.is(HeaderId::Other, b"x-custon"));
        assert!(HeaderName::HOST.is(HeaderId::Host, b"host"));
        assert!(!HeaderName::HOST.is(HeaderId::Other, b"x"));
    }
}
