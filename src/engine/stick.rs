//! Persistence by stick table (manual 4.2 `stick match` and relatives): the server of a key is looked up before the algorithm is
//! asked, and remembered once a server is at work.

use std::sync::Arc;

use super::hooks::{self, Stage};
use super::live::Live;
use super::persist;
use super::session::Session;
use super::stream::Stream;
use crate::base::id::ServerId;
use crate::base::stick::{DataType, ServerKey, TableSpec};
use crate::expr::Ctx;
use crate::ir::proxy::StickWhen;
use crate::ir::{Proxy, StickRule};
use crate::state::{ServerState, Table};

/// A key under which the server is to be remembered.
pub struct Remember {
    table: Arc<Table>,
    key: Box<[u8]>,
}

/// Applies the rules that look at the request to a stream that was given to a backend. One that is bound already stays bound.
#[inline]
pub fn request(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, stage: Stage<'_>) {
    if backend.stick.is_empty() {
        return;
    }
    let (mut bound, forced) = (st.persist.server, st.persist.forced);
    let mut remember = std::mem::take(&mut st.remember);
    let txn = hooks::txn(s, st, live, stage);
    let ctx = txn.ctx();
    for rule in backend.stick.iter().filter(|rule| rule.when != StickWhen::StoreResponse) {
        let stores = rule.when.stores_request();
        let Some(found) = key(rule, &ctx, if stores { &remember } else { &[] }) else { continue };
        if rule.when.matches() {
            let server = look_up(&found, live, backend, ctx.now_ms);
            bound = bound.or(server.filter(|server| persist::may_serve(live, backend, *server, forced)));
        }
        if stores && remember.len() < MOST {
            remember.push(found);
        }
    }
    st.remember = remember;
    st.persist.server = bound;
}

/// Remembers the server that is at work, also under keys of the response, which lies in `response`.
#[inline]
pub fn response(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, response: &[u8]) {
    if backend.stick.is_empty() {
        return;
    }
    let mut remember = std::mem::take(&mut st.remember);
    let learned = remember.len();
    let stage = Stage::response(st, response);
    let txn = hooks::txn(s, st, live, stage);
    let ctx = txn.ctx();
    for rule in backend.stick.iter().filter(|rule| rule.when == StickWhen::StoreResponse) {
        // Each table learns one key from the request and one from the response.
        let found = key(rule, &ctx, remember.get(learned..).unwrap_or_default());
        remember.extend(found.filter(|_| remember.len() < MOST));
    }
    let now = ctx.now_ms;
    if let Some((line, state)) = st.facts.server.and_then(|id| live.server(backend.id, id))
        && !line.non_stick
    {
        for Remember { table, key } in &remember {
            if let Some(entry) = table.obtain(key, now) {
                let number = state.setup.load().number;
                table.open(&entry, now).set_server(number, key_of(table.spec(), state));
            }
        }
    }
    remember.clear();
    st.remember = remember;
}

/// The key of a rule that applies; none if its table learns one already.
fn key(rule: &StickRule, ctx: &Ctx<'_>, learned: &[Remember]) -> Option<Remember> {
    let table = ctx.view.table(rule.table)?;
    if learned.iter().any(|other| Arc::ptr_eq(&other.table, table)) {
        return None;
    }
    if rule.cond.as_ref().is_some_and(|cond| !cond.holds(ctx)) {
        return None;
    }
    let key = rule.key.with_value(ctx, |value| table.key(value).map(|key| Box::from(&*key)))??;
    Some(Remember { table: table.clone(), key })
}

/// The server that is remembered under a key, whose life begins anew.
fn look_up(found: &Remember, live: &Live, backend: &Proxy, now_ms: u64) -> Option<ServerId> {
    let entry = found.table.find(&found.key, now_ms)?;
    entry.touch(now_ms);
    let open = found.table.open(&entry, now_ms);
    let state = live.view.proxy(backend.id);
    let find = |fits: &dyn Fn(&ServerState) -> bool| {
        state.servers.iter().position(|server| fits(server)).map(|at| ServerId(at as u32))
    };
    let by_key = open.server().and_then(|name| find(&|server| key_of(found.table.spec(), server) == *name));
    by_key.or_else(|| {
        let number = open.value(DataType::ServerId, 0)?;
        find(&|server| u64::from(server.setup.load().number) == number)
    })
}

/// By what a table knows a server.
fn key_of(spec: &TableSpec, server: &ServerState) -> Arc<str> {
    match spec.server_key {
        ServerKey::Name => server.name.as_str().into(),
        ServerKey::Addr => server.addr.load().as_ref().map_or_else(String::new, |addr| addr.to_string()).into(),
    }
}

/// How many keys one stream may be remembered under (manual 4.2 `stick store-request`).
const MOST: usize = 8;
