//! Can the instrument's error change this answer? Asked figure by figure, with what is known of
//! its errors: schedule lag and hiccups message by message, waits for a processor and the sink's
//! work as sums, the load that was not offered as a share.

pub mod contention;
pub mod health;
pub mod hiccups;
pub mod interference;
pub mod settling;
pub mod shortages;
pub mod warning;

use std::time::Duration;

use super::latency::summarise_with;
use super::results::{ContentionFacts, HiccupFacts, Latency};
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::aggregates::RunAggregates;
use crate::measure::latency::samples::Samples;
use crate::measure::latency::table::LatencyTable;
use crate::measure::queue::backlog::Curve;
use crate::measure::verdict::grade::{Actual, show};
use crate::metric::catalogue::Unit;
use crate::metric::latency::LatencyMetric;
use contention::Excess;
use hiccups::Hiccups;

/// A wait shorter than this is not worth a word, nor is a hiccup, microseconds.
const WORTH_A_WORD: Duration = Duration::from_millis(1);
const WORTH_A_HICCUP: u64 = 10_000;

/// What the instrument did to the figures of a run. Without evidence: nothing.
#[derive(Debug, Default)]
pub struct Validity {
    hiccups: Hiccups,
    excess: Excess,
    /// Whether waits were looked at.
    looked: bool,
    /// Observations of each metric over the measured period.
    observed: [u64; LatencyMetric::ALL.len()],
    /// The measured period.
    span: (Time, Time),
    /// Share of the plan that reached no session in time; `None`: no plan.
    shortfall: Option<f64>,
    /// `schedule_lag`, without what an outage explains.
    lag: Latency,
}

impl Validity {
    /// A minute measured, with hiccups at these milliseconds and these waits.
    #[cfg(test)]
    pub(crate) fn planted(hiccups: &[(u64, u64)], excess: Excess, messages: u64) -> Validity {
        use super::synthetic::ms;
        let looked = excess != Excess::default();
        let observed = [messages; LatencyMetric::ALL.len()];
        let span = (Time::ZERO, ms(60_000));
        let mut validity = Validity { excess, looked, observed, span, ..Validity::default() };
        for (from, to) in hiccups {
            let (from, to) = (ms(*from), ms(*to));
            validity.hiccups.observe(&crate::ledger::event::Event::Hiccup { from, to });
        }
        validity
    }

    /// Gathers the evidence of a run. Waits count up to the close: what was due in the measured
    /// period may end after it.
    #[must_use]
    pub fn of(
        run: &mut RunAggregates,
        latencies: &LatencyTable,
        (shortfall, lag): (Option<f64>, Latency),
    ) -> Validity {
        let (from, to) = run.periods.span(Period::Measured);
        let count =
            |metric| latencies.samples(metric, None, Period::Measured).map_or(0, Samples::len);
        Validity {
            hiccups: std::mem::take(&mut run.hiccups),
            excess: run.contention.over(from, run.periods.close()),
            looked: !run.contention.is_empty(),
            observed: LatencyMetric::ALL.map(count),
            span: (from, to),
            shortfall,
            lag,
        }
    }

    /// Summarises samples of a metric; samples of a part of the mail may hold their part of the
    /// waits.
    #[must_use]
    pub fn summarise(&self, metric: LatencyMetric, samples: &Samples) -> Latency {
        let all = self.observed[metric as usize].max(1) as f64;
        let each = self.excess.within(metric).as_secs_f64() * 1e6 / all;
        summarise_with(samples, each * samples.len() as f64)
    }

    /// `schedule_lag` over the measured period, without what an outage explains.
    #[must_use]
    pub fn lag(&self) -> &Latency {
        &self.lag
    }

    /// Share of the planned messages that reached no session in time; `None`: no plan.
    #[must_use]
    pub fn shortfall(&self) -> Option<f64> {
        self.shortfall
    }

    /// Share of the measured period in which the instrument stood still.
    #[must_use]
    pub fn stalled(&self) -> f64 {
        let (from, to) = self.span;
        let length = to.since(from).as_secs_f64();
        if length <= 0.0 { 0.0 } else { self.hiccups.total(from, to).as_secs_f64() / length }
    }

    /// The longest hiccups of the measured period, the longest first.
    #[must_use]
    pub fn hiccups(&self) -> Vec<HiccupFacts> {
        let (from, to) = self.span;
        let longest = self.hiccups.longest(from, to);
        let facts = longest.into_iter().map(|one| HiccupFacts {
            at_s: one.from.seconds() - from.seconds(),
            length_us: crate::clock::micros(one.length()),
        });
        facts.collect()
    }

    /// What was waited for; none in a journal that does not tell.
    #[must_use]
    pub fn contention(&self) -> Option<ContentionFacts> {
        let seconds = |length: Option<Duration>| length.map(|length| length.as_secs_f64());
        self.looked.then(|| ContentionFacts {
            wait_per_message_us: self.per_message(self.excess.traffic + self.excess.sink),
            sink_per_message_us: self.per_message(self.excess.processing),
            target_wait_per_message_us: self.per_message(self.excess.target),
            steal_s: seconds(self.excess.steal),
            throttled_s: seconds(self.excess.throttled),
            pressure_s: seconds(self.excess.pressure),
        })
    }

    fn per_message(&self, sum: Duration) -> u64 {
        let messages = self.observed[LatencyMetric::ScheduleLag as usize].max(1);
        crate::clock::micros(sum) / messages
    }

    /// A rate, which is too low by what was not offered, or not worked off while the instrument
    /// stood still.
    #[must_use]
    pub fn rate(&self, value: f64) -> Actual {
        let missing = self.stalled().max(self.shortfall.unwrap_or(0.0)).min(0.99);
        between(value, value, value / (1.0 - missing))
    }

    /// A time in seconds from a moment on.
    #[must_use]
    pub fn time(&self, from: Time, seconds: f64) -> Actual {
        let length = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let added = self.hiccups.share_of(from, from.plus(length)).as_secs_f64();
        between(seconds, seconds - added, seconds)
    }

    /// The peak of a curve, which what a hiccup held up may have made.
    #[must_use]
    pub fn peak(&self, curve: &Curve, (from, to): (Time, Time)) -> Actual {
        let value = curve.peak(from, to).0 as f64;
        let calm = self.hiccups.undisturbed(from, to).map(|one| curve.peak(one.from, one.to).0);
        between(value, calm.max().map_or(0.0, |most| most as f64), value)
    }

    /// Why a threshold is inconclusive.
    #[must_use]
    pub fn reason(&self) -> String {
        let causes = self.causes();
        let known = if causes.is_empty() { "delays of less than a millisecond" } else { &causes };
        format!("within what mailbench's own delays can make: {known}")
    }

    /// What is wrong with the instrument, in words; empty when nothing is.
    #[must_use]
    pub fn causes(&self) -> String {
        let mut causes = Vec::new();
        let (from, to) = self.span;
        if let Some(worst) = self.hiccups().first().filter(|it| it.length_us >= WORTH_A_HICCUP) {
            let (length, at) = (worst.length_us as f64 / 1e6, worst.at_s);
            causes.push(format!("a pause of mailbench of {} at {at:.1}s", duration(length)));
        } else if self.stalled() > 0.01 {
            let total = self.hiccups.total(from, to).as_secs_f64();
            causes.push(format!("pauses of mailbench, {} in all", duration(total)));
        }
        let lag = self.lag.p99.or(self.lag.max).unwrap_or(0);
        let sums = [
            (lag, "schedule lag of"),
            (self.per_message(self.excess.traffic + self.excess.sink), "waits for a processor of"),
            (self.per_message(self.excess.target), "waits of the target for a processor of"),
            (self.per_message(self.excess.processing), "processing by the sink of"),
        ];
        for (us, what) in sums {
            if Duration::from_micros(us) >= WORTH_A_WORD {
                let each = if us == lag { "(p99)" } else { "a message" };
                causes.push(format!("{what} {} {each}", duration(us as f64 / 1e6)));
            }
        }
        if let Some(share) = self.shortfall.filter(|share| *share > 0.01) {
            causes.push(format!("{:.1} % of the load not offered in time", share * 100.0));
        }
        causes.join("; ")
    }
}

fn duration(seconds: f64) -> String {
    show(seconds, Unit::Duration)
}

fn between(value: f64, least: f64, most: f64) -> Actual {
    if least < value || value < most {
        return Actual::Between { value, least: least.max(0.0), most };
    }
    Actual::Exactly(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::Event;
    use crate::measure::synthetic::ms;

    /// Ten seconds measured, in which the instrument stood still for one.
    fn stalled() -> Validity {
        let mut validity = Validity { span: (ms(1000), ms(11_000)), ..Validity::default() };
        validity.hiccups.observe(&Event::Hiccup { from: ms(4000), to: ms(5000) });
        validity
    }

    fn range(actual: &Actual) -> (f64, f64, f64) {
        match actual {
            Actual::Between { value, least, most } => (*least, *value, *most),
            Actual::Exactly(value) => (*value, *value, *value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rate_may_have_been_higher_and_not_lower() {
        let (least, value, most) = range(&stalled().rate(90.0));
        assert!((least - 90.0).abs() < 1e-9 && (value - 90.0).abs() < 1e-9);
        assert!((most - 100.0).abs() < 1e-9, "{most}");
        assert_eq!(Validity::default().rate(90.0), Actual::Exactly(90.0));
        let short = Validity { shortfall: Some(0.2), ..Validity::default() };
        assert!((range(&short.rate(80.0)).2 - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_drain_and_a_peak_are_at_most_what_was_seen() {
        let validity = stalled();
        let (least, value, most) = range(&validity.time(ms(4500), 3.0));
        assert!((least - 1.5).abs() < 1e-9 && value <= most && most <= 3.0, "{least}");
        assert_eq!(validity.time(ms(7000), 3.0), Actual::Exactly(3.0));
        let spans = [(2000, 2500), (4900, 5600), (4950, 5700), (8000, 8500)];
        let curve = Curve::of(spans.into_iter().map(|(from, to)| (ms(from), Some(ms(to)))));
        let peak = validity.peak(&curve, (ms(1000), ms(11_000)));
        assert_eq!(peak, Actual::Between { value: 2.0, least: 1.0, most: 2.0 });
        assert_eq!(validity.peak(&curve, (ms(7000), ms(11_000))), Actual::Exactly(1.0));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(Validity::default().causes(), "");
        let mut validity = stalled();
        assert_eq!(validity.causes(), "a pause of mailbench of 1s at 3.0s");
        validity.lag.p99 = Some(7_000);
        validity.excess.traffic = Duration::from_millis(200);
        validity.observed[LatencyMetric::ScheduleLag as usize] = 100;
        let causes = validity.causes();
        assert!(causes.contains("schedule lag of 7ms (p99)"), "{causes}");
        assert!(causes.contains("waits for a processor of 2ms a message"), "{causes}");
    }
}
