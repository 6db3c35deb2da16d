//! Logging of a proxy (manual 4.2 and chapter 8): targets, formats and what is logged when.

use super::ProxyDraft;
use crate::base::log_formats;
use crate::diag::{Diagnostic, Span, Word};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::log_target::LogDraft;
use crate::lower::table::{Draft, Prefix, sentence};
use crate::lower::values::text;

/// `log` lines so far.
#[derive(Default)]
pub(super) struct Logs {
    /// `log global`
    pub(super) global: bool,
    pub(super) own: Vec<LogDraft>,
    /// The line of a finished stream, and where it was set; none is HAProxy's terse default.
    pub(super) format: Option<(Format, Span)>,
    /// `error-log-format`
    pub(super) error_format: Option<Word>,
    /// `log-format-sd`
    pub(super) structured: Option<Word>,
}

/// What a finished stream looks like in the log.
pub(super) enum Format {
    /// `option tcplog` and relatives: the text of a format of HAProxy's own.
    Preset(&'static str),
    /// `log-format`; bound for each proxy that uses it.
    Custom(Word),
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "log",
            "log global | log <target> [<option> ...] <facility> [<level> [<minlevel>]] | no log",
            "Adds a destination for the log; 'global' stands for those of the global section.",
            &[("log 127.0.0.1:514 local0", "log udp 127.0.0.1:514 16")],
        ),
        sections: Sections::D_PROXY,
        apply: log,
    },
    Setting {
        meta: Meta::new(
            "log-tag",
            "log-tag <text>",
            "Sets the name of the program in this proxy's log lines.",
            &[("log-tag shop", "log-tag shop")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, _| {
            draft.out.log_tag = Some(text(words, "a tag for use in syslog.")?.into());
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "log-format",
            "log-format <fmt>",
            "Sets what is logged of a finished stream.",
            &[("log-format \"%ci %ST %{+Q}r\"", "log-format %ci %ST %{+Q}r")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, scope| {
            let word = one(words, "log-format")?;
            if !in_backend(draft, scope, "'log-format' directive is ignored in backends.") {
                draft.set_format(Format::Custom(word.clone()), scope, "log-format");
            }
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "error-log-format",
            "error-log-format <fmt>",
            "Sets what is logged of a connection that failed before a stream began.",
            &[("error-log-format \"%ci failed\"", "error-log-format %ci failed")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, scope| {
            let word = one(words, "error-log-format")?;
            if !in_backend(draft, scope, "'error-log-format' directive is ignored in backends.") {
                draft.logs.error_format = Some(word.clone());
            }
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "log-format-sd",
            "log-format-sd <fmt>",
            "Sets the structured data of log lines whose target has 'format rfc5424'.",
            &[("log-format-sd \"[shop@1234 status=\\\"%ST\\\"]\"", "log-format-sd [shop@1234 status=\"%ST\"]")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, scope| {
            let word = one(words, "log-format-sd")?;
            if !in_backend(draft, scope, "'log-format-sd' directive is ignored in backends.") {
                draft.logs.structured = Some(word.clone());
            }
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option tcplog",
            "option tcplog [clf]",
            "Logs connections with times, state and counters.",
            &[("option tcplog", "log-format %ci:%cp")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, scope| {
            let clf = only_clf(words, "tcplog")?;
            if !in_backend(draft, scope, "'option tcplog' directive is ignored in backends.") {
                let preset = if clf { log_formats::TCP_CLF } else { log_formats::TCP };
                draft.set_format(Format::Preset(preset), scope, "option tcplog");
            }
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option httplog",
            "option httplog [clf]",
            "Logs requests with times, state, counters, captured fields and the request line.",
            &[("option httplog", "log-format %ci:%cp")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, scope| {
            let clf = only_clf(words, "httplog")?;
            if !in_backend(draft, scope, "'option httplog' directive is ignored in backends.") {
                let preset = if clf { log_formats::HTTP_CLF } else { log_formats::HTTP };
                draft.set_format(Format::Preset(preset), scope, "option httplog");
            }
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option httpslog",
            "option httpslog",
            "Logs requests as 'option httplog' does, and facts of the TLS session.",
            &[("option httpslog", "log-format %ci:%cp")],
        ),
        sections: Sections::D_PROXY,
        apply: |_, draft, scope| {
            if !in_backend(draft, scope, "'option httpslog' directive is ignored in backends.") {
                draft.set_format(Format::Preset(log_formats::HTTPS), scope, "option httpslog");
            }
            Ok(())
        },
    },
    flag!(
        "dontlognull",
        Sections::D_FE,
        "Does not log connections on which nothing was received.",
        "dontlognull",
        dont_log_null
    ),
    flag!(
        "dontlog-normal",
        Sections::D_FE,
        "Does not log streams without error, timeout, retry or redispatch.",
        "dontlog-normal",
        dont_log_normal
    ),
    flag!(
        "log-separate-errors",
        Sections::D_FE,
        "Logs streams with errors at level 'err' instead of 'info'.",
        "log-separate-errors",
        log_separate_errors
    ),
    flag!(
        "logasap",
        Sections::D_FE,
        "Logs a stream when its response begins instead of when it ends.",
        "logasap",
        log_asap
    ),
    flag!(
        "log-health-checks",
        Sections::D_BE,
        "Logs the result of health checks that change a server's counter.",
        "log-health-checks",
        log_health_checks
    ),
];

impl ProxyDraft {
    /// The last format wins; replacing one of the same section is told.
    fn set_format(&mut self, format: Format, scope: &Scope<'_>, name: &'static str) {
        let line = self.line;
        if let Some((_, first)) = &self.logs.format {
            let own = !self.inherited && first.file == self.span.file && first.line > self.span.line;
            if own {
                let place = self.shared.place(*first);
                let old = if first.line == line.line { name } else { "log-format" };
                let text = format!("'{name}' overrides previous '{old}' in '{}' section.", super::kind_name(self.kind));
                let found = Diagnostic::warning("override", text).at(line);
                scope.diags.push(found.place(*first, format!("the one of {place} has no effect")));
            }
        }
        self.logs.format = Some((format, line));
    }
}

/// HAProxy's own format texts stand in no file.
pub(super) fn preset(text: &str) -> Word {
    Word::new(text, Span::nowhere())
}

fn log(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    if *draft.prefix() == Prefix::No {
        draft.flag(false);
        if let Some(word) = words.peek() {
            return Err(sentence(word.span, "left-over", "log : 'no log' does not expect arguments."));
        }
        draft.logs.own.clear();
        draft.logs.global = false;
        return Ok(());
    }
    if words.peek_str() == "global" && words.rest().len() == 1 {
        words.next_word();
        draft.logs.global = true;
        return Ok(());
    }
    let log = LogDraft::read(words, &draft.shared, true)?;
    draft.logs.own.push(log);
    Ok(())
}

fn one<'a>(words: &mut Words<'a>, name: &str) -> Result<&'a Word> {
    let Some(word) = words.next_word() else {
        return Err(sentence(words.end(), "missing", format!("{name} expects an argument.")));
    };
    match words.peek() {
        None => Ok(word),
        Some(extra) => {
            let message = format!("{name} expects only one argument, don't forget to escape spaces!");
            let error = sentence(extra.span, "left-over", message);
            Err(Box::new(error.help("put the whole format between double quotes")))
        }
    }
}

/// True in backends, where it also warns: streams are logged by frontends.
fn in_backend(draft: &ProxyDraft, scope: &Scope<'_>, what: &str) -> bool {
    if draft.kind != Sections::BACKEND {
        return false;
    }
    if !draft.inherited {
        let text = format!("{} : {what}", draft.title());
        scope.diags.push(Diagnostic::warning("no-frontend", text).at(draft.line));
    }
    true
}

fn only_clf(words: &mut Words<'_>, option: &str) -> Result<bool> {
    match words.next_word() {
        None => Ok(false),
        Some(word) if word.as_str() == "clf" => Ok(true),
        Some(word) => Err(sentence(word.span, "unknown", format!("keyword '{option}' only supports option 'clf'."))),
    }
}
