//! How a capacity search is made: the profiles, and what the user may change of them.

use crate::measure::capacity::classify::Goal;
use crate::simulate::model::Model;

/// How a search is made.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// `quick` or `full`.
    pub profile: &'static str,
    /// What is asked of a load.
    pub goal: Goal,
    /// Seconds of a trial that feels its way.
    pub feel_s: f64,
    /// Warm-up of every trial, seconds.
    pub warm_up_s: f64,
    /// Shares of the result at which the curve is drawn; none: no curve.
    pub shares: &'static [f64],
    /// No trial above this; `None`: what the generator proves able to offer.
    pub most: Option<f64>,
    /// The instrument's ceiling for the scenario's messages, where it was calibrated.
    pub calibrated: Option<f64>,
    /// Whether an unhealthy instrument makes a trial bad.
    pub health_counts: bool,
    /// The model that stands for the target, in a simulated search.
    pub model: Option<Model>,
}

impl SearchOptions {
    /// A coarse answer from short trials, for CI: trials of 10 s, within 5 %.
    #[must_use]
    pub fn quick() -> SearchOptions {
        let goal = Goal { final_s: 10.0, sum_s: 30.0, loss: 0.001, exceed: 0.5, width: 0.05 };
        SearchOptions::of("quick", goal)
    }

    /// Trials of 60 s, within 2 %.
    #[must_use]
    pub fn full() -> SearchOptions {
        let goal = Goal { final_s: 60.0, sum_s: 180.0, loss: 0.0, exceed: 0.5, width: 0.02 };
        SearchOptions::of("full", goal)
    }

    fn of(profile: &'static str, goal: Goal) -> SearchOptions {
        SearchOptions {
            profile,
            goal,
            shares: &[],
            most: None,
            calibrated: None,
            health_counts: true,
            model: None,
            feel_s: 0.0,
            warm_up_s: 0.0,
        }
        .with_trials_of(goal.final_s)
    }

    /// Trials of so many seconds; what is needed at a load, and the warm-up, in proportion.
    #[must_use]
    pub fn with_trials_of(mut self, seconds: f64) -> SearchOptions {
        self.goal.sum_s *= seconds / self.goal.final_s;
        self.goal.final_s = seconds;
        self.feel_s = (seconds / 2.0).min(5.0);
        self.warm_up_s = (seconds / 5.0).clamp(0.5, 10.0);
        self
    }

    /// Measured seconds of a trial that counts in full, or of one that feels its way.
    pub(super) fn seconds(&self, full: bool) -> f64 {
        if full { self.goal.final_s } else { self.feel_s }
    }
}
