//! From command line and files to a checked configuration, with HAProxy's messages and exit codes.

use std::io::Write;
use std::os::unix::ffi::OsStringExt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::options::Options;
use super::{objects, reference, version};
use crate::admin::cli::{ChainAndKey, Loader};
use crate::config::{Env, Facts, Identity, Input, configuration_files, eval_condition};
use crate::diag::{Diagnostic, Renderer, Severity, SourceMap};
use crate::ir::{CertListEntry, Ir, Proxy, Server};
use crate::lower::{self, Compat, Disk, Files, LoadInput, Loaded, Overrides, system_message};

/// The program's voice on standard error: HAProxy's prefixes, and its two opening notices before the first warning.
pub struct Voice {
    renderer: Renderer,
    quiet: bool,
    diagnostic: bool,
    introduced: bool,
    /// What was said so far, for `show startup-logs`.
    said: String,
    warnings: u32,
    program: String,
}

impl Voice {
    /// `quiet` silences everything, `diagnostic` lets `[DIAG]` through.
    pub fn new(quiet: bool, diagnostic: bool) -> Voice {
        use std::io::IsTerminal;
        let renderer = Renderer::new(std::process::id()).colour(std::io::stderr().is_terminal());
        // Behind a chroot nobody could say.
        let program = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
        Voice { renderer, quiet, diagnostic, introduced: false, said: String::new(), warnings: 0, program }
    }

    /// The voice of somebody who has said something before.
    pub fn after(said: &str, quiet: bool) -> Voice {
        Voice { introduced: !said.is_empty(), said: said.to_owned(), ..Voice::new(quiet, false) }
    }

    /// Forgets what was said.
    pub fn forget(&mut self) {
        self.said.clear();
    }

    /// A message of the start itself, which HAProxy marks with the program's name.
    pub fn say_main(&mut self, severity: Severity, text: &str) {
        let text = format!("[{}.main()] {text}", self.program);
        self.say(severity, &text);
    }

    /// A message without a place in a file.
    pub fn say(&mut self, severity: Severity, text: &str) {
        let line = self.renderer.line(severity, text);
        self.put(severity, &line);
    }

    /// What was said so far, also where nobody was meant to hear it.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// How many warnings there were.
    pub fn warnings(&self) -> u32 {
        self.warnings
    }

    /// A failure to write to standard error cannot be reported anywhere.
    fn write(&mut self, text: &str) {
        self.said.push_str(text);
        if !self.quiet {
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }

    fn finding(&mut self, found: &Diagnostic, sources: &SourceMap) {
        let text = self.renderer.render(found, sources);
        self.put(found.severity, &text);
    }

    fn put(&mut self, severity: Severity, text: &str) {
        self.warnings += u32::from(severity == Severity::Warning);
        if severity == Severity::Diag && !self.diagnostic {
            return;
        }
        if !self.introduced && severity >= Severity::Warning {
            self.introduced = true;
            let version = self.renderer.line(Severity::Notice, &format!("haproxy version is {}", version::full()));
            let path = self.renderer.line(Severity::Notice, &format!("path to executable is {}", self.program));
            self.write(&format!("{version}{path}"));
        }
        self.write(text);
    }
}

/// `-dL`; the title is for people only.
fn dump_objects(options: &Options, voice: &mut Voice) {
    match objects::text(options.verbose && !options.quiet) {
        Ok(text) if options.quiet => print(&text),
        Ok(text) => print(&format!("List of loaded object files:\n{text}")),
        Err(error) => {
            voice.say(Severity::Warning, &format!("-dL: /proc/self/maps cannot be read : {}", system_message(&error)))
        }
    }
}

/// Standard output may be a pipe that is closed early; that is no failure.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// What came of loading.
pub enum Outcome {
    /// Good; the second value says that warnings were printed.
    Good(Box<Ir>, bool),
    /// Stop with this exit code; everything has been said.
    Stop(i32),
}

/// Reads and checks the configuration that the command line names.
pub fn load(options: &Options, files: &dyn Files, voice: &mut Voice) -> Outcome {
    let mut inputs = Vec::new();
    for path in &options.files {
        match read(path, files) {
            Ok(mut read) => inputs.append(&mut read),
            Err(why) => {
                let why = system_message(&why);
                let text = format!("config : Cannot open configuration file/directory {path} : {why}");
                voice.say(Severity::Alert, &text);
                return Outcome::Stop(1);
            }
        }
    }
    load_inputs(options, inputs, files, voice)
}

/// Checks configuration texts.
pub fn load_inputs(options: &Options, inputs: Vec<Input>, files: &dyn Files, voice: &mut Voice) -> Outcome {
    let Some(compat) = options.compat.as_deref().map_or(Some(Compat::default()), |name| name.parse().ok()) else {
        voice.say(Severity::Alert, "--compat expects one of 2.4, 2.6, 2.8, 3.0, 3.2, 3.4");
        return Outcome::Stop(1);
    };
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    let loaded = lowered(options, compat, inputs, files);
    report(options, &names, loaded, voice)
}

/// Checks configuration texts without a word.
pub fn lowered(options: &Options, compat: Compat, inputs: Vec<Input>, files: &dyn Files) -> Loaded {
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    let overrides = Overrides {
        maxconn: options.maxconn,
        proxy_maxconn: options.proxy_maxconn,
        localpeer: options.local_peer.clone(),
        pidfile: options.pidfile.clone(),
        ignore_resolution: options.ignore_resolution,
        ipv4_only: options.ipv4_only,
        no_server_verify: options.no_server_verify,
        no_reuse_port: options.no_reuse_port,
        zero_warning: options.zero_warning,
    };
    lower::load(LoadInput { inputs, env: environment(options, files, &names), facts: FACTS, compat, overrides, files })
}

/// Reads what the runtime socket brings, as the command line says.
pub struct Lines(pub Options);

impl Loader for Lines {
    fn server(&self, proxy: &Proxy, words: &[&str]) -> Result<Server, String> {
        let options = &self.0;
        let compat = options.compat.as_deref().and_then(|name| name.parse().ok()).unwrap_or_default();
        let overrides = Overrides { no_server_verify: options.no_server_verify, ..Overrides::default() };
        let env = environment(options, &Disk, &[]);
        lower::dynamic::server(
            proxy,
            words,
            LoadInput { inputs: Vec::new(), env, facts: FACTS, compat, overrides, files: &Disk },
        )
    }

    fn options(&self) -> Vec<&'static str> {
        lower::dynamic::options()
    }

    fn certificate(&self, path: &str, pem: &[u8]) -> Result<ChainAndKey, String> {
        lower::tls::certificate(path, pem)
    }

    fn is_pair(
        &self,
        chain: &[CertificateDer<'static>],
        key: &PrivateKeyDer<'static>,
        path: &str,
    ) -> Result<(), String> {
        lower::tls::is_pair(chain, key, path)
    }

    fn list_line(&self, line: &str) -> Result<CertListEntry, String> {
        lower::tls::list_line(line)
    }
}

fn report(options: &Options, names: &[String], loaded: Loaded, voice: &mut Voice) -> Outcome {
    for found in &loaded.diags {
        voice.finding(found, &loaded.sources);
    }
    if options.verbose {
        for note in &loaded.accepted {
            voice.finding(note, &loaded.sources);
        }
        for (option, why) in &options.without_effect {
            voice.say(Severity::Notice, &format!("option '{option}' has no effect: {why}"));
        }
        for (option, why) in options.unsupported.iter().filter(|_| options.check) {
            voice.say(Severity::Notice, &format!("option '{option}' would stop the start: {why}"));
        }
    }
    let warned = loaded.diags.iter().any(|found| found.severity == Severity::Warning);
    if let Some(classes) = options.dump_keywords.as_deref().filter(|_| loaded.ir.is_some()) {
        print(&reference::dump::text(classes));
    }
    if options.dump_objects && loaded.ir.is_some() {
        dump_objects(options, voice);
    }
    match loaded.ir {
        None => {
            conclude(names, &loaded, voice);
            Outcome::Stop(1)
        }
        Some(_) if loaded.no_listener && options.check => {
            if warned && !options.quiet {
                print(
                    "Warnings were found.
",
                );
            }
            if !options.quiet {
                print(
                    "Configuration file has no error but will not start (no listener) => exit(2).
",
                );
            }
            Outcome::Stop(2)
        }
        Some(ir) => Outcome::Good(Box::new(ir), warned),
    }
}

/// HAProxy's last words: which files could not be read, and that the configuration as a whole is not good.
fn conclude(names: &[String], loaded: &Loaded, voice: &mut Voice) {
    let alerts = || loaded.diags.iter().filter(|found| found.severity == Severity::Alert);
    if alerts().all(|found| found.code == lower::ZERO_WARNING) {
        return;
    }
    let mut told: Vec<&str> = Vec::new();
    for found in alerts().filter(|found| found.is_about_a_line()) {
        let known = |name: &&str| names.iter().any(|input| input == name);
        let file = found.span.map(|span| loaded.sources.name(span.file)).filter(known);
        let file = file.or(names.first().map(String::as_str)).unwrap_or_default();
        if !told.contains(&file) {
            told.push(file);
            voice.say(Severity::Alert, &format!("config : Error(s) found in configuration file : {file}"));
        }
    }
    voice.say(Severity::Alert, "config : Fatal errors found in configuration.");
}

/// `-cc`: 0 if the condition holds, 1 if not, 2 if it cannot be read.
pub fn condition(text: &str, options: &Options, files: &dyn Files, voice: &mut Voice) -> i32 {
    match eval_condition(text, &environment(options, files, &[]), &FACTS) {
        Ok(holds) => i32::from(!holds),
        Err(found) => {
            voice.finding(&found, &SourceMap::new());
            2
        }
    }
}

/// A file, or the `.cfg` files of a directory in lexical order (manual of `-f`).
fn read(path: &str, files: &dyn Files) -> std::io::Result<Vec<Input>> {
    match files.list_dir(path) {
        Ok(entries) => configuration_files(path, entries)
            .into_iter()
            .map(|file| files.read(&file).map(|text| Input::new(file, text)))
            .collect(),
        Err(_) => Ok(vec![Input::new(path, files.read(path)?)]),
    }
}

fn environment(options: &Options, files: &dyn Files, names: &[String]) -> Env {
    let hostname = files.hostname();
    let mut env = Env::new();
    for (name, value) in std::env::vars_os() {
        // A name that cannot be set cannot be asked for either.
        let _ = env.set(&name.into_vec(), &value.into_vec());
    }
    let identity = Identity {
        version: version::LEVEL,
        branch: version::BRANCH,
        local_peer: options.local_peer.as_deref().unwrap_or(&hostname),
        master_worker: options.master_worker,
    };
    let mut env = env.with_presets(&identity);
    let _ = env.set(b"HAPROXY_CFGFILES", names.join(";").as_bytes());
    if options.master_worker && !options.master_cli.is_empty() {
        let addresses = options.master_cli.iter().filter_map(|line| line.split(',').next());
        let addresses: Vec<String> = addresses
            .map(|addr| if addr.starts_with('/') { format!("unix@{addr}") } else { addr.to_owned() })
            .collect();
        let _ = env.set(b"HAPROXY_MASTER_CLI", addresses.join(";").as_bytes());
    }
    env
}

/// What conditions may ask. Only what is really there: a feature that is claimed is used.
const FACTS: Facts<'static> = Facts {
    version: version::LEVEL,
    features: version::FEATURES,
    openssl_version: None,
    ssl_library: "rustls with AWS-LC",
    awslc_api: None,
    enabled: &["EPOLL", "GETADDRINFO", "REUSEPORT"],
};
