//! `server` options about finding the address at run time (manual 5.2, 5.3).

use super::{InitAddr, ServerDraft};
use crate::base::addr::IpFamily;
use crate::base::ipnet::IpNet;
use crate::diag::Word;
use crate::ir::Resolve;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;

/// What the options have set.
#[derive(Clone, Default)]
pub(super) struct ResolveOptions {
    resolvers: Option<Word>,
    prefer: Option<IpFamily>,
    nets: Vec<IpNet>,
    allow_duplicates: bool,
    ignore_weight: bool,
}

impl ResolveOptions {
    /// How the address of the server with this name is found; none without `resolvers`.
    pub(super) fn finish(&self, name: &str, proxy: &str, server: &str, scope: &Scope<'_>) -> Result<Option<Resolve>> {
        let Some(word) = &self.resolvers else { return Ok(None) };
        let Some(resolvers) = scope.names.resolvers.iter().position(|known| known.name == word.as_str()) else {
            let message = format!("proxy '{proxy}', server '{server}': unable to find required resolvers '{word}'");
            let error = sentence(word.span, "unknown-resolvers", message);
            let names = scope.names.resolvers.iter().map(|known| known.name.as_str());
            return Err(match crate::diag::suggest(word.as_str(), names) {
                Some(near) => Box::new(error.help(format!("did you mean '{near}'?"))),
                None => error,
            });
        };
        Ok(Some(Resolve {
            resolvers,
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            shown: name.to_owned(),
            prefer: self.prefer.unwrap_or(IpFamily::V6),
            nets: self.nets.clone(),
            allow_duplicates: self.allow_duplicates,
            ignore_weight: self.ignore_weight,
        }))
    }
}

const fn entry(
    meta: Meta,
    apply: fn(&mut Words<'_>, &mut ServerDraft, &Scope<'_>) -> Result<()>,
) -> Setting<ServerDraft> {
    Setting { meta, sections: Sections::BE, apply }
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[
    entry(
        Meta::new(
            "resolvers",
            "resolvers <id>",
            "Asks the name servers of this section for the address again and again. A name that begins with '_' is that of a \
             service: its SRV records tell hosts and ports.",
            &[("server a app.example.org:80 init-addr none resolvers default", "unresolved app.example.org")],
        ),
        |words, draft, _| {
            draft.resolve.resolvers = Some(words.expect("the name of a resolvers section.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "resolve-prefer",
            "resolve-prefer { ipv4 | ipv6 }",
            "Sets which kind of address is asked for first and taken where there are both. The default is ipv6.",
            &[(
                "server a app.example.org:80 init-addr none resolvers default resolve-prefer ipv4",
                "unresolved app.example.org",
            )],
        ),
        |words, draft, _| {
            let span = words.span();
            draft.resolve.prefer = Some(match words.next_word().map(Word::as_str) {
                Some("ipv4") => IpFamily::V4,
                Some("ipv6") => IpFamily::V6,
                _ => {
                    let message = "'resolve-prefer' expects either ipv4 or ipv6 as argument..";
                    return Err(sentence(span, "unknown", message));
                }
            });
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "resolve-net",
            "resolve-net <network>[,<network>...]",
            "Takes an address of these networks where there are several.",
            &[(
                "server a app.example.org:80 init-addr none resolvers default resolve-net 10.0.0.0/8",
                "unresolved app.example.org",
            )],
        ),
        |words, draft, _| {
            let Some(word) = words.next_word() else {
                let message = "'resolve-net' expects a list of networks..";
                return Err(sentence(words.end(), "missing", message));
            };
            for part in word.as_str().split(',').filter(|part| !part.is_empty()) {
                draft.resolve.nets.push(IpNet::parse(part.as_bytes()).map_err(|_| {
                    sentence(word.span, "network", format!("'resolve-net' invalid network '{part}'.."))
                })?);
            }
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "resolve-opts",
            "resolve-opts { allow-dup-ip | ignore-weight | prevent-dup-ip }[,...]",
            "Lets servers of one name share an address (allow-dup-ip) or not (prevent-dup-ip, the default); the weights of SRV \
             records do not count (ignore-weight).",
            &[(
                "server a app.example.org:80 init-addr none resolvers default resolve-opts allow-dup-ip",
                "unresolved app.example.org",
            )],
        ),
        |words, draft, _| {
            let Some(word) = words.next_word() else { return Ok(()) };
            for part in word.as_str().split(',').filter(|part| !part.is_empty()) {
                match part {
                    "allow-dup-ip" => draft.resolve.allow_duplicates = true,
                    "prevent-dup-ip" => draft.resolve.allow_duplicates = false,
                    "ignore-weight" => draft.resolve.ignore_weight = true,
                    _ => {
                        let message = format!(
                            "'resolve-opts' : unknown resolve-opts option '{part}', supported methods are 'allow-dup-ip', \
                             'ignore-weight', and 'prevent-dup-ip'.."
                        );
                        return Err(sentence(word.span, "unknown", message));
                    }
                }
            }
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "init-addr",
            "init-addr { last | libc | none | <ip> }[,...]",
            "Sets how a host name becomes an address at the start, by the first method that works. The default is last,libc.",
            &[("server a app.example.org:80 init-addr none", "unresolved app.example.org")],
        ),
        init_addr,
    ),
];

fn init_addr(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    let word = words.expect("a comma-delimited list of methods.")?;
    let method = |name: &str| match name {
        "last" => Some(InitAddr::Last),
        "libc" => Some(InitAddr::Libc),
        "none" => Some(InitAddr::None),
        ip => ip.parse().ok().map(InitAddr::Ip),
    };
    let mut all = Vec::new();
    for name in word.as_str().split(',').filter(|name| !name.is_empty()) {
        all.push(method(name).ok_or_else(|| {
            let message = format!(
                "'init-addr' : unknown init-addr method '{name}', supported methods are 'libc', 'last', 'none'."
            );
            sentence(word.span, "unknown", message)
        })?);
    }
    draft.init_addr = all;
    Ok(())
}
