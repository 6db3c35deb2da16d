//! Loading a generated configuration in spite of lines that are refused: a variable of one service must not take the others
//! down.

use std::collections::{BTreeMap, BTreeSet};

use super::generate::Generated;
use super::overlay::Overlay;
use super::text::{Line, Origin};
use crate::config::Input;
use crate::diag::{Diagnostic, Severity};
use crate::lower::{Files, Loaded};

/// A line or file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The variable that it came from.
    pub origin: Origin,
    /// The line, or the file's path.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
    /// What runs instead.
    pub instead: Option<String>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Refused { origin, what, why, instead } = self;
        write!(f, "{origin}: '{what}' is refused: {why}; ")?;
        match instead {
            Some(instead) => write!(f, "'{instead}' runs instead"),
            None => write!(f, "it is left out"),
        }
    }
}

/// What came of loading.
pub struct Salvaged {
    /// The last attempt: with an IR unless the fault is in none of the lines that may be left out.
    pub loaded: Loaded,
    /// The text of it.
    pub text: String,
    /// The files in memory that it names.
    pub files: BTreeMap<String, Vec<u8>>,
    pub refused: Vec<Refused>,
}

/// Loads `generated` under `name` with `how`, which calls the loader; what is refused is left out, and the rest is tried again.
///
/// Every attempt leaves out a line or file at least, so it ends.
pub fn load(
    generated: &Generated,
    name: &str,
    below: &dyn Files,
    how: &dyn Fn(Vec<Input>, &dyn Files) -> Loaded,
) -> Salvaged {
    let attempt = |lines: &[Option<Line>], files: &BTreeMap<String, Vec<u8>>| {
        let text = text_of(lines);
        let loaded = how(vec![Input::new(name, text.clone())], &Overlay { above: files, below });
        (loaded, text)
    };
    let mut lines: Vec<Option<Line>> = generated.lines.iter().cloned().map(Some).collect();
    let mut files = generated.files.clone();
    let mut refused = Vec::new();
    loop {
        let (loaded, text) = attempt(&lines, &files);
        let before = refused.len();
        if loaded.ir.is_none() {
            leave_out(&loaded, generated, &mut lines, &mut files, &mut refused);
        }
        if loaded.ir.is_none() && refused.len() == before {
            match without_one(&lines, &|lines| attempt(lines, &files).0) {
                Some(better) => refused.extend(better.apply(&mut lines)),
                None => return Salvaged { loaded, text, files, refused },
            }
        } else if refused.len() == before {
            return Salvaged { loaded, text, files, refused };
        }
    }
}

fn text_of(lines: &[Option<Line>]) -> String {
    lines.iter().flat_map(|line| [line.as_ref().map_or("", |line| line.text.as_str()), "\n"]).collect()
}

/// Takes out what the alerts are about. A line that is left out stays as an empty one, so that numbers keep their meaning.
fn leave_out(
    loaded: &Loaded,
    generated: &Generated,
    lines: &mut [Option<Line>],
    files: &mut BTreeMap<String, Vec<u8>>,
    refused: &mut Vec<Refused>,
) {
    for alert in loaded.diags.iter().filter(|found| found.severity == Severity::Alert) {
        let named = files.keys().find(|path| alert.message.contains(path.as_str())).cloned();
        if let Some((path, origin)) = named.and_then(|path| generated.file_origins.get_key_value(&path)) {
            files.remove(path);
            refused.push(Refused { origin: origin.clone(), what: path.clone(), why: why(alert), instead: None });
            continue;
        }
        let Some(at) = alert.span.and_then(|span| (span.line as usize).checked_sub(1)) else { continue };
        if let Some(line) = lines.get_mut(at) {
            refused.extend(replace(line, why(alert)));
        }
    }
}

/// Puts the line's replacement in its place; `None` where it has no origin: then it is not the user's.
fn replace(line: &mut Option<Line>, why: String) -> Option<Refused> {
    let Line { text, origin, instead } = line.as_ref()?;
    let refused = Refused {
        origin: origin.clone()?,
        what: text.trim().to_owned(),
        why,
        instead: instead.as_ref().map(|line| line.text.trim().to_owned()),
    };
    *line = line.take().and_then(|line| line.instead).map(|line| *line);
    Some(refused)
}

fn why(alert: &Diagnostic) -> String {
    let helps: Vec<&str> = alert.helps().collect();
    match helps.is_empty() {
        true => alert.message.trim_end_matches('.').to_owned(),
        false => format!("{} ({})", alert.message.trim_end_matches('.'), helps.join("; ")),
    }
}

/// The lines of one variable, without which the rest is good.
struct Culprit {
    origin: Origin,
    why: String,
}

/// Where no alert is about a line that may be left out, such as one about a section as a whole: tries to do without each
/// variable in turn.
fn without_one(lines: &[Option<Line>], attempt: &dyn Fn(&[Option<Line>]) -> Loaded) -> Option<Culprit> {
    let origins: BTreeSet<&Origin> = lines.iter().flatten().filter_map(|line| line.origin.as_ref()).collect();
    let free = origins.into_iter().filter(|origin| origin.variable.contains("SETTINGS") || origin.service.is_some());
    let before = attempt(lines);
    let alert = before.diags.iter().find(|found| found.severity == Severity::Alert)?;
    free.filter(|origin| {
        let mut fewer = lines.to_vec();
        Culprit { origin: (*origin).clone(), why: String::new() }.apply(&mut fewer);
        attempt(&fewer).ir.is_some()
    })
    .map(|origin| Culprit { origin: origin.clone(), why: why(alert) })
    .next()
}

impl Culprit {
    fn apply(self, lines: &mut [Option<Line>]) -> Vec<Refused> {
        let mine = |line: &&mut Option<Line>| line.as_ref().and_then(|line| line.origin.as_ref()) == Some(&self.origin);
        lines.iter_mut().filter(mine).filter_map(|line| replace(line, self.why.clone())).collect()
    }
}
