//! Looks at the run from the side, once a second: the instrument's pulse, the target's queue and
//! what its processes use. Answers the live view and the drain.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::overhead::OverheadMeter;
use super::pulse::{HiccupMeter, cpu_us, rss_bytes};
use super::schedule::{Schedule, Viewer};
use super::setup::Stand;
use super::target_handle::TargetHandle;
use super::{usage, vitals};
use crate::clock::{Clock, micros};
use crate::ledger::Ledger;
use crate::ledger::event::{Event, Overhead, Pulse};
use crate::report::progress::Snapshot;
use crate::shortage::Repeated;
use crate::sink::Sink;
use crate::targets::queue_command::{QueueLength, QueueStates};
use crate::targets::queue_probe::QueueProbe;
use crate::traffic::Gauges;

/// Time between two pulses, and between two questions to the target's queue.
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Time between two snapshots for the live view.
pub(super) const PROGRESS: Duration = Duration::from_millis(250);

/// The watchers of one run; they end with it.
pub(super) struct Watched {
    viewer: Viewer,
    queue: QueueSource,
    watchers: [JoinHandle<()>; 4],
}

impl Watched {
    /// Starts the watchers.
    ///
    /// # Errors
    /// When the machine gives no thread for the hiccup meter.
    pub(super) async fn start(stand: &Stand, schedule: Schedule) -> std::io::Result<Watched> {
        let target = stand.target.take().await;
        let address = target.address();
        let queue = QueueSource {
            probe: target.queue(),
            failures: Arc::new(Repeated::new("the target's queue")),
            target_handle: stand.target.clone(),
            clock: stand.clock,
            ledger: stand.ledger.clone(),
        };
        let heart = PulseSampler {
            clock: stand.clock,
            ledger: stand.ledger.clone(),
            sink: Arc::clone(&stand.sink),
            gauges: Arc::clone(&stand.gauges),
            meter: HiccupMeter::start(stand.clock)?,
            target_handle: stand.target.clone(),
        };
        let watchers = [
            tokio::spawn(heart.run()),
            tokio::spawn(queue.clone().watch()),
            tokio::spawn(usage::watch(
                stand.target.clone(),
                stand.clock,
                stand.ledger.clone(),
                stand.elsewhere.clone(),
            )),
            tokio::spawn(vitals::watch(stand.target.clone(), stand.ledger.clone(), address)),
        ];
        Ok(Watched { viewer: Viewer::new(schedule, &stand.scenario), queue, watchers })
    }

    /// Asks the target for its queue now; `None`: it cannot be asked, or did not answer.
    pub(super) async fn ask_queue(&self) -> Option<QueueLength> {
        self.queue.ask().await
    }

    /// Nothing more is offered from here on.
    pub(super) fn drains(&mut self) {
        self.viewer.drains();
    }

    /// Ends the watchers.
    pub(super) async fn stop(self) {
        for watcher in self.watchers {
            watcher.abort();
            // It was ended in the middle of its work.
            let _cancelled = watcher.await;
        }
    }

    /// Where the run stands.
    pub(super) fn snapshot(&mut self, stand: &Stand) -> Snapshot {
        let mut snapshot = self.viewer.snapshot(stand.clock.now(), &stand.ledger);
        if stand.target.in_hand() {
            snapshot.faults.push("chaos".to_owned());
        }
        snapshot
    }
}

/// Records the instrument's pulse.
struct PulseSampler {
    clock: Clock,
    ledger: Ledger,
    sink: Arc<Sink>,
    gauges: Arc<Gauges>,
    meter: HiccupMeter,
    target_handle: TargetHandle,
}

impl PulseSampler {
    async fn run(self) {
        let mut overheads = OverheadMeter::default();
        loop {
            overheads = self.overhead(overheads).await;
            tokio::time::sleep(SECOND).await;
            let worst_us = self.hiccups();
            self.ledger.record(&Event::Pulse(self.pulse(worst_us)));
        }
    }

    /// Records what the meter saw; the worst of it, microseconds.
    fn hiccups(&self) -> u64 {
        let late = self.meter.take();
        for (from, to) in late.hiccups {
            self.ledger.record(&Event::Hiccup { from, to });
        }
        late.worst_us
    }

    /// Some hundred small files are read: not on a thread that serves sessions.
    async fn overhead(&self, mut meter: OverheadMeter) -> OverheadMeter {
        let (at, members) = (self.clock.now(), self.target_handle.members());
        let look = tokio::task::spawn_blocking(move || {
            let pids = members.map(|members| members.pids());
            let overhead = meter.look(at, pids.as_deref());
            (overhead, meter)
        });
        // A look that failed is left out; sums begin anew, which no difference counts twice.
        let Ok((overhead, meter)) = look.await else { return OverheadMeter::default() };
        let (processing_us, processed) = self.sink.processing();
        self.ledger.record(&Event::Overhead(Overhead { processing_us, processed, ..overhead }));
        meter
    }

    fn pulse(&self, hiccup_us: u64) -> Pulse {
        Pulse {
            at: self.clock.now(),
            cpu_us: cpu_us(),
            rss_bytes: rss_bytes(),
            hiccup_us,
            traffic_sessions: self.gauges.sessions(),
            sink_sessions: u32::try_from(self.sink.sessions()).unwrap_or(u32::MAX),
            waiting: self.gauges.waiting(),
            sink_us: micros(self.sink.worst_processing()),
        }
    }
}

impl Drop for PulseSampler {
    /// What the meter saw since the last second is not lost with the watcher.
    fn drop(&mut self) {
        self.hiccups();
    }
}

/// Where the target's queue length comes from.
#[derive(Clone)]
struct QueueSource {
    probe: Option<QueueProbe>,
    target_handle: TargetHandle,
    clock: Clock,
    ledger: Ledger,
    failures: Arc<Repeated>,
}

impl QueueSource {
    async fn watch(self) {
        while self.probe.as_ref().is_some_and(|probe| !probe.is_fixed()) {
            tokio::time::sleep(SECOND).await;
            self.ask().await;
        }
    }

    /// Asks, and records the answer at the time of the question: what the target accepted while
    /// it answered is not covered by the answer. A target that we have taken down cannot be asked, but
    /// what lies on its disk can be counted.
    async fn ask(&self) -> Option<QueueLength> {
        let probe = self.probe.as_ref()?;
        if self.target_handle.in_hand() && !probe.works_at_rest() {
            return None;
        }
        let at = self.clock.now();
        let length = match probe.ask().await {
            Ok(length) => length,
            Err(error) => {
                self.failures.note(&error);
                return None;
            }
        };
        let QueueLength { total, states } = length;
        let QueueStates { active, deferred, frozen } = states.unwrap_or_default();
        self.ledger.record(&Event::Queue { at, total, active, deferred });
        if states.is_some() {
            self.ledger.record(&Event::QueueStates { at, active, deferred, frozen });
        }
        Some(length)
    }
}
