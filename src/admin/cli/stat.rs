//! `show stat`, `clear counters`, `show schema json`: the statistics of proxies.

use super::{Answer, Command, Level, Shell};
use crate::admin::stats::columns::col;
use crate::admin::stats::rows::{self, Row};
use crate::admin::stats::{csv, tags, typed};
use crate::keyword::Meta;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show stat",
            "show stat [desc|json|no-maint|typed|up]*",
            "report counters for each proxy and server",
            &[("show stat", "# pxname,svname,"), ("show stat -1 4 -1 typed", "")],
        ),
        level: Level::User,
        run: show_stat,
    },
    Command {
        meta: Meta::new(
            "show schema json",
            "show schema json",
            "report schema used for stats",
            &[("show schema json", "{\"$schema\"")],
        ),
        level: Level::User,
        run: |_, _| Answer::data(format!("{}\n", tags::SCHEMA)),
    },
    Command {
        meta: Meta::new(
            "clear counters",
            "clear counters [all]",
            "clear max statistics counters (or all counters)",
            &[("clear counters", ""), ("clear counters all", "")],
        ),
        level: Level::Operator,
        run: clear_counters,
    },
];

/// Which rows are wanted.
struct Selection {
    proxy: Option<i64>,
    /// 1 frontends, 2 backends, 4 servers, 8 listeners.
    kinds: i64,
    id: Option<i64>,
}

fn show_stat(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let words = match words {
        ["domain", "proxy", rest @ ..] => rest,
        ["domain", ..] => return Answer::error("Invalid statistics domain."),
        words => words,
    };
    let (selection, words) = match words {
        [first, ..] if FORMS.contains(first) => (Selection::ALL, words),
        [proxy, kinds, id, rest @ ..] => match Selection::new(shell, proxy, kinds, id) {
            Some(selection) => (selection, rest),
            None => return Answer::error("No such proxy."),
        },
        // Fewer than three select nothing.
        words => (Selection::ALL, words),
    };
    let asked = |name: &str| words.contains(&name);
    let mut rows = rows::rows(shell.ir, shell.view, shell.at, |_| true);
    rows::hide(&mut rows, asked("up"), asked("no-maint"));
    rows.retain(|row| selection.holds(row));
    if asked("json") {
        return Answer::data(typed::json(&rows));
    }
    if asked("typed") {
        return Answer::data(typed::typed(&rows, asked("desc")));
    }
    let mut out = Vec::new();
    csv::write(&rows, &mut out);
    Answer::data(String::from_utf8_lossy(&out))
}

impl Selection {
    const ALL: Selection = Selection { proxy: None, kinds: -1, id: None };

    fn new(shell: &Shell<'_>, proxy: &str, kinds: &str, id: &str) -> Option<Selection> {
        let proxy = match proxy.parse::<i64>() {
            Ok(number) => number,
            Err(_) => shell.proxy(proxy, |_| true)?.uuid.into(),
        };
        let (kinds, id) = (kinds.parse().unwrap_or(0), id.parse().unwrap_or(0));
        Some(Selection { proxy: (proxy >= 0).then_some(proxy), kinds, id: (id >= 0).then_some(id) })
    }

    fn holds(&self, row: &Row) -> bool {
        let kind = self.kinds < 0 || self.kinds & 1 << (row.kind as i64) != 0;
        let proxy = self.proxy.is_none_or(|id| row.number(const { col("iid") }) == id);
        kind && proxy && self.id.is_none_or(|id| row.number(const { col("sid") }) == id)
    }
}

fn clear_counters(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let all = words.first() == Some(&"all");
    if all && shell.console.level < Level::Admin {
        return Answer::error("Permission denied");
    }
    shell.view.process.clear_maxima();
    for proxy in &shell.view.proxies {
        proxy.clear(all);
    }
    let sections = shell.view.resolvers.iter().filter(|_| all);
    sections.flat_map(|section| &section.servers).for_each(|server| server.clear());
    Answer::done()
}

const FORMS: [&str; 5] = ["desc", "json", "no-maint", "typed", "up"];
