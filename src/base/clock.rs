//! The process clock: one monotonic origin for timers and facts, and its relation to Unix time.
//!
//! Only modules that do I/O read it; all others get times as arguments.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Microseconds on the monotonic clock since the first use in the process; starts at one second, so that zero can mean "never"
/// and small differences do not underflow.
pub fn mono_us() -> u64 {
    START.elapsed().as_micros() as u64 + ORIGIN_MS * 1000
}

/// The first reading of the monotonic clock, in milliseconds.
pub const ORIGIN_MS: u64 = 1000;

/// Milliseconds on the same clock.
pub fn mono_ms() -> u64 {
    mono_us() / 1000
}

/// Unix time in microseconds.
pub fn unix_us() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_micros() as i64,
        Err(before) => -(before.duration().as_micros() as i64),
    }
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_go_back() {
        let before = mono_us();
        assert!(before >= 1_000_000);
        assert!(mono_us() >= before);
        assert!(unix_us() > 1_600_000_000_000_000);
    }
}
