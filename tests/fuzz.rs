//! Runs every fuzz body on stable: over its checked-in corpus, and over random variations of it that are the same each time.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::path::Path;

#[test]
fn corpus_and_variations() {
    for (name, body) in bodies::TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "fuzz/corpus/{name} has no input");
        for input in &inputs {
            body(input);
        }
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..VARIATIONS {
            let input = variation(&inputs, &mut random);
            // The test harness shows what was printed if the body panics.
            print!("{name}: {}\r", input.escape_ascii());
            body(&input);
        }
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Cuts, joins and damages inputs of the corpus.
fn variation(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut out = random.one_of(inputs).clone();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len() + 1);
        match random.below(6) {
            0 => out.truncate(at),
            1 => out.insert(at, random.next() as u8),
            2 => {
                out.drain(..at);
            }
            3 => out.extend(random.one_of(inputs)),
            4 => out.splice(at..at, random.one_of(SPECIAL).iter().copied()).for_each(drop),
            _ => {
                let (from, to) = (at.min(out.len()), (at + random.below(8)).min(out.len()));
                let piece = out[from..to].to_vec();
                let at = random.below(out.len() + 1);
                out.splice(at..at, piece);
            }
        }
    }
    out
}

/// xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const VARIATIONS: usize = 5_000;
const SPECIAL: &[&[u8]] = &[
    b"\\",
    b"\"",
    b"'",
    b"#",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\0",
    b"$",
    b"${",
    b"}",
    b"[*]",
    b"\\x",
    b"(",
    b")",
    b",",
    b"!",
    b"&&",
    b"||",
    b".if ",
    b".endif\n",
    b":",
    b"-",
    b"@",
    b"[",
    b"]",
    b"\xff",
    b"\xef\xbb\xbf",
    b"99999999999999999999",
];
