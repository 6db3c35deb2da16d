//! The commands of the supervisor's socket (management.txt 9.4.1).

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::Supervisor;
use super::children::Child;
use super::cli::{self, Client, Door, Target};
use crate::admin::cli::Level;
use crate::app::link::{self, Kind};
use crate::app::listeners::Runtime;
use crate::app::load::{self, Outcome, Voice};
use crate::app::options::Options;
use crate::app::version;
use crate::config::Input;
use crate::diag::Severity;
use crate::keyword::Meta;
use crate::lower::Disk;
use crate::net::listen;

/// Opens the sockets of `-S`, whose options are those of a `bind` line, separated by commas. The error is the exit code.
pub fn open_doors(options: &Options, voice: &mut Voice) -> Result<Vec<Door>, i32> {
    if options.master_cli.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = "global\n".to_owned();
    for line in &options.master_cli {
        let words = line.replace(',', " ");
        let level = if words.contains(" level ") { "" } else { " level admin" };
        text.push_str(&format!("stats socket {words}{level}\n"));
    }
    let plain = Options { check: false, ..Options::default() };
    let Outcome::Good(ir, _) = load::load_inputs(&plain, vec![Input::new("-S", text)], &Disk, voice) else {
        return Err(1);
    };
    let runtime = Runtime::default().again(&ir, &mut listen::open).map_err(|why| {
        voice.say(Severity::Alert, &why);
        1
    })?;
    let doors = runtime.to_serve(&ir).into_iter();
    Ok(doors.map(|door| Door { socket: door.socket, level: door.level }).collect())
}

impl Supervisor<'_> {
    /// Runs what clients have asked for.
    pub(super) fn run_commands(&mut self) {
        for at in 0..self.clients.len() {
            let Some(client) = self.clients.get_mut(at) else { return };
            let mut advanced = client.take_served();
            while let Some(command) = self.clients.get_mut(at).and_then(Client::next_command) {
                self.command(at, &command);
                advanced = true;
            }
            let (Some(client), true) = (self.clients.get(at), advanced) else { continue };
            let prompt = self.prompt(client.target);
            if let Some(client) = self.clients.get_mut(at) {
                client.done(&prompt);
            }
        }
    }

    fn command(&mut self, at: usize, command: &str) {
        let Some(client) = self.clients.get_mut(at) else { return };
        let (target, command) = match cli::target(command) {
            Some((target, "")) => {
                if let Target::Master = target {
                    client.target = target;
                } else if self.find(target).is_some() {
                    self.with(at, |client| client.target = target);
                } else {
                    self.no_target(at, command);
                }
                return;
            }
            Some((target, behind)) => (target, behind),
            None => (client.target, command),
        };
        match target {
            Target::Master => self.own_command(at, command),
            // These are the session's, wherever commands go.
            _ if command == "quit" || command == "prompt" => self.own_command(at, command),
            target => self.pass_on(at, target, command),
        }
    }

    fn own_command(&mut self, at: usize, command: &str) {
        let rights = self.clients.get(at).map_or(Level::User, |client| client.level);
        let words: Vec<&str> = command.split_ascii_whitespace().collect();
        let answer = match words.as_slice() {
            ["quit"] => return self.with(at, Client::close),
            ["prompt", ..] => return self.with(at, |client| client.prompt = !client.prompt),
            ["show", "proc", ..] => self.show_processes(),
            ["show", "env", ..] if rights < Level::Operator => "Permission denied\n".to_owned(),
            ["show", "env", names @ ..] => self.show_env(names.first().copied()),
            ["show", "version"] => version::full(),
            ["show", "startup-logs"] => self.startup_log.clone(),
            ["reload" | "hard-reload"] if rights < Level::Operator => "Permission denied\n".to_owned(),
            [how @ ("reload" | "hard-reload")] => {
                let hard = *how == "hard-reload";
                self.with(at, |client| client.waits = true);
                if !self.reload(hard) {
                    self.with(at, |client| {
                        client.waits = false;
                        client.answer("Success=0\n--\nAnother reload is being done, or the process is ending.\n");
                        client.close();
                    });
                }
                return;
            }
            ["help", ..] => format!("The following commands are valid at this level:\n{COMMANDS}"),
            _ => format!("Unknown command: '{command}'. The following commands are valid at this level:\n{COMMANDS}"),
        };
        self.with(at, |client| client.answer(&answer));
    }

    /// Lets a worker answer.
    fn pass_on(&mut self, at: usize, target: Target, command: &str) {
        let rights = self.clients.get(at).map_or(Level::User, |client| client.level);
        let Some(worker) = self.find(target) else { return self.no_target(at, command) };
        let passed = UnixStream::pair().and_then(|(mut ours, theirs)| {
            use std::os::fd::AsFd;
            link::send(&worker.stream, Kind::Talk, &[rights as u8], &[theirs.as_fd()])?;
            ours.write_all(format!("{command}\n").as_bytes())?;
            Ok(ours)
        });
        match passed {
            Ok(stream) => self.with(at, |client| client.relay(stream)),
            Err(error) => self.with(at, |client| client.answer(&format!("The worker cannot be reached: {error}"))),
        }
    }

    fn no_target(&mut self, at: usize, command: &str) {
        self.with(at, |client| client.answer(&format!("Can't find the target PID matching the prefix of '{command}'")));
    }

    fn with(&mut self, at: usize, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.get_mut(at) {
            change(client);
        }
    }

    fn find(&self, target: Target) -> Option<&Child> {
        match target {
            Target::Master => None,
            Target::Number(number) => self.current.as_ref().filter(|_| number == 1),
            Target::Pid(pid) => self.current.iter().chain(&self.former).find(|child| child.pid == pid),
        }
    }

    fn prompt(&self, target: Target) -> String {
        match self.find(target) {
            Some(child) => format!("{}> ", child.pid),
            None if self.last_failed => "master[ReloadFailed]> ".to_owned(),
            None => "master> ".to_owned(),
        }
    }

    /// The variables of the configuration that manual 2.3 lists for the master.
    fn show_env(&self, wanted: Option<&str>) -> String {
        let hidden = ["HAPROXY_CLI", "HAPROXY_LOCALPEER"];
        let listed = self.setup.ir.global.environment.iter().filter(|(name, _)| !hidden.contains(&name.as_str()));
        let shown = listed.filter(|(name, _)| wanted.is_none_or(|wanted| name == wanted));
        let shown: String = shown.map(|(name, value)| format!("{name}={value}\n")).collect();
        if shown.is_empty() { "Variable not found\n".to_owned() } else { shown }
    }

    fn show_processes(&self) -> String {
        let version = version::full();
        let row = |pid: &str, kind: &str, reloads: &str, uptime: Duration| {
            format!("{pid:<15} {kind:<15} {reloads:<15} {:<15} {version:<15}\n", uptime_text(uptime))
        };
        let child =
            |child: &Child| row(&child.pid.to_string(), "worker", &child.reloads.to_string(), child.started.elapsed());
        let mut out =
            format!("{:<15} {:<15} {:<15} {:<15} {:<15}\n", "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>");
        let reloads = format!("{} [failed: {}]", self.reloads, self.failed_reloads);
        out.push_str(&row(&std::process::id().to_string(), "master", &reloads, self.started.elapsed()));
        out.push_str("# workers\n");
        self.current.iter().for_each(|worker| out.push_str(&child(worker)));
        if !self.former.is_empty() {
            out.push_str("# old workers\n");
            self.former.iter().for_each(|worker| out.push_str(&child(worker)));
        }
        out
    }
}

/// `0d00h02m07s`.
fn uptime_text(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}d{:02}h{:02}m{:02}s", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// The commands that only the supervisor has.
pub static METAS: &[Meta] = &[
    Meta::new("@!<pid>", "@!<pid>", "send a command to the <pid> process", &[("@!1234 show info", "")]),
    Meta::new(
        "@<relative pid>",
        "@<relative pid>",
        "send a command to the <relative pid> process",
        &[("@1 show info", "")],
    ),
    Meta::new("@master", "@master", "send a command to the master process", &[("@master show proc", "")]),
    Meta::new("hard-reload", "hard-reload", "achieve a hard-stop (-st) reload of haproxy", &[("hard-reload", "")]),
    Meta::new("reload", "reload", "achieve a soft-stop (-sf) reload of haproxy", &[("reload", "")]),
    Meta::new("show proc", "show proc", "show processes status", &[("show proc", "#<PID>")]),
];

const COMMANDS: &str = "  @!<pid>                                 : send a command to the <pid> process
  @<relative pid>                         : send a command to the <relative pid> process
  @master                                 : send a command to the master process
  hard-reload                             : achieve a hard-stop (-st) reload of haproxy
  reload                                  : achieve a soft-stop (-sf) reload of haproxy
  show env [var]                          : dump environment variables known to the process
  show proc                               : show processes status
  show startup-logs                       : report logs emitted during HAProxy startup
  show version                            : show version of the current process
  help [<command>]                        : list matching or all commands
  prompt                                  : toggle interactive mode with prompt
  quit                                    : disconnect
";
