//! Maps and ACLs at run time: what they hold, and how it changes (management.txt 9.3 `show map` and its neighbours). Rules see a
//! change at once.

use std::fmt::Write;
use std::sync::Arc;

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::expr::acl::pattern_text;
use crate::keyword::Meta;
use crate::pattern::MatchKind;
use crate::state::patterns::{EditError, Found, MapValue, PatternRef, Which};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show acl",
            "show acl [@<ver>] [<acl>]",
            "report available acls or dump an acl's contents",
            &[("show acl", "# id (file) description")],
        ),
        level: Level::User,
        run: |shell, words| flat(show(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "show map",
            "show map [@<ver>] [<map>]",
            "report available maps or dump a map's contents",
            &[("show map /m", "")],
        ),
        level: Level::User,
        run: |shell, words| flat(show(shell, words, MAP)),
    },
    Command {
        meta: Meta::new(
            "get acl",
            "get acl <acl> <value>",
            "report the patterns matching a sample for an ACL",
            &[("get acl #0 /a", "type=str, case=sensitive, match=yes")],
        ),
        level: Level::User,
        run: |shell, words| flat(get(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "get map",
            "get map <map> <value>",
            "report the keys and values matching a sample for a map",
            &[("get map /m /a", "type=str, case=sensitive, found=yes")],
        ),
        level: Level::User,
        run: |shell, words| flat(get(shell, words, MAP)),
    },
    Command {
        meta: Meta::new("add acl", "add acl [@<ver>] <acl> <pattern>", "add an acl entry", &[("add acl #0 /b", "")]),
        level: Level::Operator,
        run: |shell, words| flat(add(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "add map",
            "add map [@<ver>] <map> <key> <val>",
            "add a map entry (payload supported instead of key/val)",
            &[("add map /m /b two", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(add(shell, words, MAP)),
    },
    Command {
        meta: Meta::new(
            "del acl",
            "del acl <acl> [<key>|#<ref>]",
            "delete acl entries matching <key>",
            &[("del acl #0 /a", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(remove(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "del map",
            "del map <map> [<key>|#<ref>]",
            "delete map entries matching <key>",
            &[("del map /m /a", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(remove(shell, words, MAP)),
    },
    Command {
        meta: Meta::new(
            "set map",
            "set map <map> [<key>|#<ref>] <value>",
            "modify a map entry",
            &[("set map /m /a other", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(set(shell, words)),
    },
    Command {
        meta: Meta::new(
            "clear acl",
            "clear acl [@<ver>] <acl>",
            "clear the contents of this acl",
            &[("clear acl #0", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(clear(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "clear map",
            "clear map [@<ver>] <map>",
            "clear the contents of this map",
            &[("clear map /m", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(clear(shell, words, MAP)),
    },
    Command {
        meta: Meta::new(
            "prepare acl",
            "prepare acl <acl>",
            "prepare a new version for atomic ACL replacement",
            &[("prepare acl #0", "New version created: 1")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(prepare(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "prepare map",
            "prepare map <map>",
            "prepare a new version for atomic map replacement",
            &[("prepare map /m", "New version created: 1")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(prepare(shell, words, MAP)),
    },
    Command {
        meta: Meta::new(
            "commit acl",
            "commit acl @<ver> <acl>",
            "commit the ACL at this version",
            &[("commit acl @9 #0", "Version number out of range.")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(commit(shell, words, ACL)),
    },
    Command {
        meta: Meta::new(
            "commit map",
            "commit map @<ver> <map>",
            "commit the map at this version",
            &[("commit map @9 /m", "Version number out of range.")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(commit(shell, words, MAP)),
    },
];

/// The two kinds of commands.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// In the commands.
    name: &'static str,
    /// In messages.
    title: &'static str,
}

const ACL: Kind = Kind { name: "acl", title: "ACL" };
const MAP: Kind = Kind { name: "map", title: "map" };

/// Takes `@<ver>` off the words.
fn version<'w, 'a>(words: &'w [&'a str]) -> (Option<u32>, &'w [&'a str]) {
    match words.split_first() {
        Some((first, rest)) if first.starts_with('@') => (Some(first[1..].parse().unwrap_or(0)), rest),
        _ => (None, words),
    }
}

/// The list with that number or file.
fn find<'a>(shell: &Shell<'a>, name: Option<&&str>, kind: Kind) -> Result<&'a Arc<PatternRef>, Answer> {
    let name = name.copied().unwrap_or_default();
    let id = name.strip_prefix('#').and_then(|id| id.parse::<u32>().ok());
    let fits = |list: &&Arc<PatternRef>| match id {
        Some(id) => list.id == id,
        None => !name.is_empty() && list.path.as_deref() == Some(name),
    };
    let unknown = || Answer::error(format!("Unknown {} identifier. Please use #<id> or <file>.", kind.title));
    shell.ir.patterns.iter().find(fits).ok_or_else(unknown)
}

fn has(kind: Kind, list: &PatternRef) -> bool {
    if kind == MAP { list.is_map() } else { list.is_acl() }
}

fn show(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let (version, words) = version(words);
    let mut out = String::new();
    // Writing to a String cannot fail.
    if words.is_empty() {
        out.push_str("# id (file) description\n");
        for list in shell.ir.patterns.iter().filter(|list| has(kind, list)) {
            let (current, next, count) = list.summary();
            let path = list.path.as_deref().unwrap_or_default();
            let _ = writeln!(
                out,
                "{} ({path}) {}. curr_ver={current} next_ver={next} entry_cnt={count}",
                list.id, list.users
            );
        }
        return Ok(Answer::data(out));
    }
    let list = find(shell, words.first(), kind)?;
    if !has(kind, list) {
        return Err(Answer::error(format!("Unknown {} identifier. Please use #<id> or <file>.", kind.title)));
    }
    for entry in list.entries(version) {
        let (key, value) = (String::from_utf8_lossy(&entry.key), String::from_utf8_lossy(&entry.value));
        let space = if value.is_empty() { "" } else { " " };
        let _ = writeln!(out, "0x{:x} {key}{space}{value}", entry.reference);
    }
    Ok(Answer::data(out))
}

fn get(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let [name, sample, ..] = words else {
        return Err(Answer::error(format!("Missing {} identifier and/or key.", kind.title)));
    };
    let list = find(shell, Some(name), kind)?;
    Ok(Answer::data(list.find(sample.as_bytes()).iter().map(line).collect::<String>()))
}

/// What a sample finds, in HAProxy's words.
fn line(found: &Found) -> String {
    let case = if found.fold { "insensitive" } else { "sensitive" };
    let is_tree =
        matches!(found.kind, MatchKind::Ip) || matches!(found.kind, MatchKind::Str | MatchKind::Beg) && !found.fold;
    let index = if is_tree { "tree" } else { "list" };
    let start = format!("type={}, case={case}", found.kind.name());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match (&found.hit, found.map) {
        (None, None) => format!("{start}, match=no\n"),
        (None, Some(_)) => format!("{start}, found=no\n"),
        (Some((key, _)), None) => format!("{start}, match=yes, idx={index}, pattern=\"{}\"\n", text(key)),
        (Some((key, value)), Some(kind)) => {
            let kind = match (kind, value.contains(&b':')) {
                (MapValue::Text, _) => "str",
                (MapValue::Int, _) => "sint",
                (MapValue::Ip, true) => "ipv6",
                (MapValue::Ip, false) => "ipv4",
            };
            let (key, value) = (text(key), text(value));
            format!("{start}, found=yes, idx={index}, key=\"{key}\", value=\"{value}\", type=\"{kind}\"\n")
        }
    }
}

fn add(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let (version, words) = version(words);
    let add = |list: &PatternRef, key: &str, value: &str| {
        list.add(version, key.as_bytes(), value.as_bytes()).map_err(|error| refused(&error, kind, value))
    };
    match (words, shell.payload, kind == MAP) {
        ([name, key, ..], None, false) => add(find(shell, Some(name), kind)?, key, "")?,
        ([name, key, value, ..], None, true) => add(find(shell, Some(name), kind)?, key, value)?,
        ([name], Some(payload), true) => {
            let list = find(shell, Some(name), kind)?;
            for line in payload.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
                let Some((key, value)) = line.split_once([' ', '\t']) else {
                    return Err(Answer::error(format!("Missing value for key '{line}'.")));
                };
                add(list, key, value.trim())?;
            }
        }
        (_, _, false) => {
            return Err(Answer::error("'add acl' expects two parameters: ACL identifier and pattern."));
        }
        (_, _, true) => {
            return Err(Answer::error(
                "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) \
                 and a payload",
            ));
        }
    }
    Ok(Answer::done())
}

/// `#0x...` is a reference, anything else a key.
fn which(text: &str) -> Which<'_> {
    match text.strip_prefix('#') {
        Some(reference) => {
            let digits = reference.strip_prefix("0x").unwrap_or(reference);
            // 0 is no reference.
            Which::Reference(u64::from_str_radix(digits, 16).unwrap_or(0))
        }
        None => Which::Key(text.as_bytes()),
    }
}

fn remove(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let [name, key, ..] = words else {
        return Err(Answer::error(format!("This command expects two parameters: {} identifier and key.", kind.title)));
    };
    let list = find(shell, Some(name), kind)?;
    list.remove(which(key)).map_err(|_| Answer::error("Key not found."))?;
    Ok(Answer::done())
}

fn set(shell: &Shell<'_>, words: &[&str]) -> Done {
    let [name, key, value, ..] = words else {
        return Err(Answer::error("'set map' expects three parameters: map identifier, key and value."));
    };
    let list = find(shell, Some(name), MAP)?;
    let which = which(key);
    list.set(which, value.as_bytes()).map_err(|error| match (&error, which) {
        (EditError::Missing, Which::Key(_)) => Answer::error("entry not found."),
        (EditError::Missing, Which::Reference(_)) => Answer::error("key or pattern not found."),
        _ => refused(&error, MAP, value),
    })?;
    Ok(Answer::done())
}

fn clear(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let (version, words) = version(words);
    if words.is_empty() {
        return Err(Answer::error(format!("Missing {} identifier.", kind.title)));
    }
    find(shell, words.first(), kind)?.clear(version);
    Ok(Answer::done())
}

fn prepare(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let version = find(shell, words.first(), kind)?.prepare();
    Ok(Answer::data(format!("New version created: {version}\n")))
}

fn commit(shell: &Shell<'_>, words: &[&str], kind: Kind) -> Done {
    let (Some(version), words) = version(words) else { return Err(Answer::error("Missing version number.")) };
    let list = find(shell, words.first(), kind)?;
    list.commit(version).map_err(|error| refused(&error, kind, ""))?;
    Ok(Answer::done())
}

fn refused(error: &EditError, kind: Kind, value: &str) -> Answer {
    Answer::error(match error {
        EditError::Pattern(error, method) => format!("{}.", pattern_text(error, *method)),
        EditError::Value => format!("unable to parse '{value}'."),
        EditError::Missing => "Key not found.".to_owned(),
        EditError::Future => format!("Version number in the future, please use 'prepare {}' before.", kind.name),
        EditError::Range => "Version number out of range.".to_owned(),
    })
}
