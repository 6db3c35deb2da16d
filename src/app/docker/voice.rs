//! The log lines of the original: `INFO:haproxy:...` on standard output.

use std::io::Write;
use std::sync::Arc;

use crate::diag::Severity;
use crate::discovery::Say;

/// For a proxy that serves.
pub fn on_stdout() -> Say {
    Arc::new(|severity, text| put(&mut std::io::stdout().lock(), severity, text))
}

/// For a command whose standard output is something else.
pub fn on_stderr() -> Say {
    Arc::new(|severity, text| put(&mut std::io::stderr().lock(), severity, text))
}

/// Nobody may listen; that stops nothing.
fn put(to: &mut dyn Write, severity: Severity, text: &str) {
    let level = match severity {
        Severity::Alert => "ERROR",
        Severity::Warning => "WARNING",
        _ => "INFO",
    };
    let _ = writeln!(to, "{level}:haproxy:{text}");
    let _ = to.flush();
}
