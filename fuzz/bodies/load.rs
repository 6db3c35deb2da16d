//! A whole configuration: read, checked, lowered, and what was found is drawn. No file but the text itself exists.

use hydroxy::config::{Env, Facts, Input};
use hydroxy::diag::{Renderer, Severity};
use hydroxy::ir::dump;
use hydroxy::lower::{Compat, LoadInput, Memory, Overrides, load};

/// Whatever the text holds, there is a configuration or an alert, and both can be shown.
pub fn configuration(text: &[u8]) {
    let files = Memory::default();
    let loaded = load(LoadInput {
        inputs: vec![Input::new("fuzz.cfg", text)],
        env: Env::from_iter([("A", "one two"), ("E", "")]),
        facts: Facts::default(),
        compat: Compat::default(),
        overrides: Overrides::default(),
        files: &files,
    });
    let alert = loaded.diags.iter().any(|found| found.severity == Severity::Alert);
    assert_eq!(loaded.ir.is_none(), alert);
    if let Some(ir) = &loaded.ir {
        assert!(!dump::dump(ir).is_empty());
    }
    // Drawing thousands of findings says no more than drawing some.
    let drawn = Renderer::new(1).render_all(loaded.diags.iter().take(20), &loaded.sources);
    assert!(!drawn.contains('\0'));
}
