//! HAProxy's command line (management.txt chapter 3), read into plain data.
//!
//! HAProxy's options are not of the getopt family (`-dMno-merge`, `-sf 12 13`, `-f` several times, `-cc COND`), so they are
//! read by hand; hydroxy's own commands (`hydroxy demo`) use clap, see `command`.

use super::pools;

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-f`: files and directories in order, then those behind `--`.
    pub files: Vec<String>,
    /// `-c`: check and exit.
    pub check: bool,
    /// `-cc COND`: evaluate a condition and exit.
    pub condition: Option<String>,
    /// `-v`, `-vv`, `-vq`, `-vqs`, `-vqb`.
    pub version: Option<Version>,
    /// `-V`: verbose, as if `quiet` had not been given.
    pub verbose: bool,
    /// `-q`: no messages.
    pub quiet: bool,
    /// `-d`: debug mode, stay in the foreground.
    pub debug: bool,
    /// `-db`: stay in the foreground.
    pub foreground: bool,
    /// `-D`: daemon.
    pub daemon: bool,
    /// `-W`: a supervising process above the worker.
    pub master_worker: bool,
    /// `-Ws`: `-W`, and the service manager is told how it goes.
    pub systemd: bool,
    /// `-S ADDRESS[,OPTION...]`: where the supervisor answers commands.
    pub master_cli: Vec<String>,
    /// `-sf PID...`, `-st PID...`: processes that are told to go when this one is ready.
    pub old_pids: Vec<i32>,
    /// `-st`: they are told to go at once.
    pub hard_take_over: bool,
    /// `-x SOCKET`: where a running process gives its listening sockets away.
    pub take_over_from: Option<std::path::PathBuf>,
    /// `-p FILE`.
    pub pidfile: Option<String>,
    /// `-n N`: overrides the global `maxconn`.
    pub maxconn: Option<u32>,
    /// `-N N`: default `maxconn` per proxy.
    pub proxy_maxconn: Option<u32>,
    /// `-L NAME`.
    pub local_peer: Option<String>,
    /// `-C DIR`: change to it before reading files.
    pub directory: Option<String>,
    /// `-dK[class,...]`.
    pub dump_keywords: Option<String>,
    /// `-dL`: list the loaded libraries.
    pub dump_objects: bool,
    /// `-dMhelp`: list the options of memory pools and exit.
    pub pools_help: bool,
    /// `-dW`: warnings are fatal.
    pub zero_warning: bool,
    /// `-dD`: diagnostic mode.
    pub diagnostic: bool,
    /// `-dr`: servers whose names do not resolve do not stop the load.
    pub ignore_resolution: bool,
    /// `-4`: name servers are asked for IPv4 addresses only.
    pub ipv4_only: bool,
    /// `-dV`: no verification of server certificates.
    pub no_server_verify: bool,
    /// `-dR`: listening sockets without `SO_REUSEPORT`.
    pub no_reuse_port: bool,
    /// A group that the process stays in when it gives up its rights; no option sets it.
    pub kept_group: Option<u32>,
    /// `--compat RELEASE`.
    pub compat: Option<String>,
    /// Options that are known to HAProxy and that a running process lacks, with the reason; checking a configuration goes on.
    pub unsupported: Vec<(String, &'static str)>,
    /// Options of HAProxy that are accepted without effect, with the reason; shown by `-V`.
    pub without_effect: Vec<(String, &'static str)>,
}

/// The forms of `-v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `-v`
    Short,
    /// `-vv`
    Long,
    /// `-vq`
    Number,
    /// `-vqs`
    ShortNumber,
    /// `-vqb`
    Branch,
}

/// Reads the arguments behind the program's name. An error is text for the user; the exit code is 1.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "--" {
            options.files.extend(args.by_ref());
            break;
        }
        let mut value = |what: &str| args.next().ok_or_else(|| format!("option '{arg}' expects {what}"));
        match arg.as_str() {
            "-f" => options.files.push(value("a file or directory")?),
            "--check" => options.check = true,
            "-cc" => options.condition = Some(value("a condition")?),
            "-p" => options.pidfile = Some(value("a file")?),
            "-n" => options.maxconn = Some(number(&arg, &value("a number of connections")?)?),
            "-N" => options.proxy_maxconn = Some(number(&arg, &value("a number of connections")?)?),
            "-m" => {
                number(&arg, &value("a number of megabytes")?)?;
                options.lacks(&arg, "limits of memory are not supported yet; use the service manager's");
            }
            "-L" => options.local_peer = Some(value("a name")?),
            "-C" => options.directory = Some(value("a directory")?),
            "--compat" => options.compat = Some(value("a release such as 2.8")?),
            "-W" | "-Ws" => {
                options.master_worker = true;
                options.systemd |= arg == "-Ws";
            }
            "-sf" | "-st" => {
                options.hard_take_over = arg == "-st";
                options.old_pids = pids(&arg, &mut args)?;
            }
            "-x" => options.take_over_from = Some(value("a UNIX socket")?.into()),
            "-S" => options.master_cli.push(value("an address")?),
            _ => flags(&mut options, &arg)?,
        }
    }
    Ok(options)
}

impl Options {
    /// What stands in the way of starting; `None` where the command line asks for nothing that is lacking.
    pub fn lacking(&self) -> Option<String> {
        self.unsupported.first().map(|(option, why)| unsupported(option, why))
    }

    fn lacks(&mut self, option: &str, why: &'static str) {
        if self.unsupported.iter().all(|(known, _)| known != option) {
            self.unsupported.push((option.to_owned(), why));
        }
    }
}

/// An option, or several without arguments behind one dash, as in `-cV`.
fn flags(options: &mut Options, arg: &str) -> Result<(), String> {
    let letters = arg.strip_prefix('-').unwrap_or_default();
    if letters.len() > 1 && letters.chars().all(|letter| "cVqD".contains(letter)) {
        return letters.chars().try_for_each(|letter| flag(options, &format!("-{letter}")));
    }
    flag(options, arg)
}

fn flag(options: &mut Options, arg: &str) -> Result<(), String> {
    match arg {
        "-c" => options.check = true,
        "-v" => options.version = Some(Version::Short),
        "-vv" => options.version = Some(Version::Long),
        "-vq" => options.version = Some(Version::Number),
        "-vqs" => options.version = Some(Version::ShortNumber),
        "-vqb" => options.version = Some(Version::Branch),
        "-V" => options.verbose = true,
        "-q" => options.quiet = true,
        "-d" => options.debug = true,
        "-db" => options.foreground = true,
        "-D" => options.daemon = true,
        "-dW" => options.zero_warning = true,
        "-dD" => options.diagnostic = true,
        "-4" => options.ipv4_only = true,
        "-dr" => options.ignore_resolution = true,
        "-dV" => options.no_server_verify = true,
        "-dR" => options.no_reuse_port = true,
        "-dL" => options.dump_objects = true,
        _ => return long_flag(options, arg),
    }
    Ok(())
}

fn long_flag(options: &mut Options, arg: &str) -> Result<(), String> {
    if let Some(classes) = arg.strip_prefix("-dK") {
        options.dump_keywords = Some(classes.to_owned());
        return Ok(());
    }
    if let Some(text) = arg.strip_prefix("-dM") {
        options.pools_help |= pools::parse(text)? == pools::Request::Help;
        options.without_effect.push((arg.to_owned(), "memory is safe without debugging aids"));
        return Ok(());
    }
    if let Some((_, why)) = WITHOUT_EFFECT.iter().find(|(name, _)| *name == arg) {
        options.without_effect.push((arg.to_owned(), why));
        return Ok(());
    }
    match REFUSED.iter().find(|(prefix, _)| arg.starts_with(prefix)) {
        Some((_, why)) => Err(unsupported(arg, why)),
        None => Err(format!("unknown option '{arg}'")),
    }
}

fn unsupported(option: &str, why: &str) -> String {
    format!("option '{option}' is known to HAProxy 3.4, not supported by hydroxy yet: {why}")
}

/// The process ids behind `-sf` and `-st`, up to the next option. `-sf` without any is what scripts write that found no process.
fn pids(option: &str, args: &mut std::iter::Peekable<impl Iterator<Item = String>>) -> Result<Vec<i32>, String> {
    let mut found = Vec::new();
    while let Some(word) = args.next_if(|word| !word.starts_with('-')) {
        // Scripts write `-sf "$(cat pidfile)"`, one word with several lines.
        for pid in word.split_ascii_whitespace() {
            match pid.parse() {
                Ok(pid) if pid > 0 => found.push(pid),
                _ => return Err(format!("{option} option: some bytes unconsumed in PID list {{{word}}}")),
            }
        }
    }
    Ok(found)
}

fn number(option: &str, text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("option '{option}' expects a number, found '{text}'"))
}

/// (option, why it has no effect here).
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("-dc", "no CPU is selected or evicted"),
    ("-de", "tokio uses epoll, there is no other poller to fall back to"),
    ("-dk", "kqueue is of other systems"),
    ("-dp", "poll() is never used"),
    ("-dv", "event ports are of other systems"),
    ("-dS", "splice() is never used"),
    ("-dG", "names are resolved by the system's resolver in any case"),
    ("-dI", "no external program is ever started"),
    ("-dF", "there is no fast-forwarding to turn off"),
    ("-dZ", "there is no zero-copy forwarding to turn off"),
    ("-dT", "kTLS is never used"),
];

/// (how the option begins, what to do instead). A check that passed over them would not do what it was asked for.
const REFUSED: &[(&str, &str)] = &[
    ("-dA", "list the libraries with -dL and pack them with 'tar -T -'"),
    ("-dC", "the configuration is not printed; -c -V tells what is made of it"),
    ("-dt", "there are no traces; read the logs"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn several_files_and_those_behind_two_dashes() {
        let options = read("-f a.cfg -c -V -f dir -- b.cfg c.cfg").unwrap_or_default();
        assert_eq!(options.files, ["a.cfg", "dir", "b.cfg", "c.cfg"]);
        assert!(options.check && options.verbose);
    }

    #[test]
    fn glued_arguments_are_read() {
        let options = read("-dKall -dMno-merge -db").unwrap_or_default();
        assert_eq!(options.dump_keywords.as_deref(), Some("all"));
        assert!(options.foreground);
        assert_eq!(options.without_effect.len(), 1);
    }

    #[test]
    fn every_option_of_the_manual_is_read_or_refused_with_a_reason() {
        let all = "-f a -C a -D -L a -N 1 -V -W -Ws -4 -c -cc a -d -db -dD -dF -dG -dI -dKall -dL -dM -dMhelp -dR -dS -dT -dV -dW \
                   -dZ -dc -de -dk -dp -dr -dv -m 1 -n 1 -p a -q -S a -sf 1 2 -st -v -vv -vq -vqs -vqb -x a -- a";
        assert!(read(all).is_ok(), "{:?}", read(all));
        for option in ["-dA", "-dA/tmp/libs.tar", "-dC", "-dC1,line", "-dt", "-dtall"] {
            assert!(read(option).is_err_and(|text| text.contains("known to HAProxy 3.4")), "{option}");
        }
        assert!(read("-dMfoo").is_err());
    }

    #[test]
    fn what_only_a_running_process_needs_does_not_hinder_a_check() {
        let options = read("-Ws -S /run/master.sock,level,admin -x /run/old.sock -m 100 -c -q -f a.cfg -sf 12 13");
        let options = options.unwrap_or_default();
        assert!(options.check && options.quiet);
        assert_eq!(options.files, ["a.cfg"]);
        assert_eq!(options.old_pids, [12, 13]);
    }

    #[test]
    fn letters_are_joined_behind_one_dash() {
        let options = read("-cV -f a.cfg").unwrap_or_default();
        assert!(options.check && options.verbose && !options.quiet);
        assert!(read("-cX -f a.cfg").is_err());
    }

    #[test]
    fn what_is_known_but_not_supported_says_so() {
        assert!(
            read("-m 5")
                .is_ok_and(|options| options.lacking().is_some_and(|text| text.contains("known to HAProxy 3.4")))
        );
        assert!(read("-Z").is_err_and(|text| text.contains("unknown option")));
        assert!(read("-n ten").is_err_and(|text| text.contains("expects a number")));
    }
}
