//! `dir` and `dom`: patterns that must fill whole sections of a sample cut at delimiters (manual 7.1.3).

use super::trie::Trie;
use super::{Chains, Filter, NONE, folded};
use crate::pattern::pool::Pool;

/// Patterns that stand between delimiters.
#[derive(Debug)]
pub(in crate::pattern) struct Sections {
    trie: Trie,
    fold: bool,
    delimiters: &'static Delimiters,
    /// Patterns made of delimiters only: they match the empty sample, as in HAProxy 2.8.
    hollow: Option<(u32, Chains)>,
}

/// Which bytes cut a sample.
pub(in crate::pattern) type Delimiters = [bool; 256];

/// What cuts a path for `dir`. The manual speaks of slashes alone, but `url_dir a` matches `/a?b` in HAProxy.
pub(in crate::pattern) static DIR: Delimiters = delimiters(b"/?");
/// What cuts a URL for `dom`.
pub(in crate::pattern) static DOM: Delimiters = delimiters(b"/?.:");

impl Sections {
    /// Indexes the keys without the delimiters around them.
    pub fn new(keys: &Pool, fold: bool, delimiters: &'static Delimiters) -> Sections {
        let (mut trie, mut hollow) = (Trie::default(), None::<(u32, Chains)>);
        for (text, at) in keys.iter().zip(0..) {
            let key: Vec<u8> = trim(text, delimiters).iter().map(|byte| folded(*byte, fold)).collect();
            match &mut hollow {
                _ if !key.is_empty() => trie.insert(&key, at),
                Some((first, chain)) => chain.append(*first, at),
                None => hollow = Some((at, Chains::default())),
            }
        }
        Sections { trie, fold, delimiters, hollow }
    }

    /// The first pattern, in order of declaration, that fills a section of the sample or several neighbours.
    pub fn find(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        let cut = |at: usize| self.delimiters[usize::from(sample[at])];
        let mut best = NONE;
        if let Some((first, chain)) = &self.hollow
            && sample.is_empty()
        {
            best = chain.first(*first, filter).unwrap_or(NONE);
        }
        for start in (0..sample.len()).filter(|at| *at == 0 || cut(at - 1)) {
            let byte = |i: usize| sample.get(start + i).map(|byte| folded(*byte, self.fold));
            self.trie.walk(byte, filter, |at, len| {
                if start + len == sample.len() || cut(start + len) {
                    best = best.min(at);
                }
                best != 0
            });
        }
        (best != NONE).then_some(best)
    }
}

fn trim<'a>(mut text: &'a [u8], delimiters: &Delimiters) -> &'a [u8] {
    while let [first, rest @ ..] = text
        && delimiters[usize::from(*first)]
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && delimiters[usize::from(*last)]
    {
        text = rest;
    }
    text
}

const fn delimiters(bytes: &[u8]) -> Delimiters {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}
