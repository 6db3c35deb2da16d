//! `show errors`: the last malformed request and response of each proxy.

use std::fmt::Write;

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::expr::log_format;
use crate::keyword::Meta;
use crate::state::captured::{Captured, Party};

pub(super) static COMMANDS: &[Command] = &[Command {
    meta: Meta::new(
        "show errors",
        "show errors [<px>] [request|response]",
        "report last request and/or response errors for each proxy",
        &[("show errors", "Total events captured on [")],
    ),
    level: Level::Operator,
    run: |shell, words| flat(show(shell, words)),
}];

fn show(shell: &Shell<'_>, words: &[&str]) -> Done {
    let number = match words.first().map(|name| (name, name.parse::<i64>())) {
        None | Some((_, Ok(-1))) => None,
        // A number that no proxy has selects nothing.
        Some((_, Ok(number))) => Some(u32::try_from(number).unwrap_or(0)),
        Some((name, Err(_))) => match shell.proxy(name, |_| true) {
            Some(proxy) => Some(proxy.uuid),
            None => return Err(Answer::error("No such proxy.")),
        },
    };
    let (requests, responses) = match words.get(1).copied() {
        Some("request") => (true, false),
        Some("response") => (false, true),
        _ => (true, true),
    };
    let total = shell.view.process.captured.load(std::sync::atomic::Ordering::Relaxed);
    let mut out = format!("Total events captured on [{}] : {total}\n", log_format::moment(shell.at.now_us));
    for proxy in &shell.view.proxies {
        let errors = &proxy.errors;
        for (slot, shown) in [(&errors.request, requests), (&errors.response, responses)] {
            let found = slot.load();
            let found = found.as_deref().filter(|_| shown);
            if let Some(found) = found.filter(|found| number.is_none_or(|number| found.concerns(number))) {
                write_one(&mut out, found);
            }
        }
    }
    Ok(Answer::data(out))
}

/// Writing to a String cannot fail.
fn write_one(out: &mut String, found: &Captured) {
    let party = |party: Option<&Party>| match party {
        Some(party) => format!("{} (#{})", party.name, party.number),
        None => "<NONE> (#-1)".to_owned(),
    };
    let date = log_format::moment(found.at_us);
    let (frontend, backend) = (party(Some(&found.frontend)), party(found.backend.as_ref()));
    let server = party(found.server.as_ref());
    let Captured { number, src, room, position, why, .. } = found;
    let length = found.bytes.len();
    let _ = match found.server.is_some() {
        true => write!(
            out,
            " \n[{date}] backend {backend}: invalid response\n  frontend {frontend}, server {server}, event #{number}, src {src}\n"
        ),
        false => write!(
            out,
            " \n[{date}] frontend {frontend}: invalid request\n  backend {backend}, server {server}, event #{number}, src {src}\n"
        ),
    };
    let free = room.saturating_sub(length);
    let _ = write!(
        out,
        "  buffer starts at 0 (including 0 out), {free} free,\n  len {length}, wraps at {room}, error at position {position}\n  \
         {why} :\n  \n"
    );
    dump(out, &found.bytes);
}

/// Every line of the message on a line of its own, or on several where it is long.
fn dump(out: &mut String, bytes: &[u8]) {
    let (mut at, mut continued) = (0, false);
    while at < bytes.len() {
        let _ = write!(out, "  {at:05}{} ", if continued { '+' } else { ' ' });
        let mut width = 0;
        continued = true;
        while let Some(byte) = bytes.get(at) {
            let shown = shown(*byte);
            if width + shown.len() > WIDTH {
                break;
            }
            out.push_str(&shown);
            width += shown.len();
            at += 1;
            if *byte == b'\n' {
                continued = false;
                break;
            }
        }
        out.push('\n');
    }
}

fn shown(byte: u8) -> String {
    match byte {
        b'\t' => "\\t".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        27 => "\\e".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    }
}

const WIDTH: usize = 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_by_their_first_byte() {
        let mut out = String::new();
        dump(&mut out, b"GET / HTTP/1.1\r\n\x01\xff\\\t\x1bq\r\n\r\nbody");
        assert_eq!(
            out,
            "  00000  GET / HTTP/1.1\\r\\n\n  00016  \\x01\\xFF\\\\\\t\\eq\\r\\n\n  00024  \\r\\n\n  00026  body\n"
        );
    }

    #[test]
    fn long_lines_are_broken_before_they_do_not_fit() {
        let mut out = String::new();
        dump(&mut out, format!("{}\r\nb", "y".repeat(137)).as_bytes());
        let y = "y".repeat(70);
        assert_eq!(out, format!("  00000  {y}\n  00070+ {}\\r\n  00138+ \\n\n  00139  b\n", "y".repeat(67)));
    }
}
