//! The checks' counter of a server (manual 5.2 `rise`, `fall`, `inter`): pure arithmetic.
//!
//! 0 to `rise` - 1 is down, `rise` to `rise` + `fall` - 1 is up. One check moves it by one; where the state turns it goes to the
//! far end of the new one, so that `fall` failures in a row are needed to turn it again.

use crate::ir::Check;
use crate::ir::check::InitState;
use crate::state::Health;

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server is well.
    Passed,
    /// It is, but wants no new sessions.
    Conditional,
    /// It is not.
    Failed,
}

/// The counter within the bounds of a state: a new configuration may have other ones.
pub fn fit(score: u32, health: Health, rise: u32, fall: u32) -> u32 {
    match health {
        Health::Down => score.min(rise.saturating_sub(1)),
        Health::Up | Health::Stopping => score.clamp(rise, rise + fall - 1),
    }
}

/// Health and counter of a server that begins.
pub fn begin(check: &Check) -> (Health, u32) {
    match check.init_state {
        InitState::FullyUp => (Health::Up, check.rise + check.fall - 1),
        InitState::Up => (Health::Up, check.rise),
        InitState::Down => (Health::Down, check.rise - 1),
        InitState::FullyDown => (Health::Down, 0),
    }
}

/// The counter after a check.
pub fn next(score: u32, health: Health, rise: u32, fall: u32, verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Failed if score > rise => score - 1,
        Verdict::Failed => 0,
        // Who is down stays so: only what runs may be stopping.
        Verdict::Conditional if health == Health::Down => score,
        Verdict::Passed | Verdict::Conditional if score + 1 >= rise => rise + fall - 1,
        Verdict::Passed | Verdict::Conditional => score + 1,
    }
}

/// The health that the counter after a check means.
pub fn health(score: u32, health: Health, rise: u32, verdict: Verdict) -> Health {
    match (score >= rise, verdict) {
        (false, _) => Health::Down,
        (true, Verdict::Passed) => Health::Up,
        (true, Verdict::Conditional) => Health::Stopping,
        (true, Verdict::Failed) => health,
    }
}

/// Milliseconds until the next check: `inter` where the state is settled, `fastinter` where it is not, `downinter` while down.
pub fn interval(check: &Check, score: u32) -> u64 {
    if score == 0 {
        check.downinter_ms.unwrap_or(check.inter_ms)
    } else if score >= check.rise + check.fall - 1 {
        check.inter_ms
    } else {
        check.fastinter_ms.unwrap_or(check.inter_ms)
    }
}

/// An interval with `spread-checks` percent of noise; `random` is any number.
pub fn spread(interval_ms: u64, percent: i32, random: u64) -> u64 {
    let most = interval_ms as i64 * i64::from(percent) / 100;
    if most == 0 {
        return interval_ms;
    }
    let noise = (random % (2 * most.unsigned_abs() + 1)) as i64 - most.abs();
    u64::try_from(interval_ms as i64 + noise).unwrap_or(0)
}

/// Milliseconds from the start to the first check of the `at`th of `count` checked servers: they are spread over the smallest
/// interval of a second and more, over their own if that is longer, and over no more than `max-spread-checks`.
pub fn first_delay(at: usize, count: usize, own_ms: u64, smallest_ms: u64, bound_ms: Option<u64>) -> u64 {
    let over = smallest_ms.max(own_ms).min(bound_ms.unwrap_or(u64::MAX));
    over * at as u64 / count.max(1) as u64
}

/// Intervals below this do not narrow the spread.
pub const COUNTS_FOR_SPREAD_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::CheckKind;

    fn check(rise: u32, fall: u32) -> Check {
        Check {
            kind: CheckKind::Connect,
            inter_ms: 2000,
            fastinter_ms: Some(500),
            downinter_ms: Some(5000),
            rise,
            fall,
            init_state: InitState::default(),
            port: None,
            addr: None,
            tls: false,
            own_tls: None,
            send_proxy: false,
        }
    }

    /// Runs checks on a virtual clock: when each is made, what it says, and what it makes of the server.
    fn play(check: &Check, results: &str) -> Vec<(u64, u32, Health)> {
        let (mut state, mut score) = begin(check);
        let mut at = 0;
        let mut seen = Vec::new();
        for result in results.bytes() {
            let verdict = match result {
                b'+' => Verdict::Passed,
                b'~' => Verdict::Conditional,
                _ => Verdict::Failed,
            };
            score = next(score, state, check.rise, check.fall, verdict);
            state = health(score, state, check.rise, verdict);
            seen.push((at, score, state));
            at += interval(check, score);
        }
        seen
    }

    #[test]
    fn before_the_first_check_one_failure_is_enough() {
        assert_eq!(play(&check(2, 3), "-"), [(0, 0, Health::Down)]);
    }

    #[test]
    fn the_first_state_says_how_many_checks_it_takes_to_leave_it() {
        use Health::{Down, Up};
        let states = |init_state, results| {
            let seen = play(&Check { init_state, ..check(2, 3) }, results);
            seen.into_iter().map(|(_, _, health)| health).collect::<Vec<_>>()
        };
        assert_eq!(states(InitState::FullyUp, "---"), [Up, Up, Down]);
        assert_eq!(states(InitState::Up, "-"), [Down]);
        assert_eq!(states(InitState::Down, "+"), [Up]);
        assert_eq!(states(InitState::Down, "-++"), [Down, Down, Up]);
        assert_eq!(states(InitState::FullyDown, "++"), [Down, Up]);
    }

    #[test]
    fn a_server_falls_and_rises_at_the_intervals_of_its_state() {
        use Health::{Down, Up};
        let seen = play(&check(2, 3), "+---++-");
        let expected =
            [(0, 4, Up), (2000, 3, Up), (2500, 2, Up), (3000, 0, Down), (8000, 1, Down), (8500, 4, Up), (10500, 3, Up)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_pass_among_failures_starts_anew() {
        use Health::Up;
        let states: Vec<(u32, Health)> =
            play(&check(2, 3), "+--+--").into_iter().map(|(_, score, state)| (score, state)).collect();
        assert_eq!(states, [(4, Up), (3, Up), (2, Up), (4, Up), (3, Up), (2, Up)]);
    }

    #[test]
    fn stopping_is_for_what_runs() {
        use Health::{Down, Stopping, Up};
        let states: Vec<Health> = play(&check(1, 2), "+~+~--~+").into_iter().map(|(_, _, state)| state).collect();
        assert_eq!(states, [Up, Stopping, Up, Stopping, Stopping, Down, Down, Up]);
    }

    #[test]
    fn noise_stays_within_its_share() {
        assert_eq!(spread(2000, 0, 12345), 2000);
        let all: Vec<u64> = (0..1000).map(|random| spread(1000, 10, random)).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&900), Some(&1100)));
    }

    #[test]
    fn first_checks_are_spread() {
        assert_eq!(first_delay(1, 3, 200, 0, None), 66);
        assert_eq!(first_delay(2, 4, 2000, 5000, None), 2500);
        assert_eq!(first_delay(2, 4, 2000, 5000, Some(100)), 50);
    }

    #[test]
    fn a_new_configuration_keeps_the_state() {
        assert_eq!(fit(0, Health::Down, 2, 3), 0);
        assert_eq!(fit(5, Health::Down, 2, 3), 1);
        assert_eq!(fit(9, Health::Up, 2, 3), 4);
        assert_eq!(fit(1, Health::Stopping, 3, 1), 3);
    }
}
