//! How much of one observation the instrument itself can have made: what an error of the
//! instrument can change, observation by observation.
//!
//! A time that counts from when mail was due can only look worse for a message that was handed out
//! late: the lag is part of it. One that begins later can look better, too: had the message come
//! in time, it might have waited at the target instead (coordinated omission). A hiccup makes
//! whatever it falls into longer; one before the target's reply was read hides a part of what
//! counts from that reply.

use std::time::Duration;

use super::hiccups::Hiccups;
use crate::clock::Time;
use crate::measure::latency::observation::Seen;
use crate::metric::latency::LatencyMetric;

/// A lag below this is what handing a message over costs.
const NEGLIGIBLE: Duration = Duration::from_micros(200);

/// Between what an observation would lie without the instrument's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// At least this.
    pub least: Duration,
    /// At most this.
    pub most: Duration,
}

/// How a message came to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handing {
    /// When a session had it.
    pub at: Time,
    /// How late that was, as far as the generator is to blame.
    pub lag: Duration,
}

impl Handing {
    /// A message that was due and was handed over at these times. `excused`: it found no session
    /// because we had taken the target away, which its lag tells of as it should.
    #[must_use]
    pub fn new(due: Time, at: Time, excused: bool) -> Handing {
        let lag = at.since(due);
        let blameless = excused || lag < NEGLIGIBLE;
        Handing { at, lag: if blameless { Duration::ZERO } else { lag } }
    }
}

/// The bounds of an observation that began at `from`.
#[must_use]
pub fn within(
    hiccups: &Hiccups,
    metric: LatencyMetric,
    (from, seen): (Time, Seen),
    handing: Handing,
) -> Within {
    use LatencyMetric as M;
    let length = seen.length();
    let (to, lag) = (from.plus(length), handing.lag);
    let less = |by: Duration| length.saturating_sub(by);
    let (least, most) = match metric {
        M::ScheduleLag => (length, length),
        M::SubmitResponse | M::RefusedResponse | M::E2eResponse => {
            let lag = lag.min(length);
            (less(lag + hiccups.share_of(from.plus(lag), to)), length)
        }
        M::QueueTime | M::RelayLatency => {
            let hidden = lag + hiccups.share_of(handing.at, from);
            (less(hiccups.share_of(from, to)), length + hidden)
        }
        M::RetryGap => (less(hiccups.share_of(from, to)), length),
        _ => (less(hiccups.share_of(from, to)), length + lag),
    };
    Within { least, most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::Event;
    use crate::measure::synthetic::ms;

    fn millis(length: u64) -> Duration {
        Duration::from_millis(length)
    }

    /// Due at 1000, 50 ms late, accepted at 1100; a hiccup from 1060 to 1080 and what it holds up
    /// for as long again.
    fn bounds(metric: LatencyMetric, from: u64, length: u64) -> (u64, u64) {
        let mut hiccups = Hiccups::default();
        hiccups.observe(&Event::Hiccup { from: ms(1060), to: ms(1080) });
        hiccups.settle(&[]);
        let handing = Handing::new(ms(1000), ms(1050), false);
        let seen = Seen::Whole(millis(length));
        let Within { least, most } = within(&hiccups, metric, (ms(from), seen), handing);
        (least.as_millis() as u64, most.as_millis() as u64)
    }

    #[test]
    fn every_metric_is_judged_in_its_own_direction() {
        for (metric, (from, length), expected) in [
            (LatencyMetric::ScheduleLag, (1000, 50), (50, 50)),
            (LatencyMetric::SubmitResponse, (1000, 100), (10, 100)),
            (LatencyMetric::E2eResponse, (1000, 200), (110, 200)),
            (LatencyMetric::SubmitService, (1050, 50), (10, 100)),
            (LatencyMetric::StageEndOfData, (1090, 10), (0, 60)),
            (LatencyMetric::QueueTime, (1100, 30), (30, 120)),
            (LatencyMetric::RelayLatency, (1090, 30), (20, 110)),
            (LatencyMetric::RetryGap, (1050, 1000), (960, 1000)),
        ] {
            assert_eq!(bounds(metric, from, length), expected, "{metric:?}");
        }
    }

    #[test]
    fn a_lag_that_an_outage_explains_is_part_of_the_answer() {
        assert_eq!(Handing::new(ms(0), ms(900), true).lag, Duration::ZERO);
        assert_eq!(Handing::new(ms(0), ms(900), false).lag, millis(900));
        let handed = Time::from_offset(Duration::from_micros(150));
        assert_eq!(Handing::new(ms(0), handed, false).lag, Duration::ZERO);
    }
}
