//! Directives of backends about the state of servers that an earlier process had (manual 4.2 `load-server-state-from-file`).

use super::ProxyDraft;
use crate::diag::Word;
use crate::keyword::{Meta, Sections, Setting};
use crate::lower::saved::From;
use crate::lower::table::sentence;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    Setting {
        meta: Meta::new(
            "load-server-state-from-file",
            "load-server-state-from-file { global | local | none }",
            "Lets servers begin with the state that they had in an earlier process: from the file of the global \
             'server-state-file', from one of the backend's own, or not at all.",
            &[("load-server-state-from-file none", "")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let span = words.span();
            let name = words.next_word().map_or("", Word::as_str);
            draft.state_from = match name {
                "global" => From::Global,
                "local" => From::Local,
                "none" => From::Nowhere,
                _ => {
                    let text =
                        format!("'load-server-state-from-file' expects 'global', 'local' or 'none'. Got '{name}'");
                    return Err(sentence(span, "unknown", text));
                }
            };
            words.take_rest();
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "server-state-file-name",
            "server-state-file-name [ { use-backend-name | <file> } ]",
            "Names the file of 'load-server-state-from-file local'. By default it has the backend's name.",
            &[("server-state-file-name servers.state", "")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, _| {
            let name = words.next_word().map(Word::as_str).filter(|name| *name != "use-backend-name");
            draft.state_file = name.map(str::to_owned);
            match words.next_word() {
                None => Ok(()),
                Some(word) => {
                    let text = format!("'server-state-file-name' cannot handle unexpected argument '{word}'.");
                    Err(sentence(word.span, "too-many", text))
                }
            }
        },
    },
];
