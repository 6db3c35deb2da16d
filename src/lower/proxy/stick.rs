//! `stick-table` and `stick` of a proxy (manual 4.2 and 11.1).

use super::ProxyDraft;
use crate::diag::{Diagnostic, Lead, Span, suggest};
use crate::expr::{Cond, Expr};
use crate::ir::StickRule;
use crate::ir::proxy::StickWhen;
use crate::keyword::{Error, Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::stick_table;
use crate::lower::table::sentence;

/// A `stick` rule: its name, what it does, its documentation.
macro_rules! stick {
    ($name:literal, $when:ident, $key:literal, $doc:literal) => {
        Setting {
            meta: Meta::new(
                concat!("stick ", $name),
                concat!("stick ", $name, " <pattern> [table <table>] [ { if | unless } <condition> ]"),
                $doc,
                &[(
                    concat!("mode http\n    stick-table type string size 10k\n    stick ", $name, " ", $key),
                    concat!("stick ", $name, " ", $key, " table"),
                )],
            ),
            sections: Sections::BE,
            apply: |words, draft, scope| stick(words, draft, scope, StickWhen::$when),
        }
    };
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    stick!(
        "match",
        Match,
        "src",
        "Sends a request to the server that the table remembers under the key, if it is up or 'option persist' is set. The first rule \
         that finds one counts; cookies and 'use-server' rules go before."
    ),
    stick!("on", On, "src", "Does what 'stick match' and 'stick store-request' do."),
    stick!(
        "store-request",
        StoreRequest,
        "src",
        "Remembers the server of a request under a key of the request. A table learns one key of each request, by the first rule that \
         applies; a stream is remembered under at most 8 keys."
    ),
    stick!(
        "store-response",
        StoreResponse,
        "res.hdr(x-id)",
        "Remembers the server of a request under a key of its response. A table learns one key of each response, by the first rule \
         that applies."
    ),
    Setting {
        meta: Meta::new(
            "stick-table",
            "stick-table type { ip | ipv6 | integer | string [len <len>] | binary [len <len>] } size <size> [expire <delay>] \
         [nopurge] [srvkey { name | addr }] [brates-factor <factor>] [store <data>[,<data>...]]...",
            "Declares the section's stick table: keys, what is counted for each, and how long a key stays that is not used. Data are \
         server_id, server_key, gpc0, gpc1, gpt0, conn_cnt, conn_cur, sess_cnt, http_req_cnt, http_err_cnt, http_fail_cnt, \
         bytes_in_cnt, bytes_out_cnt, glitch_cnt, the rates over a period such as http_req_rate(10s), and the arrays gpc(<nb>), \
         gpt(<nb>) and gpc_rate(<nb>,<period>).",
            &[
                (
                    "stick-table type ip size 1m expire 5m store gpc0,conn_rate(30s)",
                    "stick-table type ip size 1048576 expire 300000 store gpc0,conn_rate(30000)",
                ),
                (
                    "stick-table type string len 64 size 10k store gpc(3),gpc_rate(2,10s)",
                    "stick-table type string len 64 size 10240 store gpc(3),gpc_rate(2,10000)",
                ),
            ],
        ),
        sections: Sections::PROXY,
        apply: stick_table,
    },
];

fn stick(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>, when: StickWhen) -> Result<()> {
    let hook = match (when, scope.http) {
        (StickWhen::StoreResponse, true) => Hook::HttpResponse,
        (StickWhen::StoreResponse, false) => Hook::TcpResponseContent,
        _ => Hook::UseServer,
    };
    let scope = scope.at(hook);
    if words.is_empty() {
        return Err(sentence(words.end(), "missing", "'stick' expects a fetch method."));
    }
    let key = Expr::shared(words, &scope).map_err(|error| in_stick(*error))?;
    let span = words.span();
    let own = draft.out.name.to_string();
    let name = match words.take("table") {
        true => words.expect("a table name.")?.as_str(),
        false => &own,
    };
    let table = scope.names.table(name).ok_or_else(|| unknown_table(&own, name, span, &scope))?;
    let fits = scope.names.tables.get(table.index()).is_some_and(|spec| key.out().casts_to(spec.key.value_type()));
    if !fits {
        let message = format!("Proxy '{own}': type of fetch not usable with type of stick-table '{name}'.");
        return Err(Box::new(Diagnostic::alert("table-type", message).at(span).lead(Lead::Config)));
    }
    if let Some(word) = words.peek().filter(|word| !matches!(word.as_str(), "if" | "unless")) {
        return Err(sentence(word.span, "unknown", format!("'stick': unknown keyword '{word}'.")));
    }
    let cond = Cond::bind(words, &scope)
        .map_err(|error| Box::new(error.context("'stick': error detected while parsing sticking condition : ")))?;
    draft.out.stick.push(StickRule { when, key, table, cond });
    Ok(())
}

/// The table adds nothing to the message.
fn in_stick(error: Diagnostic) -> Error {
    Box::new(Diagnostic { code: "stick", ..error.context("'stick': ") })
}

fn unknown_table(proxy: &str, name: &str, span: Span, scope: &Scope<'_>) -> Error {
    let message = format!("Proxy '{proxy}': unable to find stick-table '{name}'.");
    let error = Diagnostic::alert("unknown-table", message).at(span).lead(Lead::Config);
    let help = match suggest(name, scope.names.tables.iter().map(|table| &*table.name)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("declare a 'stick-table' in section '{name}', or name the table of another"),
    };
    Box::new(error.help(help))
}

fn stick_table(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let name = draft.out.name.to_string();
    if let Some(first) = draft.table_line {
        let message = format!(
            "stick-table name '{name}' conflicts with table declared in {} at {}.",
            draft.title(),
            draft.shared.place(first)
        );
        let error: Diagnostic = *sentence(words.span(), "duplicate", message);
        return Err(Box::new(
            error.place(first, "first one").help("a section has one table: give the other its own section"),
        ));
    }
    draft.table_line = Some(draft.line);
    stick_table::read(words, &name, scope.diags)?;
    draft.out.table = scope.names.table(&name);
    Ok(())
}
