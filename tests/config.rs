//! Every file of `tests/config/syntax` is read; what comes out and what is reported is a snapshot.
//!
//! A comment `# env: A=x B=` in a file is the environment it is read with; a value ends at a blank followed by `NAME=`.

use hydroxy::config::{Env, Facts, Identity, Input, Options, read};
use hydroxy::diag::{Diagnostics, Renderer};

#[test]
fn syntax() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/config"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!("config/syntax/*.cfg", |path| {
            let text = std::fs::read(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            insta::assert_snapshot!(report(&name, text));
        });
    });
}

fn report(name: &str, text: Vec<u8>) -> String {
    let found = Diagnostics::new();
    let env = environment(&String::from_utf8_lossy(&text));
    let ast = read(vec![Input::new(name, text)], env, &OPTIONS, &found);
    let renderer = Renderer::new(1);
    format!("{ast}\n{}", renderer.render_all(&found.take(), &ast.sources))
}

fn environment(text: &str) -> Env {
    let mut env = Env::new().with_presets(&Identity {
        version: "3.4.0",
        branch: "3.4",
        local_peer: "here",
        master_worker: false,
    });
    let line = text.lines().find_map(|line| line.split_once("# env: ")).map_or("", |(_, line)| line);
    let mut pending: Option<(String, String)> = None;
    for part in line.split(' ') {
        match (part.split_once('='), &mut pending) {
            (Some((name, value)), _) => {
                let before = pending.replace((name.to_owned(), value.to_owned()));
                before.map(|(name, value)| env.set(name.as_bytes(), value.as_bytes()));
            }
            (None, Some((_, value))) => *value = format!("{value} {part}"),
            (None, None) => {}
        }
    }
    pending.map(|(name, value)| env.set(name.as_bytes(), value.as_bytes()));
    env
}

const OPTIONS: Options<'static> = Options {
    sections: &["global", "defaults", "frontend", "backend", "listen"],
    facts: Facts {
        version: "3.4.0",
        features: &["OPENSSL"],
        openssl_version: Some("1.1.1"),
        ssl_library: "AWS-LC 1.40.0",
        awslc_api: Some(35),
        enabled: &["EPOLL"],
    },
};
