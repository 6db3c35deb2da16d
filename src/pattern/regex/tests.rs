use super::*;

fn compiled(pattern: &str, fold: bool) -> Regex {
    Regex::new(pattern.as_bytes(), fold).unwrap_or_else(|why| panic!("{pattern}: {why}"))
}

fn backtracks(pattern: &str) -> bool {
    matches!(compiled(pattern, false).engine, Engine::Backtracking(_))
}

#[test]
fn pcre_syntax_that_the_engines_read_differently_means_what_pcre_means() {
    for (pattern, yes, no) in [
        (r"^ab$", &[&b"ab"[..], b"ab\n"][..], &[&b"ab\n\n"[..], b"abc"][..]),
        (r"^\[a\]\_\<\>$", &[b"[a]_<>"], &[b"[a]_"]),
        (r"^a{$", &[b"a{"], &[b"a"]),
        (r"^{id}$", &[b"{id}"], &[b"id"]),
        (r"^a{,2}$", &[b"a{,2}"], &[b"aa", b""]),
        (r"^a{1,2}$", &[b"a", b"aa"], &[b"aaa"]),
        (r"^[[a]$", &[b"[", b"a"], &[b"[a"]),
        (r"^[]a]+$", &[b"]a]"], &[b"b"]),
        (r"^[^]a]$", &[b"b"], &[b"]", b"a"]),
        (r"^[ad-]$", &[b"-", b"a"], &[b"b"]),
        (r"^[x[.]$", &[b"x", b"[", b"."], &[b"]"]),
        (r"^[\d-z]$", &[b"7", b"-", b"z"], &[b"y"]),
        (r"^\Qa.b\E$", &[b"a.b"], &[b"axb"]),
        (r"^[\x41-C]\x20$", &[b"B "], &[b"D "]),
        (r"^\h\h$", &[b" \t"], &[b"\n\n"]),
        (r"^[a&&b]~$", &[b"&~", b"b~", b"a~"], &[b"~"]),
        (r"^[+--b~~c]$", &[b"+", b",", b"-", b"b", b"~"], &[b"d"]),
        (r"^\/p\-\.$", &[b"/p-."], &[b"/p-x"]),
        (r"^.$", &[b"k", b"k\n", b"\xff"], &[b"\n", b""]),
        (r"^\w+\s\d$", &[b"ab_ 1"], &[b"\xe9 1"]),
        (r"^[[:alpha:][:^upper:]]$", &[b"a", b"1", b"Z"], &[b""]),
        (r"(?x) a b # comment", &[b"ab"], &[b"a b"]),
        (r"(?x: a\ b ) c", &[b"a b c"], &[b"a bc"]),
        (r"(?i)abc", &[b"ABC"], &[b"ABD"]),
        (r"a(?i:b)c", &[b"aBc"], &[b"ABc"]),
        (r"(?#comment)a", &[b"a"], &[b"b"]),
        (r"\x{41}\103\e\cA", &[b"AC\x1b\x01"], &[b"ACe"]),
        (r"^a\Rb", &[b"a\r\nb", b"a\nb"], &[b"ab"]),
        (r"^\N\V\H$", &[b"abc"], &[b"a\nc", b"ab "]),
        ("^\u{e9}$", &[b"\xc3\xa9"], &[b"\xe9"]),
        ("^[\u{e9}]$", &[b"\xc3", b"\xa9"], &[b"\xc3\xa9"]),
        (r"(?m)^b$", &[b"a\nb\nc"], &[b"abc"]),
        (r"\.php\Z", &[b"x.php", b"x.php\n"], &[b"x.phps"]),
        (r"\.php\z", &[b"x.php"], &[b"x.php\n"]),
        (r"^-+\.%\$@=!;,:'`$", &[b"--.%$@=!;,:'`"], &[b""]),
        (r#"""#, &[b"\""], &[b"'"]),
    ] {
        let regex = compiled(pattern, false);
        yes.iter().for_each(|sample| assert!(regex.is_match(sample), "{pattern} should match {sample:?}"));
        no.iter().for_each(|sample| assert!(!regex.is_match(sample), "{pattern} should not match {sample:?}"));
        assert!(!backtracks(pattern), "{pattern}");
    }
}

#[test]
fn what_needs_backtracking_gets_it() {
    for (pattern, yes, no) in [
        (r"^(?=z)zz$", &[&b"zz"[..], b"zz\n"][..], &[&b"az"[..]][..]),
        (r"^(?!admin)\w+", &[b"user"], &[b"admin", b"-"]),
        (r"(?<=a)b", &[b"ab"], &[b"b"]),
        (r"(?<!a)b", &[b"b", b"cb"], &[b"ab"]),
        (r"^(q)\1$", &[b"qq"], &[b"q1", b"q"]),
        (r"^(q)(?P<n>r)\2\g{-2}\k<n>$", &[b"qrrqr"], &[b"qrrrr"]),
        (r"^(?P<n>a|b)(?P=n)$", &[b"aa", b"bb"], &[b"ab"]),
        (r"^a++b$", &[b"aaab"], &[b"aaa"]),
        (r"^(?>a+)b$", &[b"aab"], &[b"aa"]),
        (r"^(?=.)[^a]\w?$", &[b"\xe9", b"\xffa"], &[b"a", b"\xe9\xe9", b"\xc3\xa9"]),
        (r"^(?:(?!x)a)+$", &[b"aa"], &[b"ax"]),
        (r"(?=e)e\b", &[b"e\xe9", b"e"], &[b"ea"]),
        (r"(?=e)e\B.", &[b"ee"], &[b"e-", b"e\xe9"]),
        (r"^(?=.)\xe9\W$", &[b"\xe9\xe9", b"\xe9-"], &[b"\xe9e"]),
    ] {
        let regex = compiled(pattern, false);
        yes.iter().for_each(|sample| assert!(regex.is_match(sample), "{pattern} should match {sample:?}"));
        no.iter().for_each(|sample| assert!(!regex.is_match(sample), "{pattern} should not match {sample:?}"));
        assert!(backtracks(pattern), "{pattern}");
    }
    assert!(compiled("^(?=A)a$", true).is_match(b"A"));
}

#[test]
fn a_runaway_expression_gives_up() {
    let regex = compiled(r"^(a|a)*\1?(?=c)$", false);
    assert!(!regex.is_match(&[b'a'; 64]));
}

#[test]
fn what_is_no_expression_is_refused_where_it_stands() {
    for (pattern, at) in [
        ("a(b", 3),
        ("a)b", 1),
        ("[a", 1),
        ("ab\\", 2),
        ("[z-a]", 3),
        ("[a-\\d]", 4),
        ("\\q", 1),
        ("(?<1a>b)", 5),
        ("(?<a>b)(?<a>c)", 11),
        ("\\8", 1),
    ] {
        match Regex::new(pattern.as_bytes(), false) {
            Err(RegexError::Syntax { at: found, .. }) => assert_eq!(found, at, "{pattern}"),
            other => panic!("{pattern}: {other:?}"),
        }
    }
    for pattern in
        ["(?R)", "(?1)", "(*UTF8)a", "\\p{L}", "\\x{100}", "(?|a|b)", "\\Ga", "[[.a.]]", "[x[=a=]]", "(?(1)a|b)"]
    {
        assert!(matches!(Regex::new(pattern.as_bytes(), false), Err(RegexError::Unsupported { .. })), "{pattern}");
    }
    assert!(matches!(Regex::new(b"*a", false), Err(RegexError::Engine(_))));
    assert!(Regex::new("(".repeat(100_000).as_bytes(), false).is_err());
}

#[test]
fn groups_lie_where_the_sample_has_them_with_both_engines() {
    let mut groups = Groups::new();
    for (pattern, start, expected) in [
        (r"b(c)?(\xe9)", 0, Some(&[Some((2, 4)), None, Some((3, 4))][..])),
        (r"(?=b)b(c)?(\xe9)", 0, Some(&[Some((2, 4)), None, Some((3, 4))])),
        (r"\xe9", 1, Some(&[Some((1, 2))])),
        (r"(?=.)\xe9", 1, Some(&[Some((1, 2))])),
        (r"(?=.)\xe9", 2, Some(&[Some((3, 4))])),
        (r"x", 0, None),
        (r"b?.\n?$", 0, Some(&[Some((2, 4))])),
        (r"\xe9", 9, None),
    ] {
        let found = compiled(pattern, false).captures(b"\xe9\xe9b\xe9", start, &mut groups);
        assert_eq!(found.then_some(&groups[..]), expected, "{pattern}");
    }
}

#[test]
fn a_dollar_sees_the_first_of_both_ends() {
    let mut groups = Groups::new();
    for (pattern, sample, whole) in
        [(r"\Z", "ab\n", (2, 2)), (r".*$", "ab\n", (0, 2)), (r"b\n?$", "ab\n", (1, 3)), (r"\s$", "b \n", (1, 2))]
    {
        assert!(compiled(pattern, false).captures(sample.as_bytes(), 0, &mut groups));
        assert_eq!(groups[0], Some(whole), "{pattern}");
    }
}

#[test]
fn no_bytes_make_the_compiler_panic() {
    let alphabet = b"\\[](){}?*+|^$.-:=!<>#PQEKRNxckghd019azi\xe9 &~,";
    let mut seed = 7u64;
    for _ in 0..20_000 {
        let mut pattern = Vec::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            pattern.push(alphabet[(seed >> 33) as usize % alphabet.len()]);
        }
        if let Ok(regex) = Regex::new(&pattern, false) {
            regex.is_match(b"a(b[c]\\d\xe9\n");
        }
    }
}
