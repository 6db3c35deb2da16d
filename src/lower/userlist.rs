//! `userlist` sections (manual 12.2): users, groups and who is in which.

use std::sync::LazyLock;

use super::table::{Draft, Prefix, Table, sentence};
use crate::diag::{Diagnostics, Word, suggest};
use crate::ir::global::{Group, Password, User, Userlist};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};

/// The directives of `userlist`.
pub(super) static TABLE: LazyLock<Table<UserlistDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// A `userlist` being read.
pub(super) struct UserlistDraft {
    name: String,
    prefix: Prefix,
    users: Vec<(Word, Password, Vec<Word>)>,
    groups: Vec<(Word, Vec<Word>)>,
}

impl Draft for UserlistDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl UserlistDraft {
    pub(super) fn new(name: &str) -> Self {
        UserlistDraft { name: name.to_owned(), prefix: Prefix::None, users: Vec::new(), groups: Vec::new() }
    }

    /// Joins users with groups, from both sides.
    pub(super) fn finish(self, diags: &Diagnostics) -> Userlist {
        let group_at = |name: &Word| self.groups.iter().position(|(group, _)| group.as_str() == name.as_str());
        let mut users: Vec<User> = Vec::new();
        let mut names: Vec<Word> = Vec::new();
        for (name, password, groups) in self.users {
            let mut found = Vec::new();
            for group in &groups {
                match group_at(group) {
                    Some(at) => found.push(at),
                    None => diags.push(*unknown("group", group, self.groups.iter().map(|(name, _)| name), &self.name)),
                }
            }
            users.push(User { name: name.as_str().to_owned(), password, groups: found });
            names.push(name);
        }
        for (at, (_, members)) in self.groups.iter().enumerate() {
            for member in members {
                match users.iter_mut().find(|user| user.name == member.as_str()) {
                    Some(user) if !user.groups.contains(&at) => user.groups.push(at),
                    Some(_) => {}
                    None => diags.push(*unknown("user", member, names.iter(), &self.name)),
                }
            }
        }
        let groups = self.groups.iter().map(|(name, _)| Group { name: name.as_str().to_owned() }).collect();
        Userlist { name: self.name, users, groups }
    }
}

static SETTINGS: &[Setting<UserlistDraft>] = &[
    Setting {
        meta: Meta::new(
            "user",
            "user <name> [ password | insecure-password <password> ] [groups <group>,...]",
            "Adds a user, with a password as crypt(3) encrypts it or in plain text.",
            &[("user tiger insecure-password secret", "user tiger")],
        ),
        sections: Sections::USERLIST,
        apply: user,
    },
    Setting {
        meta: Meta::new(
            "group",
            "group <name> [users <user>,...]",
            "Adds a group of users.",
            &[("group admins users tiger", "group admins")],
        ),
        sections: Sections::USERLIST,
        apply: group,
    },
];

fn user(words: &mut Words<'_>, draft: &mut UserlistDraft, _: &Scope<'_>) -> Result<()> {
    let name = words.expect("<name> as arguments.")?;
    if let Some((first, ..)) = draft.users.iter().find(|(other, ..)| other.as_str() == name.as_str()) {
        let error =
            sentence(name.span, "twice", format!("ignoring duplicated user '{name}' in userlist '{}'.", draft.name));
        return Err(Box::new(error.severity(crate::diag::Severity::Warning).place(first.span, "first one")));
    }
    let (mut password, mut groups) = (Password::None, Vec::new());
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "password" => password = Password::Crypt(words.expect("a password.")?.as_str().to_owned()),
            "insecure-password" => password = Password::Plain(words.expect("a password.")?.as_str().to_owned()),
            "groups" => groups = list(words.expect("a list of groups.")?),
            _ => return Err(sentence(word.span, "unknown", unknown_option("user", word))),
        }
    }
    draft.users.push((name.clone(), password, groups));
    Ok(())
}

fn group(words: &mut Words<'_>, draft: &mut UserlistDraft, _: &Scope<'_>) -> Result<()> {
    let name = words.expect("<name> as arguments.")?;
    if let Some((first, _)) = draft.groups.iter().find(|(other, _)| other.as_str() == name.as_str()) {
        let error =
            sentence(name.span, "twice", format!("ignoring duplicated group '{name}' in userlist '{}'.", draft.name));
        return Err(Box::new(error.severity(crate::diag::Severity::Warning).place(first.span, "first one")));
    }
    let mut members = Vec::new();
    while let Some(word) = words.next_word() {
        match word.as_str() {
            "users" => members = list(words.expect("a list of users.")?),
            _ => return Err(sentence(word.span, "unknown", unknown_option("group", word))),
        }
    }
    draft.groups.push((name.clone(), members));
    Ok(())
}

/// The parts of a comma-separated word, each with its place.
fn list(word: &Word) -> Vec<Word> {
    let mut at = 0;
    let mut parts = Vec::new();
    for part in word.as_str().split(',') {
        if !part.is_empty() {
            parts.push(Word::new(part, word.part(at..at + part.len())));
        }
        at += part.len() + 1;
    }
    parts
}

fn unknown_option(keyword: &str, word: &Word) -> String {
    let known =
        if keyword == "user" { "'password', 'insecure-password' and 'groups' options" } else { "'users' option" };
    format!("'{keyword}' only supports {known} (got '{word}').")
}

fn unknown<'w>(what: &str, word: &Word, known: impl Iterator<Item = &'w Word>, list: &str) -> crate::keyword::Error {
    let message = format!("userlist '{list}': no such {what} '{word}'.");
    let error = sentence(word.span, "unknown", message);
    match suggest(word.as_str(), known.map(Word::as_str)) {
        Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
        None => error,
    }
}

/// The only family.
pub(super) static FAMILIES: &[&[Setting<UserlistDraft>]] = &[SETTINGS];
