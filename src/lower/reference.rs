//! All sections, directives and options as lists, for the reference, the coverage and `-dK`.

use super::{bind, global, http_errors, legacy, proxy, resolvers, server, userlist};
use crate::keyword::known::Class;
use crate::keyword::{Meta, Sections};

/// One directive or option.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// A directive of `global`, of a proxy or of another section; an option of `bind` or `server`.
    pub class: Class,
    /// Name, usage, documentation, examples, status.
    pub meta: &'static Meta,
    /// Where it may stand.
    pub sections: Sections,
}

/// Every entry of every table, family by family.
pub fn entries() -> impl Iterator<Item = Entry> {
    macro_rules! list {
        ($class:expr, $families:expr) => {
            $families.iter().flat_map(|family| family.iter()).map(|setting| Entry {
                class: $class,
                meta: &setting.meta,
                sections: setting.sections,
            })
        };
    }
    list!(Class::Global, global::FAMILIES)
        .chain(list!(Class::Proxy, proxy::FAMILIES))
        .chain(list!(Class::Bind, bind::FAMILIES))
        .chain(list!(Class::Server, server::FAMILIES))
        .chain(list!(Class::Other, userlist::FAMILIES))
        .chain(list!(Class::Other, http_errors::FAMILIES))
        .chain(list!(Class::Other, resolvers::FAMILIES))
        .chain(legacy::LISTED.iter().map(|(class, sections, meta)| Entry { class: *class, meta, sections: *sections }))
}

/// The sections that are read; `names` sorts them, and all others of HAProxy are refused there.
pub fn sections() -> &'static [Meta] {
    SECTIONS
}

static SECTIONS: &[Meta] = &[
    Meta::new(
        "global",
        "global",
        "Opens a section with settings of the process; several are read as one.",
        &[("global\n maxconn 100", "")],
    ),
    Meta::new(
        "defaults",
        "defaults [<name>] [from <defaults>]",
        "Opens a section with settings that the proxies behind it start from, or those that name it.",
        &[("defaults http\n mode http", "")],
    ),
    Meta::new(
        "frontend",
        "frontend <name> [from <defaults>]",
        "Opens a section that accepts connections and chooses a backend.",
        &[("frontend www\n mode http\n timeout client 5s\n bind :8080\n http-request return status 200", "")],
    ),
    Meta::new(
        "backend",
        "backend <name> [from <defaults>]",
        "Opens a section with servers that connections or requests are sent to.",
        &[("backend app\n timeout connect 1s\n timeout server 5s\n server a 127.0.0.1:8000", "")],
    ),
    Meta::new(
        "listen",
        "listen <name> [from <defaults>]",
        "Opens a section that is a frontend and its backend in one.",
        &[(
            "listen app\n bind :8080\n timeout client 5s\n timeout connect 1s\n timeout server 5s\n server a 127.0.0.1:8000",
            "",
        )],
    ),
    Meta::new(
        "userlist",
        "userlist <name>",
        "Opens a section with users and groups for 'http_auth' and its relatives.",
        &[("userlist people\n user anna insecure-password secret", "")],
    ),
    Meta::new(
        "http-errors",
        "http-errors <name>",
        "Opens a section with replies of the proxy itself, for 'errorfiles' and rules that name it.",
        &[("http-errors site\n errorfile 503 503.http", "")],
    ),
    Meta::new(
        "resolvers",
        "resolvers <name>",
        "Opens a section with name servers, which servers' addresses are asked for at run time.",
        &[("resolvers dns\n nameserver one 127.0.0.1:53", "")],
    ),
    Meta::new(
        "crt-list",
        "crt-list",
        "Names the lines of the file behind 'bind ... crt-list': a certificate, TLS options in brackets, host names.",
        &[("frontend www\n timeout client 5s\n bind :8443 ssl crt-list list.txt", "")],
    ),
    Meta::rejected(
        "program",
        "program <name>",
        "HAProxy itself dropped these sections in 3.3, the program is not started; start it by the service manager",
    ),
];
