//! The table test of the aliases, and what format strings do at their edges. Expected texts were seen on HAProxy 2.8.

use super::alias;
use super::*;
use crate::base::value::Value;
use crate::diag::{Span, Word};
use crate::expr::fixture::{Config, World};

fn bind(text: &str, style: Style) -> Result<LogFormat, String> {
    let config = Config::new();
    let word = Word::new(text, Span::nowhere());
    let hook = if style == Style::Log { Hook::Log } else { Hook::HttpRequest };
    LogFormat::bind_as(&word, &config.scope(hook), style).map_err(|error| error.message.clone())
}

fn render(text: &str, style: Style) -> String {
    let format = bind(text, style).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut out = Vec::new();
    format.render(&World::new().ctx(), &mut out);
    String::from_utf8(out).unwrap()
}

fn log(text: &str) -> String {
    render(text, Style::Log)
}

#[test]
fn every_example_of_an_alias_yields_what_it_says() {
    for alias in alias::all() {
        assert!(!alias.meta.examples.is_empty(), "%{} has no example", alias.meta.name);
        for (text, expected) in alias.meta.examples {
            if alias.meta.name == "pid" {
                // The number of this very process.
                assert_eq!(log(text), std::process::id().to_string());
                continue;
            }
            let local = matches!(alias.meta.name, "t" | "tr" | "Tl" | "trl");
            let mut found = log(text);
            if local {
                // Only the zone of this machine differs.
                found = log(&text.replace("Tl", "T").replace("trl", "trg"));
            }
            if local && matches!(alias.meta.name, "t" | "tr") {
                assert_eq!(found.len(), expected.len(), "{text}");
                continue;
            }
            assert_eq!(found, *expected, "{text}");
        }
    }
}

#[test]
fn names_are_unique_and_documented() {
    let mut names: Vec<_> = alias::all().map(|alias| alias.meta.name).collect();
    assert!(alias::all().all(|alias| alias.meta.doc.ends_with('.')));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    // All aliases of 3.4, `%o` being the parser's.
    let known: Vec<_> =
        crate::keyword::known::names(crate::keyword::known::Class::Alias).filter(|name| *name != "o").collect();
    assert!(known.iter().all(|name| alias::find(name).is_some()), "{known:?}");
}

#[test]
fn the_standard_formats_read_as_haproxy_writes_them() {
    use crate::base::log_formats;
    let http = log(log_formats::HTTP);
    let (before, after) = http.split_once('[').unwrap();
    assert_eq!(before, "192.0.2.7:49224 ");
    let after = after.split_once("] ").unwrap().1;
    assert_eq!(
        after,
        "www~ be/s1 10/4/3/20/77 200 2750 SESS=12 - cDVN 4/3/2/1/+2 6/5 {a#7Cb\\]|} {abc} \"GET /a/b%20c?x=#221#22 HTTP/1.1\""
    );
    let clf = log(log_formats::HTTP_CLF);
    assert_eq!(
        clf,
        "192.0.2.7 - - [22/Nov/2026:18:27:11 +0000] \"GET /a/b%20c?x=#221#22 HTTP/1.1\" 200 2750 \"\" \"\" 49224 503 \"www~\" \
         \"be\" \"s1\" 10 4 3 20 77 cDVN 4 3 2 1 +2 6 5 \"SESS=12\" \"\" \"a#7Cb\\]\" \"\" \"abc\""
    );
    for format in [log_formats::TCP, log_formats::TCP_CLF] {
        assert!(bind(format, Style::Log).is_ok(), "{format}");
    }
}

#[test]
fn blanks_of_a_log_line_are_merged() {
    assert_eq!(log("  a   b %o  c  %[str()]   d %[str( )]  f   "), "a b c - d   f ");
    assert_eq!(log("%{+Q}o  a %[str()]%[str()] b"), "a \"\"\"\" b");
    assert_eq!(render("  a   b  %o  c %[str()] d   ", Style::Http), "  a   b    c  d   ");
    assert_eq!(render(" a   %[env(NO)]  %{+Q}ci ", Style::UniqueId), "a \"192.0.2.7\" ");
}

#[test]
fn expressions_are_written_as_their_place_wants() {
    let text = "<%[env(NO)]> <%{+Q}[env(NO)]> <%{+Q}[int(5)]> <%[bool(1)]> <%{+X}[int(255)]>";
    assert_eq!(log(text), "<-> <\"\"> <\"5\"> <1> <255>");
    assert_eq!(render(text, Style::Http), "<> <> <5> <1> <255>");
    assert_eq!(render(text, Style::Text), "<> <\"\"> <\"5\"> <1> <255>");
    assert_eq!(log("%{+E}[str('a\"b\\c]')]"), "a\\\"b\\\\c\\]");
    assert_eq!(log("%{+Q}o %ci %{-Q}ci %{X}ci"), "\"192.0.2.7\" 192.0.2.7 \"C0000207\"");
    assert_eq!(log("100%% %%[a]"), "100% %[a]");
    assert_eq!(log("%ci_abc%(name:str)cp"), "192.0.2.7_abc49224");
}

#[test]
fn control_characters_do_not_reach_a_line_or_a_header() {
    assert_eq!(log("%[bin(610a097f62)]"), "a#0A#09#7Fb");
    assert_eq!(render("%[bin(610a097f62)]", Style::Http), "a%0A\t%7Fb");
    assert_eq!(render("%[bin(610a6200)]", Style::Text), "a\nb");
    // Text of binary samples ends at the first NUL, unless `+bin` keeps it.
    assert_eq!(log("<%[bin(41004 2)]>".replace(' ', "").as_str()), "<A>");
    assert_eq!(render("%{+bin}o<%[bin(410042)]>", Style::Text), "<A\0B>");
}

#[test]
fn what_cannot_be_shown_has_a_stand_in() {
    let mut world = World::new();
    world.stream = crate::expr::StreamFacts { status: 0, ..Default::default() };
    let show = |text: &str| {
        let mut out = Vec::new();
        bind(text, Style::Log).unwrap().render(&world.ctx(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(show("%s %b %si:%sp %bi:%bp %ST %r %HM %HQ"), "<NOSRV> www -:- -:- -1 <BADREQ> <BADREQ> <BADREQ>");
    assert_eq!(show("%{+Q}s %{+Q}si %{+Q}sp %{+Q}r"), "\"<NOSRV>\" \"\" \"\" \"<BADREQ>\"");
    assert_eq!(show("%TR/%Tw/%Tc/%Tr/%Td"), "-1/-1/-1/-1/-1");
    assert_eq!(show("%hr %hs%hrl%hsl \"%ID\""), "\"-\"");
    assert_eq!(show("%ts %tsc %OG"), "\0\0 \0\0-- unspec".replace('\0', "-"));
    world.conn.src = crate::expr::Endpoint::Unix;
    let mut out = Vec::new();
    bind("%ci:%cp", Style::Log).unwrap().render(&world.ctx(), &mut out);
    assert_eq!(out, b"unix:1");
}

#[test]
fn an_early_line_marks_its_totals() {
    let mut world = World::new();
    world.stream.logged_early = true;
    let mut out = Vec::new();
    bind("%Ta %Tt %Tu %Td %B", Style::Log).unwrap().render(&world.ctx(), &mut out);
    assert_eq!(out, b"+77 +100 +79 40 +2750");
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let error = |text: &str| bind(text, Style::Log).unwrap_err();
    assert_eq!(error("%"), "truncated line after '%'");
    assert_eq!(
        error("%foo"),
        "no such format alias 'foo'. If you wanted to emit the '%' character verbatim, you need to use '%%'"
    );
    assert_eq!(
        error("100% "),
        "unexpected variable name near ' ' at position 4 line : '100% '. Maybe you want to write a single '%', use the \
         syntax '%%'"
    );
    assert_eq!(error("%[src"), "missing ']' after 'src'");
    assert_eq!(error("%{Qci"), "truncated line after 'Qci'");
    assert_eq!(error("%{+Q}%%"), "parse argument modifier without variable name near '%{+Q}'");
    assert!(error("%{+json}o").contains("not supported by hydroxy yet"));
    assert!(error("%[nope]").starts_with("failed to parse sample expression <nope> : unknown fetch method 'nope'"));
}

#[test]
fn brackets_inside_arguments_do_not_end_an_expression() {
    assert_eq!(log("%[str(a])]b"), "a]b");
    assert_eq!(log("%[str('a)]b')]"), "a)]b");
    assert_eq!(log("%[int(7)]]"), "7]");
}

#[test]
fn aliases_of_http_are_refused_in_tcp() {
    let config = Config::new();
    let mut scope = config.scope(Hook::Log);
    scope.http = false;
    let error = LogFormat::bind(&Word::new("%r", Span::nowhere()), &scope).unwrap_err();
    assert_eq!(error.message, "format alias 'r' is reserved for HTTP mode");
    let format = LogFormat::bind(&Word::new("%ST %tsc", Span::nowhere()), &scope).unwrap();
    let mut world = World::new();
    world.stream.status = 0;
    let mut out = Vec::new();
    format.render(&world.ctx(), &mut out);
    assert_eq!(out, b"0 cDVN");
}

#[test]
fn a_literal_is_recognised() {
    assert_eq!(bind("abc", Style::Http).unwrap().literal(), Some(&b"abc"[..]));
    assert_eq!(bind("a%%c", Style::Http).unwrap().literal(), Some(&b"a%c"[..]));
    assert_eq!(bind("a%ci", Style::Http).unwrap().literal(), None);
    assert_eq!(bind("%ci", Style::Text).unwrap().value(&World::new().ctx()), Value::str(b"192.0.2.7"));
}
