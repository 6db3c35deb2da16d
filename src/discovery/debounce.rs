//! How long to wait after an event, so that containers that start together come into one configuration.

use std::time::Duration;

use tokio::time::Instant;

/// Waits a second after the first event, and a tenth more while others follow, as the original does, but not for ever.
#[derive(Debug, Default)]
pub struct Debounce(Option<Waiting>);

#[derive(Debug)]
struct Waiting {
    first: Instant,
    due: Instant,
    why: String,
    events: usize,
}

impl Debounce {
    /// Something happened.
    pub fn note(&mut self, now: Instant, why: &str) {
        match &mut self.0 {
            None => self.0 = Some(Waiting { first: now, due: now + FIRST, why: why.to_owned(), events: 1 }),
            Some(waiting) => {
                waiting.due = waiting.due.max(now + NEXT).min(waiting.first + LONGEST);
                why.clone_into(&mut waiting.why);
                waiting.events += 1;
            }
        }
    }

    /// When to act; `None` while nothing has happened.
    pub fn due(&self) -> Option<Instant> {
        self.0.as_ref().map(|waiting| waiting.due)
    }

    /// Ends the wait; tells what happened last, and how many events that were.
    pub fn take(&mut self) -> Option<String> {
        let Waiting { why, events, .. } = self.0.take()?;
        Some(if events > 1 { format!("{why}, and {} more", events - 1) } else { why })
    }
}

const FIRST: Duration = Duration::from_secs(1);
const NEXT: Duration = Duration::from_millis(100);
/// Whoever starts containers one by one sees the first served within two seconds all the same.
const LONGEST: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_one_change_and_a_steady_flow_does_not_hold_it_up() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut debounce = Debounce::default();
        assert_eq!((debounce.due(), debounce.take()), (None, None));
        for ms in 0..6 {
            debounce.note(at(ms), &format!("event {ms}"));
        }
        assert_eq!(debounce.due(), Some(at(1000)));
        for ms in (900..3000).step_by(90) {
            debounce.note(at(ms), "late");
        }
        assert_eq!(debounce.due(), Some(at(1500)));
        assert_eq!(debounce.take().as_deref(), Some("late, and 29 more"));
        assert_eq!(debounce.due(), None);
    }
}
