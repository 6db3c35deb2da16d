//! Files of `tests/config/directives` with what is wrong on the line where it is: `# error: text` or `# warning: text`, each
//! a part of the message; several stand behind each other. Every finding must be announced and every announcement found.

mod support;

use hydroxy::diag::{Diagnostic, Severity};
use support::{load, stand_ins};

#[test]
fn findings_are_where_they_are_announced() {
    let mut wrong = Vec::new();
    insta::glob!("config/directives/*.cfg", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let loaded = load(&name, &text, &stand_ins());
        let mut announced = announcements(&text);
        for found in &loaded.diags {
            let line = found.span.map_or(0, |span| span.line);
            let fits = |one: &Announced| {
                one.line == line && one.severity == found.severity && found.message.contains(&one.text)
            };
            match announced.iter().position(fits) {
                Some(at) => drop(announced.remove(at)),
                None => wrong.push(format!("{name}:{line}: not announced: {}", shown(found))),
            }
        }
        for one in announced {
            wrong.push(format!("{name}:{}: not found: {:?}: {}", one.line, one.severity, one.text));
        }
    });
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn excerpts_help() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/directives"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!("config/directives/*.cfg", |path| {
            let text = std::fs::read_to_string(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            insta::assert_snapshot!(load(&name, &text, &stand_ins()).drawn);
        });
    });
}

struct Announced {
    line: u32,
    severity: Severity,
    text: String,
}

fn announcements(text: &str) -> Vec<Announced> {
    let mut all = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for part in line.split("# ").skip(1) {
            let (severity, text) = match (part.strip_prefix("error: "), part.strip_prefix("warning: ")) {
                (Some(text), _) => (Severity::Alert, text),
                (_, Some(text)) => (Severity::Warning, text),
                _ => continue,
            };
            all.push(Announced { line: number, severity, text: text.trim_end().to_owned() });
        }
    }
    all
}

fn shown(found: &Diagnostic) -> String {
    format!("{:?}: {}", found.severity, found.message)
}
