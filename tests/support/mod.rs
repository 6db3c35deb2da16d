//! Loading configurations from memory, with stand-ins for the files they name.

use hydroxy::config::{Env, Facts, Input};
use hydroxy::diag::{Diagnostic, Renderer};
use hydroxy::ir::Ir;
use hydroxy::lower::{self, Compat, LoadInput, Memory, Overrides};

/// What loading came to.
#[allow(dead_code)] // Not every test looks at everything.
pub struct Loaded {
    pub ir: Option<Ir>,
    pub diags: Vec<Diagnostic>,
    /// HAProxy's lines, without excerpts.
    pub findings: String,
    /// HAProxy's lines with excerpts.
    pub drawn: String,
    /// Notes about words without effect, which `-V` prints.
    pub notes: String,
}

/// Loads one text; a line `# compat: 2.8` in it is `--compat 2.8`.
pub fn load(name: &str, text: &str, files: &Memory) -> Loaded {
    let compat = text.lines().find_map(|line| line.strip_prefix("# compat: "));
    let compat = compat.map_or(Compat::default(), |name| name.parse().unwrap());
    let facts = Facts {
        version: "3.4.0",
        features: &[],
        openssl_version: None,
        ssl_library: "",
        awslc_api: None,
        enabled: &[],
    };
    let inputs = vec![Input::new(name, text)];
    let overrides = Overrides::default();
    let mut env = Env::new();
    // The examples of 'show env' ask for it.
    env.set(b"PATH", b"/bin").expect("a name");
    let loaded = lower::load(LoadInput { inputs, env, facts, compat, overrides, files });
    let renderer = Renderer::new(1);
    Loaded {
        drawn: renderer.render_all(&loaded.diags, &loaded.sources),
        notes: renderer.render_all(&loaded.accepted, &loaded.sources),
        findings: renderer.excerpts(false).render_all(&loaded.diags, &loaded.sources),
        ir: loaded.ir,
        diags: loaded.diags,
    }
}

/// A certificate, users and groups.
pub fn stand_ins() -> Memory {
    let names = ["a.example.org".to_owned(), "*.b.example.org".to_owned()];
    let key = rcgen::generate_simple_self_signed(names).unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    Memory::default()
        .with("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        .with("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
        .with("site.pem", format!("{}{}", key.cert.pem(), key.signing_key.serialize_pem()))
        .with("only-cert.pem", key.cert.pem())
        .with("wrong-key.pem", format!("{}{}", key.cert.pem(), other.serialize_pem()))
        .with("certs/a.pem", format!("{}{}", key.cert.pem(), key.signing_key.serialize_pem()))
        .with("certs/a.pem.ocsp", "ignored")
        .with("names.txt", "# pairs\n x-a  X-A\n")
        .with("503.http", "HTTP/1.0 503 Service Unavailable\r\n\r\nsorry\n")
        .with("bad.http", "<html>sorry</html>\n")
}
