//! Changes to the list of a `Cookie` value: cookies are taken out or cut, and the rest is left as HAProxy leaves it.

use super::edit::is_blank;
use super::list::{Cookie, Elements};

/// What becomes of a cookie. Blanks around the `=` go in any case, as in HAProxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieEdit {
    /// It stays as it is.
    Keep,
    /// It goes, with its attributes (RFC 2965, 3.3.4: words that start with `$`).
    Remove,
    /// So many bytes go from the start of its value.
    Cut(usize),
}

/// Appends the edited list to `text`; says whether it differs. Attributes are not asked about.
pub(super) fn edit(value: &[u8], text: &mut Vec<u8>, mut decide: impl FnMut(&Cookie<'_>) -> CookieEdit) -> bool {
    let mut out = Editor { value, text, copied: 0, changed: false };
    let mut removing = false;
    for part in Elements::of_cookie(value) {
        if part.bytes.starts_with(b"$") {
            if removing {
                out.remove(part.start, part.bytes.len());
            }
            continue;
        }
        let Some(cookie) = super::list::pair_of(part.start, part.bytes) else { continue };
        let decided = decide(&cookie);
        removing = decided == CookieEdit::Remove;
        let value_at = part.start + part.bytes.len() - cookie.value.len();
        match decided {
            CookieEdit::Keep => out.cut(&cookie, value_at, 0),
            CookieEdit::Remove => out.remove(part.start, part.bytes.len()),
            CookieEdit::Cut(count) => out.cut(&cookie, value_at, count),
        }
    }
    out.text.extend_from_slice(value.get(out.copied..).unwrap_or_default());
    out.changed
}

struct Editor<'a> {
    value: &'a [u8],
    text: &'a mut Vec<u8>,
    /// How much of the value is in the text, or left out on purpose.
    copied: usize,
    changed: bool,
}

impl Editor<'_> {
    fn copy_to(&mut self, at: usize) {
        self.text.extend_from_slice(self.value.get(self.copied..at).unwrap_or_default());
        self.copied = self.copied.max(at);
    }

    /// The delimiter before the part goes; the one behind it stays if something stands on both sides.
    fn remove(&mut self, start: usize, len: usize) {
        self.changed = true;
        self.copy_to(start);
        self.trim();
        self.text.pop();
        self.trim();
        let end = self.skip_blanks(start + len);
        self.copied = self.skip_blanks(end + 1);
        if let (Some(delimiter), false) = (self.value.get(end), self.text.is_empty()) {
            self.text.extend_from_slice(&[*delimiter, b' ']);
        }
    }

    fn cut(&mut self, cookie: &Cookie<'_>, value_at: usize, count: usize) {
        let compact = self.value.get(cookie.start + cookie.name.len()) == Some(&b'=')
            && !self.value.get(cookie.start + cookie.name.len() + 1).is_some_and(|byte| is_blank(*byte));
        if count == 0 && compact {
            return;
        }
        self.changed = true;
        self.copy_to(cookie.start);
        self.text.extend_from_slice(cookie.name);
        self.text.push(b'=');
        self.copied = if cookie.value.is_empty() { self.skip_blanks(value_at) } else { value_at + count };
    }

    fn skip_blanks(&self, at: usize) -> usize {
        at + self.value.get(at..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte)).count()
    }

    fn trim(&mut self) {
        while self.text.last().is_some_and(|byte| is_blank(*byte)) {
            self.text.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(value: &str, edit_to: CookieEdit) -> String {
        let mut text = Vec::new();
        let changed = edit(value.as_bytes(), &mut text, |cookie| match cookie.name {
            b"SRV" => edit_to,
            _ => CookieEdit::Keep,
        });
        assert_eq!(changed, text != value.as_bytes(), "{value}");
        String::from_utf8(text).unwrap()
    }

    /// What HAProxy 2.8 leaves with `cookie SRV insert indirect`.
    #[test]
    fn a_cookie_is_taken_out_of_its_list() {
        for (value, left) in [
            ("a=1; SRV=s1; b=2", "a=1; b=2"),
            ("SRV=s1; b=2", "b=2"),
            ("a=1; SRV=s1", "a=1"),
            ("a=1;SRV=s1;b=2", "a=1; b=2"),
            ("a=1 ;  SRV=s2  ; b=2", "a=1; b=2"),
            ("a=1 , SRV = \"s;1\" ; SRV=2; b=2", "a=1; b=2"),
            ("a=1,SRV=s2,b=2", "a=1, b=2"),
            ("a=1;;SRV=s2;;b=2", "a=1;; ;b=2"),
            ("SRV=s9; SRV=s1; x=1", "x=1"),
            ("a=1; SRV=s9; SRV=s1", "a=1"),
            ("$Version=1; SRV=s2; $Path=/; a=1", "$Version=1; a=1"),
            ("a; SRV=s2; b", "a; b"),
            ("SRV=s1", ""),
            ("SRV=s2;", ""),
            ("a=1;XSRV=s1", "a=1;XSRV=s1"),
        ] {
            assert_eq!(edited(value, CookieEdit::Remove), left, "{value}");
        }
    }

    /// What HAProxy 2.8 leaves with `cookie SRV prefix`.
    #[test]
    fn a_value_loses_its_beginning() {
        assert_eq!(edited("a=1; SRV=s1~v; b=2", CookieEdit::Cut(3)), "a=1; SRV=v; b=2");
        assert_eq!(edited("SRV=s1~; SRV=s1~w", CookieEdit::Cut(3)), "SRV=; SRV=w");
        assert_eq!(edited("SRV = s1~v", CookieEdit::Cut(3)), "SRV=v");
        assert_eq!(edited("SRV = v; a = b", CookieEdit::Keep), "SRV=v; a=b");
        assert_eq!(edited("SRV=v", CookieEdit::Cut(0)), "SRV=v");
        assert_eq!(edited("SRV= ; a=1", CookieEdit::Cut(0)), "SRV=; a=1");
    }
}
