//! `VIRTUAL_HOST`: `[scheme://]host[:port][/path], ...`.

use super::list;

/// A host, perhaps with a path, on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vhost {
    /// `https` or `wss`.
    pub(super) secure: bool,
    /// `ws` or `wss`.
    pub(super) websocket: bool,
    /// With `*` for any text; empty matches every host.
    pub(super) host: String,
    pub(super) port: String,
    /// With `*` for any text; empty matches every path.
    pub(super) path: String,
}

/// Reads the list; the second value holds entries whose port is none.
pub(super) fn parse(list: &str) -> (Vec<Vhost>, Vec<String>) {
    let mut bad = Vec::new();
    let mut hosts = Vec::new();
    for entry in list::plain(list) {
        match one(entry) {
            Some(host) => hosts.push(host),
            None => bad.push(entry.to_owned()),
        }
    }
    (hosts, bad)
}

fn one(entry: &str) -> Option<Vhost> {
    let (scheme, rest) = match entry.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) && !authority(rest).is_empty() => (scheme.to_ascii_lowercase(), rest),
        _ => ("http".to_owned(), entry.strip_prefix("//").unwrap_or(entry)),
    };
    let place = authority(rest);
    let after = &rest[place.len()..];
    let path = after.split(['?', '#']).next().unwrap_or_default();
    let secure = matches!(scheme.as_str(), "https" | "wss");
    let usual = if secure { "443" } else { "80" };
    let mut parts = place.split(':');
    let host = parts.next().unwrap_or_default();
    let port = parts.next().unwrap_or(usual);
    port.parse::<u16>().ok().filter(|port| *port > 0)?;
    Some(Vhost {
        secure,
        websocket: matches!(scheme.as_str(), "ws" | "wss"),
        host: host.to_owned(),
        port: port.to_owned(),
        path: path.trim().to_owned(),
    })
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// What stands before the path.
fn authority(text: &str) -> &str {
    &text[..text.find(['/', '?', '#']).unwrap_or(text.len())]
}

impl Vhost {
    /// The lines of ACLs that select it, and the condition over them; rule `number` of all.
    pub(super) fn rules(&self, number: usize) -> Option<(Vec<String>, String)> {
        let mut lines = Vec::new();
        let Vhost { host, port, path, .. } = self;
        match (host.is_empty(), host.contains('*')) {
            (true, _) => {}
            (false, true) => {
                let pattern = expression(host);
                lines.push(format!("acl host_rule_{number} hdr_reg(host) -i ^{pattern}$"));
                lines.push(format!("acl host_rule_{number}_port hdr_reg(host) -i ^{pattern}:{port}$"));
            }
            (false, false) => {
                lines.push(format!("acl host_rule_{number} hdr(host) -i {host}"));
                lines.push(format!("acl host_rule_{number}_port hdr(host) -i {host}:{port}"));
            }
        }
        match (path.is_empty(), path.contains('*')) {
            (true, _) => {}
            (false, true) => lines.push(format!("acl path_rule_{number} path_reg -i ^{}$", expression(path))),
            (false, false) => lines.push(format!("acl path_rule_{number} path -i {path}")),
        }
        Some((lines, self.condition(number)?))
    }

    fn condition(&self, number: usize) -> Option<String> {
        let websocket = self.websocket.then(|| "is_websocket".to_owned());
        let path = (!self.path.is_empty()).then(|| format!("path_rule_{number}"));
        let with = |host: Option<String>| {
            let words: Vec<&str> = [&websocket, &path, &host].into_iter().flatten().map(String::as_str).collect();
            words.join(" ")
        };
        let text = match self.host.is_empty() {
            true => with(None),
            false => {
                let rule = format!("host_rule_{number}");
                format!("{} or {}", with(Some(rule.clone())), with(Some(format!("{rule}_port"))))
            }
        };
        (!text.is_empty()).then_some(text)
    }
}

/// A host or path with `*` as a regular expression; only dots are taken literally, as the original had it.
fn expression(text: &str) -> String {
    text.replace('.', "\\.").replace('*', ".*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(list: &str) -> Vec<String> {
        let (hosts, bad) = parse(list);
        let one = |v: &Vhost| {
            format!(
                "{}{}{}|{}|{}",
                v.host,
                if v.secure { "+s" } else { "" },
                if v.websocket { "+w" } else { "" },
                v.port,
                v.path
            )
        };
        hosts.iter().map(one).chain(bad.iter().map(|entry| format!("bad {entry}"))).collect()
    }

    #[test]
    fn schemes_ports_and_paths() {
        assert_eq!(parts("a.com, a.com:8080 ,https://a.com"), ["a.com|80|", "a.com|8080|", "a.com+s|443|"]);
        assert_eq!(parts("https://a.com:444/x,wss://a/*,WS://b"), ["a.com+s|444|/x", "a+s+w|443|/*", "b+w|80|"]);
        assert_eq!(parts("*/path?u=1,a.com:8080/p#f,*"), ["*|80|/path", "a.com|8080|/p", "*|80|"]);
        assert_eq!(parts(",a.com,"), ["a.com|80|"]);
        assert_eq!(parts("/only,//a.com/x"), ["|80|/only", "a.com|80|/x"]);
        let bad = ["bad a.com:x", "bad b:", "bad c:0", "bad d:70000", "bad ws:///p"];
        assert_eq!(parts("a.com:x,b:,c:0,d:70000,ws:///p"), bad);
    }

    #[test]
    fn rules_of_hosts_and_paths() {
        let rules = |list: &str| parse(list).0[0].rules(3).unwrap();
        let (lines, condition) = rules("a.com");
        assert_eq!(lines, ["acl host_rule_3 hdr(host) -i a.com", "acl host_rule_3_port hdr(host) -i a.com:80"]);
        assert_eq!(condition, "host_rule_3 or host_rule_3_port");
        let (lines, condition) = rules("wss://*.a.com:8443/p*/x.js");
        assert_eq!(
            lines,
            [
                r"acl host_rule_3 hdr_reg(host) -i ^.*\.a\.com$",
                r"acl host_rule_3_port hdr_reg(host) -i ^.*\.a\.com:8443$",
                r"acl path_rule_3 path_reg -i ^/p.*/x\.js$",
            ]
        );
        assert_eq!(condition, "is_websocket path_rule_3 host_rule_3 or is_websocket path_rule_3 host_rule_3_port");
        assert_eq!(rules("/p").1, "path_rule_3");
    }
}
