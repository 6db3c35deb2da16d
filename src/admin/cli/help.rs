//! `help`, and the answer to what is no command: what was probably meant.

use super::{Answer, Command, Level, all};
use crate::diag::suggestions;
use crate::keyword::{Meta, Status};

pub(super) static COMMANDS: &[Command] = &[Command {
    meta: Meta::new(
        "help",
        "help [<command>]",
        "list matching or all commands",
        &[("help show stat", "The following commands are valid at this level:")],
    ),
    level: Level::User,
    run: |shell, words| {
        let level = shell.console.level;
        let chosen = match words {
            [] => valid(level).collect(),
            words => near(level, words),
        };
        Answer::data(format!("The following commands are valid at this level:\n{}", list(chosen)))
    },
}];

/// The answer to words that begin no command.
pub(super) fn unknown(level: Level, words: &[&str]) -> Answer {
    let first = words.first().copied().unwrap_or_default();
    let near = near(level, words);
    let text = match near.is_empty() {
        true => format!(
            "Unknown command: '{first}'. Please enter one of the following commands only:\n{}",
            list(valid(level).collect())
        ),
        false => format!(
            "Unknown command: '{first}', but maybe one of the following ones is a better match:\n{}",
            list(near)
        ),
    };
    Answer::error(text)
}

/// Commands that a connection may use.
fn valid(level: Level) -> impl Iterator<Item = &'static Command> {
    all().filter(move |command| command.level <= level && command.meta.status == Status::Supported)
}

/// Commands that begin with the most of the words; else those whose names are spelled alike.
fn near(level: Level, words: &[&str]) -> Vec<&'static Command> {
    let common = |command: &Command| {
        let names = command.meta.name.split(' ');
        words.iter().zip(names).take_while(|(word, name)| name.starts_with(**word)).count()
    };
    let most = valid(level).map(common).max().unwrap_or(0);
    if most > 0 {
        return valid(level).filter(|command| common(command) == most).collect();
    }
    let text = words.join(" ");
    let names = suggestions(&text, valid(level).map(|command| command.meta.name), MOST);
    let mut near: Vec<&Command> = valid(level).filter(|command| names.contains(&command.meta.name)).collect();
    if near.is_empty() {
        let first = words.first().copied().unwrap_or_default();
        let firsts = suggestions(first, valid(level).filter_map(|command| command.meta.name.split(' ').next()), MOST);
        near = valid(level).filter(|command| firsts.iter().any(|first| command.meta.name.starts_with(first))).collect();
    }
    near
}

/// Lines of usage and documentation, in HAProxy's columns; the commands of the connection itself come last.
fn list(mut chosen: Vec<&'static Command>) -> String {
    let last = |command: &Command| ALWAYS.iter().position(|name| *name == command.meta.name);
    chosen.retain(|command| last(command).is_none());
    chosen.sort_by_key(|command| command.meta.name);
    let mut always: Vec<&Command> = all().filter(|command| last(command).is_some()).collect();
    always.sort_by_key(|command| last(command));
    let lines = chosen.into_iter().chain(always);
    lines.map(|command| format!("  {:<40}: {}\n", command.meta.usage, command.meta.doc)).collect()
}

const ALWAYS: [&str; 3] = ["help", "prompt", "quit"];
/// How many are suggested.
const MOST: usize = 5;
