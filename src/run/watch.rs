//! Looks at the run from the side, once a second: the instrument's pulse, the target's queue,
//! and a snapshot for the live view.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Schedule;
use super::pulse::{HiccupMeter, cpu_us, rss_bytes};
use super::setup::Stand;
use crate::clock::{Clock, Time};
use crate::ledger::event::{Event, Pulse};
use crate::ledger::{Ledger, Tally};
use crate::sink::Sink;
use crate::target::queue_command::{self, QueueLength};
use crate::traffic::Gauges;

/// Time between two pulses, and between two questions to the target's queue.
const SECOND: Duration = Duration::from_secs(1);

/// Time between two snapshots for the live view.
pub(super) const PROGRESS: Duration = Duration::from_millis(250);

pub use crate::report::progress::Snapshot;

/// The watchers of one run.
pub(super) struct Watched {
    clock: Clock,
    ledger: Ledger,
    schedule: Schedule,
    drain: Duration,
    queue: QueueSource,
    watchers: JoinSet<()>,
    stop: CancellationToken,
}

impl Watched {
    /// Starts the watchers.
    pub(super) fn start(stand: &Stand, schedule: &Schedule) -> Watched {
        let stop = CancellationToken::new();
        let queue = QueueSource {
            command: stand.target.queue_command(),
            fixed: stand.target.fixed_queue(),
            clock: stand.clock,
            ledger: stand.ledger.clone(),
        };
        let heart = Heart {
            clock: stand.clock,
            ledger: stand.ledger.clone(),
            sink: Arc::clone(&stand.sink),
            gauges: Arc::clone(&stand.gauges),
            meter: HiccupMeter::start(stand.clock),
        };
        let mut watchers = JoinSet::new();
        watchers.spawn(each_second(stop.clone(), async move |()| heart.beat()));
        let asked = queue.clone();
        watchers.spawn(each_second(stop.clone(), async move |()| {
            asked.ask().await;
        }));
        Watched {
            clock: stand.clock,
            ledger: stand.ledger.clone(),
            schedule: *schedule,
            drain: stand.scenario.load.drain,
            queue,
            watchers,
            stop,
        }
    }

    /// Asks the target for its queue now; `None`: it cannot be asked, or did not answer.
    pub(super) async fn ask_queue(&self) -> Option<QueueLength> {
        self.queue.ask().await
    }

    /// Where the run stands.
    pub(super) fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let tally: Tally = self.ledger.tally();
        snapshot(now, &self.schedule, self.drain, &tally)
    }

    /// Ends the watchers.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.watchers.join_next().await.is_some() {}
    }
}
