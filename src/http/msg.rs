//! `Msg`: read access to a message head. Owns nothing; see `edit` for changes.

use super::list::{Cookie, Cookies, Elements, SetCookies};
use super::parse::is_h2;
use super::uri::Target;
use super::{Field, Head, HeadFlags, HeaderId, HeaderName, Kind, Method, Slice, Version};

/// A head together with the bytes it indexes.
#[derive(Clone, Copy)]
pub struct Msg<'a> {
    pub raw: &'a [u8],
    pub head: &'a Head,
}

/// One live field, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldRef<'a> {
    /// Lower case.
    pub name: &'a [u8],
    pub value: &'a [u8],
    pub id: HeaderId,
    /// Its place in `Head::fields`, for the editing functions.
    pub index: usize,
}

impl<'a> Msg<'a> {
    #[inline]
    pub fn new(raw: &'a [u8], head: &'a Head) -> Msg<'a> {
        Msg { raw, head }
    }

    /// The bytes of a slice of this head.
    #[inline]
    pub fn bytes(self, slice: Slice) -> &'a [u8] {
        slice.of(self.raw, &self.head.extra)
    }

    /// The name of the method.
    #[inline]
    pub fn method(self) -> &'a [u8] {
        self.bytes(self.head.method_text)
    }

    /// The target as it stands in the request line.
    #[inline]
    pub fn target(self) -> &'a [u8] {
        self.bytes(self.head.target)
    }

    #[inline]
    pub fn version(self) -> Version {
        self.head.version
    }

    /// 0 in a request.
    #[inline]
    pub fn status(self) -> u16 {
        self.head.status
    }

    #[inline]
    pub fn reason(self) -> &'a [u8] {
        self.bytes(self.head.reason)
    }

    /// The target in its parts.
    #[inline]
    pub fn uri(self) -> Target<'a> {
        if self.head.method == Method::Connect && self.head.kind == Kind::Request {
            Target::authority(self.target())
        } else {
            Target::split(self.target())
        }
    }

    /// From the first slash to the question mark; None for `*` and authorities.
    #[inline]
    pub fn path(self) -> Option<&'a [u8]> {
        self.uri().path
    }

    /// Path and query: the target in relative form.
    pub fn path_and_query(self) -> Option<&'a [u8]> {
        let uri = self.uri();
        uri.path.and_then(|_| self.target().get(uri.path_at..))
    }

    /// What follows the question mark; empty if nothing does.
    #[inline]
    pub fn query(self) -> Option<&'a [u8]> {
        self.uri().query
    }

    /// Every live field in order.
    #[inline]
    pub fn fields(self) -> impl DoubleEndedIterator<Item = FieldRef<'a>> + Clone + use<'a> {
        let Msg { raw, head } = self;
        head.fields.iter().enumerate().filter(|(_, f)| f.is_live()).map(move |(index, f)| read(raw, head, index, f))
    }

    /// Live fields with this name, in order.
    #[inline]
    pub fn named(self, name: &HeaderName) -> impl DoubleEndedIterator<Item = FieldRef<'a>> + Clone + use<'a, '_> {
        let Msg { raw, head } = self;
        let fields: &'a [Field] = if head.may_have(name) { &head.fields } else { &[] };
        fields
            .iter()
            .enumerate()
            .filter(move |(_, f)| f.is_live() && is_named(raw, head, f, name))
            .map(move |(index, f)| read(raw, head, index, f))
    }

    /// Whole values of every field with this name (`req.fhdr`).
    #[inline]
    pub fn values(self, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone + use<'a, '_> {
        self.named(name).map(|f| f.value)
    }

    /// The value of the first field with this name.
    #[inline]
    pub fn value(self, name: &HeaderName) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// Comma-separated elements of every field with this name (`req.hdr`): see `Elements`.
    pub fn elements(self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, '_> {
        self.values(name).flat_map(Elements::new).map(|e| e.bytes)
    }

    /// Elements of all fields whatever their name (`req.hdr` without a name).
    pub fn all_elements(self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.fields().flat_map(|f| Elements::new(f.value)).map(|e| e.bytes)
    }

    /// The value with an occurrence number: 1 is the first, -1 the last; 0 is never found.
    pub fn nth_value(self, name: &HeaderName, occurrence: i32) -> Option<&'a [u8]> {
        nth(self.values(name), occurrence)
    }

    /// The comma-separated element with an occurrence number: 1 is the first, -1 the last; 0 is never found.
    pub fn nth_element(self, name: &HeaderName, occurrence: i32) -> Option<&'a [u8]> {
        nth(self.elements(name), occurrence)
    }

    /// Every cookie of the request, over all `Cookie` fields.
    pub fn cookies(self) -> impl Iterator<Item = Cookie<'a>> + Clone + use<'a> {
        let Msg { raw, head } = self;
        let cookies = head.fields.iter().filter(|f| f.id == HeaderId::Cookie && f.is_live());
        cookies.flat_map(move |f| Cookies::new(f.value.of(raw, &head.extra)))
    }

    /// Every cookie that the response sets.
    pub fn set_cookies(self) -> impl Iterator<Item = Cookie<'a>> + Clone + use<'a> {
        let Msg { raw, head } = self;
        let fields = head.fields.iter().filter(|f| f.id == HeaderId::SetCookie && f.is_live());
        fields.flat_map(move |f| SetCookies::new(f.value.of(raw, &head.extra)))
    }

    /// The first cookie of each `Set-Cookie` field.
    pub fn first_set_cookies(self) -> impl Iterator<Item = Cookie<'a>> + Clone + use<'a> {
        self.named(&HeaderName::SET_COOKIE).filter_map(|f| super::list::set_cookie(f.value))
    }

    /// The `Host` field, or nothing.
    #[inline]
    pub fn host(self) -> Option<&'a [u8]> {
        self.value(&HeaderName::HOST)
    }

    /// The size of the fields as HAProxy counts bytes of a message: names and values.
    pub fn fields_size(self) -> u64 {
        let live = self.head.fields.iter().filter(|f| f.is_live());
        live.map(|f| (f.name.len() + f.value.len()) as u64).sum()
    }

    /// The size of the head as HAProxy counts it in its internal form (`%U`, `%B`, `bin`, `bout`): the parts of the start line and
    /// 20 bytes that describe it, the fields, one byte for their end. Observed on 2.8.
    pub fn size(self) -> u64 {
        let head = self.head;
        let start = match head.kind {
            Kind::Request => head.method_text.len() + head.target.len(),
            // A reason that was not received is ours.
            Kind::Response if head.reason.in_extra() => 3,
            Kind::Response => 3 + head.reason.len(),
            Kind::Trailers => 0,
        };
        20 + 8 + start as u64 + self.fields_size() + 1
    }

    /// The same for a head that was received: `close` and `keep-alive` in `Connection`, and `Upgrade` to HTTP/2, are not taken over.
    pub fn received_size(self) -> u64 {
        let mut size = self.size();
        if self.head.flags.intersects(HeadFlags::CLOSE | HeadFlags::KEEP_ALIVE) {
            size -= self.named(&HeaderName::CONNECTION).map(not_taken_over).sum::<usize>() as u64;
        }
        if self.head.may_have(&HeaderName::UPGRADE) {
            let h2 = self.named(&HeaderName::UPGRADE).filter(|f| is_h2(f.value));
            size -= h2.map(|f| f.name.len() + f.value.len()).sum::<usize>() as u64;
        }
        size
    }

    /// Whether a field with this name exists.
    #[inline]
    pub fn has(self, name: &HeaderName) -> bool {
        self.named(name).next().is_some()
    }
}

/// How much of a `Connection` field concerns the connection only.
fn not_taken_over(field: FieldRef<'_>) -> usize {
    if matches!(field.value, b"keep-alive" | b"close") {
        return field.name.len() + field.value.len();
    }
    let own = |token: &[u8]| token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
    let kept = Elements::new(field.value).filter(|e| !own(e.bytes)).map(|e| e.bytes.len() + 2).sum::<usize>();
    let whole = if kept == 0 { field.name.len() } else { 0 };
    whole + field.value.len().saturating_sub(kept.saturating_sub(2))
}

/// The item with an occurrence number from the front (1...) or the back (-1...).
pub fn nth<T>(items: impl Iterator<Item = T> + Clone, occurrence: i32) -> Option<T> {
    let mut items = items;
    match occurrence {
        0 => None,
        1.. => items.nth(occurrence as usize - 1),
        _ => {
            let count = items.clone().count();
            items.nth(count.checked_sub(occurrence.unsigned_abs() as usize)?)
        }
    }
}

#[inline]
pub(super) fn is_named(raw: &[u8], head: &Head, field: &Field, name: &HeaderName) -> bool {
    field.id == name.id() && (field.id != HeaderId::Other || field.name.of(raw, &head.extra) == name.as_bytes())
}

#[inline]
fn read<'a>(raw: &'a [u8], head: &'a Head, index: usize, field: &Field) -> FieldRef<'a> {
    FieldRef { name: field.name.of(raw, &head.extra), value: field.value.of(raw, &head.extra), id: field.id, index }
}
