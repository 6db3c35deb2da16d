//! Normalisation of targets (RFC 3986, 6.2; manual 4.4 `normalize-uri`): one pass per normaliser, over the path, the query or both.

/// What is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// `#` becomes `%23`.
    FragmentEncode,
    /// What follows `#` goes.
    FragmentStrip,
    /// `//` becomes `/` in the path.
    PathMergeSlashes,
    /// `/./` goes from the path.
    PathStripDot,
    /// `/x/../` goes from the path; `full` also takes `/../` at its beginning.
    PathStripDotdot {
        /// See the variant.
        full: bool,
    },
    /// Unreserved characters are written as such.
    DecodeUnreserved {
        /// What is no percent-encoding is an error.
        strict: bool,
    },
    /// Percent-encodings have upper-case digits.
    ToUppercase {
        /// What is no percent-encoding is an error.
        strict: bool,
    },
    /// Parameters are sorted by their names.
    QuerySortByName,
}

/// A percent sign is not followed by two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// Normalises path and query together, as they stand in a request line from the first slash on.
pub fn normalize(how: Normalizer, text: &[u8]) -> Result<Vec<u8>, Invalid> {
    let fragment = memchr::memchr(b'#', text).unwrap_or(text.len());
    let (main, rest) = text.split_at(fragment);
    let query = memchr::memchr(b'?', main).unwrap_or(main.len());
    let (path, tail) = main.split_at(query);
    Ok(match how {
        Normalizer::FragmentStrip => main.to_vec(),
        Normalizer::FragmentEncode => encode_fragment(text),
        Normalizer::PathMergeSlashes => [&merge_slashes(path)[..], tail, rest].concat(),
        Normalizer::PathStripDot => [&strip_dot(path)[..], tail, rest].concat(),
        Normalizer::PathStripDotdot { full } => [&strip_dotdot(path, full)[..], tail, rest].concat(),
        Normalizer::DecodeUnreserved { strict } => {
            percents(text, strict, |out, digits, byte| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                true => out.push(byte),
                false => out.extend_from_slice(&[b'%', digits[0], digits[1]]),
            })?
        }
        Normalizer::ToUppercase { strict } => percents(text, strict, |out, digits, _| {
            out.extend_from_slice(&[b'%', digits[0].to_ascii_uppercase(), digits[1].to_ascii_uppercase()]);
        })?,
        Normalizer::QuerySortByName => [path, &sort(tail)[..], rest].concat(),
    })
}

fn encode_fragment(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    for byte in text {
        match byte {
            b'#' => out.extend_from_slice(b"%23"),
            byte => out.push(*byte),
        }
    }
    out
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|next, before| *next == b'/' && *before == b'/');
    out
}

/// The segments behind the first slash; a last one that is `.` leaves the slash in front of it.
fn strip_dot(path: &[u8]) -> Vec<u8> {
    let Some(segments) = path.strip_prefix(b"/") else { return path.to_vec() };
    let mut out = Vec::with_capacity(path.len());
    let mut segments = segments.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        match (segment, segments.peek()) {
            (b".", Some(_)) => {}
            (b".", None) => out.push(b'/'),
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    out
}

fn strip_dotdot(path: &[u8], full: bool) -> Vec<u8> {
    let Some(segments) = path.strip_prefix(b"/") else { return path.to_vec() };
    let mut kept: Vec<&[u8]> = Vec::new();
    // What ends with `..` is a directory.
    let mut open = false;
    for segment in segments.split(|byte| *byte == b'/') {
        open = segment == b"..";
        match kept.last() {
            _ if !open => kept.push(segment),
            Some(&before) if before != b".." => {
                kept.pop();
            }
            _ if full => {}
            _ => kept.push(segment),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in &kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if open || kept.is_empty() {
        out.push(b'/');
    }
    out
}

fn percents(text: &[u8], strict: bool, write: impl Fn(&mut Vec<u8>, [u8; 2], u8)) -> Result<Vec<u8>, Invalid> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'%' {
            out.push(byte);
            at += 1;
            continue;
        }
        let digit = |place: usize| text.get(place).and_then(|digit| char::from(*digit).to_digit(16));
        match (digit(at + 1), digit(at + 2)) {
            (Some(high), Some(low)) => {
                write(&mut out, [text[at + 1], text[at + 2]], (high * 16 + low) as u8);
                at += 3;
            }
            _ if strict => return Err(Invalid),
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Ok(out)
}

/// Equal names keep their order.
fn sort(query: &[u8]) -> Vec<u8> {
    let Some(query) = query.strip_prefix(b"?") else { return query.to_vec() };
    let query = query.strip_suffix(b"&").unwrap_or(query);
    let mut params: Vec<&[u8]> = query.split(|byte| *byte == b'&').collect();
    params.sort_by_key(|param| param.split(|byte| *byte == b'=').next());
    let mut out = vec![b'?'];
    out.extend_from_slice(&params.join(&b'&'));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the manual, 4.4.
    #[test]
    fn the_examples_of_the_manual() {
        use Normalizer::*;
        let (lax, strict) = (DecodeUnreserved { strict: false }, DecodeUnreserved { strict: true });
        for (how, from, to) in [
            (FragmentEncode, "/#foo", "/%23foo"),
            (FragmentStrip, "/#foo", "/"),
            (PathStripDot, "/.", "/"),
            (PathStripDot, "/./bar/", "/bar/"),
            (PathStripDot, "/a/./a", "/a/a"),
            (PathStripDot, "/.well-known/", "/.well-known/"),
            (PathStripDotdot { full: false }, "/foo/../", "/"),
            (PathStripDotdot { full: false }, "/foo/../bar/", "/bar/"),
            (PathStripDotdot { full: false }, "/foo/bar/../", "/foo/"),
            (PathStripDotdot { full: false }, "/foo/bar/..", "/foo/"),
            (PathStripDotdot { full: false }, "/../bar/", "/../bar/"),
            (PathStripDotdot { full: false }, "/bar/../../", "/../"),
            (PathStripDotdot { full: false }, "/foo//../", "/foo/"),
            (PathStripDotdot { full: false }, "/foo/%2E%2E/", "/foo/%2E%2E/"),
            (PathStripDotdot { full: true }, "/../bar/", "/bar/"),
            (PathStripDotdot { full: true }, "/bar/../../", "/"),
            (PathMergeSlashes, "//", "/"),
            (PathMergeSlashes, "/foo//bar?a//b", "/foo/bar?a//b"),
            (lax, "/%61dmin", "/admin"),
            (lax, "/foo%3Fbar=baz", "/foo%3Fbar=baz"),
            (lax, "/%%36%36", "/%66"),
            (lax, "/%ZZ", "/%ZZ"),
            (ToUppercase { strict: false }, "/%6f", "/%6F"),
            (ToUppercase { strict: false }, "/%zz", "/%zz"),
            (QuerySortByName, "/?c=3&a=1&b=2", "/?a=1&b=2&c=3"),
            (QuerySortByName, "/?aaa=3&a=1&aa=2", "/?a=1&aa=2&aaa=3"),
            (QuerySortByName, "/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
        ] {
            let made = normalize(how, from.as_bytes()).map(|made| String::from_utf8_lossy(&made).into_owned());
            assert_eq!(made.as_deref(), Ok(to), "{how:?} of {from}");
        }
        assert_eq!(normalize(strict, b"/%%36%36"), Err(Invalid));
        assert_eq!(normalize(ToUppercase { strict: true }, b"/%zz"), Err(Invalid));
    }
}
