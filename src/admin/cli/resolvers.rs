//! `show resolvers`: what is counted of name servers.

use std::fmt::Write;

use super::{Answer, Command, Level, Shell};
use crate::keyword::Meta;
use crate::state::{DNS_COUNTS, ResolversState};

pub(super) static COMMANDS: &[Command] = &[Command {
    meta: Meta::new(
        "show resolvers",
        "show resolvers [id]",
        "dumps counters from all resolvers section and associated name servers",
        &[("show resolvers", ""), ("show resolvers nope", "Can't find that resolvers section")],
    ),
    level: Level::User,
    run: show,
}];

fn show(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let mut out = String::new();
    let sections = shell.view.resolvers.iter();
    match words.first() {
        // The section that was made without being asked for may have no name servers.
        None => sections.filter(|section| !section.servers.is_empty()).for_each(|section| dump(section, &mut out)),
        Some(name) => match sections.rev().find(|section| section.name == *name) {
            Some(section) => dump(section, &mut out),
            None => return Answer::error("Can't find that resolvers section"),
        },
    }
    Answer::data(out)
}

fn dump(section: &ResolversState, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Resolvers section {}", section.name);
    for server in &section.servers {
        let _ = writeln!(out, " nameserver {}:", server.name);
        for (count, name) in &DNS_COUNTS {
            let _ = writeln!(out, "  {:<12} {}", format!("{name}:"), server.get(*count));
        }
    }
}
