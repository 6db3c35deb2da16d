//! dev only
use hydroxy::config::{Env, Facts, Identity, Input};
use hydroxy::diag::Renderer;
use hydroxy::lower::*;
fn main() {
    let mut args = std::env::args().skip(1);
    let mut inputs = Vec::new();
    let mut compat = Compat::default();
    let mut quiet = false;
    while let Some(a) = args.next() {
        if a == "--compat" {
            compat = args.next().unwrap().parse().unwrap();
            continue;
        }
        if a == "-q" {
            quiet = true;
            continue;
        }
        inputs.push(Input::new(a.clone(), std::fs::read(&a).unwrap()));
    }
    let mut env = Env::new();
    for (k, v) in std::env::vars() {
        let _ = env.set(k.as_bytes(), v.as_bytes());
    }
    let env = env.with_presets(&Identity { version: "3.4.0", branch: "3.4", local_peer: "x", master_worker: false });
    let facts = Facts {
        version: "3.4.0",
        features: &["OPENSSL"],
        openssl_version: None,
        ssl_library: "x",
        awslc_api: None,
        enabled: &[],
    };
    let t = std::time::Instant::now();
    let loaded = load(LoadInput { inputs, env, facts, compat, overrides: Overrides::default(), files: &Disk });
    let dt = t.elapsed();
    let r = Renderer::new(1).excerpts(!quiet);
    eprint!("{}", r.render_all(&loaded.diags, &loaded.sources));
    for a in &loaded.accepted {
        if !quiet {
            eprintln!("accepted: {}", a.message);
        }
    }
    eprintln!("{} in {:?}", if loaded.ir.is_some() { "valid" } else { "INVALID" }, dt);
}
