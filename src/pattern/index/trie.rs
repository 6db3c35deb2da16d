//! A compressed trie over bytes, walked forwards for prefixes and backwards for suffixes.

use super::{Chains, Filter, NONE, folded};
use crate::pattern::pool::Pool;

/// A trie. Patterns are pushed once; walking reports every pattern that the input begins with, shortest first.
#[derive(Debug, Default)]
pub(in crate::pattern) struct Trie {
    /// Node 0 is the root; empty until the first pattern.
    nodes: Vec<Node>,
    labels: Vec<u8>,
    duplicates: Chains,
}

#[derive(Debug)]
struct Node {
    /// What stands between the parent and here: a range of `labels`.
    label: (u32, u32),
    /// The pattern that ends here.
    pattern: u32,
    /// First byte of the label and number of the node, in order of bytes.
    children: Vec<(u8, u32)>,
}

impl Trie {
    /// Adds pattern `at`.
    pub fn insert(&mut self, key: &[u8], at: u32) {
        if self.nodes.is_empty() {
            self.push_node(&[], NONE);
        }
        let (mut node, mut rest) = (0, key);
        while let Some(first) = rest.first() {
            match self.nodes[node].children.binary_search_by_key(first, |(byte, _)| *byte) {
                Err(place) => {
                    let leaf = self.push_node(rest, at);
                    self.nodes[node].children.insert(place, (*first, leaf));
                    return;
                }
                Ok(place) => {
                    let child = self.nodes[node].children[place].1 as usize;
                    let shared = self.label(child).iter().zip(rest).take_while(|(a, b)| a == b).count();
                    if shared < self.label(child).len() {
                        self.split(child, shared as u32);
                    }
                    (node, rest) = (child, &rest[shared..]);
                }
            }
        }
        match self.nodes[node].pattern {
            NONE => self.nodes[node].pattern = at,
            first => self.duplicates.append(first, at),
        }
    }

    /// Reports each pattern that the input begins with and its length. `byte(i)` is byte `i` of the input, folded; the
    /// walk ends when `found` returns false.
    #[inline]
    pub fn walk(
        &self,
        byte: impl Fn(usize) -> Option<u8>,
        filter: &impl Filter,
        mut found: impl FnMut(u32, usize) -> bool,
    ) {
        let Some(mut node) = self.nodes.first() else { return };
        let mut depth = 0;
        loop {
            if node.pattern != NONE
                && let Some(at) = self.duplicates.first(node.pattern, filter)
                && !found(at, depth)
            {
                return;
            }
            let Some(next) = byte(depth) else { return };
            let Some(child) = node.child(next) else { return };
            node = &self.nodes[child as usize];
            let label = &self.labels[node.label.0 as usize..node.label.1 as usize];
            // The first byte led here.
            if !(1..label.len()).all(|i| byte(depth + i) == Some(label[i])) {
                return;
            }
            depth += label.len();
        }
    }

    fn label(&self, node: usize) -> &[u8] {
        let (start, end) = self.nodes[node].label;
        &self.labels[start as usize..end as usize]
    }

    fn push_node(&mut self, label: &[u8], pattern: u32) -> u32 {
        let start = self.labels.len() as u32;
        self.labels.extend_from_slice(label);
        self.nodes.push(Node { label: (start, self.labels.len() as u32), pattern, children: Vec::new() });
        (self.nodes.len() - 1) as u32
    }

    /// Cuts a node's label after `shared` bytes; the node keeps the first part, a new child gets the rest.
    fn split(&mut self, node: usize, shared: u32) {
        let (start, end) = self.nodes[node].label;
        let cut = start + shared;
        let first = self.labels[cut as usize];
        let lower = Node {
            label: (cut, end),
            pattern: std::mem::replace(&mut self.nodes[node].pattern, NONE),
            children: std::mem::take(&mut self.nodes[node].children),
        };
        self.nodes.push(lower);
        let lower = (self.nodes.len() - 1) as u32;
        self.nodes[node].label.1 = cut;
        self.nodes[node].children.push((first, lower));
    }
}

impl Node {
    #[inline]
    fn child(&self, first: u8) -> Option<u32> {
        if self.children.len() <= 8 {
            self.children.iter().find(|(byte, _)| *byte == first).map(|(_, child)| *child)
        } else {
            self.children.binary_search_by_key(&first, |(byte, _)| *byte).ok().map(|at| self.children[at].1)
        }
    }
}

/// Prefixes or suffixes.
#[derive(Debug)]
pub(in crate::pattern) struct Affixes {
    trie: Trie,
    fold: bool,
    /// Suffixes: keys and samples are read from their end.
    backwards: bool,
}

impl Affixes {
    /// Indexes prefixes (`beg`) or suffixes (`end`).
    pub fn new(keys: &Pool, fold: bool, backwards: bool) -> Affixes {
        let mut trie = Trie::default();
        let mut key = Vec::new();
        for (at, text) in keys.iter().enumerate() {
            key.clear();
            key.extend(text.iter().map(|byte| folded(*byte, fold)));
            if backwards {
                key.reverse();
            }
            trie.insert(&key, at as u32);
        }
        Affixes { trie, fold, backwards }
    }

    /// The longest prefix, or the first declared suffix.
    #[inline]
    pub fn find(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        let mut best = NONE;
        if self.backwards {
            let byte = |i: usize| sample.len().checked_sub(i + 1).map(|at| folded(sample[at], self.fold));
            self.trie.walk(byte, filter, |at, _| {
                best = best.min(at);
                true
            });
        } else {
            let byte = |i: usize| sample.get(i).map(|byte| folded(*byte, self.fold));
            self.trie.walk(byte, filter, |at, _| {
                best = at;
                true
            });
        }
        (best != NONE).then_some(best)
    }
}
