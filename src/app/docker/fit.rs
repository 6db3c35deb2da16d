//! What a generated configuration cannot have where it runs: users that do not exist, directories that cannot be written.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::diag::Severity;
use crate::discovery::{Line, Place, Placed, Say};
use crate::ir::Global;
use crate::sys::process;

/// Makes configurations fit, and says once what that takes. What it found out about a line holds for as long as the process runs: once
/// the rights of root are given up, everything would look different.
#[derive(Default)]
pub struct Fit(BTreeMap<String, bool>);

impl Fit {
    /// Leaves out lines that would stop the start for no good reason, and adds standard output to where logs go: it is the place for
    /// them in a container.
    pub fn lines(&mut self, lines: &mut Vec<Line>, servers: &[Placed], say: &Say) {
        lines.retain(|line| {
            *self.0.entry(line.text.clone()).or_insert_with(|| match hindrance(&line.text) {
                None => true,
                Some(why) => {
                    say(Severity::Notice, &format!("'{}' is left out: {why}", line.text.trim()));
                    false
                }
            })
        });
        let shown = lines.iter().any(|line| SHOWN.iter().any(|target| line.text.trim().starts_with(target)));
        let logged = lines.iter().position(|line| line.text.starts_with("  log "));
        if let Some(at) = logged.filter(|_| !shown) {
            lines.insert(at, Line { text: LOG.to_owned(), origin: None, instead: None });
        }
        if let Some(at) = lines.iter().position(|line| line.text == "defaults") {
            lines.insert(at + 1, Line { text: retries(servers), origin: None, instead: None });
        }
    }
}

/// Replicas often end several at a time, those with the highest numbers, whose turns follow each other. A request finds the one that is
/// left if it may ask each of them.
fn retries(servers: &[Placed]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    servers.iter().for_each(|placed| *counts.entry(&placed.backend).or_default() += 1);
    let most = counts.values().max().map_or(0, |most| most - 1);
    format!("  retries {}", most.clamp(DEFAULT_RETRIES, MOST_RETRIES))
}

/// What stands in the way of a line that the original always writes.
fn hindrance(line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace();
    let (word, name) = (words.next()?, words.next()?);
    match word {
        "user" | "group" if !process::is_root() => Some("the process does not run as root".to_owned()),
        "user" => unknown(name, "/etc/passwd"),
        "group" => unknown(name, "/etc/group"),
        "pidfile" => cannot_write(name),
        "stats" if name == "socket" => cannot_write(words.next().filter(|path| path.starts_with('/'))?),
        _ => None,
    }
}

fn unknown(name: &str, file: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let known = text.lines().any(|line| line.split(':').next() == Some(name));
    (!known).then(|| format!("there is no such name in {file}"))
}

/// A directory that is not there is made: images without anything else in them have none.
fn cannot_write(path: &str) -> Option<String> {
    let directory = Path::new(path).parent()?;
    let probe = directory.join(format!(".hydroxy-{}", std::process::id()));
    let made = std::fs::create_dir_all(directory).and_then(|()| std::fs::File::create(&probe));
    let _ = std::fs::remove_file(&probe);
    made.err().map(|error| format!("{}: {error}", directory.display()))
}

/// Whoever gives up the rights of root must still reach the engine: in the group of its socket. The value is that group. Where that does
/// not help the rights are kept, which is what the original did with its supervisor.
pub fn rights(global: &mut Global, place: Option<&Place>, say: &Say) -> Option<u32> {
    let Some(Place::Socket(path)) = place else { return None };
    let socket = std::fs::metadata(path).ok()?;
    let (uid, others, group) = (global.uid?, socket.mode() & 0o006 == 0o006, socket.mode() & 0o060 == 0o060);
    if others || uid == socket.uid() {
        return None;
    }
    if group {
        return Some(socket.gid());
    }
    let text = format!("the rights of root are kept: only its owner may use {path}");
    say(Severity::Warning, &text);
    (global.uid, global.gid) = (None, None);
    None
}

/// HAProxy's own.
const DEFAULT_RETRIES: usize = 3;
const MOST_RETRIES: usize = 100;
/// Somebody has thought of it already.
const SHOWN: [&str; 4] = ["log stdout", "log stderr", "log fd@1", "log fd@2"];
const LOG: &str = "  log stdout format raw local0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_are_left_out_and_said_once() {
        let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = said.clone();
        let say: Say = std::sync::Arc::new(move |_, text| {
            if let Ok(mut said) = heard.lock() {
                said.push(text.to_owned());
            }
        });
        let texts = [
            "global",
            "  log 127.0.0.1 local0",
            "  user nobody-of-that-name",
            "  stats socket /proc/nowhere/s level admin",
            "defaults",
        ];
        let line = |text: &&str| Line { text: (*text).to_owned(), origin: None, instead: None };
        let mut fit = Fit::default();
        for _ in 0..2 {
            let mut lines: Vec<Line> = texts.iter().map(line).collect();
            fit.lines(&mut lines, &[], &say);
            let left: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            assert_eq!(left, ["global", LOG, "  log 127.0.0.1 local0", "defaults", "  retries 3"]);
        }
        assert_eq!(said.lock().map(|said| said.len()).ok(), Some(2));
    }
}
