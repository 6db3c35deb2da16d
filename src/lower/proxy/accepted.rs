//! Directives of proxies that are accepted without effect, each with the reason why nobody could see a difference.

use super::ProxyDraft;
use super::options::skip;
use crate::keyword::{Meta, Sections, Setting};

const fn entry(name: &'static str, usage: &'static str, sections: Sections, why: &'static str) -> Setting<ProxyDraft> {
    Setting { meta: Meta::accepted(name, usage, why), sections, apply: skip }
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    entry("option splice-auto", "[no] option splice-auto", Sections::D_PROXY, SPLICE),
    entry("option splice-request", "[no] option splice-request", Sections::D_PROXY, SPLICE),
    entry("option splice-response", "[no] option splice-response", Sections::D_PROXY, SPLICE),
    entry("option tcp-smart-accept", "[no] option tcp-smart-accept", Sections::D_FE, SMART),
    entry("option tcp-smart-connect", "[no] option tcp-smart-connect", Sections::D_BE, SMART),
    entry("option contstats", "[no] option contstats", Sections::D_FE, "counters are always updated as data flows"),
    entry("option disable-h2-upgrade", "[no] option disable-h2-upgrade", Sections::D_FE, "HTTP/2 is not offered"),
    entry(
        "option use-small-buffers",
        "[no] option use-small-buffers",
        Sections::D_BE,
        "memory is taken as it is needed",
    ),
    entry("guid", "guid <string>", Sections::PROXY, "it names objects for a file that does not exist yet"),
];

const SPLICE: &str = "bodies are copied through buffers, which measured faster than splicing";
const SMART: &str = "packets are joined where the kernel allows, with or without this option";
