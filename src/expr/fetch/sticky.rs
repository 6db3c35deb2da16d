//! Entries of stick tables: those that counters track (`sc_*`) and that of the client's address (`src_*`) (manual 7.3.3).

use super::{Fetch, int};
use crate::base::id::TableId;
use crate::base::stick::DataType;
use crate::base::value::{Type, Value};
use crate::expr::sticky::Measure;
use crate::expr::{Ctx, FetchFn, Seen, args};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::state::stick_table::{Table, Tracking};

/// For each value the fetches `sc_`, `sc0_`, `sc1_`, `sc2_` and `src_`: its name, what it is, its documentation, and what stands
/// behind the name in the example and yields what.
macro_rules! values {
    ($($name:literal $measure:ident($data:ident) $doc:literal $suffix:literal => $yields:literal;)*) => {
        &[$(
            Fetch::new(
                Meta::new(
                    concat!("sc_", $name),
                    concat!("sc_", $name, "(<ctr>[,<table>])"),
                    concat!($doc, " of the entry that the counter tracks, or of its key in another table."),
                    &[(concat!("sc_", $name, "(0)", $suffix), $yields)],
                ),
                Type::Int,
                Needs::INTERNAL,
                |words, scope| {
                    let counter = counter(words)?;
                    of_counter(words, scope, Measure::$measure(DataType::$data), counter, 0)
                },
            ),
            values!(@alias "sc0_" 0, $name, $measure($data), $suffix => $yields),
            values!(@alias "sc1_" 1, $name, $measure($data), $suffix => $yields),
            values!(@alias "sc2_" 2, $name, $measure($data), $suffix => $yields),
            Fetch::new(
                Meta::new(
                    concat!("src_", $name),
                    concat!("src_", $name, "([<table>])"),
                    concat!($doc, " of the entry of the client's address in the table."),
                    &[(concat!("src_", $name, $suffix), $yields)],
                ),
                Type::Int,
                Needs::CLIENT_L4,
                |words, scope| of_source(words, scope, Measure::$measure(DataType::$data), 0),
            ),
        )*]
    };
    (@alias $prefix:literal $number:literal, $name:literal, $measure:ident($data:ident), $suffix:literal => $yields:literal) => {
        Fetch::new(
            Meta::new(
                concat!($prefix, $name),
                concat!($prefix, $name, "([<table>])"),
                concat!("The same as 'sc_", $name, "(", $number, ")'."),
                &[(concat!($prefix, $name, $suffix), $yields)],
            ),
            Type::Int,
            Needs::INTERNAL,
            |words, scope| of_counter(words, scope, Measure::$measure(DataType::$data), $number, 0),
        )
    };
}

/// The same for elements of arrays, which have no numbered forms.
macro_rules! elements {
    ($($name:literal $measure:ident($data:ident) $doc:literal $suffix:literal => $yields:literal;)*) => {
        &[$(
            Fetch::new(
                Meta::new(
                    concat!("sc_", $name),
                    concat!("sc_", $name, "(<idx>,<ctr>[,<table>])"),
                    concat!($doc, " of the entry that the counter tracks, or of its key in another table."),
                    &[(concat!("sc_", $name, "(0,0,lists)", $suffix), $yields)],
                ),
                Type::Int,
                Needs::INTERNAL,
                |words, scope| {
                    let element = element(words)?;
                    let counter = counter(words)?;
                    of_counter(words, scope, Measure::$measure(DataType::$data), counter, element)
                },
            ),
            Fetch::new(
                Meta::new(
                    concat!("src_", $name),
                    concat!("src_", $name, "(<idx>[,<table>])"),
                    concat!($doc, " of the entry of the client's address in the table."),
                    &[(concat!("src_", $name, "(0,lists)", $suffix), $yields)],
                ),
                Type::Int,
                Needs::CLIENT_L4,
                |words, scope| {
                    let element = element(words)?;
                    of_source(words, scope, Measure::$measure(DataType::$data), element)
                },
            ),
        )*]
    };
}

pub(super) static VALUES: &[Fetch] = values! {
    "bytes_in_rate" read(BytesInRate) "Bytes from clients in the last period" "" => "150";
    "bytes_out_rate" read(BytesOutRate) "Bytes to clients in the last period" "" => "3000";
    "clr_gpc0" clear(Gpc0) "Clears the first general purpose counter and yields the value before" " ge 0" => "true";
    "clr_gpc1" clear(Gpc1) "Clears the second general purpose counter and yields the value before" " ge 0" => "true";
    "conn_cnt" read(ConnCnt) "Connections so far" "" => "3";
    "conn_cur" read(ConnCur) "Connections at this moment" "" => "3";
    "conn_rate" read(ConnRate) "Connections in the last period" "" => "3";
    "get_gpc0" read(Gpc0) "The first general purpose counter" " ge 0" => "true";
    "get_gpc1" read(Gpc1) "The second general purpose counter" " ge 0" => "true";
    "get_gpt0" read(Gpt0) "The first general purpose tag" "" => "7";
    "glitch_cnt" read(GlitchCnt) "Protocol glitches so far, which are not counted in HTTP/1 and TCP" "" => "0";
    "glitch_rate" read(GlitchRate) "Protocol glitches in the last period, which are not counted in HTTP/1 and TCP" "" => "0";
    "gpc0_rate" read(Gpc0Rate) "Increments of the first general purpose counter in the last period" " ge 0" => "true";
    "gpc1_rate" read(Gpc1Rate) "Increments of the second general purpose counter in the last period" " ge 0" => "true";
    "http_err_cnt" read(HttpErrCnt) "Requests so far that were invalid, denied or answered with 4xx" "" => "1";
    "http_err_rate" read(HttpErrRate) "Requests in the last period that were invalid, denied or answered with 4xx" "" => "1";
    "http_fail_cnt" read(HttpFailCnt) "Invalid responses and those with 5xx so far, but 501 and 505" "" => "2";
    "http_fail_rate" read(HttpFailRate) "Invalid responses and those with 5xx in the last period, but 501 and 505" "" => "2";
    "http_req_cnt" read(HttpReqCnt) "Requests so far" "" => "5";
    "http_req_rate" read(HttpReqRate) "Requests in the last period" "" => "5";
    "inc_gpc0" increment(Gpc0) "Increments the first general purpose counter and yields the new value" " gt 0" => "true";
    "inc_gpc1" increment(Gpc1) "Increments the second general purpose counter and yields the new value" " gt 0" => "true";
    "kbytes_in" kilo(BytesInCnt) "Kilobytes from clients so far" "" => "4";
    "kbytes_out" kilo(BytesOutCnt) "Kilobytes to clients so far" "" => "20";
    "sess_cnt" read(SessCnt) "Sessions so far: connections that the connection rules let pass" "" => "2";
    "sess_rate" read(SessRate) "Sessions in the last period" "" => "2";
};

pub(super) static ELEMENTS: &[Fetch] = elements! {
    "clr_gpc" clear(Gpc) "Clears a counter of the 'gpc' array and yields the value before" " ge 0" => "true";
    "get_gpc" read(Gpc) "A counter of the 'gpc' array" " ge 0" => "true";
    "get_gpt" read(Gpt) "A tag of the 'gpt' array" "" => "9";
    "gpc_rate" read(GpcRate) "Increments in the last period of a counter of the 'gpc' array" " ge 0" => "true";
    "inc_gpc" increment(Gpc) "Increments a counter of the 'gpc' array and yields the new value" " gt 0" => "true";
};

/// A fetch on a counter in its four forms: `sc_`, `sc0_`, `sc1_`, `sc2_`.
macro_rules! counters {
    ($($name:literal $out:ident $table:literal $alias:literal $bind:ident $doc:literal $yields:literal;)*) => {
        &[$(
            Fetch::new(
                Meta::new(
                    concat!("sc_", $name),
                    concat!("sc_", $name, "(<ctr>", $table, ")"),
                    $doc,
                    &[(concat!("sc_", $name, "(0)"), $yields)],
                ),
                Type::$out,
                Needs::INTERNAL,
                |words, scope| {
                    let counter = counter(words)?;
                    $bind(words, scope, counter)
                },
            ),
            counters!(@alias "sc0_" 0, $name, $out, $alias, $bind, $yields),
            counters!(@alias "sc1_" 1, $name, $out, $alias, $bind, $yields),
            counters!(@alias "sc2_" 2, $name, $out, $alias, $bind, $yields),
        )*]
    };
    (@alias $prefix:literal $number:literal, $name:literal, $out:ident, $alias:literal, $bind:ident, $yields:literal) => {
        Fetch::new(
            Meta::new(
                concat!($prefix, $name),
                concat!($prefix, $name, $alias),
                concat!("The same as 'sc_", $name, "(", $number, ")'."),
                &[(concat!($prefix, $name), $yields)],
            ),
            Type::$out,
            Needs::INTERNAL,
            |words, scope| $bind(words, scope, $number),
        )
    };
}

pub(super) static COUNTERS: &[Fetch] = counters! {
    "key" Any "" "" key "The key of the entry that the counter tracks." "192.0.2.1";
    "tracked" Bool "[,<table>]" "([<table>])" tracked "Whether the counter tracks an entry." "1";
    "trackers" Int "[,<table>]" "([<table>])" trackers "How many connections and requests track the entry that the counter tracks." "3";
};

pub(super) static TABLES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "src_updt_conn_cnt",
            "src_updt_conn_cnt([<table>])",
            "Counts a connection in the entry of the client's address, which is made if there is none, and yields the new number.",
            &[("src_updt_conn_cnt(updated)", "1")],
        ),
        Type::Int,
        Needs::CLIENT_L4,
        |words, scope| of_source(words, scope, Measure::increment(DataType::ConnCnt), 0),
    ),
    Fetch::new(
        Meta::new(
            "table_avl",
            "table_avl([<table>])",
            "How many more entries the table can hold.",
            &[("table_avl", "99")],
        ),
        Type::Int,
        Needs::INTERNAL,
        |words, scope| of_table(words, scope, Table::available),
    ),
    Fetch::new(
        Meta::new("table_cnt", "table_cnt([<table>])", "How many entries the table holds.", &[("table_cnt", "1")]),
        Type::Int,
        Needs::INTERNAL,
        |words, scope| of_table(words, scope, Table::used),
    ),
];

/// What a counter tracks: for the stream, else for its connection.
fn tracking<'a>(ctx: &Ctx<'a>, counter: u8) -> Option<&'a Tracking> {
    ctx.stream.tracked.counter(counter).or_else(|| ctx.conn.tracked.counter(counter))
}

fn of_counter(
    words: &mut Words<'_>,
    scope: &Scope<'_>,
    measure: Measure,
    counter: u8,
    element: u16,
) -> Result<FetchFn> {
    let other = args::opt_table(words, scope)?;
    Ok(number(move |ctx| {
        let other = other.and_then(|id| ctx.view.table(id));
        measure.of_counter(tracking(ctx, counter)?, other.map(|table| &**table), element, ctx.now_ms)
    }))
}

fn of_source(words: &mut Words<'_>, scope: &Scope<'_>, measure: Measure, element: u16) -> Result<FetchFn> {
    let id = args::table(words, scope)?;
    Ok(number(move |ctx| {
        let table = ctx.view.table(id)?;
        let key = table.key(Value::addr(ctx.conn.src.ip()?))?;
        measure.of_key(table, &key, element, ctx.now_ms)
    }))
}

fn of_table(words: &mut Words<'_>, scope: &Scope<'_>, ask: fn(&Table, u64) -> u32) -> Result<FetchFn> {
    let id = args::table(words, scope)?;
    Ok(number(move |ctx| Some(i64::from(ask(ctx.view.table(id)?, ctx.now_ms)))))
}

fn key(_: &mut Words<'_>, _: &Scope<'_>, counter: u8) -> Result<FetchFn> {
    Ok(super::one(move |ctx| {
        let tracking = tracking(ctx, counter)?;
        Some(tracking.table().value_of(tracking.entry().key()).into_owned())
    }))
}

/// Whether the counter tracks an entry, of that table if one is named.
fn tracked(words: &mut Words<'_>, scope: &Scope<'_>, counter: u8) -> Result<FetchFn> {
    let other = args::opt_table(words, scope)?;
    Ok(super::one(move |ctx| Some(Value::Bool(tracking(ctx, counter).is_some_and(|found| is_of(ctx, found, other))))))
}

fn trackers(words: &mut Words<'_>, scope: &Scope<'_>, counter: u8) -> Result<FetchFn> {
    let other = args::opt_table(words, scope)?;
    Ok(super::one(move |ctx| {
        let found = tracking(ctx, counter)?;
        if is_of(ctx, found, other) {
            return int(found.entry().trackers());
        }
        let table = ctx.view.table(other?)?;
        let key = table.key(found.table().value_of(found.entry().key()))?;
        int(table.find(&key, ctx.now_ms).map_or(0, |entry| entry.trackers()))
    }))
}

fn is_of(ctx: &Ctx<'_>, tracking: &Tracking, table: Option<TableId>) -> bool {
    table.is_none_or(|id| ctx.view.table(id).is_some_and(|table| std::sync::Arc::ptr_eq(table, tracking.table())))
}

fn number(read: impl Fn(&Ctx<'_>) -> Option<i64> + Send + Sync + 'static) -> FetchFn {
    Box::new(move |ctx, _, visit| {
        if let Some(value) = read(ctx) {
            visit(Value::Int(value));
        }
        Seen::All
    })
}

/// A number of a counter. One that can never track anything is no error, as in HAProxy: the fetch has no value then.
fn counter(words: &mut Words<'_>) -> Result<u8> {
    Ok(u8::try_from(args::int(words)?).unwrap_or(u8::MAX))
}

/// An index into an array; one beyond it has no value.
fn element(words: &mut Words<'_>) -> Result<u16> {
    Ok(u16::try_from(args::int(words)?).unwrap_or(u16::MAX))
}
