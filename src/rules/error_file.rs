//! Files that hold a whole HTTP/1 response (manual 4.2 `errorfile`, `return errorfile`): made ready to be sent.

/// Checks a response as written in a file and brings its head into the form that is sent: names in lower case, CRLF line
/// ends, no fields that HAProxy drops. The body stays as it is. An empty file, such as `/dev/null`, is an answer without a byte.
/// The error says what is wrong with the file.
pub fn normalize(file: &[u8]) -> Result<Box<[u8]>, String> {
    if file.is_empty() {
        return Ok(Box::default());
    }
    let (head, body) = split(file).ok_or("there is no empty line between the head and the body of the response")?;
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = lines.next().unwrap_or_default();
    if !is_status_line(start) {
        let start = String::from_utf8_lossy(start);
        return Err(format!(
            "the file must hold a whole HTTP response that starts like 'HTTP/1.1 503 Unavailable', not '{start}'"
        ));
    }
    let mut out = Vec::with_capacity(file.len() + 16);
    out.extend_from_slice(start);
    out.extend_from_slice(b"\r\n");
    for line in lines {
        let colon = memchr::memchr(b':', line).filter(|colon| *colon > 0 && !line[..*colon].contains(&b' '));
        let Some(colon) = colon else {
            return Err(format!("'{}' is no header field", String::from_utf8_lossy(line)));
        };
        let name = line[..colon].to_ascii_lowercase();
        if matches!(&name[..], b"keep-alive" | b"proxy-connection" | b"transfer-encoding") {
            continue;
        }
        out.extend_from_slice(&name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(line[colon + 1..].trim_ascii());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    Ok(out.into_boxed_slice())
}

/// The head without its last line end, and the body.
fn split(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'\n', file.get(from..)?)?;
        let next = end + 1;
        match file.get(next..) {
            Some([b'\n', body @ ..] | [b'\r', b'\n', body @ ..]) => return Some((&file[..end], body)),
            _ => from = next,
        }
    }
}

fn is_status_line(line: &[u8]) -> bool {
    match line {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b' ', code @ ..] => {
            let code = code.split(|byte| *byte == b' ').next().unwrap_or_default();
            major.is_ascii_digit() && minor.is_ascii_digit() && code.len() == 3 && code.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_brought_into_the_form_that_is_sent() {
        let file = b"HTTP/1.0 403 Nope\nContent-Type:text/x\r\nConnection: close\nX-A:  b \n\nerr\nbody";
        let made = normalize(file).unwrap();
        assert_eq!(
            &*made,
            b"HTTP/1.0 403 Nope\r\ncontent-type: text/x\r\nconnection: close\r\nx-a: b\r\n\r\nerr\nbody"
        );
        assert_eq!(&*normalize(b"HTTP/1.1 200 OK\r\n\r\n").unwrap(), b"HTTP/1.1 200 OK\r\n\r\n");
        assert!(normalize(b"").unwrap().is_empty());
    }

    #[test]
    fn anything_else_is_refused() {
        for file in [
            "\n\n",
            "<html>",
            "HTTP/1.1 200 OK\n",
            "HTTP/1.1 20 OK\n\n",
            "HTTP/1.1 200 OK\nno field\n\n",
            "HTTP/1.1 200 OK\n: x\n\n",
        ] {
            assert!(normalize(file.as_bytes()).is_err(), "{file:?}");
        }
    }
}
