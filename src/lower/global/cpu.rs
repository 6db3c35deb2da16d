//! `global`: `cpu-map` and groups of threads (manual 3.1).

use super::GlobalDraft;
use crate::diag::Word;
use crate::ir::{CpuPin, CpuSet};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::integer;

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "cpu-map",
            "cpu-map [auto:]<thread-group>[/<thread-set>] <cpu-set>[,...] [...]",
            "Lets threads run on these CPUs only. Numbers of processes, as before HAProxy 2.5, are for all threads together.",
            &[
                ("cpu-map auto:1/1-4 0-3", "cpu-map auto:1/f 0,1,2,3"),
                ("cpu-map 1/all 0,2-3", "cpu-map 1/ffffffffffffffff 0,2,3"),
                ("cpu-map 1 0", "cpu-map 1 0"),
            ],
        ),
        sections: Sections::GLOBAL,
        apply: cpu_map,
    },
    Setting {
        meta: Meta::new(
            "thread-groups",
            "thread-groups <number>",
            "Sets in how many groups threads are counted by 'cpu-map'; they share everything all the same.",
            &[("thread-groups 2", "thread-groups 2")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.cpu_map.groups = integer(words, 1, 64)?;
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "thread-group",
            "thread-group <group> [<thread-range>...]",
            "Says which threads 'cpu-map' counts in a group.",
            &[("thread-group 1 1-4", "thread-group 1 1-4")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            let group = integer(words, 1, 64)?;
            for word in words.take_rest() {
                let (first, last) =
                    range(word.as_str(), 1, 4096).ok_or_else(|| bad(word, "a range of threads such as 1-4"))?;
                draft.out.cpu_map.ranges.push((group, first, last));
            }
            Ok(())
        },
    },
];

fn cpu_map(words: &mut Words<'_>, draft: &mut GlobalDraft, _: &Scope<'_>) -> Result<()> {
    let whose = words.expect("a thread group such as 1, or 1/1-4 for some of its threads.")?;
    let (auto, text) = match whose.as_str().strip_prefix("auto:") {
        Some(text) => (true, text),
        None => (false, whose.as_str()),
    };
    let (group, threads) = match text.split_once('/') {
        Some((group, threads)) => (group, Some(threads)),
        None => (text, None),
    };
    let set = |text| set(text).ok_or_else(|| bad(whose, "'all', 'odd', 'even', a number from 1 to 64 or a range"));
    let pin = CpuPin { groups: set(group)?, threads: threads.map(set).transpose()?, cpus: cpus(words)?, auto };
    if auto {
        fits(whose, &pin)?;
    }
    draft.out.cpu_map.pins.push(pin);
    Ok(())
}

/// With `auto:` each one has a CPU of its own.
fn fits(whose: &Word, pin: &CpuPin) -> Result<()> {
    let both = pin.groups.count_ones() > 1 && pin.threads.is_some_and(|threads| threads.count_ones() > 1);
    let many = pin.threads.unwrap_or(pin.groups).count_ones();
    if both || many as usize != pin.cpus.len() {
        let message =
            "cpu-map : TGROUP/THREAD range and CPU sets must have the same size to be automatically bound".to_owned();
        let error = sentence(whose.span, "cpu-map", message);
        return Err(Box::new(error.help(format!("{many} are to be bound to {} CPUs", pin.cpus.len()))));
    }
    Ok(())
}

fn cpus(words: &mut Words<'_>) -> Result<CpuSet> {
    let first = words.expect("a list of CPUs such as 0-3.")?;
    let mut cpus = CpuSet::new();
    for word in std::iter::once(first).chain(words.take_rest()) {
        for part in word.as_str().split(',').filter(|part| !part.is_empty()) {
            let (first, last) = range(part, 0, 63)
                .ok_or_else(|| sentence(word.span, "cpu-map", format!("cpu-map : '{part}' is not a CPU range.")))?;
            if last > LAST_CPU {
                let message = format!("cpu-map : supports CPU numbers from 0 to {LAST_CPU}.");
                return Err(sentence(word.span, "cpu-map", message));
            }
            cpus.extend((first..=last).filter_map(|cpu| u16::try_from(cpu).ok()));
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}

/// Numbers from 1 to 64 as bits.
fn set(text: &str) -> Option<u64> {
    match text {
        "all" => Some(u64::MAX),
        "odd" => Some(0x5555_5555_5555_5555),
        "even" => Some(0xaaaa_aaaa_aaaa_aaaa),
        _ => {
            let (first, last) = range(text, 1, 64)?;
            (last <= 64).then(|| (first..=last).fold(0, |set, number| set | 1 << (number - 1)))
        }
    }
}

/// `3`, `1-4`, `4-1` or `2-`, whose end is `last`.
fn range(text: &str, least: usize, last: usize) -> Option<(usize, usize)> {
    let (from, to) = match text.split_once('-') {
        None => {
            let number: usize = text.parse().ok()?;
            (number, number)
        }
        Some((from, "")) => (from.parse().ok()?, last),
        Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
    };
    (from.min(to) >= least).then(|| (from.min(to), from.max(to)))
}

fn bad(word: &Word, expected: &str) -> crate::keyword::Error {
    sentence(word.span, "cpu-map", format!("'{word}' is not {expected}."))
}

/// As many as the kernel's plain set of CPUs holds.
const LAST_CPU: usize = 1023;
