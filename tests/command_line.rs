//! The program as scripts see it: exit codes, which stream says what, and HAProxy's lines (management.txt chapter 3).

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a run left behind.
struct Seen {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program in a folder of its own with these files in it.
fn run(name: &str, arguments: &str) -> Seen {
    let folder = folder(name);
    let words = arguments.split_whitespace();
    let done = Command::new(env!("CARGO_BIN_EXE_hydroxy")).args(words).current_dir(&folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Seen { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("conf.d")).unwrap();
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder
}

impl Seen {
    /// Lines of standard error that HAProxy would write too, without the process id.
    fn lines(&self) -> Vec<String> {
        let tagged = self.err.lines().filter(|line| line.starts_with('['));
        let plain = tagged.map(|line| {
            let (tag, rest) = line.split_once('(').unwrap();
            format!("{tag}{}", rest.split_once(')').unwrap().1)
        });
        plain.filter(|line| !line.contains(" : haproxy version is ") && !line.contains(" : path to exec")).collect()
    }
}

#[test]
fn a_valid_configuration_is_silent_unless_asked() {
    let seen = run("valid", "-c -f good.cfg");
    assert_eq!((seen.code, seen.out.as_str(), seen.err.as_str()), (Some(0), "", ""));
    let seen = run("valid_v", "-c -V -f good.cfg");
    assert_eq!((seen.code, seen.out.as_str(), seen.err.as_str()), (Some(0), "Configuration file is valid\n", ""));
    assert_eq!(run("valid_joined", "-cV -q -f good.cfg").out, "Configuration file is valid\n");
    for more in
        ["-Ws -S /run/m.sock,level,admin", "-W -x old.sock -sf 1 2", "-D -db -d -p x.pid -n 10 -N 5 -m 64 -L me"]
    {
        let seen = run("valid_more", &format!("{more} -c -q -f good.cfg"));
        assert_eq!((seen.code, seen.out.as_str(), seen.err.as_str()), (Some(0), "", ""), "{more}");
    }
}

#[test]
fn errors_go_to_standard_error_in_order_of_the_lines() {
    let seen = run("errors", "-c -f good.cfg -f bad.cfg");
    assert_eq!((seen.code, seen.out.as_str()), (Some(1), ""));
    assert_eq!(
        seen.lines(),
        [
            "[ALERT]     : config : parsing [bad.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?",
            "[ALERT]     : config : parsing [bad.cfg:4] : unknown proxy mode 'foo'.",
            "[ALERT]     : config : parsing [bad.cfg:5] : 'listen' expects an <id> argument",
            "[ALERT]     : config : Error(s) found in configuration file : bad.cfg",
            "[ALERT]     : config : Fatal errors found in configuration.",
        ]
    );
    assert!(seen.err.contains("\n4 |   mode foo\n  |        ^^^\n"), "{}", seen.err);
    let quiet = run("errors_quiet", "-c -q -f bad.cfg");
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (Some(1), "", ""));
}

#[test]
fn an_error_of_the_whole_names_no_file() {
    let seen = run("whole", "-c -f across.cfg");
    assert_eq!(seen.code, Some(1));
    let lines = seen.lines();
    assert_eq!(lines.first().map(|line| line.contains("unable to find required default_backend")), Some(true));
    assert_eq!(lines.last().map(String::as_str), Some("[ALERT]     : config : Fatal errors found in configuration."));
    assert!(!seen.err.contains("Error(s) found"), "{}", seen.err);
}

#[test]
fn warnings_are_told_and_fatal_on_demand() {
    let seen = run("warnings", "-c -f warn.cfg");
    assert_eq!((seen.code, seen.out.as_str()), (Some(0), "Warnings were found.\n"));
    assert_eq!(seen.lines(), ["[WARNING]   : missing timeouts for frontend 'f'."]);
    let seen = run("warnings_quiet", "-c -q -f warn.cfg");
    assert_eq!((seen.code, seen.out.as_str(), seen.err.as_str()), (Some(0), "", ""));
    let seen = run("warnings_fatal", "-c -dW -f warn.cfg");
    assert_eq!((seen.code, seen.out.as_str()), (Some(1), ""));
    let last = "[ALERT]     : config : Some warnings were found and 'zero-warning' is set. Aborting.";
    assert_eq!(seen.lines().last().map(String::as_str), Some(last));
}

#[test]
fn without_a_listener_the_exit_code_is_2() {
    let seen = run("deaf", "-c -f conf.d/b.cfg");
    let text = "Configuration file has no error but will not start (no listener) => exit(2).\n";
    assert_eq!((seen.code, seen.out.as_str()), (Some(2), text));
}

#[test]
fn files_come_from_folders_and_from_behind_two_dashes() {
    // The folder's files in lexical order: `a.cfg` sets what `b.cfg` reads; other names are left out.
    assert_eq!(run("folder", "-c -f conf.d -- good.cfg").code, Some(0));
    assert_eq!(run("elsewhere", "-C conf.d -c -f b.cfg -- ../good.cfg").code, Some(0));
    let seen = run("missing", "-c -f nosuch.cfg");
    let text = "[ALERT]     : config : Cannot open configuration file/directory nosuch.cfg : No such file or directory";
    assert_eq!((seen.code, seen.lines()), (Some(1), vec![text.to_owned()]));
    let seen = run("no_folder", "-C nosuch -c -f good.cfg");
    let text = "[ALERT]     : Could not change to directory nosuch : No such file or directory";
    assert_eq!((seen.code, seen.lines()), (Some(1), vec![text.to_owned()]));
}

#[test]
fn conditions_answer_with_their_exit_code() {
    assert_eq!(run("true", "-cc streq(a,a)").code, Some(0));
    assert_eq!(run("false", "-cc !streq(a,a)").code, Some(1));
    let seen = run("broken", "-cc nope(");
    let text = "[ALERT]     : config : Failed to evaluate condition: unparsable conditional expression 'nope('";
    assert_eq!((seen.code, seen.lines()), (Some(2), vec![text.to_owned()]));
}

#[test]
fn versions_and_usage() {
    let seen = run("version", "-v");
    assert!(seen.out.starts_with("HAProxy version 3.4.0") && seen.out.contains("\nRunning on: Linux "), "{}", seen.out);
    assert_eq!((run("number", "-vq").out.as_str(), run("branch", "-vqb").out.as_str()), ("3.4.0\n", "3.4\n"));
    for arguments in ["", "-Z", "-f", "-c"] {
        let seen = run("usage", arguments);
        assert_eq!(seen.code, Some(1), "{arguments}");
        assert!(seen.out.starts_with("HAProxy version ") && seen.err.contains("Usage : hydroxy "), "{arguments}");
    }
    let seen = run("lacking", "-m 5 -f good.cfg");
    assert!(seen.code == Some(1) && seen.err.contains("option '-m' is known to HAProxy 3.4"), "{}", seen.err);
}

const FILES: &[(&str, &str)] = &[
    (
        "good.cfg",
        "defaults\n  mode http\n  timeout client 1s\n  timeout connect 1s\n  timeout server 1s\nfrontend f\n  bind 127.0.0.1:1\n",
    ),
    ("warn.cfg", "defaults\n  mode http\nfrontend f\n  bind 127.0.0.1:1\n"),
    ("bad.cfg", "global\n  maxcon 1\ndefaults\n  mode foo\nlisten\n"),
    ("across.cfg", "frontend f\n  timeout client 1s\n  bind 127.0.0.1:1\n  default_backend nosuch\n"),
    ("conf.d/a.cfg", "global\n  setenv NAME web\n"),
    ("conf.d/b.cfg", "backend \"${NAME-none}\"\n"),
    ("conf.d/c.txt", "nonsense\n"),
];
