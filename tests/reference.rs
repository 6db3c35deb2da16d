//! The generated pages are what the keyword tables say. `UPDATE=1 cargo test --test reference` writes them anew.

use std::path::{Path, PathBuf};

use hydroxy::app::reference::page;

#[test]
fn the_page_of_keywords_is_current() {
    current("docs/keywords.md", |_| page::keywords_page());
}

#[test]
fn the_coverage_in_the_readme_is_current() {
    current("README.md", |text| {
        page::between_marks(text, &page::coverage()).expect("README.md has the marks coverage:begin and coverage:end")
    });
}

/// Compares a page with what it should be, or writes it.
fn current(name: &str, wanted: impl Fn(&str) -> String) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let wanted = wanted(&found);
    if found == wanted {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).expect("the page can be written");
        return;
    }
    let line = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    let at = line.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
    let shown = |text: &str| text.lines().nth(at).unwrap_or("(the page ends)").to_owned();
    panic!(
        "{name} differs from the keyword tables in line {}:\n  found  {}\n  wanted {}\nRun: UPDATE=1 cargo test --test reference",
        at + 1,
        shown(&found),
        shown(&wanted)
    );
}
