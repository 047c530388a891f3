//! How much longer messages took because the instrument's threads waited for a processor, or its
//! sink was slow: known as sums over the run, not message by message.
//!
//! Guards here are absolute. A wake-up costs some time on any machine, and a sink some work; only
//! what is beyond that counts.

use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::{CpuWait, Event, Overhead};
use crate::metric::latency::LatencyMetric;

/// What being put on a processor may take, each time.
const TURN: Duration = Duration::from_micros(100);

/// What the sink may take from final dot to reply.
const PROCESSING: Duration = Duration::from_millis(1);

/// The looks of a run.
#[derive(Clone, Debug, Default)]
pub struct Contention {
    looks: Vec<Overhead>,
}

/// What was waited for, beyond what is usual: sums over a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// The generator's threads for a processor.
    pub traffic: Duration,
    /// The sink's threads for a processor.
    pub sink: Duration,
    /// The sink's processing.
    pub processing: Duration,
    /// The target's threads for a processor, as far as others than target and instrument held it.
    pub target: Duration,
    /// The hypervisor's share.
    pub steal: Option<Duration>,
    /// Throttled by the control group.
    pub throttled: Option<Duration>,
    /// Some task of the machine waited for a processor.
    pub pressure: Option<Duration>,
}

impl Contention {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        if let Event::Overhead(overhead) = event {
            self.looks.push(*overhead);
        }
    }

    /// Whether there is anything to go by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.looks.len() < 2
    }

    /// What was waited for between two moments.
    #[must_use]
    pub fn over(&self, from: Time, to: Time) -> Excess {
        let pairs = self.looks.windows(2).filter(|pair| pair[1].at > from && pair[0].at < to);
        pairs.fold(Excess::default(), |sum, pair| sum.plus(&between(&pair[0], &pair[1])))
    }
}

impl Excess {
    fn plus(self, other: &Excess) -> Excess {
        let either = |a: Option<Duration>, b: Option<Duration>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Excess {
            traffic: self.traffic + other.traffic,
            sink: self.sink + other.sink,
            processing: self.processing + other.processing,
            target: self.target + other.target,
            steal: either(self.steal, other.steal),
            throttled: either(self.throttled, other.throttled),
            pressure: either(self.pressure, other.pressure),
        }
    }

    /// The part that can be in the observations of a metric, all of them together.
    #[must_use]
    pub fn within(&self, metric: LatencyMetric) -> Duration {
        use LatencyMetric as M;
        let at_the_sink = self.sink + self.processing;
        match metric {
            M::ScheduleLag => Duration::ZERO,
            M::E2eResponse => self.traffic + self.target + at_the_sink,
            M::QueueTime | M::RetryGap => self.target + self.sink,
            M::RelayLatency => self.target + at_the_sink,
            _ => self.traffic + self.target,
        }
    }
}

fn between(first: &Overhead, last: &Overhead) -> Excess {
    let us = Duration::from_micros;
    let rise = |first: Option<u64>, last: Option<u64>| Some(last?.saturating_sub(first?));
    let messages = last.processed.saturating_sub(first.processed);
    let processing = us(last.processing_us.saturating_sub(first.processing_us));
    Excess {
        traffic: waited(first.traffic, last.traffic),
        sink: waited(first.sink, last.sink),
        processing: processing.saturating_sub(times(PROCESSING, messages)),
        target: waited_for_others(first, last).unwrap_or_default(),
        steal: rise(first.steal_us, last.steal_us).map(us),
        throttled: rise(first.throttled_us, last.throttled_us).map(us),
        pressure: rise(first.pressure_us, last.pressure_us).map(us),
    }
}

/// What the target's threads waited, by the share that others than it and the instrument had of
/// the processors meanwhile: a target that waits for itself is slow, not starved.
fn waited_for_others(first: &Overhead, last: &Overhead) -> Option<Duration> {
    let (before, after) = first.target.zip(last.target)?;
    let busy = last.busy_us?.checked_sub(first.busy_us?).filter(|busy| *busy > 0)?;
    let known =
        after.ran_us.saturating_sub(before.ran_us) + last.own_us.saturating_sub(first.own_us);
    let others = busy.saturating_sub(known) as f64 / busy as f64;
    Some(waited(before, after).mul_f64(others))
}

fn waited(first: CpuWait, last: CpuWait) -> Duration {
    let turns = last.turns.saturating_sub(first.turns);
    Duration::from_micros(last.us.saturating_sub(first.us)).saturating_sub(times(TURN, turns))
}

fn times(length: Duration, count: u64) -> Duration {
    length.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    fn look(second: u64, change: impl FnOnce(&mut Overhead)) -> Overhead {
        let mut look = Overhead { at: ms(second * 1000), ..Overhead::default() };
        change(&mut look);
        look
    }

    fn excess(looks: &[Overhead], from: u64, to: u64) -> Excess {
        let mut contention = Contention::default();
        looks.iter().for_each(|look| contention.observe(&Event::Overhead(*look)));
        contention.over(ms(from), ms(to))
    }

    fn wait(us: u64, turns: u64) -> CpuWait {
        CpuWait { us, turns, ran_us: 0 }
    }

    #[test]
    fn only_what_is_beyond_the_usual_counts() {
        let looks = [
            look(0, |_| {}),
            look(1, |look| look.traffic = wait(90_000, 1_000)),
            look(2, |look| look.traffic = wait(590_000, 1_100)),
        ];
        let millis = |from, to| excess(&looks, from, to).traffic.as_millis();
        assert_eq!((millis(0, 1000), millis(1000, 2000)), (0, 490));
        assert_eq!(millis(0, 2000), 490, "a quiet second does not make up for a busy one");
        assert_eq!(millis(2000, 9000), 0);
    }

    #[test]
    fn the_sinks_work_is_not_its_delay() {
        let with = |us| {
            [look(0, |_| {}), look(1, |look| (look.processing_us, look.processed) = (us, 100))]
        };
        let millis = |us| excess(&with(us), 0, 1000).processing.as_millis();
        assert_eq!((millis(80_000), millis(600_000)), (0, 500));
    }

    #[test]
    fn a_target_that_waits_for_itself_is_not_starved() {
        let with = |busy, ran| {
            let target = CpuWait { us: 1_000_000, turns: 0, ran_us: ran };
            [
                look(0, |look| (look.target, look.busy_us) = (Some(CpuWait::default()), Some(0))),
                look(1, |look| (look.target, look.busy_us) = (Some(target), Some(busy))),
            ]
        };
        let millis = |busy, ran| excess(&with(busy, ran), 0, 1000).target.as_millis();
        assert_eq!(millis(2_000_000, 2_000_000), 0);
        assert_eq!(millis(2_000_000, 500_000), 750);
        let unknown = [look(0, |_| {}), look(1, |_| {})];
        assert_eq!(excess(&unknown, 0, 1000), Excess::default());
    }

    #[test]
    fn a_metric_can_hold_only_what_lies_on_its_way() {
        let millis = Duration::from_millis;
        let all = Excess {
            traffic: millis(1),
            sink: millis(10),
            processing: millis(100),
            target: millis(1000),
            ..Excess::default()
        };
        let within = |metric| all.within(metric).as_millis();
        assert_eq!(within(LatencyMetric::E2eResponse), 1111);
        assert_eq!(within(LatencyMetric::RelayLatency), 1110);
        assert_eq!(within(LatencyMetric::SubmitService), 1001);
        assert_eq!(within(LatencyMetric::StageConnect), 1001);
        assert_eq!(within(LatencyMetric::ScheduleLag), 0);
    }
}
