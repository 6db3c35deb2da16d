//! The statistics as a page: readable without JavaScript, coloured by state, in light and dark.
//!
//! Class names and the order of columns are those that HAProxy's users (and their style sheets and scrapers) know.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::columns::col;
use super::page::{Asked, View};
use super::rows::{Kind, Row};
use crate::ir::{Mode, Proxy};

/// The whole document.
pub fn document(view: &View<'_>, rows: &[Row]) -> String {
    let mut out = String::with_capacity(16 * 1024 + rows.len() * 1024);
    head(view, &mut out);
    process(view, &mut out);
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let name = first.show(const { col("pxname") });
        let count = rest.iter().take_while(|row| row.show(const { col("pxname") }) == name).count();
        let (mine, others) = rest.split_at(count);
        if let Some(proxy) = view.ir.proxies.iter().find(|proxy| *proxy.name == *name) {
            table(view, proxy, mine, &mut out);
        }
        rest = others;
    }
    out.push_str("</body></html>\n");
    out
}

/// Text for HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

// Writing to a String cannot fail, so results of `write!` are dropped in this file.
fn head(view: &View<'_>, out: &mut String) {
    let stats = view.stats;
    let node = match &stats.show_node {
        None => String::new(),
        Some(node) => {
            format!(
                " on {}",
                escape(node.as_deref().or(view.ir.global.node.as_deref()).unwrap_or(&view.process.hostname))
            )
        }
    };
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Statistics Report for HAProxy{node}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<meta charset=\"utf-8\">\n<style>{STYLE}</style></head>\n\
         <body><h1>HAProxy <small>by hydroxy</small>{}</h1>\n<h2>Statistics Report for pid {}{node}{}</h2>\n<hr>\n",
        if stats.hide_version {
            String::new()
        } else {
            format!(" version 3.4.0-hydroxy-{}", env!("CARGO_PKG_VERSION"))
        },
        view.process.pid,
        match &stats.show_desc {
            None => String::new(),
            Some(text) => {
                let text = text.as_deref().or(view.ir.global.description.as_deref()).unwrap_or("");
                format!(": {}", escape(text))
            }
        }
    );
}

fn process(view: &View<'_>, out: &mut String) {
    let process = &view.state.process;
    let up = view.process.uptime.as_secs();
    let _ = write!(
        out,
        "<h3>&gt; General process information</h3>\n<table class=\"top\"><tr><td>\n<p><b>pid = </b> {} (process #1, nbproc = 1, nbthread = {})<br>\n\
         <b>uptime = </b> {}d {}h{:02}m{:02}s; warnings = {}<br>\n<b>system limits:</b> ulimit-n = {}<br>\n\
         <b>maxconn = </b> {}; <b>reached = </b> {}<br>\ncurrent conns = {}; conn rate = {}/sec<br>\n</td><td>\n{LEGEND}</td>",
        view.process.pid,
        view.process.threads,
        up / 86_400,
        up / 3600 % 24,
        up / 60 % 60,
        up % 60,
        view.process.warnings,
        view.process.descriptors,
        process.maxconn.load(Relaxed),
        process.maxconn_reached.load(Relaxed),
        process.connections.load(Relaxed),
        process.connection_rate.per_second(view.at.now_ms),
    );
    options(view, out);
    out.push_str(notice(view.asked.outcome.as_deref()));
}

/// Links that show the same in another way.
fn options(view: &View<'_>, out: &mut String) {
    let uri = escape(&view.stats.uri);
    let link = |asked: &Asked| format!("{uri}{}", escape(&asked.options()));
    let scope = escape(view.asked.scope.as_deref().unwrap_or(""));
    let _ = writeln!(
        out,
        "<td><b>Display option:</b><ul><li><form method=\"GET\">Scope : <input value=\"{scope}\" name=\"scope\" size=\"8\" maxlength=\"20\"></form></li>"
    );
    let mut toggle = |on: bool, shown: (&str, &str), other: Asked| {
        let _ = writeln!(out, "<li><a href=\"{}\">{}</a></li>", link(&other), if on { shown.0 } else { shown.1 });
    };
    let asked = &view.asked;
    let down = Asked { hide_down: !asked.hide_down, ..asked.clone() };
    toggle(asked.hide_down, ("Show all servers", "Hide 'DOWN' servers"), down);
    if view.stats.refresh_ms.is_some() {
        let refresh = Asked { no_refresh: !asked.no_refresh, ..asked.clone() };
        toggle(asked.no_refresh, ("Enable refresh", "Disable refresh"), refresh);
    }
    let scope = asked.scope.as_ref().map(|scope| format!("?scope={}", escape(scope))).unwrap_or_default();
    let _ = write!(
        out,
        "<li><a href=\"{}\">Refresh now</a></li>\n<li><a href=\"{uri};csv{scope}\">CSV export</a></li>\n\
         <li><a href=\"{uri};json{scope}\">JSON export</a> (<a href=\"{uri};json-schema\">schema</a>)</li>\n</ul></td></tr></table>\n",
        link(asked)
    );
}

fn notice(outcome: Option<&str>) -> &'static str {
    match outcome {
        Some("DONE") => "<p class=\"note active_up\">Action processed successfully.</p>\n",
        Some("NONE") => "<p class=\"note active_going_down\">Nothing has changed.</p>\n",
        Some("PART") => {
            "<p class=\"note active_going_down\">Action partly processed: some servers are not known.</p>\n"
        }
        Some("DENY") => "<p class=\"note active_down\">Action denied.</p>\n",
        Some(_) => "<p class=\"note active_down\">Action not processed: the request was not understood.</p>\n",
        None => "",
    }
}

fn table(view: &View<'_>, proxy: &Proxy, rows: &[Row], out: &mut String) {
    let name = escape(&proxy.name);
    let admin = view.admin && proxy.backend && !proxy.servers.is_empty();
    if admin {
        out.push_str("<form method=\"post\">");
    }
    let legend = match view.stats.show_legends {
        false => String::new(),
        true => format!("<div class=tips>{}</div>", legend(proxy)),
    };
    let (box_class, description) = match proxy.description.as_deref() {
        Some(text) => ("desc", escape(text)),
        None => ("empty", String::new()),
    };
    // A convenience where scripts run; every box can be checked without.
    let all = match admin {
        true => {
            "<input type=\"checkbox\" title=\"all\" onclick=\"for (const box of this.form.querySelectorAll('[name=s]')) box.checked = this.checked\">"
        }
        false => "",
    };
    let _ = write!(
        out,
        "<table class=\"tbl\" width=\"100%\">\n<tr class=\"titre\"><th class=\"pxname\" width=\"10%\"><a id=\"{name}\"></a><u><a class=px href=\"#{name}\">{name}</a>{legend}</u></th>\
         <th class=\"{box_class}\" width=\"90%\">{description}</th></tr>\n</table>\n<table class=\"tbl\" width=\"100%\">\n\
         <tr class=\"titre\"><th rowspan=2>{all}</th>{HEADINGS}\n",
    );
    for row in rows {
        line(view, row, admin, out);
    }
    out.push_str("</table>");
    if admin {
        let _ = write!(
            out,
            "{ACTIONS}<input type=\"hidden\" name=\"b\" value=\"#{}\">&nbsp;<input type=\"submit\" value=\"Apply\"></form>",
            proxy.uuid
        );
    }
    out.push_str("<p>\n");
}

fn legend(proxy: &Proxy) -> String {
    let cap = match (proxy.frontend, proxy.backend) {
        (true, true) => "proxy",
        (true, false) => "frontend",
        _ => "backend",
    };
    let mode = if proxy.mode == Mode::Http { "http" } else { "tcp" };
    format!("cap: {cap}, mode: {mode}, id: {}", proxy.uuid)
}

fn line(view: &View<'_>, row: &Row, admin: bool, out: &mut String) {
    let server = row.kind == Kind::Server;
    let px = escape(&row.show(const { col("pxname") }));
    let sv = escape(&row.show(const { col("svname") }));
    let label = match row.kind {
        Kind::Frontend => "Frontend",
        Kind::Backend => "Backend",
        _ => &sv,
    };
    let mark = match admin && server {
        true => format!("<input type=\"checkbox\" name=\"s\" value=\"{sv}\">"),
        false => String::new(),
    };
    let tip = match view.stats.show_legends {
        true => server_legend(row),
        false => String::new(),
    };
    let _ = write!(
        out,
        "<tr class=\"{}\"><td>{mark}</td><td class=ac><u><a id=\"{px}/{label}\"></a><a class=lfsb href=\"#{px}/{label}\">{label}</a>{tip}</u></td>",
        row.class
    );
    let number = |at: usize| match row.show(at).parse::<i64>() {
        Ok(value) => group(value),
        Err(_) => String::new(),
    };
    let limit = |at: usize| if row.number(at) > 0 { group(row.number(at)) } else { "-".to_owned() };
    let cells = [
        number(const { col("qcur") }),
        number(const { col("qmax") }),
        if server { limit(const { col("qlimit") }) } else { String::new() },
        with_tip(number(const { col("rate") }), &rate_tip(row, false)),
        with_tip(number(const { col("rate_max") }), &rate_tip(row, true)),
        if row.kind == Kind::Frontend { limit(const { col("rate_lim") }) } else { String::new() },
        with_tip(number(const { col("scur") }), &connections_tip(row)),
        number(const { col("smax") }),
        limit(const { col("slim") }),
        with_tip(number(const { col("stot") }), &sessions_tip(row)),
        number(const { col("lbtot") }),
        last_session(row),
        number(const { col("bin") }),
        number(const { col("bout") }),
        number(const { col("dreq") }),
        number(const { col("dresp") }),
        number(const { col("ereq") }),
        number(const { col("econ") }),
        with_tip(number(const { col("eresp") }), &aborts_tip(row)),
        number(const { col("wretr") }),
        number(const { col("wredis") }),
    ];
    for cell in cells {
        let _ = write!(out, "<td>{cell}</td>");
    }
    state(row, out);
    out.push_str("</tr>\n");
}

fn state(row: &Row, out: &mut String) {
    let status = row.show(const { col("status") });
    if matches!(row.kind, Kind::Frontend | Kind::Listener) {
        let _ = write!(out, "<td class=ac>{status}</td><td class=ac colspan=8></td>");
        return;
    }
    let since = duration(row.number(const { col("lastchg") }));
    if status == "no check" {
        out.push_str("<td class=ac><i>no check</i></td><td></td>");
    } else {
        let check = row.show(const { col("check_status") });
        let code = row.show(const { col("check_code") });
        let code = if code.is_empty() { code } else { format!("/{code}") };
        let text = match check.is_empty() {
            true => String::new(),
            false => format!("{check}{code} in {}ms", row.number(const { col("check_duration") })),
        };
        let last = row.show(const { col("last_chk") });
        let tip = row.show(const { col("check_desc") });
        let tip = escape(&if last.is_empty() { tip } else { format!("{tip}: {last}") });
        let status = match row.kind {
            Kind::Backend if status.starts_with("DOWN") => format!("<span class=down>{status}</span>"),
            _ => escape(&status),
        };
        let _ = write!(out, "<td class=ac>{since} {status}</td><td class=ac>{}</td>", with_tip(text, &tip));
    }
    let yes = |at: usize| match (row.kind, row.number(at)) {
        (Kind::Backend, value) => value.to_string(),
        (_, 0) => "-".to_owned(),
        _ => "Y".to_owned(),
    };
    let weight = format!("{}/{}", row.show(const { col("weight") }), row.show(const { col("uweight") }));
    let down = row.show(const { col("downtime") });
    let down = down.parse().map(duration).unwrap_or_default();
    let _ = write!(
        out,
        "<td class=ac>{weight}</td><td class=ac>{}</td><td class=ac>{}</td><td>{}</td><td>{}</td><td>{down}</td><td class=ac>{}</td>",
        yes(const { col("act") }),
        yes(const { col("bck") }),
        with_tip(row.show(const { col("chkfail") }), "Failed Health Checks"),
        row.show(const { col("chkdown") }),
        if row.kind == Kind::Server { "-" } else { "" },
    );
}

fn server_legend(row: &Row) -> String {
    match row.kind {
        Kind::Server => {
            let cookie = row.show(const { col("cookie") });
            let cookie = if cookie.is_empty() { cookie } else { format!(", cookie: '{}'", escape(&cookie)) };
            let (addr, id) = (escape(&row.show(const { col("addr") })), row.show(const { col("sid") }));
            format!("<div class=tips>{addr}, id: {id}{cookie}</div>")
        }
        Kind::Backend => format!("<div class=tips>balancing: {}</div>", row.show(const { col("algo") })),
        _ => String::new(),
    }
}

fn rate_tip(row: &Row, max: bool) -> String {
    if row.kind != Kind::Frontend {
        return String::new();
    }
    let (word, columns) = match max {
        false => ("Current", const { [col("conn_rate"), col("rate"), col("req_rate")] }),
        true => ("Max", const { [col("conn_rate_max"), col("rate_max"), col("req_rate_max")] }),
    };
    let names = ["connection", "session", "request"];
    details(
        names.iter().zip(columns).map(|(name, at)| (format!("{word} {name} rate:"), format!("{}/s", row.number(at)))),
    )
}

fn connections_tip(row: &Row) -> String {
    if row.kind != Kind::Server {
        return String::new();
    }
    let line = |name: &str, at: usize| (name.to_owned(), group(row.number(at)));
    let lines = [
        line("Current active connections:", const { col("scur") }),
        line("Current used connections:", const { col("used_conn_cur") }),
        line("Current idle connections:", const { col("srv_icur") }),
        line("Estimated need of connections:", const { col("need_conn_est") }),
    ];
    details(lines.into_iter())
}

fn sessions_tip(row: &Row) -> String {
    let mut lines = vec![("Cum. sessions:".to_owned(), group(row.number(const { col("stot") })))];
    let mut add = |name: &str, at: usize| {
        if !row.show(at).is_empty() {
            lines.push((name.to_owned(), group(row.number(at))));
        }
    };
    add("Cum. connections:", const { col("conn_tot") });
    add("New connections:", const { col("connect") });
    add("Reused connections:", const { col("reuse") });
    add("Cum. HTTP requests:", const { col("req_tot") });
    add("- HTTP 1xx responses:", const { col("hrsp_1xx") });
    add("- HTTP 2xx responses:", const { col("hrsp_2xx") });
    add("- HTTP 3xx responses:", const { col("hrsp_3xx") });
    add("- HTTP 4xx responses:", const { col("hrsp_4xx") });
    add("- HTTP 5xx responses:", const { col("hrsp_5xx") });
    add("- other responses:", const { col("hrsp_other") });
    add("Intercepted requests:", const { col("intercepted") });
    for (name, average, max) in TIME_LINES {
        if !row.show(*average).is_empty() {
            lines.push((
                (*name).to_owned(),
                format!("{} / {} ms", group(row.number(*max)), group(row.number(*average))),
            ));
        }
    }
    details(lines.into_iter())
}

fn aborts_tip(row: &Row) -> String {
    match row.kind {
        Kind::Server | Kind::Backend => format!(
            "Connection resets during transfers: {} client, {} server",
            row.number(const { col("cli_abrt") }),
            row.number(const { col("srv_abrt") })
        ),
        _ => String::new(),
    }
}

fn details(lines: impl Iterator<Item = (String, String)>) -> String {
    let lines: String = lines.map(|(name, value)| format!("<tr><th>{name}</th><td>{value}</td></tr>")).collect();
    format!("<table class=det>{lines}</table>")
}

fn with_tip(text: String, tip: &str) -> String {
    if text.is_empty() || tip.is_empty() { text } else { format!("<u>{text}<div class=tips>{tip}</div></u>") }
}

fn last_session(row: &Row) -> String {
    match (row.kind, row.number(const { col("lastsess") })) {
        (Kind::Frontend | Kind::Listener, _) => String::new(),
        (_, seconds) if seconds < 0 => "?".to_owned(),
        (_, seconds) => duration(seconds),
    }
}

/// Seconds in the two largest units, as HAProxy prints them: `4s`, `2m5s`, `1h2m`, `3d4h`.
fn duration(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Digits in groups of three, set apart by style only so that copied numbers stay numbers.
fn group(value: i64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + 32);
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at - 1;
        match left > 0 && left.is_multiple_of(3) && digit != '-' {
            true => {
                let _ = write!(out, "<span class=\"rls\">{digit}</span>");
            }
            false => out.push(digit),
        }
    }
    out
}

const TIME_LINES: &[(&str, usize, usize)] = &[
    ("- Queue time (max / avg):", col("qtime"), col("qtime_max")),
    ("- Connect time (max / avg):", col("ctime"), col("ctime_max")),
    ("- Responses time (max / avg):", col("rtime"), col("rtime_max")),
    ("- Total time (max / avg):", col("ttime"), col("ttime_max")),
];

const HEADINGS: &str = "<th rowspan=2></th><th colspan=3>Queue</th><th colspan=3>Session rate</th><th colspan=6>Sessions</th><th colspan=2>Bytes</th><th colspan=2>Denied</th><th colspan=3>Errors</th><th colspan=2>Warnings</th><th colspan=9>Server</th></tr>\n<tr class=\"titre\"><th>Cur</th><th>Max</th><th>Limit</th><th>Cur</th><th>Max</th><th>Limit</th><th>Cur</th><th>Max</th><th>Limit</th><th>Total</th><th>LbTot</th><th>Last</th><th>In</th><th>Out</th><th>Req</th><th>Resp</th><th>Req</th><th>Conn</th><th>Resp</th><th>Retr</th><th>Redis</th><th>Status</th><th>LastChk</th><th>Wght</th><th>Act</th><th>Bck</th><th>Chk</th><th>Dwn</th><th>Dwntme</th><th>Thrtle</th></tr>";

const ACTIONS: &str = "Choose the action to perform on the checked servers : <select name=action><option value=\"\"></option>\
     <option value=\"ready\">Set state to READY</option>\
     <option value=\"drain\">Set state to DRAIN</option>\
     <option value=\"maint\">Set state to MAINT</option>\
     <option value=\"dhlth\">Health: disable checks</option>\
     <option value=\"ehlth\">Health: enable checks</option>\
     <option value=\"hrunn\">Health: force UP</option>\
     <option value=\"hnolb\">Health: force NOLB</option>\
     <option value=\"hdown\">Health: force DOWN</option>\
     <option value=\"dagent\">Agent: disable checks</option>\
     <option value=\"eagent\">Agent: enable checks</option>\
     <option value=\"arunn\">Agent: force UP</option>\
     <option value=\"adown\">Agent: force DOWN</option>\
     <option value=\"shutdown\">Kill Sessions</option>\
     </select>";

const LEGEND: &str = "<table class=\"lgd\"><tr><td class=\"active_up\">&nbsp;</td><td class=\"noborder\">active UP</td><td class=\"backup_up\">&nbsp;</td><td class=\"noborder\">backup UP</td></tr><tr><td class=\"active_going_down\"></td><td class=\"noborder\">active UP, going down</td><td class=\"backup_going_down\"></td><td class=\"noborder\">backup UP, going down</td></tr><tr><td class=\"active_going_up\"></td><td class=\"noborder\">active DOWN, going up</td><td class=\"backup_going_up\"></td><td class=\"noborder\">backup DOWN, going up</td></tr><tr><td class=\"active_down\"></td><td class=\"noborder\">active or backup DOWN</td><td class=\"active_no_check\"></td><td class=\"noborder\">not checked</td></tr><tr><td class=\"maintain\"></td><td class=\"noborder\" colspan=3>active or backup DOWN for maintenance (MAINT)</td></tr><tr><td class=\"active_draining\"></td><td class=\"noborder\" colspan=3>active or backup SOFT STOPPED for maintenance</td></tr></table>\nNote: \"NOLB\"/\"DRAIN\" = UP with load-balancing disabled.";

const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_two_largest_units() {
        assert_eq!([4, 125, 3720, 273_600].map(duration), ["4s", "2m5s", "1h2m", "3d4h"]);
    }

    #[test]
    fn numbers_are_grouped_without_changing_their_digits() {
        assert_eq!(group(950), "950");
        let plain = |text: String| text.replace("<span class=\"rls\">", "").replace("</span>", "");
        assert_eq!(plain(group(1_234_567)), "1234567");
        assert_eq!(plain(group(-1234)), "-1234");
    }
}
