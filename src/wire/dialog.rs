//! What health checks say to servers of known protocols, and what their answers are worth (manual 4.2 `option redis-check`,
//! `smtpchk`, `mysql-check`, `pgsql-check`, `ldap-check`, `ssl-hello-chk`).

/// The protocol of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// `option redis-check`
    Redis,
    /// `option smtpchk`: `HELO localhost` or what else is said.
    Smtp { hello: Box<str> },
    /// `option mysql-check`; without a user only the greeting counts.
    Mysql { login: Option<(Box<str>, MysqlClient)> },
    /// `option pgsql-check`
    Pgsql { user: Box<str> },
    /// `option ldap-check`
    Ldap,
    /// `option ssl-hello-chk`
    TlsHello,
}

/// Which protocol a MySQL check speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MysqlClient {
    /// `pre-41`
    Pre41,
    /// `post-41`
    Post41,
    /// `post-80`
    Post80,
}

/// What an answer is worth so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// More of it must come.
    More,
    /// It is good, and this is to be said next.
    Say(Vec<u8>),
    /// The check is over.
    Over(Told),
}

/// How a check ends, in HAProxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `L7OK`, `L7STS`, `L7RSP`, `L6OK`, `L6RSP`
    pub status: &'static str,
    /// The code of the answer, 0 where it has none.
    pub code: u16,
    /// What is told beside it.
    pub text: Vec<u8>,
}

impl Dialog {
    /// What is said first. `seconds` is the Unix time, which a TLS hello tells.
    pub fn opening(&self, seconds: u32) -> Vec<u8> {
        match self {
            Dialog::Redis => b"*1\r\n$4\r\nPING\r\n".to_vec(),
            // These wait for a greeting.
            Dialog::Smtp { .. } | Dialog::Mysql { login: None } => Vec::new(),
            Dialog::Mysql { login: Some((user, client)) } => mysql_login(user, *client),
            Dialog::Pgsql { user } => pgsql_startup(user),
            Dialog::Ldap => b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00".to_vec(),
            Dialog::TlsHello => tls_hello(seconds),
        }
    }

    /// What `bytes`, heard since something was last said, are worth. `said` counts what was said after the opening; `whole` is that
    /// nothing more will come.
    pub fn hear(&self, said: usize, bytes: &[u8], whole: bool) -> Heard {
        match self {
            Dialog::Redis => redis(bytes, whole),
            Dialog::Smtp { hello } => smtp(hello, said, bytes, whole),
            Dialog::Mysql { login } => mysql(login.is_some(), bytes, whole),
            Dialog::Pgsql { .. } => pgsql(bytes, whole),
            Dialog::Ldap => ldap(bytes, whole),
            Dialog::TlsHello => tls_answer(bytes, whole),
        }
    }

    /// Whether the connection is to be closed in order: these servers take a reset amiss.
    pub fn lingers(&self) -> bool {
        matches!(self, Dialog::Smtp { .. } | Dialog::Mysql { .. } | Dialog::Pgsql { .. })
    }

    /// The status of a check whose time is over while it listens.
    pub fn late(&self) -> &'static str {
        if *self == Dialog::TlsHello { "L6TOUT" } else { "L7TOUT" }
    }
}

fn over(status: &'static str, code: u16, text: &[u8]) -> Heard {
    Heard::Over(Told { status, code, text: text.to_vec() })
}

/// Text up to the end of its line.
fn line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

/// Text up to its NUL.
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn redis(bytes: &[u8], whole: bool) -> Heard {
    match memchr::memmem::find(bytes, b"+PONG\r\n") {
        Some(_) => over("L7OK", 0, b"Redis server is ok"),
        None if whole => over("L7STS", 0, line(bytes)),
        None => Heard::More,
    }
}

/// The greeting, the answer to the hello and the one to `QUIT`: three digits, of which the first is 2. Only the answer to the hello
/// may have several lines.
fn smtp(hello: &str, said: usize, bytes: &[u8], whole: bool) -> Heard {
    if bytes.len() < 4 && !whole {
        return Heard::More;
    }
    let code = match bytes {
        [a, b, c, b' ' | b'\r', ..] => smtp_code([*a, *b, *c]),
        [a, b, c, b'-', ..] if said == 1 => smtp_code([*a, *b, *c]),
        _ => None,
    };
    let text = line(bytes.get(4..).unwrap_or_default());
    match (code, said) {
        (None, 0) => over("L7RSP", 0, line(bytes)),
        (Some(200..300), 0) => Heard::Say(format!("{hello}\r\n").into_bytes()),
        (Some(200..300), 1) => Heard::Say(b"QUIT\r\n".to_vec()),
        (Some(code @ 200..300), _) => over("L7OK", code, text),
        // Of a hello, a good answer may still come.
        (_, 1) if !whole => Heard::More,
        (code, _) => over("L7STS", code.unwrap_or(0), text),
    }
}

fn smtp_code(digits: [u8; 3]) -> Option<u16> {
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

/// A login without a password, and the command that ends the session.
fn mysql_login(user: &str, client: MysqlClient) -> Vec<u8> {
    let mut packet = Vec::with_capacity(64);
    match client {
        // What the client can do, and the most it takes.
        MysqlClient::Pre41 => packet.extend_from_slice(b"\x00\x80\x00\x00\x01"),
        MysqlClient::Post41 => packet.extend_from_slice(b"\x00\x82\x00\x00\x00\x80\x00\x01\x21"),
        MysqlClient::Post80 => packet.extend_from_slice(b"\x00\x82\x08\x00\x00\x80\x00\x01\x21"),
    }
    if client != MysqlClient::Pre41 {
        packet.extend_from_slice(&[0; 23]);
    }
    packet.extend_from_slice(user.as_bytes());
    packet.extend_from_slice(b"\0\0");
    if client == MysqlClient::Post80 {
        packet.extend_from_slice(b"mysql_native_password\0");
    }
    // A name of a user is shorter than 16 MiB: the length has three bytes.
    let mut out = (packet.len() as u32).to_le_bytes()[..3].to_vec();
    out.push(1);
    out.extend_from_slice(&packet);
    out.extend_from_slice(b"\x01\x00\x00\x00\x01");
    out
}

/// The greeting, and with a login the answer to that.
fn mysql(login: bool, bytes: &[u8], whole: bool) -> Heard {
    let short = || if whole { over("L7RSP", 0, b"") } else { Heard::More };
    let Some((greeting, rest)) = mysql_packet(bytes) else { return short() };
    if let Some(refused) = mysql_refused(greeting) {
        return refused;
    }
    if login {
        let Some((answer, _)) = mysql_packet(rest) else { return short() };
        if let Some(refused) = mysql_refused(answer) {
            return refused;
        }
    }
    over("L7OK", 0, until_nul(greeting.get(1..).unwrap_or_default()))
}

/// A packet and what follows it.
fn mysql_packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [a, b, c, _, rest @ ..] = bytes else { return None };
    rest.split_at_checked(u32::from_le_bytes([*a, *b, *c, 0]) as usize)
}

fn mysql_refused(packet: &[u8]) -> Option<Heard> {
    match packet {
        [0xff, low, high, text @ ..] => Some(over("L7STS", u16::from_le_bytes([*low, *high]), until_nul(text))),
        [] => Some(over("L7RSP", 0, b"")),
        _ => None,
    }
}

fn pgsql_startup(user: &str) -> Vec<u8> {
    let length = 4 + 4 + 5 + user.len() + 1 + 1;
    let mut out = (length as u32).to_be_bytes().to_vec();
    out.extend_from_slice(b"\x00\x03\x00\x00user\0");
    out.extend_from_slice(user.as_bytes());
    out.extend_from_slice(b"\0\0");
    out
}

/// A request for authentication, or an error.
fn pgsql(bytes: &[u8], whole: bool) -> Heard {
    match bytes {
        [b'E', _, _, _, _, _, text @ ..] => over("L7RSP", 0, until_nul(text)),
        [b'R', 0, 0, 0, _, 0, 0, 0, 0 | 2..=7 | 9 | 10, ..] => over("L7OK", 0, b"PostgreSQL server is ok"),
        _ if whole || bytes.len() >= 9 => over("L7STS", 0, b"PostgreSQL unknown error"),
        _ => Heard::More,
    }
}

/// A bind response of LDAP version 3 (RFC 4511 4.2.2).
fn ldap(bytes: &[u8], whole: bool) -> Heard {
    if bytes.len() < 14 && !whole {
        return Heard::More;
    }
    match ldap_result(bytes) {
        Some(0) => over("L7OK", 0, b"Success"),
        Some(code) => over("L7STS", u16::from(code), b"See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"),
        None => over("L7RSP", 0, b"Not LDAPv3 protocol"),
    }
}

fn ldap_result(bytes: &[u8]) -> Option<u8> {
    let message = ber_length(bytes.strip_prefix(b"\x30")?)?;
    let response = ber_length(message.strip_prefix(b"\x02\x01\x01\x61")?)?;
    response.strip_prefix(b"\x0a\x01")?.first().copied()
}

/// What stands behind a length, in its short or its long form.
fn ber_length(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..=0x7f => Some(rest),
        more => rest.get(usize::from(more & 0x7f)..),
    }
}

/// A client hello of SSL 3.0 that offers what there was.
fn tls_hello(seconds: u32) -> Vec<u8> {
    let mut out = b"\x16\x03\x00\x00\x79\x01\x00\x00\x75\x03\x00".to_vec();
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n\x00\x00\x4e");
    for suite in (0x01..=0x1b).chain(0x2f..=0x3a) {
        out.extend_from_slice(&[0, suite]);
    }
    out.extend_from_slice(b"\x01\x00");
    out
}

/// A hello or an alert: either way it speaks the protocol.
fn tls_answer(bytes: &[u8], whole: bool) -> Heard {
    match bytes {
        [0x15 | 0x16, _, _, _, _, ..] => over("L6OK", 0, b""),
        [] if whole => over("L6RSP", 0, b"TCPCHK got an empty response at step 2"),
        [_, _, _, _, _, ..] => over("L6RSP", 0, b""),
        _ if whole => over("L6RSP", 0, b""),
        _ => Heard::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp_check() -> Dialog {
        Dialog::Smtp { hello: "HELO localhost".into() }
    }

    fn mysql_check(client: MysqlClient) -> Dialog {
        Dialog::Mysql { login: Some(("bob".into(), client)) }
    }

    fn answer(dialog: &Dialog, said: usize, bytes: &[u8], whole: bool) -> (&'static str, u16, String) {
        match dialog.hear(said, bytes, whole) {
            Heard::Over(told) => (told.status, told.code, String::from_utf8_lossy(&told.text).into_owned()),
            Heard::Say(next) => ("say", 0, String::from_utf8_lossy(&next).into_owned()),
            Heard::More => ("more", 0, String::new()),
        }
    }

    /// Captured from HAProxy 2.8.
    #[test]
    fn openings_are_those_of_haproxy() {
        assert_eq!(Dialog::Redis.opening(0), b"*1\r\n$4\r\nPING\r\n");
        let pgsql = Dialog::Pgsql { user: "bob".into() };
        assert_eq!(pgsql.opening(0), b"\x00\x00\x00\x12\x00\x03\x00\x00user\x00bob\x00\x00");
        let pre = mysql_check(MysqlClient::Pre41).opening(0);
        assert_eq!(pre, b"\n\x00\x00\x01\x00\x80\x00\x00\x01bob\x00\x00\x01\x00\x00\x00\x01");
        let post = mysql_check(MysqlClient::Post41).opening(0);
        assert_eq!((post.len(), &post[..13]), (46, b"%\x00\x00\x01\x00\x82\x00\x00\x00\x80\x00\x01!".as_slice()));
        assert!(post.ends_with(b"\0bob\x00\x00\x01\x00\x00\x00\x01"));
        let hello = Dialog::TlsHello.opening(1);
        assert_eq!((hello.len(), &hello[11..15]), (126, b"\0\0\0\x01".as_slice()));
    }

    #[test]
    fn a_mail_server_is_greeted_and_left() {
        let smtp = smtp_check();
        assert_eq!(answer(&smtp, 0, b"220 hi\r\n", false), ("say", 0, "HELO localhost\r\n".into()));
        assert_eq!(answer(&smtp, 1, b"250-hi\r\n250 ho\r\n", false), ("say", 0, "QUIT\r\n".into()));
        assert_eq!(answer(&smtp, 2, b"221 bye\r\n", false), ("L7OK", 221, "bye".into()));
        assert_eq!(answer(&smtp, 0, b"554 no smtp here\r\n", false), ("L7STS", 554, "no smtp here".into()));
        assert_eq!(answer(&smtp, 0, b"220-hello ESMTP\r\n", false), ("L7RSP", 0, "220-hello ESMTP".into()));
        assert_eq!(answer(&smtp, 0, b"2", true), ("L7RSP", 0, "2".into()));
        assert_eq!(answer(&smtp, 1, b"500 what\r\n", false).0, "more");
        assert_eq!(answer(&smtp, 2, b"", true), ("L7STS", 0, String::new()));
    }

    #[test]
    fn databases_let_in_or_tell_why_not() {
        let mysql = mysql_check(MysqlClient::Post41);
        let greeting = b"\x08\0\0\0\x0a8.0.30\0";
        assert_eq!(answer(&mysql, 0, greeting, false).0, "more");
        let good = [greeting.as_slice(), b"\x01\0\0\x02\0"].concat();
        assert_eq!(answer(&mysql, 0, &good, false), ("L7OK", 0, "8.0.30".into()));
        assert_eq!(answer(&mysql, 0, b"\x06\0\0\0\xff\x10\x04Too", false), ("L7STS", 1040, "Too".into()));
        assert_eq!(answer(&mysql, 0, b"garbage", true).0, "L7RSP");
        let pgsql = Dialog::Pgsql { user: "bob".into() };
        assert_eq!(answer(&pgsql, 0, b"R\0\0\0\x0c\0\0\0\x05salt", false).0, "L7OK");
        assert_eq!(answer(&pgsql, 0, b"E\0\0\0\x10SFATAL\0", false), ("L7RSP", 0, "FATAL".into()));
        assert_eq!(answer(&pgsql, 0, b"R\0\0\0\x0c\0\0\0\x0csalt", false).0, "L7STS");
        assert_eq!(answer(&pgsql, 0, b"", true).0, "L7STS");
    }

    #[test]
    fn directories_and_tls_are_recognised() {
        let ldap = |hex: &[u8]| answer(&Dialog::Ldap, 0, hex, false);
        assert_eq!(ldap(b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00").0, "L7OK");
        assert_eq!(ldap(b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00").1, 49);
        assert_eq!(ldap(b"garbage that is long enough").0, "L7RSP");
        assert_eq!(answer(&Dialog::TlsHello, 0, b"\x15\x03\x00\x00\x02\x02\x28", false).0, "L6OK");
        assert_eq!(answer(&Dialog::TlsHello, 0, b"HTTP/1.1", false).0, "L6RSP");
    }

    /// Every beginning of anything is survived.
    #[test]
    fn no_answer_is_too_odd() {
        let all = [Dialog::Redis, smtp_check(), mysql_check(MysqlClient::Post80), Dialog::Ldap, Dialog::TlsHello];
        for dialog in all.iter().chain([&Dialog::Pgsql { user: "".into() }]) {
            for (first, length) in (0..=255u8).flat_map(|first| (0..20).map(move |length| (first, length))) {
                let bytes = vec![first; length];
                for said in 0..3 {
                    assert_ne!(dialog.hear(said, &bytes, true), Heard::More);
                    let _ = dialog.hear(said, &bytes, false);
                }
            }
        }
    }
}
