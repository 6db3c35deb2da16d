//! One connection to the runtime socket: its rights, its mode, and the commands that change them.

use std::time::Duration;

use super::{Answer, Command, Level, Severity, Shell};
use crate::base::duration::{self, Unit};
use crate::keyword::Meta;

/// What a connection has set for itself.
#[derive(Clone, Debug)]
pub struct Console {
    /// Rights, which it can only lower.
    pub level: Level,
    /// Whether it goes on after a line.
    pub mode: Mode,
    /// The prompt shows the process's uptime.
    pub timed: bool,
    /// Whether messages tell how serious they are.
    pub severity: SeverityOutput,
    /// Closes the connection when nothing is said for so long.
    pub idle: Duration,
    /// Commands that HAProxy calls experimental are allowed.
    pub experimental: bool,
    /// Commands for experts are allowed.
    pub expert: bool,
    /// `quit` was said.
    pub closing: bool,
    pub(super) wait: Option<Wait>,
}

/// Whether a connection goes on after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It ends.
    Single,
    /// It waits for the next.
    Interactive,
    /// It asks for the next.
    Prompt,
}

/// `set severity-output`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeverityOutput {
    /// Nothing before a message.
    None,
    /// `[3]: `
    Number,
    /// `[err]: `
    String,
}

/// What a command says to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The text, without the empty line that ends it.
    pub text: String,
    /// Before the answer is complete.
    pub wait: Option<Wait>,
}

/// What `wait` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At most so long.
    pub at_most: Duration,
    /// Until this server could be removed: `backend/server`.
    pub removable: Option<String>,
}

impl Console {
    /// A fresh connection.
    pub fn new(level: Level, severity: SeverityOutput, idle: Duration) -> Console {
        Console {
            level,
            mode: Mode::Single,
            timed: false,
            severity,
            idle,
            experimental: false,
            expert: false,
            closing: false,
            wait: None,
        }
    }

    /// What follows an answer: the empty line that ends it, and the prompt. `uptime` is in seconds.
    pub fn end(&self, uptime: u64) -> String {
        match (self.mode, self.timed) {
            (Mode::Prompt, true) => {
                let (hours, minutes, seconds) = (uptime / 3600 % 24, uptime / 60 % 60, uptime % 60);
                format!("\n[{}:{hours:02}:{minutes:02}:{seconds:02}]> ", uptime / 86_400)
            }
            (Mode::Prompt, false) => "\n> ".to_owned(),
            _ => "\n".to_owned(),
        }
    }
}

impl SeverityOutput {
    /// What stands before a message.
    pub fn prefix(self, severity: Severity) -> String {
        let name = match severity {
            Severity::Error => "err",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
            Severity::Info => "info",
        };
        match self {
            SeverityOutput::None => String::new(),
            SeverityOutput::Number => format!("[{}]: ", severity as u8),
            SeverityOutput::String => format!("[{name}]: "),
        }
    }

    /// `none`, `number`, `string`
    pub fn from_name(name: &str) -> Option<SeverityOutput> {
        match name {
            "none" => Some(SeverityOutput::None),
            "number" => Some(SeverityOutput::Number),
            "string" => Some(SeverityOutput::String),
            _ => None,
        }
    }
}

/// Whether a prefix of the master's socket, `@1` or `@!<pid>`, means this process.
pub(super) fn is_this_process(prefix: &str, pid: u32) -> bool {
    match prefix.strip_prefix("@!") {
        Some(number) => number.parse() == Ok(pid),
        None => prefix == "@1",
    }
}

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "prompt",
            "prompt [help | n | i | p | timed]*",
            "toggle interactive mode with prompt",
            &[("prompt i", "")],
        ),
        level: Level::User,
        run: prompt,
    },
    Command {
        meta: Meta::new("quit", "quit", "disconnect", &[("quit", "")]),
        level: Level::User,
        run: |shell, _| {
            shell.console.closing = true;
            Answer::done()
        },
    },
    Command {
        meta: Meta::new(
            "operator",
            "operator",
            "lower the level of the current CLI session to operator",
            &[("operator", "")],
        ),
        level: Level::Operator,
        run: |shell, _| lower(shell, Level::Operator),
    },
    Command {
        meta: Meta::new("user", "user", "lower the level of the current CLI session to user", &[("user", "")]),
        level: Level::User,
        run: |shell, _| lower(shell, Level::User),
    },
    Command {
        meta: Meta::new(
            "show cli level",
            "show cli level",
            "display the level of the current CLI session",
            &[("show cli level", "admin")],
        ),
        level: Level::User,
        run: |shell, _| Answer::data(format!("{}\n", shell.console.level.name())),
    },
    Command {
        meta: Meta::new(
            "set timeout",
            "set timeout [cli] <delay>",
            "change a timeout setting",
            &[("set timeout cli 1m", "")],
        ),
        level: Level::User,
        run: set_timeout,
    },
    Command {
        meta: Meta::new(
            "set severity-output",
            "set severity-output [none|number|string]",
            "set presence of severity level in feedback information",
            &[("set severity-output number", "")],
        ),
        level: Level::User,
        run: |shell, words| match words.first().and_then(|word| SeverityOutput::from_name(word)) {
            Some(output) => {
                shell.console.severity = output;
                Answer::done()
            }
            None => Answer::error("one of 'none', 'number', 'string' is a required argument"),
        },
    },
    Command {
        meta: Meta::new(
            "experimental-mode",
            "experimental-mode [on|off]",
            "allow commands that may still change",
            &[("experimental-mode on", "")],
        ),
        level: Level::Admin,
        run: |shell, words| switch("experimental-mode", &mut shell.console.experimental, words),
    },
    Command {
        meta: Meta::new(
            "expert-mode",
            "expert-mode [on|off]",
            "allow commands that may break the process",
            &[("expert-mode on", "")],
        ),
        level: Level::Admin,
        run: |shell, words| switch("expert-mode", &mut shell.console.expert, words),
    },
    Command {
        meta: Meta::new(
            "wait",
            "wait {-h|<delay_ms>} cond [args...]",
            "wait the specified delay or condition (-h to see list)",
            &[("wait 1ms", "")],
        ),
        level: Level::User,
        run: wait,
    },
];

fn prompt(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let console = &mut *shell.console;
    for word in words {
        match *word {
            "n" => console.mode = Mode::Single,
            "i" => console.mode = Mode::Interactive,
            "p" => console.mode = Mode::Prompt,
            "timed" => {
                console.timed = !console.timed;
                console.mode = Mode::Prompt;
            }
            _ => return Answer::data(PROMPT_USAGE),
        }
    }
    if words.is_empty() {
        console.mode = if console.mode == Mode::Prompt { Mode::Single } else { Mode::Prompt };
    }
    Answer::done()
}

fn lower(shell: &mut Shell<'_>, level: Level) -> Answer {
    shell.console.level = shell.console.level.min(level);
    Answer::done()
}

fn switch(name: &str, setting: &mut bool, words: &[&str]) -> Answer {
    match words.first() {
        None => Answer::data(format!("{name} is {}\n", if *setting { "ON" } else { "OFF" })),
        Some(word) => {
            *setting = *word == "on";
            Answer::done()
        }
    }
}

fn set_timeout(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    if words.first() != Some(&"cli") {
        return Answer::error("'set timeout' only supports 'cli'.");
    }
    let Some(delay) = words.get(1) else { return Answer::error("Expects an integer value.") };
    match duration::parse(delay, Unit::Second, Unit::Millisecond) {
        Ok(delay @ 1..) => {
            shell.console.idle = Duration::from_millis(delay.into());
            Answer::done()
        }
        _ => Answer::error("Invalid timeout value."),
    }
}

fn wait(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    if words.is_empty() || words.iter().take(2).any(|word| *word == "-h") {
        return Answer::data(WAIT_USAGE);
    }
    let Some(delay) = words.first().and_then(|word| duration::millis(word).ok()) else {
        return Answer::error("Invalid duration.");
    };
    let at_most = Duration::from_millis(delay.into());
    let removable = match words.get(1) {
        None => None,
        Some(&"srv-removable") => match shell.server(words.get(2..).unwrap_or_default()) {
            Ok(_) => words.get(2).map(|name| (*name).to_owned()),
            Err(answer) => return answer,
        },
        Some(_) => return Answer::data(WAIT_USAGE),
    };
    shell.console.wait = Some(Wait { at_most, removable });
    Answer::done()
}

/// Whether what somebody waits for has come; an error says that it never will.
pub fn has_come(shell: &Shell<'_>, wait: &Wait) -> Result<bool, String> {
    let Some(name) = &wait.removable else { return Ok(false) };
    let Ok(found) = shell.server(&[name]) else { return Ok(true) };
    match super::dynamic::removable(found.state) {
        Ok(()) => Ok(true),
        Err(why) if found.state.admin() != crate::state::Admin::Maint => Err(format!("{why}\n")),
        Err(_) => Ok(false),
    }
}

const PROMPT_USAGE: &str = "Usage: prompt [help | n | i | p | timed]*\n\
     \x20 n      non-interactive: the connection ends after the commands of this line\n\
     \x20 i      interactive: it waits for the next line, without a prompt\n\
     \x20 p      interactive with a prompt\n\
     \x20 timed  shows the process's uptime in the prompt, or no longer\n\
     Without an argument it changes between prompt and non-interactive mode.\n";

const WAIT_USAGE: &str = "Usage: wait {-h|<duration>} [condition [args...]]\n\
     Waits for the duration (in milliseconds without a unit) or until the condition holds. Conditions:\n\
     \x20 srv-removable <proxy>/<server>  the server is in maintenance and nobody uses it\n";
