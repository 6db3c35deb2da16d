//! What is wrong with the connections to the client and to the server (manual 7.3.3): fc_err and bc_err with their texts.

use super::{Ctx, Fetch, int, one, plain};
use crate::base::value::{Type, Value};
use crate::expr::ConnError;
use crate::keyword::{Meta, Needs};

pub(super) static FETCHES: &[Fetch] = &[
    plain!(
        "bc_err",
        Int,
        SERVER,
        "The number of what is wrong with the connection to the server, 0 for nothing; the manual lists them at `fc_err_str`.",
        &[("bc_err", "46")],
        |ctx| int(of_server(ctx)?.number())
    ),
    plain!(
        "bc_err_name",
        Str,
        SERVER,
        "The name of what is wrong with the connection to the server; nothing if nothing is.",
        &[("bc_err_name", "EREFUSED")],
        |ctx| text(of_server(ctx)?.name())
    ),
    plain!(
        "bc_err_str",
        Str,
        SERVER,
        "What is wrong with the connection to the server, in words.",
        &[("bc_err_str", "ECONNREFUSED returned by OS")],
        |ctx| text(of_server(ctx)?.message())
    ),
    plain!(
        "fc_err",
        Int,
        CLIENT_L4,
        "The number of what is wrong with the client's connection, 0 for nothing; the manual lists them at `fc_err_str`.",
        &[("fc_err", "34")],
        |ctx| int(ctx.conn.error.number())
    ),
    plain!(
        "fc_err_name",
        Str,
        CLIENT_L4,
        "The name of what is wrong with the client's connection; nothing if nothing is.",
        &[("fc_err_name", "SSL_HANDSHAKE")],
        |ctx| text(ctx.conn.error.name())
    ),
    plain!(
        "fc_err_str",
        Str,
        CLIENT_L4,
        "What is wrong with the client's connection, in words as error logs have them.",
        &[("fc_err_str", "SSL handshake failure")],
        |ctx| text(ctx.conn.error.message())
    ),
];

/// Nothing where nobody tried to connect.
fn of_server(ctx: &Ctx<'_>) -> Option<ConnError> {
    let error = ctx.stream.server_error;
    (ctx.stream.connect_ms.is_some() || error != ConnError::None).then_some(error)
}

fn text(text: &'static str) -> Option<Value<'static>> {
    Some(Value::str(text.as_bytes())).filter(|_| !text.is_empty())
}
