//! `global`: logging (manual 3.1 `log` and its neighbours).

use super::GlobalDraft;
use crate::keyword::{Meta, Sections, Setting};
use crate::lower::log_target::LogDraft;
use crate::lower::values::{integer, text};

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "log",
            "log <target> [len <length>] [format <format>] [sample <ranges>:<size>] <facility> [<level> [<minlevel>]]",
            "Adds a destination for the logs of proxies that say 'log global'.",
            &[
                ("log 127.0.0.1:514 local0", "log udp 127.0.0.1:514 16"),
                ("log stdout format raw daemon", "log fd 1 Raw"),
            ],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            let log = LogDraft::read(words, &draft.shared, false)?;
            draft.logs.push(log);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "log-tag",
            "log-tag <text>",
            "Sets the name of the program in log lines. The default is the name it was started by.",
            &[("log-tag edge", "log-tag edge")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.log_tag = Some(text(words, "a tag for use in syslog.")?.to_owned());
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "log-send-hostname",
            "log-send-hostname [<text>]",
            "Writes the host name, or this text, into the header of log lines.",
            &[("log-send-hostname edge", "log-send-hostname edge")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.log_send_hostname = Some(words.next_word().map(|word| word.as_str().to_owned()));
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "tune.http.logurilen",
            "tune.http.logurilen <number>",
            "Sets how many bytes of a request line are logged. The default is 1024.",
            &[("tune.http.logurilen 4096", "log-uri-len 4096")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.log_uri_len = integer(words, 1, i32::MAX as usize)?;
            Ok(())
        },
    },
];
