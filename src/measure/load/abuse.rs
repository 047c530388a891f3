//! Abuse: what the target made of bad clients, and what legitimate clients saw meanwhile.

use crate::clock::Time;
use crate::ledger::event::{AbuseEnd, Abused, Event};
use crate::measure::aggregates::periods::Periods;
use crate::measure::latency::observation::Seen;
use crate::measure::latency::samples::Samples;
use crate::measure::latency::summarise;
use crate::measure::results::{AbuseFacts, AbuseReport, LegitimateFacts};
use crate::scenario::Scenario;

/// What became of the bad clients of each kind.
#[derive(Debug, Default)]
pub struct Clients {
    tallies: Vec<Tally>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    sessions: u64,
    unconnected: u64,
    refused: u64,
    cut_off: u64,
    tolerated: u64,
    held_max_us: u64,
    held_sum_us: u64,
}

impl Clients {
    /// None yet.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Clients {
        Clients { tallies: vec![Tally::default(); scenario.abuse.len()] }
    }

    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        let Event::Abused(Abused { profile, end, held_us, .. }) = event else { return };
        let Some(tally) = self.tallies.get_mut(usize::from(*profile)) else { return };
        tally.sessions += 1;
        match end {
            AbuseEnd::Unconnected => tally.unconnected += 1,
            AbuseEnd::Refused { .. } => tally.refused += 1,
            AbuseEnd::CutOff => tally.cut_off += 1,
            AbuseEnd::Tolerated => tally.tolerated += 1,
        }
        tally.held_max_us = tally.held_max_us.max(*held_us);
        tally.held_sum_us += held_us;
    }

    /// What is to be reported; nothing of a scenario without abuse.
    #[must_use]
    pub fn facts(&self, scenario: &Scenario, honest: &Legitimate) -> Option<AbuseReport> {
        let profiles = scenario.abuse.iter().zip(&self.tallies);
        let facts = profiles.map(|(abuse, tally)| AbuseFacts {
            name: abuse.name.clone(),
            kind: abuse.kind.name().to_owned(),
            at_once: abuse.sessions,
            during_s: abuse
                .during
                .map(|window| (window.start.as_secs_f64(), window.end.as_secs_f64())),
            sessions: tally.sessions,
            unconnected: tally.unconnected,
            refused: tally.refused,
            cut_off: tally.cut_off,
            tolerated: tally.tolerated,
            held_mean_us: tally.held_sum_us / tally.sessions.max(1),
            held_max_us: tally.held_max_us,
        });
        let profiles: Vec<AbuseFacts> = facts.collect();
        let honest = honest.facts();
        (!profiles.is_empty()).then_some(AbuseReport { profiles, honest })
    }
}

/// What legitimate mail saw: due before any bad client came, and while some were there.
#[derive(Debug, Default)]
pub struct Legitimate {
    /// None: the abuse lasts as long as the measured period, and there is nothing to hold it
    /// against.
    windows: Vec<(Time, Time)>,
    before: Side,
    during: Side,
}

#[derive(Debug, Default)]
struct Side {
    response: Samples,
    probes: u64,
    unaccepted: u64,
}

impl Legitimate {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(scenario: &Scenario, periods: &Periods) -> Legitimate {
        let from = periods.measured_from();
        let windows: Option<Vec<(Time, Time)>> = scenario
            .abuse
            .iter()
            .map(|abuse| abuse.during.map(|it| (from.plus(it.start), from.plus(it.end))))
            .collect();
        Legitimate { windows: windows.unwrap_or_default(), ..Legitimate::default() }
    }

    fn side(&mut self, due: Time) -> Option<&mut Side> {
        if self.windows.iter().any(|(start, end)| (*start..*end).contains(&due)) {
            Some(&mut self.during)
        } else if self.windows.iter().all(|(start, _)| due < *start) {
            Some(&mut self.before)
        } else {
            None
        }
    }

    /// Enters the time from due to reply of a measured message.
    pub fn response(&mut self, due: Time, seen: Seen) {
        if let Some(side) = self.side(due) {
            side.response.enter(seen);
        }
    }

    /// Enters a measured probe.
    pub fn probe(&mut self, due: Time, accepted: bool) {
        if let Some(side) = self.side(due) {
            side.probes += 1;
            side.unaccepted += u64::from(!accepted);
        }
    }

    fn facts(&self) -> Option<LegitimateFacts> {
        if self.windows.is_empty() || self.before.probes == 0 || self.during.probes == 0 {
            return None;
        }
        let share = |side: &Side| side.unaccepted as f64 / side.probes as f64;
        let sides = [&self.before, &self.during];
        let [before, during] = sides.map(|side| summarise(&side.response));
        Some(LegitimateFacts::new([&before, &during], sides.map(share)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::results::Certainty;
    use crate::measure::synthetic::ms;
    use std::time::Duration;

    fn legitimate(windows: Vec<(Time, Time)>) -> Legitimate {
        let mut honest = Legitimate { windows, ..Legitimate::default() };
        for (due, millis, accepted) in [(500, 10, true), (1500, 40, false), (2500, 900, false)] {
            for number in 0..400 {
                honest.response(ms(due), Seen::Whole(Duration::from_millis(millis)));
                honest.probe(ms(due), accepted || number % 4 > 0);
            }
        }
        honest
    }

    #[test]
    fn legitimate_mail_in_the_window_is_compared_with_that_before_it() {
        let facts = legitimate(vec![(ms(1000), ms(2000))]).facts().expect("facts");
        let inflation = facts.inflation().expect("a ratio");
        assert_eq!(inflation.certainty, Certainty::Exact);
        assert!((inflation.bare() - 4.0).abs() < 0.1, "{facts:?}");
        assert_eq!((facts.before_unaccepted, facts.during_unaccepted), (0.0, 0.25));
    }

    #[test]
    fn a_percentile_that_was_cut_off_is_a_bound_and_so_is_its_ratio() {
        let mut legitimate = legitimate(vec![(ms(1000), ms(2000))]);
        (0..20).for_each(|_| legitimate.response(ms(1500), Seen::Cut(Duration::from_secs(9))));
        let facts = legitimate.facts().expect("facts");
        assert_eq!(facts.p50().map(|it| it.expect("a value").certainty), [Certainty::Exact; 2]);
        assert_eq!(
            facts.p99().map(|it| it.expect("a value").certainty),
            [Certainty::Exact, Certainty::AtLeast]
        );
        let inflation = facts.inflation().expect("a ratio");
        assert_eq!(inflation.text(|times| format!("{times:.0}")), ">=900");
        (0..20).for_each(|_| legitimate.response(ms(500), Seen::Cut(Duration::from_secs(9))));
        assert!(legitimate.facts().expect("facts").inflation().is_none(), "nothing is known of it");
    }

    #[test]
    fn abuse_all_the_time_has_nothing_to_be_held_against() {
        assert!(legitimate(Vec::new()).facts().is_none());
        assert!(legitimate(vec![(ms(0), ms(3000))]).facts().is_none());
    }
}
