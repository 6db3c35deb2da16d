//! The one step that reads: configuration texts, and every file they name. The result runs, or says why it cannot.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::compat::Compat;
use super::files::{Files, Reader};
use super::names::{self, SECTIONS};
use super::sections::Lowering;
use super::values::Shared;
use crate::base::log_formats;
use crate::config::{self, Env, Facts, Input, Options};
use crate::diag::{Diagnostic, Diagnostics, FileId, Lead, Severity, SourceMap};
use crate::ir::{AcceptFamilies, Global, Ir};
use crate::keyword::{VarNames, WITHOUT_EFFECT};

/// What to load.
pub struct LoadInput<'a> {
    /// The configuration's texts in order.
    pub inputs: Vec<Input>,
    /// The environment; see [`Env::with_presets`].
    pub env: Env,
    /// What conditions (`.if`) ask the program.
    pub facts: Facts<'a>,
    /// Whose defaults count.
    pub compat: Compat,
    /// What the command line says.
    pub overrides: Overrides,
    /// Where the files that the configuration names are read from.
    pub files: &'a dyn Files,
}

/// What the command line sets above the configuration.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `-n`: global `maxconn`.
    pub maxconn: Option<u32>,
    /// `-N`: `maxconn` of frontends that set none.
    pub proxy_maxconn: Option<u32>,
    /// `-L`
    pub localpeer: Option<String>,
    /// `-p`
    pub pidfile: Option<String>,
    /// `-dr`: servers whose names do not resolve do not stop the load.
    pub ignore_resolution: bool,
    /// `-4`: name servers are asked for IPv4 addresses only.
    pub ipv4_only: bool,
    /// `-dV`: certificates of servers are not verified unless they say so.
    pub no_server_verify: bool,
    /// `-dR`: no `SO_REUSEPORT`.
    pub no_reuse_port: bool,
    /// `-dW`: warnings refuse the configuration.
    pub zero_warning: bool,
}

/// What loading yields.
pub struct Loaded {
    /// The configuration, if nothing is wrong with it.
    pub ir: Option<Ir>,
    /// For rendering the findings.
    pub sources: SourceMap,
    /// All findings, in the order of the files where they have a place.
    pub diags: Vec<Diagnostic>,
    /// Notes about words that were accepted without effect.
    pub accepted: Vec<Diagnostic>,
    /// No frontend listens: HAProxy exits with 2 then.
    pub no_listener: bool,
}

/// Reads, checks and lowers a configuration. All errors are found in one run.
pub fn load(input: LoadInput<'_>) -> Loaded {
    let LoadInput { inputs, env, facts, compat, overrides, files } = input;
    let diags = Diagnostics::new();
    let ast = config::read(inputs, env, &Options { sections: &SECTIONS, facts }, &diags);
    let shared = Rc::new(Shared { env: ast.env.clone(), compat, sources: ast.sources.clone() });
    let reader = Reader::new(files);
    let mut plan = names::plan(&ast, &shared, &diags);
    plan.names.env = ast.env.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let lowering = Lowering {
        plan,
        shared,
        reader: &reader,
        diags: &diags,
        overrides: &overrides,
        vars: VarNames::default(),
        files: RefCell::default(),
        lists: RefCell::default(),
    };
    let mut ir = lowering.run();
    ir.global.environment = Arc::new(environment(&ast.env, &ir.global));
    read_files(&lowering.files, &reader, &diags);
    if ir.global.zero_warning && diags.count(Severity::Warning) > 0 && !diags.has_alerts() {
        let text = "Some warnings were found and 'zero-warning' is set. Aborting.";
        diags.push(Diagnostic::alert(ZERO_WARNING, text).lead(Lead::Config));
    }
    let no_listener = ir.proxies.iter().all(|proxy| proxy.disabled || proxy.binds.is_empty());
    let good = !diags.has_alerts();
    let mut diags = diags.take();
    diags.sort_by_key(place_in_report);
    let (accepted, diags) = diags.into_iter().partition(|found| found.code == WITHOUT_EFFECT);
    Loaded { ir: good.then_some(ir), sources: ast.sources, diags, accepted, no_listener }
}

/// The variables that are listed at run time: formats of logs are for the configuration only (manual 2.3).
fn environment(env: &Env, global: &Global) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let is_preset = |name: &[u8]| log_formats::PRESETS.iter().any(|(preset, _)| preset.as_bytes() == name);
    let own = env.iter().filter(|(name, _)| !is_preset(name) && *name != CLI.as_bytes());
    let mut all: Vec<(String, String)> = own.map(|(name, value)| (text(name), text(value))).collect();
    all.extend(global.runtime_addresses().map(|addresses| (CLI.to_owned(), addresses)));
    all
}

/// Where the runtime commands are answered.
const CLI: &str = "HAPROXY_CLI";

/// The code of the alert that warnings are fatal: the configuration itself has no error then.
pub const ZERO_WARNING: &str = "zero-warning";

/// Findings about lines come in the order of the lines; behind them, as they were made, those about the whole.
fn place_in_report(found: &Diagnostic) -> (bool, Option<(FileId, u32)>) {
    match found.span.filter(|_| found.is_about_a_line()) {
        Some(span) => (false, Some((span.file, span.line))),
        None => (!found.is_about_a_line(), None),
    }
}

/// Reads what expressions refer to, such as pattern files. A file may refer to others, so the list may grow.
fn read_files(files: &RefCell<Vec<crate::keyword::FileRef>>, reader: &Reader<'_>, diags: &Diagnostics) {
    loop {
        let next = files.borrow_mut().pop();
        let Some(file) = next else { return };
        let loaded = match file.path.as_deref().map(|path| reader.read(path).map_err(|why| (path, why))) {
            None => (file.load)(&[], reader),
            Some(Ok(bytes)) => (file.load)(&bytes, reader),
            Some(Err((path, why))) => Err(format!("unable to open file '{path}': {why}")),
        };
        if let Err(message) = loaded {
            diags.push(Diagnostic::alert("file", message).at(file.span));
        }
    }
}

impl Overrides {
    /// The command line wins over the file.
    pub(super) fn apply(&self, global: &mut Global) {
        global.maxconn = self.maxconn.or(global.maxconn);
        if let Some(name) = &self.localpeer {
            global.localpeer = Some(name.clone());
        }
        if let Some(path) = &self.pidfile {
            global.pidfile = Some(path.into());
        }
        if self.ipv4_only {
            global.accept_families = AcceptFamilies::V4;
        }
        global.no_reuse_port |= self.no_reuse_port;
        global.zero_warning |= self.zero_warning;
    }
}
