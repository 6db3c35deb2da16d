//! Words that HAProxy had and dropped, with what to write instead; the texts are HAProxy's.

use super::table::sentence;
use crate::diag::Word;
use crate::keyword::Error;

/// The error for a word that releases before had.
pub(super) fn removed(word: &Word) -> Option<Error> {
    let (_, message) = REMOVED.iter().find(|(name, _)| *name == word.as_str())?;
    Some(sentence(word.span, "removed", *message))
}

macro_rules! removed {
    ($name:literal, $instead:literal) => {
        (
            $name,
            concat!(
                "The '",
                $name,
                "' directive is not supported anymore since HAProxy 2.1. Use '",
                $instead,
                "' instead."
            ),
        )
    };
}

const REMOVED: [(&str, &str); 32] = [
    removed!("reqadd", "http-request add-header"),
    removed!("rspadd", "http-response add-header"),
    removed!("reqdel", "http-request del-header"),
    removed!("reqidel", "http-request del-header"),
    removed!("rspdel", "http-response del-header"),
    removed!("rspidel", "http-response del-header"),
    removed!("reqrep", "http-request replace-path', 'http-request replace-uri' or 'http-request replace-header"),
    removed!("reqirep", "http-request replace-header"),
    removed!("rsprep", "http-response replace-header"),
    removed!("rspirep", "http-response replace-header"),
    removed!("reqallow", "http-request allow"),
    removed!("reqiallow", "http-request allow"),
    removed!("reqpass", "http-request allow"),
    removed!("reqipass", "http-request allow"),
    removed!("reqdeny", "http-request deny"),
    removed!("reqideny", "http-request deny"),
    removed!("rspdeny", "http-response deny"),
    removed!("rspideny", "http-response deny"),
    removed!("reqtarpit", "http-request tarpit"),
    removed!("reqitarpit", "http-request tarpit"),
    removed!("reqsetbe", "use_backend"),
    removed!("reqisetbe", "use_backend"),
    (
        "block",
        "The 'block' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' which uses the exact same \
         syntax.",
    ),
    (
        "redispatch",
        "keyword 'redispatch' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'.",
    ),
    ("clitimeout", "the 'clitimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout client'."),
    ("srvtimeout", "the 'srvtimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout server'."),
    ("contimeout", "the 'contimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout connect'."),
    ("appsession", "'appsession' is not supported anymore since HAProxy 1.6."),
    (
        "nbproc",
        "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on multi-processor machines \
         if available.",
    ),
    ("bind-process", "'bind-process' is not supported anymore."),
    (
        "monitor-net",
        "'monitor-net' is not supported anymore. Use 'http-request return status 200 if { src ... }' instead.",
    ),
    ("grace", "'grace' is not supported in proxies anymore."),
];
