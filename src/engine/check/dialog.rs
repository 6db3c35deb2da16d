//! Checks of known protocols (manual 4.2 `option redis-check` and its like): `wire::dialog` knows what is said, this says it.

use super::outcome::Outcome;
use super::probe::Probe;
use crate::wire::dialog::{Dialog, Heard};

impl Probe<'_> {
    /// Speaks until the answer can be judged.
    pub(super) async fn dialog(&self, dialog: &Dialog) -> Result<Outcome, Outcome> {
        let mut line = self.connect(self.usual_way().closing(dialog.lingers())).await?;
        let limit = self.live.ir.global.bufsize;
        // Seconds in 32 bits, as they stand in a hello.
        let mut next = dialog.opening((self.core.unix_us() / 1_000_000) as u32);
        for said in 0.. {
            line.send(&next).await?;
            let mut heard = Vec::new();
            let mut closed = false;
            next = loop {
                match dialog.hear(said, &heard, closed || heard.len() >= limit) {
                    Heard::Over(told) => return Ok(Outcome::new(told.status, told.code, told.text)),
                    Heard::Say(next) => break next,
                    Heard::More => {}
                }
                let room = limit.saturating_sub(heard.len());
                closed = !line.hear(&mut heard, room, dialog.late()).await?;
            };
        }
        Err(Outcome::bare("SOCKERR"))
    }
}
