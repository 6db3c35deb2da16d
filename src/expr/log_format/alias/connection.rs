//! Names and addresses of the connections: client, frontend, backend, server, TLS.

use super::super::{Alias, Flags, encode};
use super::any;
use crate::expr::Ctx;
use crate::keyword::Needs;

pub(super) static ALIASES: &[Alias] = &[
    any(
        "b",
        "%b",
        "Name of the backend, or of the frontend before one is chosen.",
        &[("%b", "be")],
        Needs::LOG,
        |ctx, flags, out| {
            let proxy = ctx.stream.backend.unwrap_or(ctx.conn.frontend);
            encode::text(out, flags, ctx.view.proxy(proxy).name.as_bytes());
        },
    ),
    any(
        "bi",
        "%bi",
        "Address that the connection to the server comes from.",
        &[("%bi", "10.0.0.1"), ("%{+X}bi", "0A000001")],
        Needs::LOG,
        |ctx, flags, out| encode::address(out, flags, &ctx.stream.server_src),
    ),
    any(
        "bp",
        "%bp",
        "Port that the connection to the server comes from.",
        &[("%bp", "40990"), ("%{+X}bp", "A01E")],
        Needs::LOG,
        |ctx, flags, out| encode::port(out, flags, &ctx.stream.server_src, 0),
    ),
    any(
        "ci",
        "%ci",
        "Address of the client.",
        &[("%ci", "192.0.2.7"), ("%{+Q}ci", "\"192.0.2.7\""), ("%{+X}ci", "C0000207")],
        Needs::CLIENT_L4,
        |ctx, flags, out| encode::address(out, flags, &ctx.conn.src),
    ),
    any(
        "cp",
        "%cp",
        "Port of the client.",
        &[("%cp", "49224"), ("%{+Q}cp", "49224"), ("%{+X}cp", "C048")],
        Needs::CLIENT_L4,
        |ctx, flags, out| encode::port(out, flags, &ctx.conn.src, listener(ctx)),
    ),
    any("f", "%f", "Name of the frontend.", &[("%f", "www")], Needs::INTERNAL, |ctx, flags, out| {
        encode::text(out, flags, ctx.view.proxy(ctx.conn.frontend).name.as_bytes());
    }),
    any(
        "fi",
        "%fi",
        "Address that the client connected to.",
        &[("%fi", "198.51.100.1")],
        Needs::CLIENT_L4,
        |ctx, flags, out| {
            encode::address(out, flags, &ctx.conn.dst);
        },
    ),
    any("fp", "%fp", "Port that the client connected to.", &[("%fp", "443")], Needs::CLIENT_L4, |ctx, flags, out| {
        encode::port(out, flags, &ctx.conn.dst, listener(ctx));
    }),
    any(
        "ft",
        "%ft",
        "Name of the frontend, with `~` behind it when the connection is TLS.",
        &[("%ft", "www~"), ("%{+Q}ft", "\"www~\"")],
        Needs::CLIENT_L5,
        frontend_and_transport,
    ),
    any(
        "s",
        "%s",
        "Name of the server, `<NOSRV>` if there is none.",
        &[("%s", "s1")],
        Needs::LOG,
        |ctx, flags, out| {
            encode::text(out, flags, server_name(ctx).as_bytes());
        },
    ),
    any("si", "%si", "Address of the server.", &[("%si", "10.0.0.2")], Needs::LOG, |ctx, flags, out| {
        encode::address(out, flags, &ctx.stream.server_dst);
    }),
    any("sp", "%sp", "Port of the server.", &[("%sp", "8080")], Needs::LOG, |ctx, flags, out| {
        encode::port(out, flags, &ctx.stream.server_dst, 0);
    }),
    any(
        "sslc",
        "%sslc",
        "Cipher suite of the client's connection.",
        &[("%sslc", "TLS_AES_256_GCM_SHA384")],
        Needs::CLIENT_L5,
        |ctx, flags, out| encode::maybe(out, flags, ctx.conn.tls.as_ref().map(|tls| tls.cipher.as_bytes())),
    ),
    any(
        "sslv",
        "%sslv",
        "TLS version of the client's connection.",
        &[("%sslv", "TLSv1.3")],
        Needs::CLIENT_L5,
        |ctx, flags, out| {
            encode::maybe(out, flags, ctx.conn.tls.as_ref().map(|tls| tls.version.as_bytes()));
        },
    ),
];

/// The number of the listener, which UNIX sockets show instead of a port.
fn listener(ctx: &Ctx<'_>) -> u32 {
    ctx.conn.bind.0 + 1
}

fn frontend_and_transport(ctx: &Ctx<'_>, flags: Flags, out: &mut Vec<u8>) {
    encode::quoted(out, flags, |out| {
        encode::text(out, flags & !Flags::QUOTE, ctx.view.proxy(ctx.conn.frontend).name.as_bytes());
        if ctx.conn.tls.is_some() {
            out.push(b'~');
        }
    });
}

fn server_name<'a>(ctx: &Ctx<'a>) -> &'a str {
    let stream = ctx.stream;
    if let Some(applet) = stream.applet {
        return applet;
    }
    let server = stream.backend.zip(stream.server).and_then(|(backend, server)| ctx.view.server(backend, server));
    server.map_or("<NOSRV>", |server| &server.name)
}
