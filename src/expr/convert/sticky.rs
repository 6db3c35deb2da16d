//! Converters that take their input for the key of a stick table (manual 7.3.1).

use crate::base::stick::DataType;
use crate::base::value::{Type, Value};
use crate::expr::sticky::Measure;
use crate::expr::{Convert, ConvertFn, Ctx, args};
use crate::keyword::{Meta, Result, Scope, Words};
use crate::state::stick_table::{Entry, Table};

macro_rules! values {
    ($($name:literal $measure:ident($data:ident) $doc:literal $yields:literal;)*) => {
        &[$(
            Convert::new(
                Meta::new(
                    concat!("table_", $name),
                    concat!("table_", $name, "([<table>])"),
                    concat!($doc, " of the entry of the key; 0 if it is not in the table."),
                    &[(concat!("src,table_", $name), $yields)],
                ),
                Type::Any,
                Type::Int,
                |words, scope| measured(words, scope, Measure::$measure(DataType::$data), 0),
            ),
        )*]
    };
}

macro_rules! elements {
    ($($name:literal $measure:ident($data:ident) $doc:literal $yields:literal;)*) => {
        &[$(
            Convert::new(
                Meta::new(
                    concat!("table_", $name),
                    concat!("table_", $name, "(<idx>[,<table>])"),
                    concat!($doc, " of the entry of the key; 0 if it is not in the table."),
                    &[(concat!("src,table_", $name, "(0,lists)"), $yields)],
                ),
                Type::Any,
                Type::Int,
                |words, scope| {
                    let element = u16::try_from(args::int(words)?).unwrap_or(u16::MAX);
                    measured(words, scope, Measure::$measure(DataType::$data), element)
                },
            ),
        )*]
    };
}

pub(super) static VALUES: &[Convert] = values! {
    "bytes_in_rate" read(BytesInRate) "Bytes from clients in the last period" "150";
    "bytes_out_rate" read(BytesOutRate) "Bytes to clients in the last period" "3000";
    "clr_gpc0" clear(Gpc0) "Clears the first general purpose counter and yields the value before" "1";
    "clr_gpc1" clear(Gpc1) "Clears the second general purpose counter and yields the value before" "1";
    "conn_cnt" read(ConnCnt) "Connections so far" "3";
    "conn_cur" read(ConnCur) "Connections at this moment" "3";
    "conn_rate" read(ConnRate) "Connections in the last period" "3";
    "glitch_cnt" read(GlitchCnt) "Protocol glitches so far, which are not counted in HTTP/1 and TCP" "0";
    "glitch_rate" read(GlitchRate) "Protocol glitches in the last period, which are not counted in HTTP/1 and TCP" "0";
    "gpc0" read(Gpc0) "The first general purpose counter" "1";
    "gpc0_rate" read(Gpc0Rate) "Increments of the first general purpose counter in the last period" "1";
    "gpc1" read(Gpc1) "The second general purpose counter" "1";
    "gpc1_rate" read(Gpc1Rate) "Increments of the second general purpose counter in the last period" "1";
    "gpt0" read(Gpt0) "The first general purpose tag" "7";
    "http_err_cnt" read(HttpErrCnt) "Requests so far that were invalid, denied or answered with 4xx" "1";
    "http_err_rate" read(HttpErrRate) "Requests in the last period that were invalid, denied or answered with 4xx" "1";
    "http_fail_cnt" read(HttpFailCnt) "Invalid responses and those with 5xx so far, but 501 and 505" "2";
    "http_fail_rate" read(HttpFailRate) "Invalid responses and those with 5xx in the last period, but 501 and 505" "2";
    "http_req_cnt" read(HttpReqCnt) "Requests so far" "5";
    "http_req_rate" read(HttpReqRate) "Requests in the last period" "5";
    "inc_gpc0" increment(Gpc0) "Increments the first general purpose counter and yields the new value" "2";
    "inc_gpc1" increment(Gpc1) "Increments the second general purpose counter and yields the new value" "2";
    "kbytes_in" kilo(BytesInCnt) "Kilobytes from clients so far" "4";
    "kbytes_out" kilo(BytesOutCnt) "Kilobytes to clients so far" "20";
    "server_id" read(ServerId) "The number of the server that 'stick' rules remember" "1";
    "sess_cnt" read(SessCnt) "Sessions so far: connections that the connection rules let pass" "2";
    "sess_rate" read(SessRate) "Sessions in the last period" "2";
};

pub(super) static ELEMENTS: &[Convert] = elements! {
    "clr_gpc" clear(Gpc) "Clears a counter of the 'gpc' array and yields the value before" "1";
    "gpc" read(Gpc) "A counter of the 'gpc' array" "1";
    "gpc_rate" read(GpcRate) "Increments in the last period of a counter of the 'gpc' array" "1";
    "gpt" read(Gpt) "A tag of the 'gpt' array" "9";
    "inc_gpc" increment(Gpc) "Increments a counter of the 'gpc' array and yields the new value" "2";
};

pub(super) static ENTRIES: &[Convert] = &[
    Convert::new(
        Meta::new(
            "in_table",
            "in_table([<table>])",
            "Whether the key is in the table.",
            &[("src,in_table", "1"), ("dst,in_table", "0")],
        ),
        Type::Any,
        Type::Bool,
        |words, scope| entry(words, scope, |_, entry, _| Value::Bool(entry.is_some())),
    ),
    Convert::new(
        Meta::new(
            "table_expire",
            "table_expire([<table>[,<default>]])",
            "Milliseconds until the entry of the key ends; without an entry the default, or nothing.",
            &[("src,table_expire", "60000"), ("dst,table_expire(www,5)", "5"), ("dst,table_expire", "")],
        ),
        Type::Any,
        Type::Int,
        |words, scope| time(words, scope, Table::expires_in),
    ),
    Convert::new(
        Meta::new(
            "table_idle",
            "table_idle([<table>[,<default>]])",
            "Milliseconds since the entry of the key was last used; without an entry the default, or nothing.",
            &[("src,table_idle", "0"), ("dst,table_idle(www,5)", "5")],
        ),
        Type::Any,
        Type::Int,
        |words, scope| time(words, scope, |_, entry, now_ms| now_ms.saturating_sub(entry.touched_ms())),
    ),
    Convert::new(
        Meta::new(
            "table_trackers",
            "table_trackers([<table>])",
            "How many connections and requests track the entry of the key.",
            &[("src,table_trackers", "0")],
        ),
        Type::Any,
        Type::Int,
        |words, scope| {
            entry(words, scope, |_, entry, _| Value::Int(entry.map_or(0, |entry| i64::from(entry.trackers()))))
        },
    ),
];

fn measured(words: &mut Words<'_>, scope: &Scope<'_>, measure: Measure, element: u16) -> Result<ConvertFn> {
    let id = args::table(words, scope)?;
    Ok(Box::new(move |ctx, value| {
        let table = ctx.view.table(id)?;
        let key = table.key(value)?;
        measure.of_key(table, &key, element, ctx.now_ms).map(Value::Int)
    }))
}

fn entry(
    words: &mut Words<'_>,
    scope: &Scope<'_>,
    read: fn(&Table, Option<&Entry>, u64) -> Value<'static>,
) -> Result<ConvertFn> {
    let id = args::table(words, scope)?;
    Ok(Box::new(move |ctx: &Ctx<'_>, value| {
        let table = ctx.view.table(id)?;
        let found = table.find(&table.key(value)?, ctx.now_ms);
        Some(read(table, found.as_deref(), ctx.now_ms))
    }))
}

fn time(words: &mut Words<'_>, scope: &Scope<'_>, read: fn(&Table, &Entry, u64) -> u64) -> Result<ConvertFn> {
    let id = args::table(words, scope)?;
    let default = args::opt_int(words)?;
    Ok(Box::new(move |ctx: &Ctx<'_>, value| {
        let table = ctx.view.table(id)?;
        match table.find(&table.key(value)?, ctx.now_ms) {
            Some(entry) => Some(Value::Int(read(table, &entry, ctx.now_ms) as i64)),
            None => default.map(Value::Int),
        }
    }))
}
