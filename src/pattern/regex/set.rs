//! Many expressions at once: those without backtracking are one automaton, the others are tried in turn.

use std::sync::OnceLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::{Groups, Regex, RegexError, SIZE_LIMIT, pcre};
use crate::pattern::index::{Filter, NONE};
use crate::pattern::pool::Pool;

/// A set of expressions.
#[derive(Debug)]
pub(in crate::pattern) struct RegexIndex {
    /// The linear ones, and the pattern that each member of the set is.
    linear: RegexSet,
    members: Box<[u32]>,
    /// Some of the set use `$`; which.
    dollars: Box<[bool]>,
    any_dollar: bool,
    /// The only expression, if there is just one: cheaper than a set.
    only: Option<Regex>,
    backtracking: Box<[(u32, Regex)]>,
    /// Compiled one by one when someone asks for the groups of a match.
    single: Box<[OnceLock<Option<Regex>>]>,
    fold: bool,
}

impl RegexIndex {
    /// Compiles the expressions; the error names the pattern.
    pub fn new(keys: &Pool, fold: bool) -> Result<RegexIndex, (usize, RegexError)> {
        let (mut texts, mut members, mut dollars, mut backtracking) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut only = None;
        for (at, key) in keys.iter().enumerate() {
            let translated = pcre::translate(key).map_err(|why| (at, why))?;
            if translated.backtracks || keys.len() == 1 {
                let regex = Regex::compile(&translated, fold).map_err(|why| (at, why))?;
                if keys.len() == 1 { only = Some(regex) } else { backtracking.push((at as u32, regex)) }
            } else {
                dollars.push(translated.dollar);
                texts.push(translated.text);
                members.push(at as u32);
            }
        }
        let linear = RegexSetBuilder::new(&texts).unicode(false).case_insensitive(fold).size_limit(SIZE_LIMIT).build();
        let linear = linear.map_err(|why| blame(keys, fold, &why))?;
        Ok(RegexIndex {
            linear,
            members: members.into(),
            any_dollar: dollars.contains(&true),
            dollars: dollars.into(),
            only,
            backtracking: backtracking.into(),
            single: keys.iter().map(|_| OnceLock::new()).collect(),
            fold,
        })
    }

    /// Whether any expression matches; right only while none has been removed.
    pub fn any(&self, sample: &[u8]) -> bool {
        match &self.only {
            Some(only) => only.is_match(sample),
            None => {
                self.linear.is_match(sample)
                    || (self.any_dollar && self.before_newline(sample, &all).is_some())
                    || self.backtracking.iter().any(|(_, regex)| regex.is_match(sample))
            }
        }
    }

    /// The first expression, in order of declaration, that matches.
    pub fn find(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        if let Some(only) = &self.only {
            return (filter.keeps(0) && only.is_match(sample)).then_some(0);
        }
        let mut first = NONE;
        if self.linear.is_match(sample) {
            let found = self.linear.matches(sample);
            let mut found = found.iter().map(|member| self.members[member]);
            first = found.find(|at| filter.keeps(*at)).unwrap_or(NONE);
        }
        if self.any_dollar {
            first = first.min(self.before_newline(sample, filter).unwrap_or(NONE));
        }
        let mut earlier = self.backtracking.iter().take_while(|(at, _)| *at < first);
        let backtracked = earlier.find(|(at, regex)| filter.keeps(*at) && regex.is_match(sample)).map(|(at, _)| *at);
        backtracked.or((first != NONE).then_some(first))
    }

    /// Where the groups of pattern `at` lie in the sample.
    pub fn captures(&self, at: u32, key: &[u8], sample: &[u8], groups: &mut Groups) -> bool {
        let Some(cell) = self.single.get(at as usize) else { return false };
        // It compiled as part of the set, so it compiles alone.
        let regex = cell.get_or_init(|| Regex::new(key, self.fold).ok());
        regex.as_ref().is_some_and(|regex| regex.captures(sample, 0, groups))
    }

    /// The first expression with `$` that matches before the sample's final line feed.
    fn before_newline(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        let shorter = sample.strip_suffix(b"\n")?;
        let found = self.linear.matches(shorter);
        let mut found = found.iter().filter(|member| self.dollars[*member]).map(|member| self.members[member]);
        found.find(|at| filter.keeps(*at))
    }
}

fn all(_: u32) -> bool {
    true
}

/// Finds the expression that does not compile; if all do, they are too large together and the last one gets the blame.
fn blame(keys: &Pool, fold: bool, why: &regex::Error) -> (usize, RegexError) {
    let wrong = keys.iter().enumerate().find_map(|(at, key)| Regex::new(key, fold).err().map(|why| (at, why)));
    wrong.unwrap_or_else(|| (keys.len().saturating_sub(1), RegexError::Engine(why.to_string())))
}
