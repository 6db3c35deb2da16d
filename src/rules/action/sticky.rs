//! Actions on sticky counters (manual 4.4): track-sc0 and its like, sc-inc-gpc and its like.

use crate::base::stick::DataType;
use crate::diag::{Diagnostic, Span, Word};
use crate::expr::sticky::rate_of;
use crate::expr::{Expr, Seen, args};
use crate::keyword::{Error, Hook, Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Txn, Verdict};
use crate::state::Tracking;

pub(super) static ACTIONS: &[Action] = &[
    track("track-sc0", "track-sc0 <key> [table <table>]", &[("track-sc0 src", "sc0 192.0.2.7 conn_cnt=4")]),
    track("track-sc1", "track-sc1 <key> [table <table>]", &[("track-sc1 src table www", "")]),
    track("track-sc2", "track-sc2 <key> [table <table>]", &[("track-sc2 src table www", "sc2 192.0.2.7 conn_cnt=4")]),
    Action {
        meta: Meta::new(
            "sc-add-gpc",
            "sc-add-gpc(<idx>,<sc-id>) { <int> | <expr> }",
            "Adds a number to a counter of the 'gpc' array, and to its rate, of the entry that the sticky counter tracks.",
            &[
                ("sc-add-gpc(1,1) 5", "sc1 10.0.0.1 gpc1=5"),
                ("sc-add-gpc(1,1) req.hdr_cnt(host),add(1)", "sc1 10.0.0.1 gpc1=2"),
            ],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| {
            let (element, counter) = element(words, scope, "sc-add-gpc", "GPC")?;
            let amount = Amount::bind(words, scope)?;
            let needs = amount.needs();
            Ok(Bound::new(needs, move |txn| {
                if let Some(n) = amount.value(txn) {
                    add(txn, counter, DataType::Gpc, element, n);
                }
                Verdict::Next
            }))
        },
    },
    Action {
        meta: Meta::new(
            "sc-inc-gpc",
            "sc-inc-gpc(<idx>,<sc-id>)",
            "Increments a counter of the 'gpc' array, and its rate, of the entry that the sticky counter tracks.",
            &[("sc-inc-gpc(1,1)", "sc1 10.0.0.1 gpc1=1"), ("sc-inc-gpc(1,0)", "")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| {
            let (element, counter) = element(words, scope, "sc-inc-gpc", "GPC")?;
            Ok(increment(counter, DataType::Gpc, element))
        },
    },
    Action {
        meta: Meta::new(
            "sc-inc-gpc0",
            "sc-inc-gpc0(<sc-id>)",
            "Increments the first general purpose counter, and its rate, of the entry that the sticky counter tracks.",
            &[("sc-inc-gpc0(1)", "sc1 10.0.0.1 gpc0=1")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| Ok(increment(counter(words, scope, "sc-inc-gpc0")?, DataType::Gpc0, 0)),
    },
    Action {
        meta: Meta::new(
            "sc-inc-gpc1",
            "sc-inc-gpc1(<sc-id>)",
            "Increments the second general purpose counter, and its rate, of the entry that the sticky counter tracks.",
            &[("sc-inc-gpc1(1)", "sc1 10.0.0.1 gpc1=1")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| Ok(increment(counter(words, scope, "sc-inc-gpc1")?, DataType::Gpc1, 0)),
    },
    Action {
        meta: Meta::new(
            "sc-set-gpt",
            "sc-set-gpt(<idx>,<sc-id>) { <int> | <expr> }",
            "Sets a tag of the 'gpt' array of the entry that the sticky counter tracks.",
            &[("sc-set-gpt(0,1) 7", "sc1 10.0.0.1 gpt0=7")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| {
            let (element, counter) = element(words, scope, "sc-set-gpt", "GPT")?;
            set(words, scope, counter, DataType::Gpt, element)
        },
    },
    Action {
        meta: Meta::new(
            "sc-set-gpt0",
            "sc-set-gpt0(<sc-id>) { <int> | <expr> }",
            "Sets the first general purpose tag of the entry that the sticky counter tracks.",
            &[("sc-set-gpt0(1) 7", "sc1 10.0.0.1 gpt0=7"), ("sc-set-gpt0(1) req.hdr_cnt(host)", "sc1 10.0.0.1 gpt0=1")],
        ),
        hooks: Hooks::ALL,
        bind: |words, scope| {
            let counter = counter(words, scope, "sc-set-gpt0")?;
            set(words, scope, counter, DataType::Gpt0, 0)
        },
    },
];

const fn track(name: &'static str, usage: &'static str, examples: &'static [(&'static str, &'static str)]) -> Action {
    Action {
        meta: Meta::new(
            name,
            usage,
            "Lets the sticky counter track the entry of a key in a stick table, which is made if there is none, until the end of \
             the connection (in rules for connections and sessions) or of the request. A counter that tracks something keeps it. \
             'tune.stick-counters' says how many counters there are.",
            examples,
        ),
        hooks: Hooks::TCP_REQ_CONN
            .union(Hooks::TCP_REQ_SESS)
            .union(Hooks::TCP_REQ_CONT)
            .union(Hooks::HTTP_REQ)
            .union(Hooks::HTTP_RES),
        bind: bind_track,
    }
}

/// The first word is the number of the counter.
fn bind_track(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let number = words.next_word().cloned().unwrap_or_else(|| Word::new("", words.end()));
    let counter = number.as_str().parse().unwrap_or(u8::MAX);
    let counters = scope.names.stick_counters();
    if counter >= counters {
        let most = i32::from(counters) - 1;
        let message = format!("{number} track-sc number exceeding {most} (tune.stick-counters-1) value.");
        let error = args::error(number.span, message);
        return Err(Box::new(error.help("raise 'tune.stick-counters' in the global section")));
    }
    let key = Expr::shared(words, scope)?;
    let place = words.span();
    let table = if words.take("table") {
        match words.next_word() {
            Some(word) => args::table_of(word, scope)?,
            None => return Err(args::error(words.end(), "missing table name")),
        }
    } else {
        args::own_table(place, scope)?
    };
    if let Some(spec) = scope.names.tables.get(table.index())
        && !key.out().casts_to(spec.key.value_type())
    {
        let message = format!(
            "stick-table '{}' has keys of type '{}', which a value of type '{}' cannot become",
            spec.name,
            spec.key.name(),
            key.out().name()
        );
        return Err(args::error(place, message));
    }
    let (hook, http) = (scope.hook, scope.http);
    Ok(Bound::new(key.needs(), move |txn| {
        if txn.stream.tracked.counter(counter).is_some() || txn.conn.tracked.counter(counter).is_some() {
            return Verdict::Next;
        }
        let ctx = txn.ctx();
        let Some(table) = ctx.view.table(table) else { return Verdict::Next };
        let tracking = match key.sample(&ctx, |value| Tracking::start(table, &table.key(value)?, ctx.now_ms)) {
            (Some(tracking), _) => tracking,
            (None, Seen::Partial) if !ctx.last => return Verdict::Wait(key.needs()),
            (None, _) => return Verdict::Next,
        };
        begin(txn, hook, http, counter, tracking);
        Verdict::Next
    }))
}

/// What has begun before it is tracked counts: the request, and the response that is processed.
fn begin(txn: &mut Txn<'_>, hook: Hook, http: bool, counter: u8, tracking: Option<Tracking>) {
    let Some(tracking) = tracking else { return };
    if matches!(hook, Hook::TcpRequestConnection | Hook::TcpRequestSession) {
        txn.conn.tracked.set(counter, tracking);
        return;
    }
    if http {
        tracking.count(txn.now_ms, &[(DataType::HttpReqCnt, 1), (DataType::HttpReqRate, 1)]);
    }
    if hook == Hook::HttpResponse {
        tracking.count_response(txn.now_ms, txn.stream.server_status);
    }
    txn.stream.tracked.set(counter, tracking);
}

fn increment(counter: u8, data: DataType, element: u16) -> Bound {
    Bound::new(Needs::empty(), move |txn| {
        add(txn, counter, data, element, 1);
        Verdict::Next
    })
}

fn add(txn: &Txn<'_>, counter: u8, data: DataType, element: u16, n: u64) {
    let Some(tracking) = tracking(txn, counter) else { return };
    let mut open = tracking.open(txn.now_ms);
    open.add(data, element, n);
    if let Some(rate) = rate_of(data) {
        open.add(rate, element, n);
    }
    drop(open);
    tracking.entry().touch(txn.now_ms);
}

fn set(words: &mut Words<'_>, scope: &Scope<'_>, counter: u8, data: DataType, element: u16) -> Result<Bound> {
    let amount = Amount::bind(words, scope)?;
    let needs = amount.needs();
    Ok(Bound::new(needs, move |txn| {
        if let (Some(value), Some(tracking)) = (amount.value(txn), tracking(txn, counter)) {
            tracking.open(txn.now_ms).set(data, element, value);
            tracking.entry().touch(txn.now_ms);
        }
        Verdict::Next
    }))
}

fn tracking<'a>(txn: &'a Txn<'_>, counter: u8) -> Option<&'a Tracking> {
    txn.stream.tracked.counter(counter).or_else(|| txn.conn.tracked.counter(counter))
}

/// An integer or an expression, of which 32 bits count.
enum Amount {
    Number(u32),
    Expr(Expr),
}

impl Amount {
    fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Amount> {
        if let Some(number) = words.peek().and_then(|word| word.as_str().parse().ok()) {
            words.next_word();
            return Ok(Amount::Number(number));
        }
        Expr::bind(words, scope).map(Amount::Expr)
    }

    fn needs(&self) -> Needs {
        match self {
            Amount::Number(_) => Needs::empty(),
            Amount::Expr(expr) => expr.needs(),
        }
    }

    fn value(&self, txn: &Txn<'_>) -> Option<u64> {
        match self {
            Amount::Number(number) => Some(u64::from(*number)),
            Amount::Expr(expr) => expr.int(&txn.ctx()).map(|value| u64::from(value as u32)),
        }
    }
}

/// The number of a sticky counter between the parentheses; without them it is the first.
fn counter(words: &mut Words<'_>, scope: &Scope<'_>, name: &str) -> Result<u8> {
    let Some(word) = inner(words) else { return Ok(0) };
    number(word.as_str(), word.span, scope, &format!("{name}(<Track ID>)"))
}

/// The index into an array and the number of a sticky counter between the parentheses.
fn element(words: &mut Words<'_>, scope: &Scope<'_>, name: &str, what: &str) -> Result<(u16, u8)> {
    let form = format!("{name}(<{what} ID>,<Track ID>)");
    let missing = |span| {
        let what = what.to_lowercase();
        args::error(span, format!("Missing {what} ID '{name}'. Expects {form}."))
    };
    let Some(word) = inner(words) else { return Err(missing(words.span())) };
    let Some((index, sc)) = word.as_str().split_once(',') else { return Err(missing(word.span)) };
    let index = index.trim().parse().map_err(|_| {
        args::error(word.span, format!("invalid {} ID '{index}'. Expects {form}.", what.to_lowercase()))
    })?;
    Ok((index, number(sc.trim(), word.span, scope, &form)?))
}

/// The word between the parentheses, if there are any.
fn inner<'a>(words: &mut Words<'a>) -> Option<&'a Word> {
    let is_condition = |word: &&Word| matches!(word.as_str(), "if" | "unless");
    words.peek().filter(|word| !is_condition(word))?;
    words.next_word()
}

fn number(text: &str, span: Span, scope: &Scope<'_>, form: &str) -> Result<u8> {
    let invalid = || -> Error {
        Box::new(Diagnostic::alert("bad-argument", format!("invalid stick table track ID. Expects {form}.")).at(span))
    };
    let found: u32 = text.parse().map_err(|_| invalid())?;
    let counters = scope.names.stick_counters();
    u8::try_from(found).ok().filter(|number| *number < counters).ok_or_else(|| {
        let most = i32::from(counters) - 1;
        let message = format!("invalid stick table track ID. The max allowed ID is {most} (tune.stick-counters).");
        args::error(span, message)
    })
}
