//! The examples of runtime commands, each said to the same configuration as it is at the start.

mod support;

use std::time::Duration;

use hydroxy::admin::cli::console::SeverityOutput;
use hydroxy::admin::cli::{self, Console, Level, Shell};
use hydroxy::admin::stats::page::Process;
use hydroxy::admin::stats::rows::At;
use hydroxy::engine;
use hydroxy::ir::Ir;
use support::{load, stand_ins};

const CONFIG: &str = "\
global
 stats socket /run/admin.sock level admin
defaults
 mode http
 timeout client 1s
 timeout connect 1s
 timeout server 1s
frontend fe
 bind :80
 acl listed path /a
 http-request set-header x-name %[path,map(/m)] if listed
 default_backend be
backend st
 stick-table type ip size 1k store gpc0
backend be
 server s1 127.0.0.1:81
 server s2 127.0.0.1:82 check
";

#[test]
fn examples_answer_as_the_tables_say() {
    let mut wrong = Vec::new();
    for command in cli::all() {
        for (text, yields) in command.meta.examples {
            let answer = answer(Level::Admin, text);
            if !answer.starts_with(yields) {
                wrong.push(format!("'{text}' was to answer '{yields}', not '{answer}'"));
            }
            let below = [Level::User, Level::Operator].into_iter().find(|level| *level < command.level);
            if let Some(level) = below
                && self::answer(level, text) != "Permission denied\n"
            {
                wrong.push(format!("'{text}' is not denied to the level {}", level.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_without_an_answer_say_nothing() {
    let quiet = cli::all().filter(|command| command.level == Level::Admin);
    for (text, yields) in quiet.flat_map(|command| command.meta.examples) {
        let answer = answer(Level::Admin, text);
        assert!(!yields.is_empty() || answer.is_empty(), "'{text}' answers '{answer}'");
    }
}

fn configuration() -> Ir {
    let files = stand_ins().with("/m", "/a one\n");
    load("runtime.cfg", CONFIG, &files).ir.expect("the configuration loads")
}

/// What a command answers before anything else was asked for.
fn answer(level: Level, text: &str) -> String {
    let ir = &configuration();
    let view = engine::view(ir, 1, None);
    view.process.hard_maxconn.store(100, std::sync::atomic::Ordering::Relaxed);
    let process = Process {
        uptime: Duration::from_secs(1),
        started_us: 0,
        boot_ms: 1,
        pid: 1,
        threads: 1,
        hostname: "host".into(),
        descriptors: 1024,
        warnings: 0,
        startup_logs: "".into(),
    };
    let mut console = Console::new(level, SeverityOutput::None, Duration::from_secs(1));
    let at = At { now_ms: 1000, now: 1, now_us: 1_000_000 };
    let (console, payload) = (&mut console, None);
    let mut shell = Shell {
        engine: None,
        lines: None,
        certs: &Default::default(),
        ir,
        view: &view,
        process: &process,
        at,
        console,
        payload,
    };
    cli::run(&mut shell, text).text
}
