//! `global`: performance tuning that does something (manual 3.2): sizes of buffers and heads, spreading of checks.

use super::GlobalDraft;
use crate::ir::AcceptFamilies;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::{bytes, choice, integer, millis};

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "dns-accept-family",
            "dns-accept-family { ipv4 | ipv6 | auto }[,...]",
            "Sets which kinds of addresses name servers are asked for. The default is auto: IPv4, and IPv6 where the system \
             has a route for it.",
            &[("dns-accept-family ipv4,ipv6", "")],
        ),
        sections: Sections::GLOBAL,
        apply: accept_families,
    },
    Setting {
        meta: Meta::new(
            "tune.idle-pool.shared",
            "tune.idle-pool.shared { full | on | off }",
            "Threads that have no idle connection to a server left use those of others. 'off' keeps them apart.",
            &[("tune.idle-pool.shared off", "tune.idle-pool.shared off"), ("tune.idle-pool.shared full", "")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.shares_idle = choice(words, &["off", "on", "full"])? > 0;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "tune.bufsize",
            "tune.bufsize <size>",
            "Sets the size of a buffer, and with it of the largest head, in bytes. The default is 16384.",
            &[("tune.bufsize 32768", "tune.bufsize 32768")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            let span = words.span();
            let size = bytes(words)?;
            draft.out.bufsize =
                usize::try_from(size).ok().filter(|size| (1024..=1 << 28).contains(size)).ok_or_else(|| {
                    sentence(
                        span,
                        "range",
                        format!("'tune.bufsize' expects a size between 1024 and 256m, found {size}."),
                    )
                })?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "tune.maxrewrite",
            "tune.maxrewrite <size>",
            "Keeps so many bytes of a buffer free for header fields that rules add. The default is 1024.",
            &[("tune.maxrewrite 2048", "tune.maxrewrite 2048")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.maxrewrite = integer(words, 1, 1 << 28)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "tune.http.cookielen",
            "tune.http.cookielen <number>",
            "Bounds the length of captured cookies. The default is 63.",
            &[("tune.http.cookielen 200", "tune.http.cookielen 200")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.cookielen = integer(words, 1, 1 << 20)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "tune.http.maxhdr",
            "tune.http.maxhdr <number>",
            "Sets how many header fields a message may have. The default is 101.",
            &[("tune.http.maxhdr 200", "tune.http.maxhdr 200")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.maxhdr = integer(words, 1, 32767)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "tune.stick-counters",
            "tune.stick-counters <number>",
            "Sets how many entries of stick tables a connection may track, at most 100. The default is 3.",
            &[("tune.stick-counters 5", "tune.stick-counters 5")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.stick_counters = integer(words, 0, 100)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "spread-checks",
            "spread-checks <percent>",
            "Varies the interval of health checks at random by up to so many percent, 0 to 50.",
            &[("spread-checks 5", "spread-checks 5")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.spread_checks = integer(words, -50, 50)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "max-spread-checks",
            "max-spread-checks <time>",
            "Bounds the time over which the first health checks of a backend are spread.",
            &[("max-spread-checks 10s", "max-spread-checks 10000")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, scope| {
            draft.out.max_spread_checks = Some(millis(words, scope, "max-spread-checks")?);
            Ok(())
        },
    },
];

fn accept_families(words: &mut Words<'_>, draft: &mut GlobalDraft, _: &Scope<'_>) -> Result<()> {
    let word = words.expect("a list of 'ipv4', 'ipv6' and 'auto'.")?;
    let mut found = None;
    for part in word.as_str().split(',') {
        found = Some(match (part, found) {
            ("auto", _) => AcceptFamilies::Auto,
            ("ipv4", None | Some(AcceptFamilies::V4)) => AcceptFamilies::V4,
            ("ipv6", None | Some(AcceptFamilies::V6)) => AcceptFamilies::V6,
            ("ipv4" | "ipv6", Some(before)) if before != AcceptFamilies::Auto => AcceptFamilies::Both,
            ("ipv4" | "ipv6", Some(before)) => before,
            _ => {
                let message =
                    format!("'dns-accept-family' expects a list of 'ipv4', 'ipv6' and 'auto', found '{part}'.");
                return Err(sentence(word.span, "unknown", message));
            }
        });
    }
    draft.out.accept_families = found.unwrap_or_default();
    Ok(())
}
