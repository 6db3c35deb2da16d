//! `server` lines.

use super::specs::{Route, Spec};
use super::{Placed, Work};
use crate::discovery::text::{Line, Origin, Section};

/// Whose `HEALTH_CHECK` and `EXTRA_ROUTE_SETTINGS` count for a server.
#[derive(Clone, Copy)]
pub(super) enum Settings<'a> {
    /// Those of the server's own service.
    Own,
    /// Those of the service whose backend it is.
    Of(&'a Spec<'a>),
    /// Those of any service that has them.
    Any,
}

/// How the servers of a section are written.
pub(super) struct Style<'a> {
    pub(super) settings: Settings<'a>,
    /// Each gets a cookie.
    pub(super) cookie: bool,
}

impl<'a> Work<'a> {
    /// Writes `routes` sorted by name and port; of one service the same address only once.
    pub(super) fn servers(
        &mut self,
        section: &mut Section,
        mut routes: Vec<(&'a Spec<'a>, &Route<'a>)>,
        style: &Style<'a>,
    ) {
        let backend = section.head.split_once(' ').map_or("", |(_, name)| name).to_owned();
        routes.sort_by(|(_, a), (_, b)| a.order(b));
        // `FAILOVER` means "backup for the others". A service that has a backend to itself is one whatever it holds.
        let backups = matches!(style.settings, Settings::Of(_)) || routes.iter().any(|(_, route)| !route.backup);
        let mut names: Vec<String> = Vec::new();
        let mut written: Vec<(&str, &str, u16)> = Vec::new();
        for (spec, route) in routes {
            let place = (spec.key, route.host.as_str(), route.port);
            if written.contains(&place) {
                continue;
            }
            written.push(place);
            let name = unused(&names, &route.replica.name, route.port);
            section.push(self.server(&name, route, spec, style, backups && route.backup));
            self.servers.push(Placed {
                backend: backend.clone(),
                server: name.clone(),
                id: route.replica.id.clone(),
                address: route.replica.address,
                port: route.port,
                readiness: route.replica.readiness,
            });
            names.push(name);
        }
    }

    /// The line, and behind it the lines that are tried where it is refused: without `EXTRA_ROUTE_SETTINGS`, and without
    /// `HEALTH_CHECK` too.
    fn server(&self, name: &str, route: &Route<'_>, spec: &'a Spec<'a>, style: &Style<'a>, backup: bool) -> Line {
        let mut start = format!("server {name} {}:{}", route.host, route.port);
        if style.cookie {
            start.push_str(&format!(" cookie {name}"));
        }
        let end = if backup { " backup" } else { "" };
        let of = match style.settings {
            Settings::Own => Some(spec),
            Settings::Of(spec) => Some(spec),
            Settings::Any => None,
        };
        let (check, check_origin) = self.setting(of, "HEALTH_CHECK");
        let (extra, extra_origin) = self.setting(of, "EXTRA_ROUTE_SETTINGS");
        let join = |parts: &[&str]| {
            parts.iter().filter(|part| !part.is_empty()).map(|part| format!(" {part}")).collect::<String>()
        };
        let bare = Line::of(Origin::service("EXPOSE", spec.key), format!("{start}{end}"));
        let checked = match check.is_empty() {
            true => bare,
            false => Line::of(check_origin, format!("{start}{}{end}", join(&[check]))).or(bare),
        };
        match extra.is_empty() {
            true => checked,
            false => Line::of(extra_origin, format!("{start}{}{end}", join(&[check, extra]))).or(checked),
        }
    }

    /// A variable of the service, or else of the proxy.
    fn setting(&self, of: Option<&'a Spec<'a>>, name: &str) -> (&'a str, Origin) {
        match self.specs.attribute(of, name) {
            Some((value, key)) => (value, Origin::service(name, key)),
            None => (self.proxy.value(name), Origin::proxy(name)),
        }
    }
}

/// The container's name; further ports of one container get the port behind it, since a name may stand only once.
fn unused(names: &[String], container: &str, port: u16) -> String {
    let mut name = container.to_owned();
    while names.contains(&name) {
        name = format!("{name}_{port}");
    }
    name
}
