//! What the kernel knows of the connections (manual 7.3.3): fc_rtt and relatives, bc_rtt and bc_rttvar.

use super::{Ctx, Fetch, FetchFn, args, one};
use crate::base::tcp_info::TcpInfo;
use crate::base::value::{Type, Value};
use crate::expr::Bind;
use crate::keyword::{Example, Meta, Needs, Result, Words};

/// A number of the client's connection.
macro_rules! count {
    ($name:literal, $doc:literal, $shown:literal, $field:ident) => {
        Fetch::new(Meta::new($name, $name, $doc, &[($name, $shown)]), Type::Int, Needs::CLIENT_L4, |_, _| {
            Ok(one(|ctx| Some(Value::Int(i64::from(client(ctx)?.$field)))))
        })
    };
}

pub(super) static FETCHES: &[Fetch] = &[
    time(
        "bc_rtt",
        "bc_rtt(<unit>)",
        "The round trip time of the connection to the server, in milliseconds or with `us` in microseconds; nothing without TCP.",
        Needs::SERVER.union(Needs::SERVER_SOCKET),
        &[("bc_rtt", "7"), ("bc_rtt(us)", "7000")],
        |words, _| read_time(words, server, |info| info.rtt_us),
    ),
    time(
        "bc_rttvar",
        "bc_rttvar(<unit>)",
        "The deviation of the round trip time of the connection to the server, in milliseconds or with `us` in microseconds.",
        Needs::SERVER.union(Needs::SERVER_SOCKET),
        &[("bc_rttvar(us)", "3500"), ("bc_rttvar(ms)", "3")],
        |words, _| read_time(words, server, |info| info.rttvar_us),
    ),
    count!(
        "fc_fackets",
        "Segments that the client acknowledged in front of missing ones; nothing without TCP.",
        "6",
        fackets
    ),
    count!("fc_lost", "Segments to the client that are thought to be lost; nothing without TCP.", "4", lost),
    count!(
        "fc_reordering",
        "How far segments of the client may come out of order; nothing without TCP.",
        "3",
        reordering
    ),
    count!("fc_retrans", "Segments to the client that were sent again; nothing without TCP.", "5", retrans),
    time(
        "fc_rtt",
        "fc_rtt(<unit>)",
        "The round trip time of the client's connection, in milliseconds or with `us` in microseconds; nothing without TCP.",
        Needs::CLIENT_L4,
        &[("fc_rtt", "7"), ("fc_rtt(us)", "7000")],
        |words, _| read_time(words, client, |info| info.rtt_us),
    ),
    time(
        "fc_rttvar",
        "fc_rttvar(<unit>)",
        "The deviation of the round trip time of the client's connection, in milliseconds or with `us` in microseconds.",
        Needs::CLIENT_L4,
        &[("fc_rttvar(us)", "3500"), ("fc_rttvar(ms)", "3")],
        |words, _| read_time(words, client, |info| info.rttvar_us),
    ),
    count!("fc_sacked", "Segments that the client acknowledged out of order; nothing without TCP.", "2", sacked),
    count!("fc_unacked", "Segments that the client has yet to acknowledge; nothing without TCP.", "1", unacked),
];

type Examples = &'static [Example];
type Read = fn(&Ctx<'_>) -> Option<TcpInfo>;
type Number = fn(&TcpInfo) -> u32;

const fn time(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    needs: Needs,
    examples: Examples,
    bind: Bind,
) -> Fetch {
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Int, needs, bind)
}

fn read_time(words: &mut Words<'_>, read: Read, number: Number) -> Result<FetchFn> {
    let divisor = match args::opt_word(words).map(|word| word.as_str()) {
        None | Some("ms") => 1000,
        Some("us") => 1,
        Some(other) => return Err(words.error_last(format!("expects 'ms' or 'us' (got '{other}')"))),
    };
    Ok(one(move |ctx| Some(Value::Int(i64::from(number(&read(ctx)?) / divisor)))))
}

fn client(ctx: &Ctx<'_>) -> Option<TcpInfo> {
    ctx.view.process.tcp_info.get()?(ctx.conn.socket)
}

/// As it was when the engine looked last.
fn server(ctx: &Ctx<'_>) -> Option<TcpInfo> {
    ctx.stream.server_tcp
}
