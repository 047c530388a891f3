//! What the trials at one rate deliver together, and whether that shows the rate to be sustained.

use super::throughput::Throughput;

/// Student's t, two-sided 99.5 %, for the nine degrees of freedom of ten parts: a search looks at
/// about ten rates, and its answer is to hold the truth 95 times in 100 (Bonferroni).
pub(super) const T_SEARCH: f64 = 3.690;

/// How much more the best of many stretches is moved by chance than one that was fixed beforehand.
const BEST: f64 = 2.0;

/// A rate with an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Messages a second.
    pub per_s: f64,
    /// Half the width of its interval, messages a second: 99.5 %, as of one of ten looks.
    pub error: f64,
    /// Of that, what comes from counting whole messages.
    pub rounding: f64,
}

/// Whether a rate is sustained, as far as deliveries show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sustained {
    /// As much was delivered.
    Yes,
    /// A saturated target delivered less.
    No,
    /// Neither.
    Undecided,
}

/// What the trials at one rate deliver together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delivered {
    /// Over the best stretch of each.
    pub most: Estimate,
    /// Over the whole measured period of each.
    pub mean: Estimate,
    /// While saturated, where at least every second trial was.
    pub saturated: Option<Estimate>,
}

impl Throughput {
    /// What this trial alone says of `rate`; `tolerance`: the share of it that may be missing.
    #[must_use]
    pub fn sustains(&self, rate: f64, tolerance: f64) -> Sustained {
        let dispersion = self.saturated.map(|it| it.dispersion);
        let delivered = Delivered::of(std::slice::from_ref(self), dispersion);
        delivered.map_or(Sustained::Undecided, |it| it.sustains(rate, tolerance))
    }
}

impl Estimate {
    /// The rate over several windows, each with its rate and its seconds.
    fn over(windows: &[(f64, f64)], dispersion: Option<f64>) -> Option<Estimate> {
        let seconds: f64 = windows.iter().map(|(_, seconds)| seconds).sum();
        if seconds <= 0.0 {
            return None;
        }
        let per_s = windows.iter().map(|(rate, seconds)| rate * seconds).sum::<f64>() / seconds;
        let rounding = windows.len() as f64 / seconds;
        let noise = T_SEARCH * (dispersion.unwrap_or(0.0) * per_s / seconds).sqrt();
        Some(Estimate { per_s, error: noise + rounding, rounding })
    }
}

impl Delivered {
    /// Of several trials at one rate; `dispersion`: of the target's deliveries, where known. `None`
    /// without trials.
    #[must_use]
    pub fn of(trials: &[Throughput], dispersion: Option<f64>) -> Option<Delivered> {
        let most: Vec<(f64, f64)> = trials.iter().map(|it| (it.per_s, it.window_s)).collect();
        let saturated = trials.iter().filter_map(|it| it.saturated);
        let saturated: Vec<(f64, f64)> = saturated.map(|it| (it.per_s, it.window_s)).collect();
        let mean: Vec<(f64, f64)> =
            trials.iter().map(|it| (it.mean_per_s, it.measured_s)).collect();
        let mostly = 2 * saturated.len() >= trials.len();
        Some(Delivered {
            most: Estimate::over(&most, dispersion)?,
            mean: Estimate::over(&mean, dispersion)?,
            saturated: Estimate::over(&saturated, dispersion).filter(|_| mostly),
        })
    }

    /// Whether `rate` is sustained.
    #[must_use]
    pub fn sustains(&self, rate: f64, tolerance: f64) -> Sustained {
        if self.saturated.is_some_and(|it| it.per_s + it.error < rate) {
            Sustained::No
        } else if self.most.per_s + self.most.rounding >= rate * (1.0 - tolerance) {
            Sustained::Yes
        } else {
            Sustained::Undecided
        }
    }

    /// The rate that is shown to be sustained: no more than was offered, less the error.
    #[must_use]
    pub fn proved(&self, rate: f64) -> f64 {
        let noise = self.most.error - self.most.rounding;
        let best = self.most.per_s - self.most.rounding - BEST * noise;
        let mean = self.mean.per_s - self.mean.error;
        best.max(mean).min(rate).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::capacity::throughput::Saturated;

    #[test]
    fn several_trials_narrow_the_interval() {
        let one = Throughput {
            per_s: 20.0,
            window_s: 10.0,
            mean_per_s: 20.0,
            measured_s: 10.0,
            ..Throughput::default()
        };
        let single = Delivered::of(&[one], Some(1.0)).expect("a window").most;
        let four = Delivered::of(&[one; 4], Some(1.0)).expect("a window").most;
        // Student's t over a Poisson count: 3.69 × √(20/10) + 1/10.
        assert!((single.error - (3.69 * 2.0_f64.sqrt() + 0.1)).abs() < 1e-9, "{single:?}");
        assert!(four.error < 0.55 * single.error, "{four:?}");
        assert_eq!(Delivered::of(&[], None), None);
    }

    fn trial(per_s: f64, window_s: f64) -> Throughput {
        let saturated = Some(Saturated { per_s, window_s, dispersion: 0.0 });
        Throughput {
            per_s,
            window_s,
            mean_per_s: per_s,
            measured_s: window_s,
            saturated,
            ..Throughput::default()
        }
    }

    #[test]
    fn a_target_counts_as_saturated_where_every_second_trial_saturated_it() {
        let (full, idle) = (trial(20.0, 10.0), Throughput { saturated: None, ..trial(20.0, 10.0) });
        let saturated = |trials: &[Throughput]| {
            Delivered::of(trials, None).expect("windows").saturated.is_some()
        };
        assert!(saturated(&[full, idle]) && saturated(&[full, idle, full, idle]));
        assert!(!saturated(&[full, idle, idle]));
    }

    /// Over a second, whole messages are known to one: 19 may be 20, 18.9 may not.
    #[test]
    fn a_rate_within_the_error_is_not_shown_to_be_too_high() {
        let at = |per_s| {
            Delivered::of(&[trial(per_s, 1.0)], None).expect("a window").sustains(20.0, 0.0)
        };
        assert_eq!(at(18.9), Sustained::No);
        assert_ne!(at(19.0), Sustained::No);
        assert_ne!(at(19.5), Sustained::No);
    }

    /// Deliveries as of a Poisson process: 3.69 × √(per_s / seconds), twice that of the best
    /// stretch, and one message over the window.
    #[test]
    fn what_is_proved_is_the_better_of_two_figures_less_their_errors() {
        let proved = |mean_per_s: f64, rate: f64| {
            let seen = Throughput { mean_per_s, measured_s: 20.0, ..trial(20.0, 10.0) };
            Delivered::of(&[seen], Some(1.0)).expect("windows").proved(rate)
        };
        let best = 20.0 - 0.1 - 2.0 * 3.69 * 2.0_f64.sqrt();
        let mean = 19.0 - 0.05 - 3.69 * (19.0_f64 / 20.0).sqrt();
        assert!((proved(19.0, 25.0) - mean).abs() < 1e-9 && mean > best);
        assert!((proved(5.0, 25.0) - best).abs() < 1e-9);
        assert_eq!(proved(19.0, 8.0), 8.0, "no more than was offered");
        let little = Delivered::of(&[trial(1.0, 10.0)], Some(1.0)).expect("windows");
        assert_eq!(little.proved(25.0), 0.0);
    }
}
