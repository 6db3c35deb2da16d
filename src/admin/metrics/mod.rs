//! The Prometheus exporter (`http-request use-service prometheus-exporter`): the statistics in Prometheus' text format.
//!
//! Names, types and order are those of HAProxy 3.4 and stand in `metrics.tsv`. Values come from the rows of `show stat` and the fields
//! of `show info`, so that the three cannot tell different things; so do descriptions, where HAProxy has the same ones.

mod write;

use std::sync::OnceLock;

use super::cli::{self, Shell};
use super::stats::columns::{COLUMNS, col};
use super::stats::rows::{self, Kind, Row};
use super::stats::typed;
use write::{Labels, Writer};

/// What is asked for behind the path.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    scopes: Vec<Scope>,
    no_maint: bool,
    /// Names of metrics, and those that are left out.
    only: Vec<String>,
    without: Vec<String>,
}

/// What metrics are about, in the order of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Process,
    Frontend,
    Listener,
    Backend,
    Server,
    StickTable,
    Resolver,
}

/// One line of the table.
struct Metric {
    scope: Scope,
    /// Behind `haproxy_` and the scope.
    name: &'static str,
    counter: bool,
    /// The column of `show stat`, the field of `show info`, or the counter.
    source: &'static str,
    help: &'static str,
}

/// The answer to a request with this target; none if it asks for a scope that does not exist.
pub fn answer(shell: &Shell<'_>, target: &[u8]) -> Option<Vec<u8>> {
    let asked = Asked::of(&String::from_utf8_lossy(target))?;
    let body = body(shell, &asked);
    let mut out = Vec::with_capacity(body.len() + 160);
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-type: text/plain; version=0.0.4\r\n");
    out.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(body.as_bytes());
    Some(out)
}

impl Asked {
    /// Reads the query of a target. Parameters that do not exist are passed over.
    fn of(target: &str) -> Option<Asked> {
        let mut asked = Asked { scopes: Scope::ALL.to_vec(), no_maint: false, only: Vec::new(), without: Vec::new() };
        let mut chosen = false;
        let query = target.split_once('?').map_or("", |(_, query)| query);
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            match name {
                "scope" => {
                    if !std::mem::replace(&mut chosen, true) {
                        asked.scopes.clear();
                    }
                    asked.scope(&percent_encoding::percent_decode_str(value?).decode_utf8_lossy())?;
                }
                "no-maint" => asked.no_maint = true,
                "metrics" => {
                    for name in value.unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
                        match name.strip_prefix('-') {
                            Some(name) => asked.without.push(name.to_owned()),
                            None => asked.only.push(name.to_owned()),
                        }
                    }
                }
                _ => {}
            }
        }
        Some(asked)
    }

    /// One value of `scope`: an empty one takes back what was chosen.
    fn scope(&mut self, name: &str) -> Option<()> {
        match name {
            "" => self.scopes.clear(),
            "*" => self.scopes = Scope::ALL.to_vec(),
            name => self.scopes.push(Scope::ALL.into_iter().find(|scope| scope.parameter() == name)?),
        }
        Some(())
    }

    fn wants(&self, metric: &Metric) -> bool {
        let name = || format!("haproxy_{}_{}", metric.scope.name(), metric.name);
        self.scopes.contains(&metric.scope)
            && (self.only.is_empty() || self.only.contains(&name()))
            && !self.without.contains(&name())
    }
}

impl Scope {
    const ALL: [Scope; 7] = [
        Scope::Process,
        Scope::Frontend,
        Scope::Listener,
        Scope::Backend,
        Scope::Server,
        Scope::StickTable,
        Scope::Resolver,
    ];

    /// In the names of metrics.
    fn name(self) -> &'static str {
        match self {
            Scope::Process => "process",
            Scope::Frontend => "frontend",
            Scope::Listener => "listener",
            Scope::Backend => "backend",
            Scope::Server => "server",
            Scope::StickTable => "sticktable",
            Scope::Resolver => "resolver",
        }
    }

    /// As the query has it.
    fn parameter(self) -> &'static str {
        if self == Scope::Process { "global" } else { self.name() }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            Scope::Frontend => Some(Kind::Frontend),
            Scope::Listener => Some(Kind::Listener),
            Scope::Backend => Some(Kind::Backend),
            Scope::Server => Some(Kind::Server),
            Scope::Process | Scope::StickTable | Scope::Resolver => None,
        }
    }
}

fn body(shell: &Shell<'_>, asked: &Asked) -> String {
    let mut rows = rows::rows(shell.ir, shell.view, shell.at, |_| true);
    let hidden: Vec<Row> = if asked.no_maint {
        let status = const { col("status") };
        let (hidden, shown) =
            rows.into_iter().partition(|row| row.kind == Kind::Server && row.show(status).starts_with("MAINT"));
        rows = shown;
        hidden
    } else {
        Vec::new()
    };
    let mut out = Writer::default();
    for metric in metrics().iter().filter(|metric| asked.wants(metric)) {
        let name = format!("haproxy_{}_{}", metric.scope.name(), metric.name);
        out.begin(name, metric.counter, metric.help);
        match metric.scope {
            Scope::Process => process(shell, metric, &mut out),
            Scope::StickTable => sticktables(shell, metric, &mut out),
            Scope::Resolver => resolvers(shell, metric, &mut out),
            _ => objects(&rows, &hidden, metric, &mut out),
        }
    }
    out.finish()
}

fn process(shell: &Shell<'_>, metric: &Metric, out: &mut Writer) {
    let value = cli::process_value(shell, metric.source);
    let label = match metric.name {
        "node" => "node",
        "description" => "desc",
        "build_info" => {
            let version = cli::process_value(shell, "Version").unwrap_or_default();
            return out.line(&Labels::default().with("version", &version), "1");
        }
        // What there is none of, such as memory pools, has no number.
        _ => return out.line(&Labels::default(), value.as_deref().unwrap_or("NaN")),
    };
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        out.line(&Labels::default().with(label, &value), "1");
    }
}

fn sticktables(shell: &Shell<'_>, metric: &Metric, out: &mut Writer) {
    for table in &shell.view.tables {
        let spec = table.spec();
        let value = match metric.source {
            "size" => spec.size,
            "used" => table.used(shell.at.now_ms),
            // Updates are counted where there are peers to be told of them.
            _ => 0,
        };
        let labels = Labels::default().with("name", &spec.name).with("type", spec.key.name());
        out.line(&labels, &value.to_string());
    }
}

fn resolvers(shell: &Shell<'_>, metric: &Metric, out: &mut Writer) {
    let Some((count, _)) = crate::state::DNS_COUNTS.iter().find(|(_, name)| *name == metric.source) else { return };
    for section in &shell.view.resolvers {
        for server in &section.servers {
            let labels = Labels::default().with("resolver", &section.name).with("nameserver", &server.name);
            out.line(&labels, &server.get(*count).to_string());
        }
    }
}

/// Frontends, listeners, backends or servers. `hidden` servers still count for their backends.
fn objects(rows: &[Row], hidden: &[Row], metric: &Metric, out: &mut Writer) {
    let Some(kind) = metric.scope.kind() else { return };
    let shown: Vec<&Row> = rows.iter().filter(|row| row.kind == kind).collect();
    if metric.source == "hrsp_1xx" {
        for code in ["1xx", "2xx", "3xx", "4xx", "5xx", "other"] {
            let at = column(&format!("hrsp_{code}"));
            for row in shown.iter().filter(|row| is_http(row)) {
                out.line(&labels(row).with("code", code), &row.show(at));
            }
        }
        return;
    }
    for row in shown {
        let servers =
            || rows.iter().chain(hidden).filter(|server| server.kind == Kind::Server && same_proxy(server, row));
        match metric.source {
            "status" => write::states(out, &labels(row), states(kind), &state(row)),
            "check_status" if row.show(const { col("check_status") }).is_empty() => {}
            "check_status" => write::states(out, &labels(row), CHECKS, &check(row)),
            "check_code" | "check_duration" if row.show(const { col("check_status") }).is_empty() => {}
            "check_code" => out.line(&labels(row), &row.number(const { col("check_code") }).to_string()),
            "agg_server_status" | "agg_server_check_status" if servers().next().is_some() => {
                write::counts(out, &labels(row), states(Kind::Server), servers().map(state));
            }
            "agg_check_status" if servers().next().is_some() => {
                write::counts(out, &labels(row), CHECKS, servers().map(check));
            }
            source if source.starts_with("agg_") => {}
            source => number(row, source, metric, out),
        }
    }
}

fn number(row: &Row, source: &str, metric: &Metric, out: &mut Writer) {
    let at = column(source);
    let value = row.show(at);
    let value = match (value.is_empty(), SECONDS.contains(&source)) {
        _ if !is_http(row) && (metric.name.starts_with("http_") || source == "intercepted") => return,
        (true, false) => "NaN".to_owned(),
        (_, true) => format!("{:.6}", row.number(at) as f64 / 1000.0),
        (false, false) => value,
    };
    out.line(&labels(row), &value);
}

fn is_http(row: &Row) -> bool {
    row.show(const { col("mode") }) == "http"
}

fn same_proxy(one: &Row, other: &Row) -> bool {
    one.number(const { col("iid") }) == other.number(const { col("iid") })
}

fn labels(row: &Row) -> Labels {
    let labels = Labels::default().with("proxy", &row.show(const { col("pxname") }));
    let name = row.show(const { col("svname") });
    match row.kind {
        Kind::Frontend | Kind::Backend => labels,
        Kind::Listener => labels.with("listener", &name),
        Kind::Server => labels.with("server", &name),
    }
}

fn column(name: &str) -> usize {
    // The table test looks every source up.
    COLUMNS.iter().position(|column| *column == name).unwrap_or_default()
}

fn states(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Frontend | Kind::Backend => &["DOWN", "UP"],
        Kind::Listener => &["WAITING", "OPEN", "FULL"],
        Kind::Server => &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"],
    }
}

/// The label value for the status: `UP 1/3` and `no check` are up, `OPEN` and `FULL` frontends too.
fn state(row: &Row) -> String {
    let status = row.show(const { col("status") });
    let first = status.split(' ').next().unwrap_or_default();
    match (row.kind, first) {
        (Kind::Server, "no") | (Kind::Frontend, "OPEN" | "FULL") => "UP".to_owned(),
        (Kind::Frontend, _) => "DOWN".to_owned(),
        _ => first.to_owned(),
    }
}

/// The last check's status; a check that is being made leaves it.
fn check(row: &Row) -> String {
    row.show(const { col("check_status") }).trim_start_matches("* ").to_owned()
}

/// Statuses of checks that are told.
const CHECKS: &[&str] = &[
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC",
    "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// Columns in milliseconds that are told in seconds.
const SECONDS: &[&str] =
    &["qtime", "ctime", "rtime", "ttime", "qtime_max", "ctime_max", "rtime_max", "ttime_max", "check_duration"];

/// The table.
fn metrics() -> &'static [Metric] {
    static METRICS: OnceLock<Vec<Metric>> = OnceLock::new();
    METRICS.get_or_init(|| include_str!("metrics.tsv").lines().filter_map(Metric::parse).collect())
}

impl Metric {
    /// Scope, name, type, source, and a description where the source has another one.
    fn parse(line: &'static str) -> Option<Metric> {
        let mut parts = line.split('\t');
        let (scope, name, kind, source) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let scope = Scope::ALL.into_iter().find(|known| known.name() == scope)?;
        let help = match (parts.next().filter(|help| !help.is_empty()), scope) {
            (Some(help), _) => help,
            (None, Scope::Process) => cli::process_doc(source)?,
            (None, _) => typed::column_doc(source)?,
        };
        Some(Metric { scope, name, counter: kind == "counter", source, help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_has_a_source() {
        let lines = include_str!("metrics.tsv").lines();
        for line in lines {
            let metric = Metric::parse(line).unwrap_or_else(|| panic!("{line}"));
            if metric.scope.kind().is_some() {
                assert!(COLUMNS.contains(&metric.source), "{line}");
            }
            assert!(!metric.help.is_empty(), "{line}");
        }
        assert_eq!(metrics().len(), include_str!("metrics.tsv").lines().count());
    }

    #[test]
    fn queries_choose_scopes_and_metrics() {
        let scopes = |target: &str| Asked::of(target).map(|asked| asked.scopes);
        assert_eq!(scopes("/metrics"), Some(Scope::ALL.to_vec()));
        assert_eq!(scopes("/metrics?x=y"), Some(Scope::ALL.to_vec()));
        assert_eq!(scopes("/metrics?scope="), Some(Vec::new()));
        assert_eq!(scopes("/metrics?scope=*&scope="), Some(Vec::new()));
        assert_eq!(scopes("/metrics?scope=gl%6fbal&scope=server"), Some(vec![Scope::Process, Scope::Server]));
        assert_eq!(scopes("/metrics?scope=%2A"), Some(Scope::ALL.to_vec()));
        assert_eq!(scopes("/metrics?scope=nope"), None);
        assert_eq!(scopes("/metrics?scope"), None);
        let asked = Asked::of("/metrics?no-maint&metrics=haproxy_server_status,-haproxy_server_weight");
        let asked = asked.unwrap();
        assert!(asked.no_maint);
        assert_eq!(metrics().iter().filter(|metric| asked.wants(metric)).count(), 1);
    }
}
