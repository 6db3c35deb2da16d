//! Stick tables: `show table`, `set table`, `clear table` (management.txt 9.3). What a table holds is in `state::stick_table`.
//!
//! The level `user` may change nothing, says the manual; HAProxy 2.8 lets it change tables.

use std::fmt::Write;
use std::sync::Arc;

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::base::hex;
use crate::base::stick::{DataType, KeyType, Shape};
use crate::base::value::Value;
use crate::keyword::Meta;
use crate::state::stick_table::{Entry, Opened, Table};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show table",
            "show table [<table> [<filter>]*]",
            "report table usage stats or dump this table's contents (filter: data/key)",
            &[
                ("show table", "# table: st, type: ip, size:1024, used:0"),
                ("show table st data.gpc0 gt 1", "# table: st, type: ip, size:1024, used:0"),
            ],
        ),
        level: Level::User,
        run: |shell, words| flat(show(shell, words)),
    },
    Command {
        meta: Meta::new(
            "set table",
            "set table <table> key <k> [data.* <v>]*",
            "update or create a table entry's data",
            &[("set table st key 192.0.2.1 data.gpc0 1", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(set(shell, words)),
    },
    Command {
        meta: Meta::new(
            "clear table",
            "clear table <table> [<filter>]*",
            "remove an entry from a table (filter: data/key)",
            &[("clear table st", ""), ("clear table st key 192.0.2.1", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(clear(shell, words)),
    },
];

/// Which entries of a table are meant.
enum Chosen {
    /// Those whose data compares so with a number; without a filter all of them.
    Filtered(Vec<Filter>),
    /// The one of a key or a pointer, if it is there.
    One(Option<Arc<Entry>>),
}

/// `data.<type> <operator> <value>`
struct Filter {
    data: Data,
    operator: fn(&i64, &i64) -> bool,
    value: i64,
}

/// `data.<type>`, of arrays `data.<type>[<index>]`.
#[derive(Clone, Copy)]
struct Data {
    kind: DataType,
    element: u16,
}

fn show(shell: &Shell<'_>, words: &[&str]) -> Done {
    let now = shell.at.now_ms;
    let mut out = String::new();
    let [name, words @ ..] = words else {
        // What was declared last comes first, as HAProxy lists them.
        shell.view.tables.iter().rev().for_each(|table| title(table, now, &mut out));
        return Ok(Answer::data(out));
    };
    let table = find(shell, name)?;
    let chosen = choose(table, words, now, ("Showing keys from", SHOW_USAGE))?;
    if shell.console.level < Level::Operator {
        if matches!(chosen, Chosen::One(_)) {
            return Err(Answer::error("Permission denied"));
        }
        title(table, now, &mut out);
        out.push_str("# contents not dumped due to insufficient privileges\n");
        return Ok(Answer::data(out));
    }
    match chosen {
        Chosen::One(entry) => {
            if let Some(entry) = entry {
                title(table, now, &mut out);
                line(table, &entry, now, &mut out);
            }
        }
        Chosen::Filtered(filters) => {
            title(table, now, &mut out);
            let mut entries = filtered(table, &filters, now);
            entries.sort_by(|a, b| a.key().cmp(b.key()));
            entries.iter().for_each(|entry| line(table, entry, now, &mut out));
        }
    }
    Ok(Answer::data(out))
}

fn clear(shell: &Shell<'_>, words: &[&str]) -> Done {
    let now = shell.at.now_ms;
    let [name, words @ ..] = words else { return Err(Answer::error(CLEAR_USAGE)) };
    let table = find(shell, name)?;
    match choose(table, words, now, ("Removing keys from", CLEAR_USAGE))? {
        Chosen::One(Some(entry)) if !table.remove(&entry) => {
            return Err(Answer::error("Entry currently in use, cannot remove"));
        }
        Chosen::One(_) => {}
        // What is tracked stays.
        Chosen::Filtered(filters) => filtered(table, &filters, now).iter().for_each(|entry| {
            table.remove(entry);
        }),
    }
    Ok(Answer::done())
}

fn set(shell: &Shell<'_>, words: &[&str]) -> Done {
    let now = shell.at.now_ms;
    let [name, words @ ..] = words else { return Err(Answer::error(SET_USAGE)) };
    let table = find(shell, name)?;
    let (entry, mut words) = match words {
        ["key", text, rest @ ..] => {
            let key = key(table, text, "Inserting keys into")?;
            let full = || Answer::error("Unable to allocate a new entry");
            (table.obtain(&key, now).ok_or_else(full)?, rest)
        }
        ["ptr", text, rest @ ..] => {
            let unknown = || Answer::error(format!("No entry with pointer '{text}' (use 'show table')."));
            (pointed_at(table, text, now).ok_or_else(unknown)?, rest)
        }
        ["key", ..] => return Err(Answer::error("Key value expected")),
        ["ptr", ..] => return Err(Answer::error("Pointer value expected")),
        [word, ..] if word.starts_with("data.") => {
            let message = "content-based lookup is only supported with the \"show\" and \"clear\" actions";
            return Err(Answer::error(message));
        }
        _ => return Err(Answer::error(SET_USAGE)),
    };
    while let [word, rest @ ..] = words {
        let Some(name) = word.strip_prefix("data.") else {
            return Err(Answer::error("\"data.<type>\" followed by a value expected"));
        };
        let data = stored(table, name).map_err(Answer::error)?;
        let value = rest.first().and_then(|value| value.parse().ok());
        let value: i64 = value.ok_or_else(|| Answer::error("Require a valid integer value to store"))?;
        data.store(table, &entry, value, now);
        words = rest.get(1..).unwrap_or_default();
    }
    entry.touch(now);
    Ok(Answer::done())
}

fn find<'a>(shell: &Shell<'a>, name: &str) -> Result<&'a Arc<Table>, Answer> {
    let found = shell.view.tables.iter().find(|table| *table.spec().name == *name);
    found.ok_or_else(|| Answer::error("No such table"))
}

/// The entries that the words behind a table's name mean. `doing` and `usage` are for messages.
fn choose(table: &Table, words: &[&str], now: u64, (doing, usage): (&str, &str)) -> Result<Chosen, Answer> {
    Ok(match words {
        ["key", text, ..] => Chosen::One(table.find(&key(table, text, doing)?, now)),
        ["ptr", text, ..] => Chosen::One(pointed_at(table, text, now)),
        ["key"] => return Err(Answer::error("Key value expected")),
        ["ptr"] => return Err(Answer::error("Pointer value expected")),
        [] => Chosen::Filtered(Vec::new()),
        [first, ..] if first.starts_with("data.") => Chosen::Filtered(filters(table, words)?),
        _ => return Err(Answer::error(usage)),
    })
}

fn filters(table: &Table, words: &[&str]) -> Result<Vec<Filter>, Answer> {
    let mut filters = Vec::new();
    for (number, words) in (1..).zip(words.chunks(3)) {
        if number > MOST_FILTERS {
            // `show table <name>` stands before the filters.
            let at = 3 + 3 * MOST_FILTERS + 1;
            let message =
                format!("Detected extra data in filter, {at}th word of input, more than {MOST_FILTERS} filters");
            return Err(Answer::error(message));
        }
        let wrong = |what: &str| Answer::error(format!("Filter entry #{number}: {what}"));
        let name = words.first().and_then(|word| word.strip_prefix("data."));
        let data = stored(table, name.unwrap_or_default()).map_err(wrong)?;
        let operator = words.get(1).and_then(|word| operator(word));
        let operator = operator
            .ok_or_else(|| wrong("Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\""))?;
        let value = words.get(2).and_then(|word| word.parse().ok());
        let value = value.ok_or_else(|| wrong("Require a valid integer value to compare against"))?;
        filters.push(Filter { data, operator, value });
    }
    Ok(filters)
}

fn operator(word: &str) -> Option<fn(&i64, &i64) -> bool> {
    Some(match word {
        "eq" => i64::eq,
        "ne" => i64::ne,
        "le" => i64::le,
        "ge" => i64::ge,
        "lt" => i64::lt,
        "gt" => i64::gt,
        _ => return None,
    })
}

fn filtered(table: &Table, filters: &[Filter], now: u64) -> Vec<Arc<Entry>> {
    let mut entries = table.entries(now);
    entries.retain(|entry| {
        let open = table.open(entry, now);
        let holds = |filter: &Filter| {
            let value = filter.data.value(table, &open);
            value.is_some_and(|value| (filter.operator)(&value, &filter.value))
        };
        filters.iter().all(holds)
    });
    entries
}

/// `<type>` or `<type>[<index>]`, if the table stores it.
fn stored(table: &Table, text: &str) -> Result<Data, &'static str> {
    let (name, index) = match text.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']').and_then(|index| index.parse().ok())),
        None => (text, Some(0)),
    };
    let kind = DataType::find(name).ok_or("Unknown data type")?;
    let is_array = matches!(kind.shape(), Shape::Numbers | Shape::Rates);
    let element = index.filter(|_| is_array || !text.contains('[')).ok_or("Unknown data type")?;
    let (own, at) = match kind.in_array() {
        Some((array, at)) if !stores(table, kind, 0) => (array, at),
        _ => (kind, element),
    };
    if stores(table, own, at) { Ok(Data { kind, element }) } else { Err("Data type not stored in this table") }
}

fn stores(table: &Table, kind: DataType, element: u16) -> bool {
    table.spec().store.iter().any(|stored| stored.data == kind && element < stored.elements)
}

impl Data {
    /// Bytes are counted in blocks where the table has a factor.
    fn factor(self, table: &Table) -> u64 {
        if self.kind.is_byte_rate() { u64::from(table.spec().brates_factor.max(1)) } else { 1 }
    }

    fn value(self, table: &Table, open: &Opened<'_>) -> Option<i64> {
        Some((open.value(self.kind, self.element)? * self.factor(table)) as i64)
    }

    fn store(self, table: &Table, entry: &Entry, value: i64, now: u64) {
        // All have 32 bits but the counts of bytes.
        let value = match self.kind {
            DataType::BytesInCnt | DataType::BytesOutCnt => value as u64,
            _ => u64::from(value as u32),
        };
        table.open(entry, now).set(self.kind, self.element, value / self.factor(table));
    }
}

/// A key as it is typed.
fn key(table: &Table, text: &str, doing: &str) -> Result<Vec<u8>, Answer> {
    let value = match table.spec().key {
        KeyType::Ipv4 => text.parse().ok().map(Value::Ipv4),
        KeyType::Ipv6 => text.parse().ok().map(Value::Ipv6),
        KeyType::Integer => text.parse::<u32>().ok().map(|number| Value::Int(number.into())),
        KeyType::String => Some(Value::str(text.as_bytes())),
        KeyType::Binary => {
            let kinds = "ip, ipv6, string and integer";
            return Err(Answer::error(format!("{doing} tables of type other than {kinds} is not supported")));
        }
    };
    let key = value.and_then(|value| table.key(value));
    key.map(std::borrow::Cow::into_owned).ok_or_else(|| Answer::error("Invalid key"))
}

/// Where an entry lies: what `show table` begins its line with.
fn pointer(entry: &Arc<Entry>) -> usize {
    Arc::as_ptr(entry).addr()
}

fn pointed_at(table: &Table, text: &str, now: u64) -> Option<Arc<Entry>> {
    let wanted = usize::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()?;
    table.entries(now).into_iter().find(|entry| pointer(entry) == wanted)
}

/// The line of a table in the list of all of them.
fn title(table: &Table, now: u64, out: &mut String) {
    let spec = table.spec();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "# table: {}, type: {}, size:{}, used:{}",
        spec.name,
        spec.key.name(),
        spec.size,
        table.used(now)
    );
}

fn line(table: &Table, entry: &Arc<Entry>, now: u64, out: &mut String) {
    let key = match table.value_of(entry.key()) {
        Value::Bin(bytes) => hex::upper_hex(&bytes),
        value => {
            let mut text = Vec::new();
            value.write_to(&mut text);
            escaped(&text)
        }
    };
    // Writing to a String cannot fail. An entry has one place, so that it is in the first shard.
    let _ = write!(
        out,
        "0x{:x}: key={key} use={} exp={} shard=0",
        pointer(entry),
        entry.trackers(),
        table.expires_in(entry, now)
    );
    let open = table.open(entry, now);
    for stored in &table.spec().store {
        let name = stored.data.name();
        for element in 0..stored.elements {
            let value = Data { kind: stored.data, element }.value(table, &open).unwrap_or(0);
            let _ = match stored.data.shape() {
                Shape::Number => write!(out, " {name}={value}"),
                Shape::Rate => write!(out, " {name}({})={value}", stored.period_ms),
                Shape::Numbers => write!(out, " {name}{element}={value}"),
                // The number stands within the name: `gpc0_rate`.
                Shape::Rates => {
                    let base = name.trim_end_matches("_rate");
                    write!(out, " {base}{element}_rate({})={value}", stored.period_ms)
                }
                Shape::Server => write!(out, " {name}={}", open.server().map_or("-", |server| &**server)),
            };
        }
    }
    out.push('\n');
}

/// What would end the key, or is no printable ASCII, behind a backslash.
fn escaped(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        // Writing to a String cannot fail.
        let _ = match byte {
            b' ' | b'=' | b'\\' => write!(out, "\\{}", char::from(*byte)),
            b'\t' => write!(out, "\\t"),
            b'\n' => write!(out, "\\n"),
            b'\r' => write!(out, "\\r"),
            0x1b => write!(out, "\\e"),
            0x21..=0x7e => write!(out, "{}", char::from(*byte)),
            _ => write!(out, "\\x{byte:02X}"),
        };
    }
    out
}

/// How many filters a command may have, as HAProxy is built by default.
const MOST_FILTERS: usize = 4;
const SHOW_USAGE: &str =
    "Optional argument only supports \"data.<store_data_type>\" <operator> <value>, key <key> and ptr <ptr>";
const CLEAR_USAGE: &str = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key> or <table> ptr <ptr>";
const SET_USAGE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> [data.<store_data_type> <value>]*";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_on_one_line_as_one_word() {
        assert_eq!(escaped(b"a b=c\\\t\x01\xe9\x1b"), "a\\ b\\=c\\\\\\t\\x01\\xE9\\e");
    }
}
