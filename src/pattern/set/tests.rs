use super::*;
use crate::base::ipnet::IpNet;
use crate::pattern::{IntOp, IntRange};

fn set(kind: MatchKind, fold: bool, patterns: &[&str]) -> PatternSet<usize> {
    PatternSet::build(kind, fold, patterns.iter().enumerate().map(|(at, p)| (p.as_bytes(), at))).unwrap()
}

/// For each sample, whether a set of this single pattern matches: alone, and padded so that the large index is used.
fn check(kind: MatchKind, fold: bool, pattern: &str, yes: &[&str], no: &[&str]) {
    let padding = ["~0~", "~1~", "~2~", "~3~", "~4~"];
    let many: Vec<&str> = std::iter::once(pattern).chain(padding).collect();
    for set in [set(kind, fold, &[pattern]), set(kind, fold, &many)] {
        for sample in yes {
            assert!(set.matches(sample.as_bytes()), "{pattern:?} should match {sample:?}");
            assert_eq!(set.lookup(sample.as_bytes()), Some(&0));
        }
        for sample in no {
            assert!(!set.matches(sample.as_bytes()), "{pattern:?} should not match {sample:?}");
            assert_eq!(set.lookup(sample.as_bytes()), None);
        }
    }
}

#[test]
fn strings_compare_as_the_reference_compares_them() {
    use MatchKind::{Beg, End, Str, Sub};
    check(Str, false, "abc", &["abc", "abc\0d", "abc\0"], &["ABC", "xabc", "abcx", "ab", "", "x\0abc"]);
    check(Str, true, "aBc", &["abc", "ABC"], &["abc\0d", "xabc", "ab"]);
    check(Beg, false, "abc", &["abc", "abcx", "abc\0"], &["ABC", "xabc", "ab", ""]);
    check(Beg, true, "ABC", &["abc", "abCx"], &["xabc", "ab"]);
    check(End, false, "abc", &["abc", "xabc", "x\0abc"], &["ABC", "abcx", "bc", ""]);
    check(End, true, "ABC", &["abc", "xabC"], &["abcx", "bc"]);
    check(Sub, false, "abc", &["abc", "xabcx", "x\0abc"], &["ABC", "ab", ""]);
    check(Sub, true, "ABC", &["abc", "xabC"], &["ab"]);
    check(Sub, true, "\u{e9}", &["\u{e9}"], &["\u{c9}"]);
    check(Beg, false, "", &["", "x"], &[]);
}

#[test]
fn dir_and_dom_match_whole_sections() {
    let logo = "/images/png/logo/32x32.png";
    for pattern in ["/images", "images", "images/png", "/images/", "/png/logo", "png", "logo/32x32.png", "32x32.png"] {
        check(MatchKind::Dir, false, pattern, &[logo], &["/imagesx", "", "/"]);
    }
    check(MatchKind::Dir, false, "32x32", &["32x32"], &[logo]);
    check(MatchKind::Dir, false, "/IMAGES", &[], &[logo]);
    check(MatchKind::Dir, true, "IMAGES/png/", &[logo], &["images"]);
    check(MatchKind::Dir, false, "a//b", &["/a//b"], &["/a/b"]);
    check(MatchKind::Dir, false, "/", &[""], &["/", "//", "/images/", "/images", "a", "/a//b"]);
    check(MatchKind::Dir, false, "?x", &["x?y", "a/x?y", "/b?x", "?x", "x?"], &["/b?x=1", ""]);
    check(MatchKind::Dir, false, "x?y", &["a/x?y"], &["x/y", "?y"]);
    let url = "http://www1.dc-eu.example.com:80/blah?q=1";
    for pattern in
        ["http", "www1", ".www1", "dc-eu", "com", "80", "dc-eu.example", "blah", ":www1:", "?q=1", "/example.com/"]
    {
        check(MatchKind::Dom, false, pattern, &[url], &["", "x"]);
    }
    for pattern in ["eu", "dc", "q", "EXAMPLE", "dc-eu.example:80"] {
        check(MatchKind::Dom, false, pattern, &[pattern], &[url]);
    }
    check(
        MatchKind::Dom,
        false,
        "example.com.",
        &["example.com", "www.example.com."],
        &["xexample.com", "example.comx"],
    );
    check(MatchKind::Dom, false, "..", &[""], &[".", "example.com.", "example.com"]);
}

#[test]
fn a_lookup_yields_the_longest_prefix_but_else_the_first_declared() {
    let find = |kind, patterns: &[&str], sample: &str| set(kind, false, patterns).lookup(sample.as_bytes()).copied();
    for extra in [&[][..], &["/zz1", "/zz2", "/zz3"]] {
        let with = |patterns: &[&'static str]| [patterns, extra].concat();
        let prefixes = with(&["/a", "/ab", "/abc", "/ab", "/"]);
        assert_eq!(find(MatchKind::Beg, &prefixes, "/abcd"), Some(2));
        assert_eq!(find(MatchKind::Beg, &prefixes, "/abd"), Some(1));
        assert_eq!(find(MatchKind::Beg, &prefixes, "/ac"), Some(0));
        assert_eq!(find(MatchKind::Beg, &prefixes, "/x"), Some(4));
        assert_eq!(find(MatchKind::End, &with(&["com", "example.com"]), "www.example.com"), Some(0));
        assert_eq!(find(MatchKind::Sub, &with(&["b", "ab", "abc"]), "xabc"), Some(0));
        assert_eq!(find(MatchKind::Sub, &with(&["bcd", "ab", "abc"]), "xabc"), Some(1));
        assert_eq!(find(MatchKind::Dom, &with(&["com", "example.com"]), "www.example.com"), Some(0));
        assert_eq!(find(MatchKind::Dir, &with(&["b", "a/b"]), "/a/b"), Some(0));
        assert_eq!(find(MatchKind::Str, &with(&["a", "b", "a"]), "a"), Some(0));
        assert_eq!(find(MatchKind::Reg, &with(&["c$", "^ab", "a(b)"]), "abd"), Some(1));
        assert_eq!(find(MatchKind::Reg, &with(&["^(?=a)ab", "^ab", "a(b)"]), "abd"), Some(0));
        assert_eq!(find(MatchKind::Reg, &with(&["^x", "b$"]), "ab\n"), Some(1));
    }
}

#[test]
fn integers_lengths_and_versions_match_ranges() {
    let ints = set(MatchKind::Int, false, &["1:10", "5", "5:6", "20:", "25"]);
    for (value, found) in
        [(5, Some(0)), (10, Some(0)), (11, None), (25, Some(3)), (i64::MAX, Some(3)), (0, None), (i64::MIN, None)]
    {
        assert_eq!(ints.lookup_int(value).copied(), found, "{value}");
        assert_eq!(ints.matches_int(value), found.is_some());
    }
    let lens = set(MatchKind::Len, false, &["3", "6:"]);
    assert!(lens.matches(b"abc") && lens.matches(b"abcdef") && !lens.matches(b"abcd") && !lens.matches(b""));
    let mut builder = Builder::new(MatchKind::Version, false);
    builder.operator(IntOp::Ge);
    builder.push(b"3.1", ()).unwrap();
    let versions = builder.finish().unwrap();
    assert!(versions.matches_int(0x30001) && versions.matches_int(0x30004) && !versions.matches_int(0x30000));
    assert!(set(MatchKind::Bool, false, &["ignored"]).matches_int(-1));
    assert!(!set(MatchKind::Bool, false, &[]).matches_int(0));
    assert!(set(MatchKind::Found, false, &[]).matches(b""));
}

#[test]
fn addresses_find_the_narrowest_network() {
    let nets = set(
        MatchKind::Ip,
        false,
        &[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3",
            "0.0.0.0/0",
            "10.1.2.3",
            "2001:db8::/32",
            "2001:db8:1::/48",
            "::/0",
            "10.2.0.0/255.255.0.255",
        ],
    );
    for (ip, found) in [
        ("10.1.2.3", 2),
        ("10.1.9.9", 1),
        ("10.9.9.9", 0),
        ("1.1.1.1", 3),
        ("2001:db8:1::1", 6),
        ("2001:db8:2::1", 5),
        ("::2", 7),
        ("10.2.5.0", 0),
        ("255.255.255.255", 3),
        ("::ffff:10.1.2.3", 7),
    ] {
        assert_eq!(nets.lookup_ip(ip.parse().unwrap()), Some(&found), "{ip}");
    }
    let holes = set(MatchKind::Ip, false, &["10.2.0.0/255.255.0.255", "::1"]);
    assert!(holes.matches_ip("10.2.77.0".parse().unwrap()) && !holes.matches_ip("10.2.77.1".parse().unwrap()));
}

#[test]
fn binary_patterns_are_hexadecimal() {
    let bins = set(MatchKind::Bin, false, &["616263", "6C", "00"]);
    assert!(bins.matches(b"abc") && bins.matches(b"l") && bins.matches(b"\0"));
    assert!(!bins.matches(b"ab") && !bins.matches(b"abc\0") && !bins.matches(b""));
    let fault = |text: &str| PatternSet::build(MatchKind::Bin, false, [(text.as_bytes(), ())]).unwrap_err();
    assert_eq!(fault("61626").fault, PatternFault::OddHex);
    assert_eq!(fault("zz").fault, PatternFault::NotHex('z'));
}

#[test]
fn errors_name_the_pattern() {
    let wrong = |kind, patterns: &[&str]| {
        PatternSet::build(kind, false, patterns.iter().map(|p| (p.as_bytes(), ()))).unwrap_err()
    };
    let error = wrong(MatchKind::Int, &["1", "x"]);
    assert_eq!((error.at, error.text.as_str()), (1, "x"));
    assert_eq!(error.to_string(), "'x' cannot be matched: it is not a number");
    assert_eq!(wrong(MatchKind::Ip, &["::1", "10.0.0.1", "localhost"]).at, 2);
    assert_eq!(wrong(MatchKind::Reg, &["a", "(b", "c"]).at, 1);
    assert_eq!(wrong(MatchKind::Reg, &["a", "b", "*c"]).at, 2);
    assert_eq!(wrong(MatchKind::Reg, &["a", "b", "(?=x)*+c(", "d"]).at, 2);
}

#[test]
fn captures_belong_to_the_winner() {
    let regexes = set(MatchKind::Reg, false, &["^x(.)", "^a(b+)(c)?", "^a(.)"]);
    let mut groups = Groups::new();
    assert_eq!(regexes.captures(b"abbc", &mut groups).map(|hit| *hit.value), Some(1));
    assert_eq!(groups.as_slice(), [Some((0, 4)), Some((1, 3)), Some((3, 4))]);
    assert!(regexes.captures(b"zz", &mut groups).is_none());
}

#[test]
fn a_changed_set_leaves_its_clones_alone() {
    let old = set(MatchKind::Str, false, &["a", "b", "a"]);
    let mut new = old.clone();
    assert_eq!(new.remove_text(b"a"), 2);
    assert_eq!(new.add(b"c", 7).unwrap(), 3);
    assert!(new.set(1, 9));
    assert!(!new.set(0, 9) && !new.remove(0) && !new.remove(77));
    let list =
        |set: &PatternSet<usize>| set.iter().map(|hit| (hit.serial, hit.text.to_vec(), *hit.value)).collect::<Vec<_>>();
    assert_eq!(list(&new), [(1, b"b".to_vec(), 9), (3, b"c".to_vec(), 7)]);
    assert_eq!((new.len(), new.lookup(b"a"), new.lookup(b"b"), new.lookup(b"c")), (2, None, Some(&9), Some(&7)));
    assert_eq!((old.len(), old.lookup(b"a"), old.lookup(b"b"), old.lookup(b"c")), (3, Some(&0), Some(&1), None));
    let before = list(&new);
    new.compact().unwrap();
    assert_eq!(list(&new), before);
    new.clear();
    assert!(new.is_empty() && !new.matches(b"b"));
    assert_eq!(new.add(b"b", 1).unwrap(), 4);
}

#[test]
fn operators_and_resolved_names_survive_compaction() {
    let mut builder = Builder::new(MatchKind::Int, false);
    builder.operator(IntOp::Gt);
    builder.push(b"5", 0).unwrap();
    let mut ints = builder.finish().unwrap();
    ints.compact().unwrap();
    assert!(ints.matches_int(6) && !ints.matches_int(5));
    let mut builder = Builder::new(MatchKind::Ip, false);
    builder.push_net(b"db.example", IpNet::parse(b"192.0.2.1").unwrap(), ()).unwrap();
    let mut nets = builder.finish().unwrap();
    nets.add(b"192.0.2.2", ()).unwrap();
    nets.compact().unwrap();
    assert!(nets.matches_ip("192.0.2.1".parse().unwrap()) && nets.matches_ip("192.0.2.2".parse().unwrap()));
    assert_eq!(nets.iter().next().unwrap().text, b"db.example");
}

/// What each method means, said as plainly as possible.
fn oracle(kind: MatchKind, fold: bool, pattern: &str, sample: &[u8]) -> bool {
    let fold = |text: &[u8]| if fold { text.to_ascii_lowercase() } else { text.to_vec() };
    let (p, s) = (fold(pattern.as_bytes()), fold(sample));
    let section = |delimiters: &[u8]| {
        let cut = |b: &u8| delimiters.contains(b);
        let start = p.iter().position(|b| !cut(b)).unwrap_or(p.len());
        let end = p.iter().rposition(|b| !cut(b)).map_or(start, |at| at + 1);
        let p = &p[start..end];
        let fits =
            |at: usize| s[at..].starts_with(p) && (at == 0 || cut(&s[at - 1])) && s.get(at + p.len()).is_none_or(cut);
        if p.is_empty() { s.is_empty() } else { (0..s.len()).any(fits) }
    };
    match kind {
        MatchKind::Str => p == s,
        MatchKind::Beg => s.starts_with(&p),
        MatchKind::End => s.ends_with(&p),
        MatchKind::Sub => p.is_empty() || s.windows(p.len()).any(|part| part == p),
        MatchKind::Reg => regex::bytes::RegexBuilder::new(pattern)
            .unicode(false)
            .case_insensitive(s == sample.to_ascii_lowercase() && fold(b"A") == b"a")
            .build()
            .unwrap()
            .is_match(sample),
        MatchKind::Dir => section(b"/?"),
        MatchKind::Dom => section(b"/?.:"),
        MatchKind::Len => IntRange::parse(pattern.as_bytes(), IntOp::Eq).unwrap().contains(sample.len() as i64),
        _ => unreachable!(),
    }
}

/// A small reproducible random number generator.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % most
    }

    fn text(&mut self, alphabet: &[u8], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

#[test]
fn random_sets_agree_with_the_plain_definition_through_changes() {
    use MatchKind::{Beg, Dir, Dom, End, Len, Reg, Str, Sub};
    let mut random = Random(1);
    for round in 0..400 {
        let kind = [Str, Beg, End, Sub, Dir, Dom, Reg, Len][round % 8];
        let fold = random.below(2) == 1;
        let pattern = |random: &mut Random| match kind {
            Len => random.below(8).to_string(),
            Reg => random.text(b"abA", 3),
            _ => random.text(b"abA/.", 4),
        };
        let mut patterns: Vec<Option<String>> = (0..random.below(12)).map(|_| Some(pattern(&mut random))).collect();
        let texts: Vec<&str> = patterns.iter().flatten().map(String::as_str).collect();
        let mut tested = set(kind, fold, &texts);
        for step in 0..40 {
            match random.below(4) {
                0 => {
                    let text = pattern(&mut random);
                    tested.add(text.as_bytes(), patterns.len()).unwrap();
                    patterns.push(Some(text));
                }
                1 if !patterns.is_empty() => {
                    let gone = random.below(patterns.len());
                    assert_eq!(tested.remove(gone as u32), patterns[gone].take().is_some());
                }
                2 if step % 10 == 0 => tested.compact().unwrap(),
                _ => {}
            }
            let sample = random.text(b"abAB/.", 7);
            let matching = patterns.iter().enumerate().filter_map(|(at, p)| p.as_ref().map(|p| (at, p)));
            let mut matching = matching.filter(|(_, p)| oracle(kind, fold, p, sample.as_bytes()));
            let expected = match kind {
                Beg => matching.max_by_key(|(at, p)| (p.len(), std::cmp::Reverse(*at))),
                _ => matching.next(),
            };
            let found = tested.lookup(sample.as_bytes()).copied();
            assert_eq!(found, expected.map(|(at, _)| at), "{kind:?} fold {fold} {sample:?} in {patterns:?}");
            assert_eq!(tested.matches(sample.as_bytes()), found.is_some());
            assert_eq!(tested.len(), patterns.iter().flatten().count());
        }
    }
}

#[test]
fn random_networks_and_ranges_agree_with_the_plain_definition_through_changes() {
    let mut random = Random(2);
    for round in 0..200 {
        let ip = round % 2 == 0;
        let kind = if ip { MatchKind::Ip } else { MatchKind::Int };
        let pattern = |random: &mut Random| match (ip, random.below(4)) {
            (true, 0) => format!("::ffff:0:{:x}/{}", random.below(16), 120 + random.below(9)),
            (true, 1) => format!("10.0.{}.{}/255.255.0.3", random.below(2), random.below(4)),
            (true, _) => format!("10.0.0.{}/{}", random.below(16), 24 + random.below(9)),
            (false, 0) => random.below(20).to_string(),
            (false, 1) => format!(":{}", random.below(20)),
            (false, _) => {
                let lo = random.below(20);
                format!("{lo}:{}", lo + random.below(8))
            }
        };
        let mut patterns: Vec<Option<String>> = (0..random.below(12)).map(|_| Some(pattern(&mut random))).collect();
        let texts: Vec<&str> = patterns.iter().flatten().map(String::as_str).collect();
        let mut tested = set(kind, false, &texts);
        for _ in 0..40 {
            match random.below(6) {
                0 => {
                    let text = pattern(&mut random);
                    tested.add(text.as_bytes(), patterns.len()).unwrap();
                    patterns.push(Some(text));
                }
                1 if !patterns.is_empty() => {
                    let gone = random.below(patterns.len());
                    assert_eq!(tested.remove(gone as u32), patterns[gone].take().is_some());
                }
                2 => tested.compact().unwrap(),
                _ => {}
            }
            let live = patterns.iter().enumerate().filter_map(|(at, p)| p.as_ref().map(|p| (at, p)));
            let (found, expected) = if ip {
                let address = IpAddr::from([10, 0, 0, random.below(16) as u8]);
                let nets = live
                    .map(|(at, p)| (at, IpNet::parse(p.as_bytes()).unwrap()))
                    .filter(|(_, net)| net.contains(address));
                let rank =
                    |net: &IpNet| (net.prefix_len().is_some(), matches!(net, IpNet::V4 { .. }), net.prefix_len());
                let best = nets.max_by_key(|(at, net)| (rank(net), std::cmp::Reverse(*at)));
                (tested.lookup_ip(address).copied(), best.map(|(at, _)| at))
            } else {
                let value = random.below(30) as i64;
                let mut ranges =
                    live.filter(|(_, p)| IntRange::parse(p.as_bytes(), IntOp::Eq).unwrap().contains(value));
                (tested.lookup_int(value).copied(), ranges.next().map(|(at, _)| at))
            };
            assert_eq!(found, expected, "{patterns:?}");
        }
    }
}
