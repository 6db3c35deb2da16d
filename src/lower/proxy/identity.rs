//! Directives of what a proxy is (manual 4.2): mode, state, names, limits, the default backend.

use super::ProxyDraft;
use crate::ir::Mode;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::global::joined;
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::{integer, limit};

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "mode",
            "mode { tcp | http }",
            "Sets whether connections are forwarded as they are or read as HTTP. The default is tcp.",
            &[("mode http", "mode http")],
        ),
        sections: Sections::D_PROXY,
        apply: mode,
    },
    Setting {
        meta: Meta::new(
            "disabled",
            "disabled",
            "Starts the proxy disabled: it does not listen.",
            &[("disabled", "disabled")],
        ),
        sections: Sections::D_PROXY,
        apply: |_, draft, _| {
            draft.out.disabled = true;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new("enabled", "enabled", "Takes back a 'disabled' of the defaults.", &[("enabled", "")]),
        sections: Sections::D_PROXY,
        apply: |_, draft, _| {
            draft.out.disabled = false;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "description",
            "description <text>",
            "Describes the proxy on the statistics page.",
            &[("description the shop", "description the shop")],
        ),
        sections: Sections::PROXY,
        apply: |words, draft, _| {
            draft.out.description = Some(joined(words)?.into());
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "id",
            "id <number>",
            "Sets the proxy's number in statistics. By default proxies are counted from 2.",
            &[("id 1000", "id 1000")],
        ),
        sections: Sections::PROXY,
        apply: |words, draft, _| {
            let span = words.span();
            let found = words.expect("an integer argument.")?.as_str().parse().ok().filter(|id| *id > 0);
            draft.id = Some((found.ok_or_else(|| sentence(span, "range", "custom id has to be > 0."))?, span));
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "maxconn",
            "maxconn <number>",
            "Sets how many connections the frontend serves at once; more of them wait in the kernel.",
            &[("maxconn 500", "maxconn 500")],
        ),
        sections: Sections::D_FE,
        apply: |words, draft, _| {
            draft.out.maxconn = limit(words)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "backlog",
            "backlog <number>",
            "Asks the kernel to queue so many connections that were not accepted yet.",
            &[("backlog 500", "backlog 500")],
        ),
        sections: Sections::D_FE,
        apply: |words, draft, _| {
            draft.out.backlog = limit(words)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "rate-limit sessions",
            "rate-limit sessions <rate>",
            "Accepts at most so many connections a second; more of them wait in the kernel.",
            &[("rate-limit sessions 100", "rate-limit sessions 100")],
        ),
        sections: Sections::D_FE,
        apply: |words, draft, _| {
            draft.out.rate_limit = Some(integer(words, 0, i32::MAX as u32)?).filter(|rate| *rate > 0);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "fullconn",
            "fullconn <number>",
            "Sets the load of a backend at which its servers reach their full 'maxconn' where they have a 'minconn'.",
            &[("fullconn 1000", "fullconn 1000")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            draft.out.fullconn = limit(words)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "default_backend",
            "default_backend <backend>",
            "Names the backend of requests that no 'use_backend' rule takes.",
            &[("default_backend app", "default_backend app")],
        ),
        sections: Sections::D_FE,
        apply: |words, draft, _| {
            draft.default_backend = Some(words.expect("a backend name.")?.clone());
            Ok(())
        },
    },
];

fn mode(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let word = words.next_word();
    let (text, span) = word.map_or(("", words.end()), |word| (word.as_str(), word.span));
    draft.rules.health = None;
    draft.out.mode = match text {
        "http" => Mode::Http,
        "tcp" => Mode::Tcp,
        "health" => {
            draft.answer_health(span, scope)?;
            Mode::Http
        }
        "log" | "spop" | "haterm" => return Err(not_yet(span, &format!("'mode {text}'"))),
        _ => {
            let error = sentence(span, "unknown", format!("unknown proxy mode '{text}'."));
            return Err(Box::new(error.help("modes are tcp and http")));
        }
    };
    Ok(())
}
