//! The trials put together: by rate, what is proved of it; by time, whether later trials contradict
//! earlier ones, so that these count no more.

use super::classify::{Bound, Goal, Seconds, classify};
use super::delivered::{Delivered, Estimate, Sustained};
use super::results::{Contradiction, Outcome, Trial};
use super::throughput::Throughput;

/// Share of the goal's width that may be missing from the deliveries of a sustained rate.
const TOLERANCE: f64 = 0.2;

/// Trials in a row that contradict what was found before: one may be bad luck.
pub(super) const CONTRADICTING: usize = 2;

/// A rate and what its trials come to.
#[derive(Clone, Debug)]
pub struct Load {
    /// Messages a second.
    pub rate: f64,
    /// What is proved.
    pub bound: Bound,
    /// Whether further trials are not expected to decide what these did not.
    pub is_exhausted: bool,
    /// Whether trials of full length decide nothing, for want of data.
    pub is_silent: bool,
    /// Whether any trial was bad.
    pub is_bad: bool,
    /// Its trials, by their place in the search.
    pub trials: Vec<usize>,
    /// What was delivered.
    pub delivered: Option<Delivered>,
}

/// Everything that counts now.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// By rate, lowest first.
    pub loads: Vec<Load>,
    /// Rates at which the answer changed.
    pub contradictions: Vec<Contradiction>,
    /// Variance over mean of the deliveries while the target was saturated; `None`: it never was.
    pub dispersion: Option<f64>,
}

/// Share of the offered rate that may be missing from the deliveries.
#[must_use]
pub fn tolerance(goal: &Goal) -> f64 {
    TOLERANCE * goal.width
}

impl Evidence {
    /// What the trials come to, those left out that later ones contradict.
    #[must_use]
    pub fn of(trials: &[Trial], goal: &Goal) -> Evidence {
        let (mut from, mut contradictions) = (0, Vec::new());
        for count in 1..=trials.len() {
            if let Some((start, found)) = contradicted(&trials[..count], from, goal) {
                from = start;
                contradictions.push(found);
            }
        }
        let dispersion = dispersion(&trials[from..]);
        let loads = loads(trials, from, goal, dispersion);
        Evidence { loads, contradictions, dispersion }
    }

    /// The smallest load that is not sustained, and the largest below it that is.
    #[must_use]
    pub fn bounds(&self) -> (Option<&Load>, Option<&Load>) {
        let upper = self.loads.iter().find(|load| load.bound == Bound::Upper);
        let below = |load: &&Load| upper.is_none_or(|upper| load.rate < upper.rate);
        let lower = self.loads.iter().filter(below).rfind(|load| load.bound == Bound::Lower);
        (lower, upper)
    }

    /// What a saturated target delivered, at the lowest load that saturated it: where its limit is
    /// to be looked for.
    #[must_use]
    pub fn saturated(&self) -> Option<Estimate> {
        let upper = self.loads.iter().filter(|load| load.bound == Bound::Upper);
        upper.filter_map(|load| load.delivered?.saturated).next()
    }
}

impl Load {
    /// The rate that is shown to be sustained.
    #[must_use]
    pub fn proved(&self) -> f64 {
        self.delivered.map_or(self.rate, |delivered| delivered.proved(self.rate))
    }
}

/// Whether the last trial completes a row that contradicts what was found at its rate before; the
/// place from which trials count again.
fn contradicted(trials: &[Trial], from: usize, goal: &Goal) -> Option<(usize, Contradiction)> {
    let last = trials.last()?;
    let of_rate = |(_, trial): &(usize, &Trial)| trial.rate_per_s == last.rate_per_s;
    let of_rate: Vec<(usize, &Trial)> =
        trials.iter().enumerate().skip(from).filter(of_rate).collect();
    let (before, row) = of_rate.split_at(of_rate.len().checked_sub(CONTRADICTING)?);
    let (newest, first) = (before.last()?.0, row.first()?.0);
    let sustained_first = found_first(before, &trials[from..], goal)?;
    let contradicting = |trial: &Trial| match sustained_first {
        // A longer trial may fail where a short one did not.
        true => {
            let long_enough = |(_, it): &(usize, &Trial)| it.duration_s >= trial.duration_s;
            trial.outcome() == Outcome::Bad && !trial.generator && before.iter().any(long_enough)
        }
        false => trial.outcome() == Outcome::Good,
    };
    let found = Contradiction {
        rate_per_s: last.rate_per_s,
        sustained_first,
        trial: newest + 1,
        contradicted_by: first + 1,
    };
    let all = row.iter().all(|(_, trial)| contradicting(trial));
    let by_chance = sustained_first && is_by_chance(row, goal, dispersion(&trials[from..]));
    (all && !by_chance).then_some((newest + 1, found))
}

/// Whether these bad trials differ from good ones by no more than deliveries vary.
fn is_by_chance(row: &[(usize, &Trial)], goal: &Goal, dispersion: Option<f64>) -> bool {
    let seen: Vec<Throughput> = row.iter().filter_map(|(_, trial)| trial.seen.throughput).collect();
    let rate = row.first().map_or(0.0, |(_, trial)| trial.rate_per_s);
    let verdict = Delivered::of(&seen, dispersion).map(|it| it.sustains(rate, tolerance(goal)));
    let only_overload = row.iter().all(|(_, trial)| trial.only_overload);
    only_overload && verdict != Some(Sustained::No)
}

/// Whether the trials at one rate found that it is sustained; `None`: they are of two minds. Below
/// what is needed to call it so, good trials count where a clearly lower rate was bad since.
fn found_first(before: &[(usize, &Trial)], trials: &[Trial], goal: &Goal) -> Option<bool> {
    let rate = before.first()?.1.rate_per_s;
    let shown = |trial: &Trial| {
        let seen = trial.seen.throughput;
        trial.outcome() == Outcome::Good
            && seen.is_none_or(|seen| seen.sustains(rate, tolerance(goal)) == Sustained::Yes)
    };
    let clearly_below = |trial: &Trial| {
        trial.outcome() == Outcome::Bad && trial.rate_per_s * (1.0 + goal.width) < rate
    };
    match load(rate, before, goal, dispersion(trials)).bound {
        Bound::Lower => Some(true),
        Bound::Upper => Some(false),
        Bound::Undecided => {
            let all_shown = before.iter().all(|(_, trial)| shown(trial));
            (all_shown && trials.iter().any(clearly_below)).then_some(true)
        }
    }
}

/// Mean over the trials that saturated the target.
fn dispersion(trials: &[Trial]) -> Option<f64> {
    let seen: Vec<f64> =
        trials.iter().filter_map(|it| Some(it.seen.throughput?.saturated?.dispersion)).collect();
    (!seen.is_empty()).then(|| seen.iter().sum::<f64>() / seen.len() as f64)
}

/// The loads of the trials from `from` on, in order of rate.
fn loads(trials: &[Trial], from: usize, goal: &Goal, dispersion: Option<f64>) -> Vec<Load> {
    let mut rates: Vec<f64> = trials[from..].iter().map(|trial| trial.rate_per_s).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let numbered = || trials.iter().enumerate().skip(from);
    let load = |rate: f64| {
        let of_rate: Vec<(usize, &Trial)> =
            numbered().filter(|(_, trial)| trial.rate_per_s == rate).collect();
        load(rate, &of_rate, goal, dispersion)
    };
    rates.into_iter().map(load).collect()
}

fn load(rate: f64, trials: &[(usize, &Trial)], goal: &Goal, dispersion: Option<f64>) -> Load {
    let seen: Vec<Throughput> = trials
        .iter()
        .filter(|(_, trial)| !trial.generator)
        .filter_map(|(_, trial)| trial.seen.throughput)
        .collect();
    let delivered = Delivered::of(&seen, dispersion);
    let full = trials.iter().filter(|(_, trial)| trial.duration_s >= goal.final_s);
    let enough = full.clone().count() >= needed(goal);
    let is_close =
        |it: &Delivered| it.saturated.is_some_and(|it| it.per_s + 2.0 * it.error >= rate);
    let sustained = delivered.map(|it| match it.sustains(rate, tolerance(goal)) {
        // Close to the limit one trial is not enough.
        Sustained::No if !enough && is_close(&it) => Sustained::Undecided,
        sustained => sustained,
    });
    let bound = bound(classify(&seconds(trials, goal), goal), sustained);
    let silent = full.clone().filter(|(_, trial)| trial.is_without_data()).count();
    Load {
        rate,
        bound,
        is_exhausted: bound == Bound::Undecided
            && (full.count() > needed(goal) + 1 || silent >= CONTRADICTING),
        is_silent: silent >= CONTRADICTING,
        is_bad: trials.iter().any(|(_, trial)| trial.outcome() == Outcome::Bad),
        trials: trials.iter().map(|(place, _)| *place).collect(),
        delivered,
    }
}

/// RFC 9971's bound, and what deliveries show: that a rate is not sustained they show in less time
/// than the goal's, that it is they must confirm.
fn bound(classified: Bound, sustained: Option<Sustained>) -> Bound {
    match (classified, sustained) {
        (_, Some(Sustained::No)) | (Bound::Upper, _) => Bound::Upper,
        (Bound::Lower, None | Some(Sustained::Yes)) => Bound::Lower,
        _ => Bound::Undecided,
    }
}

/// Seconds by length and outcome; a trial without data counts nowhere.
fn seconds(trials: &[(usize, &Trial)], goal: &Goal) -> Seconds {
    let mut seconds = Seconds::default();
    for (_, trial) in trials {
        let full = trial.duration_s >= goal.final_s;
        let outcome = match trial.outcome() {
            // Of deliveries all trials at the rate decide together.
            Outcome::Bad if trial.only_overload && trial.is_without_data() => continue,
            Outcome::Bad if trial.only_overload => Outcome::Good,
            outcome => outcome,
        };
        let sum = match (full, outcome) {
            (_, Outcome::Inconclusive) => continue,
            (true, Outcome::Good) => &mut seconds.full_good,
            (true, Outcome::Bad) => &mut seconds.full_bad,
            (false, Outcome::Good) => &mut seconds.short_good,
            (false, Outcome::Bad) => &mut seconds.short_bad,
        };
        *sum += trial.duration_s;
    }
    seconds
}

/// Good full trials that make a load sustained.
#[must_use]
pub fn needed(goal: &Goal) -> usize {
    (goal.sum_s * (1.0 - goal.exceed) / goal.final_s).ceil().max(1.0) as usize
}

#[cfg(test)]
mod evidence_tests;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::measure::capacity::results::Seen;
    use crate::measure::capacity::throughput::Saturated;

    const GOAL: Goal = Goal { final_s: 10.0, sum_s: 30.0, loss: 0.001, exceed: 0.5, width: 0.05 };

    /// A trial of a target that delivers `limit` a second at most, evenly.
    pub(in crate::measure::capacity) fn limited(rate: f64, duration_s: f64, limit: f64) -> Trial {
        let per_s = rate.min(limit);
        let saturated = Saturated { per_s, window_s: duration_s, dispersion: 0.0 };
        let throughput = Throughput {
            per_s,
            window_s: duration_s,
            mean_per_s: per_s,
            measured_s: duration_s,
            saturated: (rate > limit).then_some(saturated),
            ..Throughput::default()
        };
        let over = throughput.sustains(rate, tolerance(&GOAL)) == Sustained::No;
        let reasons = if over { vec![format!("delivered {per_s}")] } else { Vec::new() };
        let seen = Seen { throughput: Some(throughput), ..Seen::default() };
        Trial {
            rate_per_s: rate,
            duration_s,
            good: !over,
            reasons,
            only_overload: over,
            seen,
            ..Trial::default()
        }
    }

    fn silent(rate: f64) -> Trial {
        let without_data = vec!["threshold p99".to_owned()];
        Trial { good: false, without_data, ..limited(rate, 10.0, 1e9) }
    }

    fn bound(trials: &[Trial]) -> Bound {
        let evidence = Evidence::of(trials, &GOAL);
        let [load] = &evidence.loads[..] else { panic!("one rate: {evidence:?}") };
        load.bound
    }

    #[test]
    fn far_beyond_the_limit_one_trial_is_enough_and_close_to_it_two_are_needed() {
        let far = limited(40.0, 5.0, 20.0);
        let close = limited(20.3, 10.0, 20.1);
        assert_eq!(bound(&[far]), Bound::Upper);
        assert_eq!(bound(std::slice::from_ref(&close)), Bound::Undecided);
        assert_eq!(bound(&[close.clone(), close]), Bound::Upper);
    }

    #[test]
    fn a_good_trial_that_delivered_less_than_its_rate_proves_nothing() {
        let mut short = limited(20.0, 10.0, 30.0);
        assert_eq!(bound(&[short.clone(), short.clone()]), Bound::Lower);
        let seen = short.seen.throughput.as_mut().expect("what it delivered");
        (seen.per_s, seen.mean_per_s) = (18.0, 18.0);
        assert_eq!(bound(&[short.clone(), short]), Bound::Undecided);
    }

    #[test]
    fn a_trial_without_data_counts_nowhere() {
        let evidence = Evidence::of(&[silent(20.0), silent(20.0)], &GOAL);
        let load = &evidence.loads[0];
        assert_eq!((load.bound, load.is_silent, load.is_exhausted), (Bound::Undecided, true, true));
        assert!(!load.is_bad);
        let reasons = vec!["delivered".to_owned()];
        let less = Trial { reasons, only_overload: true, ..silent(20.0) };
        assert_eq!(
            bound(&[less.clone(), less]),
            Bound::Undecided,
            "not sustained for want of data"
        );
        let good = limited(20.0, 10.0, 30.0);
        assert_eq!(bound(&[silent(20.0), good.clone(), good]), Bound::Lower);
    }

    #[test]
    fn two_trials_in_a_row_contradict_what_was_proved_and_one_does_not() {
        let mut trials = vec![limited(80.0, 10.0, 80.0), limited(80.0, 10.0, 80.0)];
        trials.push(limited(80.0, 10.0, 47.0));
        assert!(Evidence::of(&trials, &GOAL).contradictions.is_empty());
        trials.push(limited(80.0, 10.0, 47.0));
        let evidence = Evidence::of(&trials, &GOAL);
        let expected =
            Contradiction { rate_per_s: 80.0, sustained_first: true, trial: 2, contradicted_by: 3 };
        assert_eq!(evidence.contradictions, [expected]);
        assert_eq!(evidence.loads[0].bound, Bound::Upper, "only the later ones count");
        let risen = [limited(80.0, 5.0, 47.0), limited(80.0, 10.0, 90.0)];
        let risen = [&risen[..], &[limited(80.0, 10.0, 90.0)]].concat();
        let evidence = Evidence::of(&risen, &GOAL);
        assert!(evidence.contradictions.iter().all(|it| !it.sustained_first));
        assert_eq!(evidence.contradictions.len(), 1);
    }

    #[test]
    fn a_longer_trial_that_fails_does_not_contradict_a_shorter_one() {
        let short = limited(80.0, 5.0, 80.0);
        let long = limited(80.0, 10.0, 47.0);
        let evidence = Evidence::of(&[short, long.clone(), long], &GOAL);
        assert!(evidence.contradictions.is_empty(), "{evidence:?}");
    }
}
