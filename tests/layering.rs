//! The law of the code base: who may import whom, how long a file may get, where `unsafe` may stand.
//!
//! It reads the sources as text, so it holds for code under any `cfg`. The table is the one of docs/architecture.md;
//! change both together, with the reason in the commit.

#[path = "layering/source.rs"]
mod source;

use source::{CratePath, Source, sources};

/// Module, layer, and the modules it may import. Every module may import itself.
const LAYERS: &[(&str, u8, &[&str])] = &[
    ("base", 0, &[]),
    ("sys", 1, &["base"]),
    ("diag", 1, &["base"]),
    ("http", 1, &["base"]),
    ("wire", 1, &["base"]),
    ("pattern", 1, &["base"]),
    ("state", 2, &["base", "pattern"]),
    ("config", 2, &["base", "diag"]),
    ("keyword", 2, &["base", "diag"]),
    ("expr", 3, &["base", "diag", "http", "wire", "pattern", "state", "keyword"]),
    ("rules", 4, &["base", "diag", "http", "wire", "pattern", "state", "keyword", "expr"]),
    ("ir", 5, &["base", "diag", "http", "wire", "pattern", "state", "keyword", "expr", "rules"]),
    ("lower", 6, &["base", "diag", "http", "wire", "pattern", "state", "config", "keyword", "expr", "rules", "ir"]),
    ("net", 6, &["base", "sys", "wire", "http", "state", "ir"]),
    ("balance", 6, &["base", "state", "ir"]),
    ("engine", 7, BELOW_ENGINE),
    ("admin", 8, BELOW_ADMIN),
    ("discovery", 8, &["base", "diag", "config", "ir", "lower"]),
    ("app", 9, ALL),
];

/// Files longer than [`MAX_LINES`], with the length they must not exceed. This list may only shrink: an entry whose file
/// has become short enough, or has gone, fails the test too.
const OVERSIZED: &[(&str, usize)] = &[];

#[test]
fn a_module_imports_only_what_its_layer_allows() {
    let mut wrong = Vec::new();
    for file in sources("src") {
        for path in file.crate_paths() {
            if let Err(why) = allowed(&file, &path) {
                wrong.push(format!("{}:{}: {why}", file.path, path.line));
            }
        }
    }
    report("imports against the layers of docs/architecture.md", &wrong);
}

#[test]
fn every_module_of_the_crate_has_a_layer() {
    let wrong: Vec<String> = sources("src")
        .iter()
        .filter_map(|f| f.module_path().first().map(|m| (f.path.clone(), (*m).to_owned())))
        .filter(|(_, m)| layer(m).is_none())
        .map(|(path, m)| format!("{path}: module '{m}' has no row in LAYERS of tests/layering.rs"))
        .collect();
    report("modules without a layer", &wrong);
}

#[test]
fn the_table_of_layers_points_downwards() {
    for (module, level, imports) in LAYERS {
        for import in *imports {
            let (_, below, _) = layer(import).unwrap_or_else(|| panic!("{module} may import unknown '{import}'"));
            assert!(below < level, "{module} (layer {level}) may not import {import} (layer {below})");
        }
    }
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = page("docs/architecture.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 4 && cells[0].parse::<u8>().is_ok())
        .collect();
    let said: Vec<String> = rows.iter().map(|r| format!("{} {} {}", r[0], r[1].trim_matches('`'), r[3])).collect();
    let want = |(module, level, imports): &(&str, u8, &[&str])| {
        let list = if imports.is_empty() { "-".to_owned() } else { imports.join(", ") };
        format!("{level} {module} {list}")
    };
    let want: Vec<String> = LAYERS.iter().map(want).collect();
    let wrong: Vec<String> =
        want.iter().filter(|row| !said.contains(row)).map(|row| format!("missing: {row}")).collect();
    report("the code map of docs/architecture.md", &wrong);
    assert_eq!(said.len(), want.len(), "docs/architecture.md lists a module that LAYERS does not");
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    let mut pages = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root.join("docs")).expect("docs/ exists").flatten() {
        pages.push(format!("docs/{}", entry.file_name().to_string_lossy()));
    }
    for name in pages.iter().filter(|p| p.ends_with(".md")) {
        let folder = root.join(name).parent().expect("a page lies in a folder").to_owned();
        for target in page(name).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let local = !file.is_empty() && !target.contains("://");
            if local && !folder.join(file).exists() {
                wrong.push(format!("{name}: the link to '{target}' leads nowhere"));
            }
        }
    }
    report("links", &wrong);
}

#[test]
fn files_stay_short() {
    let mut wrong = Vec::new();
    let files: Vec<Source> = ["src", "tests", "benches", "fuzz"].iter().flat_map(|d| sources(d)).collect();
    for file in &files {
        let lines = file.text.lines().count();
        let limit = line_limit(&file.path);
        if lines > limit {
            wrong.push(format!("{}: {lines} lines, at most {limit}; split it by subject", file.path));
        }
    }
    for (path, _) in OVERSIZED {
        let long = files.iter().any(|f| f.path == *path && f.text.lines().count() > MAX_LINES);
        if !long {
            wrong.push(format!("{path}: no longer over {MAX_LINES} lines, remove it from OVERSIZED"));
        }
    }
    report("file lengths", &wrong);
}

#[test]
fn unsafe_stands_only_in_sys() {
    let mut wrong = Vec::new();
    for dir in ["src", "tests", "benches", "fuzz"] {
        for file in sources(dir).iter().filter(|f| !f.path.starts_with("src/sys/")) {
            for word in ["unsafe", "unsafe_code"] {
                for line in file.lines_with(word) {
                    wrong.push(format!("{}:{line}: '{word}' outside src/sys", file.path));
                }
            }
        }
    }
    report("unsafe code", &wrong);
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    let mut wrong = Vec::new();
    for file in sources("src").iter().filter(|f| f.module_path().first().is_some_and(|m| PURE.contains(m))) {
        for (line, path) in IMPURE.iter().flat_map(|p| file.lines_with_path(p).into_iter().map(move |l| (l, p))) {
            wrong.push(format!("{}:{line}: '{path}': time and bytes are arguments here", file.path));
        }
    }
    report("modules without I/O and clock", &wrong);
}

#[test]
fn files_open_with_what_they_own() {
    let wrong: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|d| sources(d))
        .filter(|f| !f.path.starts_with("tests/data/"))
        .filter(|f| !f.text.starts_with("//! ") && !f.path.ends_with("/tests.rs"))
        .map(|f| format!("{}: the first line must be `//! ` and say what the file owns", f.path))
        .collect();
    report("module docs", &wrong);
}

#[test]
fn names_follow_the_house_rules() {
    let mut wrong = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources("src") {
        let parts = file.module_path();
        for bad in parts.iter().filter(|p| matches!(**p, "util" | "utils" | "helper" | "helpers" | "common" | "misc")) {
            wrong.push(format!("{}: a file called '{bad}' says nothing; name its subject", file.path));
        }
        if !file.path.ends_with("/mod.rs") && root.join(file.path.trim_end_matches(".rs")).is_dir() {
            wrong.push(format!("{}: a module with a folder is FOLDER/mod.rs", file.path));
        }
        for pair in file.tokens.windows(2) {
            if let [(_, source::Token::Word(f)), (line, source::Token::Word(name))] = pair
                && f == "fn"
                && name.starts_with("get_")
            {
                wrong.push(format!("{}:{line}: '{name}': getters have no 'get_'", file.path));
            }
        }
    }
    report("names", &wrong);
}

#[test]
fn the_reader_sees_paths_and_ignores_comments_and_strings() {
    let text = r##"
//! use crate::engine;
use crate::{base::Time, diag::{Span, Word}};
use super::super::http::Head; /* crate::net /* crate::net */ */
fn f<'a>(c: char) -> bool { let _ = ("crate::app", r#"crate::"app"#, b'"', '"', '\'', '→'); crate::state::x(c) }
macro_rules! m { () => { $crate::pattern::y() } }
mod tests { use super::super::super::rules::R; use super::super::wire::W; }
"##;
    let file = Source::new("src/expr/fetch.rs", text);
    let seen: Vec<(usize, String)> = file.crate_paths().into_iter().map(|p| (p.line, p.module)).collect();
    let want = [(3, "base"), (3, "diag"), (4, "http"), (5, "state"), (6, "pattern"), (7, "rules")];
    assert_eq!(seen, want.map(|(l, m)| (l, m.to_owned())));
    assert_eq!(file.lines_with("unsafe"), Vec::<usize>::new());
    assert!(allowed(&file, &CratePath { line: 1, module: "engine".to_owned() }).is_err());
    assert!(allowed(&file, &CratePath { line: 1, module: "http".to_owned() }).is_ok());
}

/// Whether `file` may name `path`; the error says what to do instead.
fn allowed(file: &Source, path: &CratePath) -> Result<(), String> {
    let target = path.module.as_str();
    let Some((_, target_level, _)) = layer(target) else {
        return Err(format!("'crate::{target}' is no module; the crate root holds modules only"));
    };
    let Some(own) = file.module_path().first().copied() else {
        return Ok(()); // lib.rs and main.rs stand above every layer.
    };
    let Some((_, level, imports)) = layer(own) else {
        return Ok(()); // Reported by `every_module_of_the_crate_has_a_layer`.
    };
    if own == target || imports.contains(&target) {
        return Ok(());
    }
    let may = if imports.is_empty() { "no other module".to_owned() } else { imports.join(", ") };
    Err(format!(
        "'{own}' (layer {level}) may not import '{target}' (layer {target_level}); it may import {may}. \
         Pass the data in, or move the code up"
    ))
}

fn layer(module: &str) -> Option<&'static (&'static str, u8, &'static [&'static str])> {
    LAYERS.iter().find(|(name, _, _)| *name == module)
}

fn line_limit(path: &str) -> usize {
    match path {
        "src/lib.rs" => 80,
        "src/main.rs" => 40,
        _ => OVERSIZED.iter().find(|(p, _)| *p == path).map_or(MAX_LINES, |(_, lines)| *lines),
    }
}

fn page(path: &str) -> String {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(full).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn report(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}: {} wrong\n  {}\n", wrong.len(), wrong.join("\n  "));
}

const MAX_LINES: usize = 600;

/// Modules that are tested without ports and sleeps because they do no I/O and take the time as an argument.
const PURE: &[&str] = &["http", "wire", "pattern", "state", "expr", "rules", "balance"];

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "Zoned::now",
    "Timestamp::now",
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "tokio::net",
    "tokio::time",
    "tokio::fs",
    "thread::sleep",
];

const BELOW_ENGINE: &[&str] =
    &["base", "sys", "diag", "http", "wire", "pattern", "state", "keyword", "expr", "rules", "ir", "net", "balance"];

const BELOW_ADMIN: &[&str] = &[
    "base", "sys", "diag", "http", "wire", "pattern", "state", "keyword", "expr", "rules", "ir", "net", "balance",
    "engine",
];

const ALL: &[&str] = &[
    "base",
    "sys",
    "diag",
    "http",
    "wire",
    "pattern",
    "state",
    "config",
    "keyword",
    "expr",
    "rules",
    "ir",
    "lower",
    "net",
    "balance",
    "engine",
    "admin",
    "discovery",
];
