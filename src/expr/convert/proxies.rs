//! Converters that look up frontends, backends and servers by name.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::base::value::{Type, Value};
use crate::expr::{Convert, ConvertFn, Ctx};
use crate::keyword::{Meta, Result, Scope};
use crate::state::{ProxyState, ServerState};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "nbsrv",
            "nbsrv",
            "The number of usable servers of the backend of that name; nothing if there is none.",
            &[("str(be),nbsrv", "2"), ("str(nope),nbsrv", "")],
        ),
        Type::Str,
        Type::Int,
        |_, scope| {
            by_name(scope, |ctx, backends, _, name| {
                let backend = proxy(ctx, backends, name)?;
                Some(Value::Int(backend.usable_servers() as i64))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "fe_exists",
            "fe_exists",
            "True if there is a frontend of that name.",
            &[("str(www),fe_exists", "1"), ("str(be),fe_exists", "0")],
        ),
        Type::Str,
        Type::Bool,
        |_, scope| {
            let names: Vec<Vec<u8>> = names(scope, |proxy| proxy.frontend).into_iter().map(|(name, _)| name).collect();
            super::text(move |name| Some(Value::Bool(names.iter().any(|known| **known == *name))))
        },
    ),
    Convert::new(
        Meta::new(
            "srv_is_up",
            "srv_is_up",
            "True if the server, named `backend/server` or `server`, is up; nothing if there is none.",
            &[("str(be/s1),srv_is_up", "1"), ("str(be/s9),srv_is_up", "")],
        ),
        Type::Str,
        Type::Bool,
        |_, scope| {
            by_name(scope, |ctx, backends, own, name| Some(Value::Bool(server(ctx, backends, own, name)?.running())))
        },
    ),
    Convert::new(
        Meta::new(
            "srv_queue",
            "srv_queue",
            "The number of streams in the queue of the server, named `backend/server` or `server`; nothing if there is none.",
            &[("str(be/s1),srv_queue", "0"), ("str(be/s9),srv_queue", "")],
        ),
        Type::Str,
        Type::Int,
        |_, scope| {
            by_name(scope, |ctx, backends, own, name| {
                Some(Value::Int(i64::from(server(ctx, backends, own, name)?.queued.load(Relaxed))))
            })
        },
    ),
];

/// Names of proxies and their ids.
type Names = Vec<(Vec<u8>, u32)>;

fn names(scope: &Scope<'_>, fits: fn(&crate::keyword::ProxyName) -> bool) -> Names {
    let all = scope.names.proxies.iter().enumerate().filter(|(_, proxy)| fits(proxy));
    all.map(|(at, proxy)| (proxy.name.as_bytes().to_vec(), at as u32)).collect()
}

type Lookup = for<'c> fn(&Ctx<'c>, &Names, Option<u32>, &[u8]) -> Option<Value<'static>>;

fn by_name(scope: &Scope<'_>, lookup: Lookup) -> Result<ConvertFn> {
    let backends = names(scope, |proxy| proxy.backend);
    let own = scope.proxy.map(|id| id.0);
    Ok(Box::new(move |ctx, value| match value {
        Value::Str(name) => lookup(ctx, &backends, own, &name),
        _ => None,
    }))
}

fn proxy<'c>(ctx: &Ctx<'c>, backends: &Names, name: &[u8]) -> Option<&'c Arc<ProxyState>> {
    let (_, id) = backends.iter().find(|(known, _)| known == name)?;
    ctx.view.proxies.get(*id as usize)
}

fn server<'c>(ctx: &Ctx<'c>, backends: &Names, own: Option<u32>, name: &[u8]) -> Option<&'c Arc<ServerState>> {
    let (backend, name) = match memchr::memchr(b'/', name) {
        Some(at) => (proxy(ctx, backends, &name[..at])?, &name[at + 1..]),
        None => (ctx.view.proxies.get(own? as usize)?, name),
    };
    backend.servers.iter().find(|server| server.name.as_bytes() == name)
}
