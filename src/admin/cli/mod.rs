//! The runtime commands (management.txt 9.3): one table, one file per family.
//!
//! A command is a pure function of the configuration, the state and its words; the socket around it is `admin::socket`.

mod info;
mod show;

use crate::base::id::{ProxyId, ServerId};
use crate::ir::Ir;
use crate::keyword::known::{self, Class};
use crate::keyword::{Meta, Status};
use crate::state::View;

use super::stats::page::{Change, Process};
use super::stats::rows::At;

/// Rights of a connection to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Looks at what is not sensitive.
    User = 1,
    /// Looks at everything.
    Operator = 2,
    /// Changes everything.
    Admin = 3,
}

/// What a command works on.
pub struct Shell<'a> {
    /// The configuration.
    pub ir: &'a Ir,
    /// The run-time state.
    pub view: &'a View,
    /// Facts of the process.
    pub process: &'a Process,
    /// When.
    pub at: At,
    /// Rights.
    pub level: Level,
    /// Changes of servers to apply after the command.
    pub changes: Vec<(ProxyId, ServerId, Change)>,
}

/// One command.
pub struct Command {
    /// Name as typed, documentation, examples, status.
    pub meta: Meta,
    /// Rights it takes.
    pub level: Level,
    /// Runs it on the words behind its name; the text is the answer without the empty line that ends it.
    pub run: fn(&mut Shell<'_>, &[&str]) -> String,
}

/// What a line asks the connection to do beside printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Nothing,
    /// Close the connection.
    Quit,
    /// Switch the interactive prompt on or off.
    Prompt,
}

/// All tables.
pub static FAMILIES: &[&[Command]] = &[show::COMMANDS, info::COMMANDS];

/// Every command of the tables.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().copied().flatten()
}

/// What the line reader answers itself, for the reference.
pub static BUILT_IN: &[Meta] = &[
    Meta::new("help", "help [<command>]", "list matching or all commands", &[("help show", "  show info")]),
    Meta::new("prompt", "prompt", "toggle interactive mode with prompt", &[("prompt", "")]),
    Meta::new("quit", "quit", "disconnect", &[("quit", "")]),
];

/// Runs one line, which may hold several commands separated by `;`. Every answer ends with an empty line.
pub fn run(shell: &mut Shell<'_>, line: &str) -> (String, After) {
    let mut out = String::new();
    let mut after = After::Nothing;
    for command in split(line) {
        let words: Vec<&str> = command.split_ascii_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["quit"] => return (out, After::Quit),
            ["prompt", ..] => after = After::Prompt,
            words => {
                let answer = one(shell, words);
                out.push_str(&answer);
                if !answer.is_empty() && !answer.ends_with('\n') {
                    out.push('\n');
                }
                out.push('\n');
            }
        }
    }
    (out, after)
}

fn one(shell: &mut Shell<'_>, words: &[&str]) -> String {
    let mut best: Option<(&Command, usize)> = None;
    for command in FAMILIES.iter().flat_map(|family| family.iter()) {
        let name: Vec<&str> = command.meta.name.split(' ').collect();
        if words.starts_with(&name) && best.is_none_or(|(_, length)| name.len() > length) {
            best = Some((command, name.len()));
        }
    }
    match best {
        Some((command, _)) if command.level > shell.level => "Permission denied\n".to_owned(),
        Some((command, length)) => (command.run)(shell, &words[length..]),
        None if words[0] == "help" => help(shell, &words[1..]),
        None => unknown(shell, words),
    }
}

fn unknown(shell: &Shell<'_>, words: &[&str]) -> String {
    if let Some(answer) = not_yet(words) {
        return answer;
    }
    let what = words.join(" ");
    format!("Unknown command: '{what}'. The following commands are valid at this level:\n{}", list(shell, &[]))
}

/// The answer to a command that HAProxy 3.4 has and the tables have not.
fn not_yet(words: &[&str]) -> Option<String> {
    let mut names = (1..=words.len()).rev().filter_map(|length| words.get(..length)).map(|words| words.join(" "));
    let known = names.find_map(|name| known::find(Class::Cli, &name))?;
    let (name, manual) = (known.name, known.manual());
    Some(format!("'{name}' is known to HAProxy 3.4, not supported by hydroxy yet ({manual}).\n"))
}

fn help(shell: &Shell<'_>, prefix: &[&str]) -> String {
    format!("The following commands are valid at this level:\n{}", list(shell, prefix))
}

fn list(shell: &Shell<'_>, prefix: &[&str]) -> String {
    let mut lines: Vec<String> = FAMILIES
        .iter()
        .flat_map(|family| family.iter())
        .filter(|command| command.level <= shell.level && command.meta.status == Status::Supported)
        .filter(|command| prefix.is_empty() || command.meta.name.starts_with(&prefix.join(" ")))
        .map(|command| format!("  {:<40}: {}\n", command.meta.usage, command.meta.doc))
        .collect();
    lines.sort();
    lines.push(format!("  {:<40}: list matching or all commands\n", "help [<command>]"));
    lines.push(format!("  {:<40}: toggle interactive mode with prompt\n", "prompt"));
    lines.push(format!("  {:<40}: disconnect\n", "quit"));
    lines.concat()
}

/// Splits at `;` unless a backslash stands before it.
fn split(line: &str) -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        match (c, escaped) {
            (';', false) => commands.push(String::new()),
            ('\\', false) => {
                escaped = true;
                continue;
            }
            _ => {
                if let Some(last) = commands.last_mut() {
                    last.push(c);
                }
            }
        }
        escaped = false;
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_separated_by_semicolons_that_are_not_escaped() {
        assert_eq!(split("show info;show stat"), ["show info", "show stat"]);
        assert_eq!(split("echo a\\;b"), ["echo a;b"]);
    }

    #[test]
    fn every_command_of_the_release_is_known() {
        for known in known::all().iter().filter(|known| known.class == Class::Cli) {
            let words: Vec<&str> = known.name.split(' ').chain(["x"]).collect();
            let answer = not_yet(&words).unwrap_or_default();
            assert!(answer.starts_with(&format!("'{}' is known to HAProxy 3.4", known.name)), "{answer}");
        }
        assert_eq!(not_yet(&["show", "nonsense"]), None);
    }

    #[test]
    fn every_command_is_one_of_the_release() {
        for command in FAMILIES.iter().flat_map(|family| family.iter()) {
            assert!(known::find(Class::Cli, command.meta.name).is_some(), "{}", command.meta.name);
        }
    }
}
