//! Runs every fuzz body on stable: over its checked-in corpus, and over random variations of it that are the same each time.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::path::Path;
use std::time::{Duration, Instant};

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

/// Words of any configurations put together anew, for as long as is asked:
/// `FUZZ_CONFIGS=folder FUZZ_SECONDS=300 FUZZ_SEED=7 cargo test --test fuzz`. Left out without the folder.
#[test]
fn configurations_mixed_anew() {
    let Some(folder) = std::env::var_os("FUZZ_CONFIGS") else { return };
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 60));
    let mut random = Random(number("FUZZ_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let configs: Vec<Vec<u8>> = read(Path::new(&folder)).into_iter().filter(|text| text.len() < 20_000).collect();
    let kept = std::env::temp_dir().join(format!("hydroxy-fuzz-{}.cfg", std::process::id()));
    let mut count = 0;
    while Instant::now() < end {
        let input = mixed(&configs, &mut random);
        // What makes the body panic or hang is there to be looked at.
        std::fs::write(&kept, &input).unwrap();
        let begun = Instant::now();
        bodies::load::configuration(&input);
        assert!(begun.elapsed() < Duration::from_secs(5), "{} takes {:?}", kept.display(), begun.elapsed());
        count += 1;
    }
    println!("{count} configurations");
    std::fs::remove_file(kept).unwrap();
}

/// A configuration whose lines and words were cut, doubled, swapped and taken from another one.
fn mixed(configs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = random.one_of(configs).split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let other: Vec<&[u8]> = random.one_of(configs).split(|&byte| byte == b'\n').collect();
    for _ in 0..=random.below(12) {
        let at = random.below(lines.len());
        let from = *random.one_of(&other);
        match random.below(4) {
            0 => lines.insert(at, from.to_vec()),
            1 => lines[at] = variation(std::slice::from_ref(&lines[at]), random),
            2 => drop(lines.swap_remove(at)),
            _ => lines[at] = words_mixed(&lines[at], from, random),
        }
        if lines.is_empty() {
            lines.push(Vec::new());
        }
    }
    lines.join(&b'\n')
}

fn words_mixed(line: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let cut = |line: &[u8]| line.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (mut words, other) = (cut(line), cut(other));
    let at = random.below(words.len());
    match random.below(5) {
        0 => drop(words.remove(at)),
        1 => words.insert(at, random.one_of(&other).clone()),
        2 => words[at] = random.one_of(&other).clone(),
        3 => words.truncate(at),
        _ => words[at].extend_from_slice(random.one_of::<&[u8]>(SPECIAL)),
    }
    words.join(&b' ')
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name))
}

/// The files of a folder in order of their names.
fn read(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
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
