//! Command line, load, signals, demo: what ties all modules together.

pub mod bundle;
pub mod demo;
pub mod docker;
pub mod feed;
pub mod identity;
pub mod limits;
pub mod link;
pub mod listeners;
pub mod load;
pub mod objects;
pub mod options;
pub mod pools;
pub mod reference;
pub mod run;
pub mod service;
pub mod signals;
pub mod supervisor;
pub mod takeover;
pub mod version;
pub mod worker;

use clap::Parser;

use crate::diag::Severity;
use crate::lower::{Disk, system_message};
use load::{Outcome, Voice};
use options::Options;

/// The whole program: arguments in (the first is the program's name), exit code out.
pub fn main(args: impl IntoIterator<Item = String>) -> i32 {
    // The clock begins with its first reading.
    crate::base::clock::mono_us();
    let mut args = args.into_iter().peekable();
    let program = args.next().unwrap_or_else(|| "hydroxy".to_owned());
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(command) = args.peek().and_then(|name| COMMANDS.iter().find(|(known, _)| known == name)) {
        return (command.1)(&program, args.collect());
    }
    haproxy_with(&program, args)
}

/// Runs with the program's name and the arguments; the value is the exit code.
type Command = fn(&str, Vec<String>) -> i32;

/// hydroxy's own commands; everything else is HAProxy's command line. The arguments begin with the command's name.
const COMMANDS: [(&str, Command); 4] = [
    ("demo", |_, args| command(args, demo::run)),
    ("docker", |_, args| command(args, docker::run)),
    ("entrypoint", |program, mut args| match docker::entry::entrypoint(args.split_off(1)) {
        Ok(args) => main(std::iter::once(program.to_owned()).chain(args)),
        Err(code) => code,
    }),
    ("healthcheck", |_, _| docker::entry::healthcheck()),
];

fn command<T: Parser>(args: Vec<String>, run: fn(&T) -> i32) -> i32 {
    match T::try_parse_from(args) {
        Ok(arguments) => run(&arguments),
        Err(message) => {
            // clap prints help to standard output and errors to standard error.
            let _ = message.print();
            message.exit_code()
        }
    }
}

fn haproxy_with(program: &str, args: impl Iterator<Item = String>) -> i32 {
    match options::parse(args) {
        Ok(options) => haproxy(program, &options),
        Err(why) => {
            print!("{}", version::text(options::Version::Short));
            eprint!("{why}\n{}", version::usage(program));
            1
        }
    }
}

fn haproxy(program: &str, options: &Options) -> i32 {
    if let Some(form) = options.version {
        print!("{}", version::text(form));
        return 0;
    }
    if options.pools_help {
        print!("{}", pools::help());
        return 0;
    }
    // `-V` takes `-q` back (management.txt, chapter 3).
    let mut voice = Voice::new(options.quiet && !options.verbose, options.diagnostic);
    if let Some(directory) = &options.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        let why = system_message(&error);
        voice.say(Severity::Alert, &format!("Could not change to directory {directory} : {why}"));
        return 1;
    }
    if let Some(condition) = &options.condition {
        return load::condition(condition, options, &Disk, &mut voice);
    }
    if options.files.is_empty() && !options.check && docker::is_meant() {
        return docker::run(&docker::Arguments::default());
    }
    if options.files.is_empty() {
        print!("{}", version::text(options::Version::Short));
        eprint!("{}", version::usage(program));
        return 1;
    }
    if !options.check
        && let Some(why) = options.lacking()
    {
        voice.say(Severity::Alert, &why);
        return 1;
    }
    match load::load(options, &Disk, &mut voice) {
        Outcome::Stop(code) => code,
        Outcome::Good(_, warned) if options.check => {
            if warned && !options.quiet {
                println!("Warnings were found.");
            }
            if options.verbose {
                println!("Configuration file is valid");
            }
            0
        }
        Outcome::Good(ir, _) if options.master_worker || ir.global.master_worker => {
            supervisor::run(*ir, options, voice)
        }
        Outcome::Good(ir, _) => run::run(*ir, options, &mut voice, |_| {}),
    }
}
