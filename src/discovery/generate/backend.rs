//! Backends: one per service with virtual hosts, or one for all.

use super::Work;
use super::server::{Settings, Style};
use super::specs::{Route, Spec};
use crate::discovery::list;
use crate::discovery::text::{Line, Origin, Section};

impl<'a> Work<'a> {
    pub(super) fn backends(&mut self) {
        let specs = self.specs;
        if specs.all.iter().all(|spec| spec.vhosts.is_empty()) {
            if self.needs_default() {
                self.backend("default_service".to_owned(), None);
            }
            return;
        }
        // Beside virtual hosts nothing leads to the default backend; it is written as the original wrote it, for the last
        // service without one.
        for spec in &specs.all {
            let name =
                if spec.vhosts.is_empty() { "default_service".to_owned() } else { format!("SERVICE_{}", spec.key) };
            self.servers.retain(|server| server.backend != name);
            self.backend(name, Some(spec));
        }
    }

    fn backend(&mut self, name: String, of: Option<&'a Spec<'a>>) {
        let mut backend = Section::new(format!("backend {name}"));
        if let Some(spec) = of.filter(|spec| spec.vhosts.iter().any(|vhost| vhost.websocket)) {
            backend.say_of(&Origin::service("VIRTUAL_HOST", spec.key), "option http-server-close");
        }
        let cookie = self.attribute(&mut backend, of, "COOKIE", |value| vec![format!("cookie {value}")]);
        self.attribute(&mut backend, of, "BALANCE", |value| vec![format!("balance {value}")]);
        self.attribute(&mut backend, of, "FORCE_SSL", |_| {
            vec!["redirect scheme https code 301 if !{ ssl_fc }".to_owned()]
        });
        self.attribute(&mut backend, of, "HTTP_CHECK", |value| vec![format!("option httpchk {value}")]);
        self.attribute(&mut backend, of, "GZIP_COMPRESSION_TYPE", |value| {
            vec!["compression algo gzip".to_owned(), format!("compression type {value}")]
        });
        self.attribute(&mut backend, of, "HSTS_MAX_AGE", |value| {
            let header = format!("Strict-Transport-Security max-age={value};\\ includeSubDomains");
            vec![format!("http-response add-header {header}")]
        });
        self.attribute(&mut backend, of, "OPTION", |value| {
            list::plain(value).map(|option| format!("option {option}")).collect()
        });
        self.extra_settings_of(&mut backend, of);
        if self.proxy.set("HTTP_BASIC_AUTH").is_some() && self.specs.attribute(of, "EXCLUDE_BASIC_AUTH").is_none() {
            let origin = Origin::proxy("HTTP_BASIC_AUTH");
            backend.say_of(&origin, "acl need_auth http_auth(haproxy_userlist)");
            let auth = Line::of(origin, "http-request auth realm haproxy_basic_auth if !need_auth");
            backend.push(auth.or(Line::new("http-request deny")));
        }
        let specs = self.specs;
        let members = specs.all.iter().filter(|spec| of.is_none_or(|own| own.key == spec.key));
        let routes: Vec<(&'a Spec<'a>, &'a Route<'a>)> = members
            .flat_map(|spec| spec.routes.iter().map(move |route| (spec, route)))
            .filter(|(_, route)| !self.routed.contains(&route.id))
            .collect();
        let settings = of.map_or(Settings::Any, Settings::Of);
        self.servers(&mut backend, routes, &Style { settings, cookie });
        self.sections.add(backend);
    }

    /// The lines that an attribute makes; says whether it is set.
    fn attribute(
        &self,
        backend: &mut Section,
        of: Option<&'a Spec<'a>>,
        name: &str,
        lines: impl Fn(&str) -> Vec<String>,
    ) -> bool {
        let Some((value, key)) = self.specs.attribute(of, name) else { return false };
        backend.all_of(&Origin::service(name, key), lines(value));
        true
    }

    /// A rule that would have turned requests away closes the service where it is refused: left out, it would open it.
    fn extra_settings_of(&self, backend: &mut Section, of: Option<&'a Spec<'a>>) {
        let Some((value, key)) = self.specs.attribute(of, "EXTRA_SETTINGS") else { return };
        let origin = Origin::service("EXTRA_SETTINGS", key);
        for text in list::escaped(value) {
            let line = Line::of(origin.clone(), &text);
            backend.push(if guards(&text) { line.or(Line::new("http-request deny")) } else { line });
        }
    }
}

/// Whether a directive turns requests away.
fn guards(directive: &str) -> bool {
    let mut words = directive.split_whitespace();
    match words.next() {
        Some("block" | "reqdeny" | "reqideny" | "reqtarpit" | "reqitarpit") => true,
        Some("http-request") => matches!(words.next(), Some("deny" | "auth" | "tarpit" | "reject" | "silent-drop")),
        Some("tcp-request") => words.any(|word| matches!(word, "reject" | "silent-drop")),
        _ => false,
    }
}
