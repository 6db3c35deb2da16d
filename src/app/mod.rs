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
    if args.peek().map(String::as_str) == Some("demo") {
        return match demo::Arguments::try_parse_from(args) {
            Ok(arguments) => demo::run(&arguments),
            Err(message) => {
                // clap prints help to standard output and errors to standard error.
                let _ = message.print();
                message.exit_code()
            }
        };
    }
    if args.peek().map(String::as_str) == Some("docker") {
        return match docker::Arguments::try_parse_from(args) {
            Ok(arguments) => docker::run(&arguments),
            Err(message) => {
                let _ = message.print();
                message.exit_code()
            }
        };
    }
    match options::parse(args) {
        Ok(options) => haproxy(&program, &options),
        Err(why) => {
            print!("{}", version::text(options::Version::Short));
            eprint!("{why}\n{}", version::usage(&program));
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
