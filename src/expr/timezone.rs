//! The local time zone, read once: later reads would fail after chroot.

use std::sync::LazyLock;

use jiff::tz::TimeZone;

/// The zone of the process: the variable `TZ`, else the system's setting, else UTC. Whatever uses it calls this at load, so that
/// the files of the zone are read before privileges are dropped.
pub fn local() -> &'static TimeZone {
    static LOCAL: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::try_system().unwrap_or(TimeZone::UTC));
    &LOCAL
}
