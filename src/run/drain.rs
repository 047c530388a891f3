//! After the load: waits until everything accepted has ended, and the queue is proved empty.

use std::time::Duration;

use super::RunError;
use super::setup::Stand;
use super::watch::{PROGRESS, SECOND, Watched};
use crate::clock::Time;
use crate::ledger::Tally;
use crate::report::progress::Progress;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Quiet time at the sink after which a target that cannot be asked for its queue is taken to
/// have nothing more to send. It proves nothing; the verdict knows that.
const SETTLE: Duration = Duration::from_secs(2);

/// Waits for the queue to empty, at most as long as the scenario says.
pub(super) async fn drain(stand: &mut Stand, watched: &mut Watched, progress: &mut Progress) {
    watched.drains();
    let deadline = stand.clock.now().plus(stand.scenario.load.drain);
    let mut shown = stand.clock.now();
    let mut quiet = Quiet { attempts: 0, since: shown };
    let mut pace = Pace { next: shown, wait: LOOK };
    while stand.clock.now() < deadline && !stand.target_ended() {
        let now = stand.clock.now();
        let tally = stand.ledger.tally();
        quiet.look(now, &tally);
        // Mail without a sender may be dropped, without a DSN.
        let may_be_dropped = stand.scenario.message.null_sender > 0.0;
        let quiet_enough = may_be_dropped && quiet.lasted(now) >= SETTLE;
        let nothing_owed = tally.backlog == 0 || quiet_enough;
        let ended = nothing_owed && tally.in_flight == 0 && !stand.target.in_hand();
        if ended && pace.is_due(now) && emptied(stand, watched, &quiet).await {
            return;
        }
        if now.since(shown) >= PROGRESS {
            shown = now;
            progress.show(&watched.snapshot(stand));
        }
        tokio::time::sleep(LOOK).await;
    }
    watched.ask_queue().await;
}

/// Waits for a target that can be asked for its queue to say that it is empty; what it held is
/// delivered to the sink meanwhile, where it is found not to belong to the run.
pub(super) async fn empty_first(stand: &Stand, within: Duration) -> Result<(), RunError> {
    let Some(queue) = stand.target.take().await.queue() else { return Ok(()) };
    let start = stand.clock.now();
    let mut wait = LOOK;
    loop {
        match queue.ask().await {
            Ok(length) if length.total == 0 => return Ok(()),
            Ok(length) if stand.clock.now().since(start) >= within => {
                let seconds = within.as_secs();
                let held = length.total;
                return Err(RunError::NotEmpty(format!(
                    "{held} messages after {seconds} s; empty it, or name another target"
                )));
            }
            Ok(_) => {}
            // One that does not answer is known by its deliveries alone, as one without a command.
            Err(_) => return Ok(()),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(SECOND);
    }
}

/// Whether the target says that it holds nothing; for one that cannot be asked, whether the sink
/// has been quiet for long enough.
async fn emptied(stand: &Stand, watched: &Watched, quiet: &Quiet) -> bool {
    match watched.ask_queue().await {
        Some(length) => length.total == 0,
        // What is owed may still be waiting there.
        None => stand.ledger.tally().backlog == 0 && quiet.lasted(stand.clock.now()) >= SETTLE,
    }
}

/// When the target is asked again: soon at first, since a queue is often empty a moment after its
/// last delivery, then ever less often, down to the pace of the samples. An answer may cost the
/// target as much as a delivery.
struct Pace {
    next: Time,
    wait: Duration,
}

impl Pace {
    fn is_due(&mut self, now: Time) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now.plus(self.wait);
            self.wait = (self.wait * 2).min(SECOND);
        }
        is_due
    }
}

/// How long the sink has seen no attempt.
struct Quiet {
    attempts: u64,
    since: Time,
}

impl Quiet {
    fn look(&mut self, now: Time, tally: &Tally) {
        let attempts = tally.delivered + tally.deferred_attempts + tally.rejected_attempts;
        if attempts != self.attempts {
            *self = Quiet { attempts, since: now };
        }
    }

    fn lasted(&self, now: Time) -> Duration {
        now.since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_does_not_empty_is_asked_once_a_second() {
        let mut pace = Pace { next: Time::ZERO, wait: LOOK };
        let looks = (0..200_u32).map(|look| Time::ZERO.plus(LOOK * look));
        let asked: Vec<Time> = looks.filter(|now| pace.is_due(*now)).collect();
        let gaps: Vec<Duration> = asked.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert_eq!(gaps[..3], [LOOK, LOOK * 2, LOOK * 4]);
        assert!(gaps[5..].iter().all(|gap| *gap == SECOND), "{gaps:?}");
    }
}
