//! What is said about words that are unknown, not supported yet, refused, or without effect: a snapshot per file of
//! `tests/config/words`, as `-c -V` prints it.

mod support;

use support::{load, stand_ins};

#[test]
fn words_are_explained() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/words"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!("config/words/*.cfg", |path| {
            let text = std::fs::read_to_string(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let loaded = load(&name, &text, &stand_ins());
            insta::assert_snapshot!(loaded.drawn + &loaded.notes);
        });
    });
}
