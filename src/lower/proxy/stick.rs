//! `stick-table` of a proxy (manual 4.2 and 11.1).

use super::ProxyDraft;
use crate::diag::Diagnostic;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::stick_table;
use crate::lower::table::sentence;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[Setting {
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
}];

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
