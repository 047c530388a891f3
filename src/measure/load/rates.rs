//! Rates: events inside the measured period, per second of it; and goodput.
//!
//! A rate says what went on in the period, whatever period the mail was due in: mail of the warm-up
//! that is delivered in the period counts, mail of the period that is delivered after it does not.
//! So a target that delivers 40 of 80 messages a second shows 40, however long it may drain
//! afterwards. Goodput is the other question: how long the mail of the period took in all.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::ledger::class::Class;
use crate::ledger::history::ProbeView;
use crate::measure::aggregates::periods::Periods;
pub use crate::metric::flow::{Flow, GOODPUT};

/// Events inside the measured period, and how far the mail of the period got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    counts: [u64; Flow::ALL.len()],
    /// Probes of the period that were delivered at any time, and when the last of them was.
    arrived: u64,
    last: Option<Time>,
    /// Probes of the period that were accepted and had no end at the close.
    open: u64,
}

impl Flows {
    /// Adds events that happened in the measured period.
    pub fn add(&mut self, flow: Flow, count: u64) {
        self.counts[flow as usize] += count;
    }

    /// Events of one kind.
    #[must_use]
    pub fn count(&self, flow: Flow) -> u64 {
        self.counts[flow as usize]
    }

    /// A probe that was due in the period was delivered, whenever that was.
    pub fn arrived(&mut self, at: Time) {
        self.arrived += 1;
        self.last = self.last.max(Some(at));
    }

    /// A probe that was due in the period was accepted, and what becomes of it is not known yet at
    /// the close.
    pub fn left_open(&mut self) {
        self.open += 1;
    }

    /// Takes a probe of a journal, whatever period it was due in. Its deferrals are attempts, which
    /// a probe does not date: they are added apart.
    pub fn probe(&mut self, probe: &ProbeView, periods: &Periods) {
        let (from, to) = (periods.measured_from(), periods.load_stop());
        let inside = |at: Time| at >= from && at < to;
        let mut count = |flow, at: Option<Time>| self.add(flow, u64::from(at.is_some_and(inside)));
        let history = &probe.history;
        count(Flow::Offered, Some(probe.due));
        count(Flow::Accepted, probe.accepted);
        count(Flow::Delivered, probe.taken);
        count(Flow::Bounced, probe.bounced);
        match (history.accepted, history.indeterminate, history.refused + history.broken) {
            (0, 0, 1..) => count(Flow::Refused, probe.submitted),
            (0, 1.., _) => count(Flow::Indeterminate, probe.submitted),
            _ => {}
        }
        if probe.due < from {
            return;
        }
        if let Some(taken) = probe.taken {
            self.arrived(taken);
        } else if matches!(probe.disposition.class, Class::Pending | Class::Unaccounted) {
            self.left_open();
        }
    }

    /// Every rate by name, a second; empty where the measured period has no length. `close` is the
    /// end of the run.
    #[must_use]
    pub fn rates(&self, (from, to): (Time, Time), close: Time) -> BTreeMap<String, f64> {
        let seconds = to.since(from).as_secs_f64();
        if seconds <= 0.0 {
            return BTreeMap::new();
        }
        let rate = |flow: Flow| (flow.name().to_owned(), self.count(flow) as f64 / seconds);
        let mut rates: BTreeMap<String, f64> = Flow::ALL.into_iter().map(rate).collect();
        rates.insert(GOODPUT.to_owned(), self.goodput((from, to), close));
        rates
    }

    /// Probes of the period delivered, over the period and the drain that they needed: to the last
    /// of them; to the close, where some were still waiting then.
    fn goodput(&self, (from, to): (Time, Time), close: Time) -> f64 {
        let last = if self.open > 0 { Some(close) } else { self.last };
        let end = last.unwrap_or(to).max(to);
        self.arrived as f64 / end.since(from).as_secs_f64()
    }

    /// Whether the target kept up with what was offered: it took in nearly all of it, and its
    /// backlog did not grow. `quarters`: mean backlog over the third and over the last quarter of
    /// the measured period, so that what fills the pipeline at first, and single bursts, do not
    /// count.
    #[must_use]
    pub fn sustained(&self, quarters: [f64; 2]) -> bool {
        let offered = self.count(Flow::Offered) as f64;
        let kept_out = offered - self.count(Flow::Accepted) as f64;
        let grown = quarters[1] - quarters[0];
        kept_out <= KEPT_OUT * offered + SLACK && grown <= GROWN * offered / 4.0 + SLACK
    }
}

/// Share of the offered that the target may keep out, or leave without a reply in time.
const KEPT_OUT: f64 = 0.05;

/// Growth of the backlog from one quarter to the next, as a share of what was offered meanwhile.
const GROWN: f64 = 0.05;

/// Probes that say nothing either way.
const SLACK: f64 = 10.0;

/// Third and last quarter of a span.
#[must_use]
pub fn last_quarters((from, to): (Time, Time)) -> [(Time, Time); 2] {
    let quarter = to.since(from) / 4;
    let (middle, last) = (from.plus(quarter * 2), from.plus(quarter * 3));
    [(middle, last), (last, to)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    fn of(pairs: &[(Flow, u64)]) -> Flows {
        let mut flows = Flows::default();
        pairs.iter().for_each(|(flow, count)| flows.add(*flow, *count));
        flows
    }

    #[test]
    fn flows_are_in_the_order_of_declaration() {
        for (index, flow) in Flow::ALL.into_iter().enumerate() {
            assert_eq!(flow as usize, index, "{}", flow.name());
        }
    }

    #[test]
    fn a_rate_counts_the_period_and_goodput_the_drain_too() {
        let mut flows = of(&[(Flow::Offered, 800), (Flow::Delivered, 400)]);
        (1..=800).for_each(|n| flows.arrived(ms(25 * n)));
        let rates = flows.rates((ms(0), ms(10_000)), ms(30_000));
        let shown = ["offered", "delivered", "goodput", "bounced"].map(|name| rates[name]);
        assert_eq!(shown, [80.0, 40.0, 40.0, 0.0]);
    }

    #[test]
    fn goodput_of_mail_that_still_waits_reaches_to_the_close() {
        let mut flows = of(&[(Flow::Offered, 100)]);
        (0..50).for_each(|_| flows.arrived(ms(1_000)));
        let goodput = |flows: &Flows| flows.rates((ms(0), ms(10_000)), ms(20_000))[GOODPUT];
        assert_eq!(goodput(&flows), 5.0, "what came early needed no drain");
        flows.left_open();
        assert_eq!(goodput(&flows), 2.5);
    }

    #[test]
    fn without_a_measured_period_there_is_no_rate() {
        assert!(of(&[(Flow::Offered, 1)]).rates((ms(5), ms(5)), ms(9)).is_empty());
    }

    #[test]
    fn a_load_is_sustained_unless_mail_is_kept_out_or_piles_up() {
        let taken = of(&[(Flow::Offered, 800), (Flow::Accepted, 795)]);
        assert!(taken.sustained([3.0, 4.0]) && taken.sustained([300.0, 302.0]));
        // 40 of 80 a second for ten seconds: 100 a quarter.
        assert!(!taken.sustained([250.0, 350.0]));
        assert!(!of(&[(Flow::Offered, 800), (Flow::Accepted, 400)]).sustained([0.0, 0.0]));
    }
}
