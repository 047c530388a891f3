//! Probes due and probes finished, in equal steps over warm-up and measured period: what a capacity
//! search reads the backlog and the throughput from. The second-by-second series is too coarse for
//! short trials, and its seconds do not begin with the periods.

use crate::clock::Time;

/// Steps of the measured period.
const STEPS: u64 = 400;

/// Steps of the warm-up at most; of a longer one the beginning is in the first step.
const WARM_UP_STEPS: u64 = 4000;

/// Probes by step. Empty when the length of the load is not known beforehand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Start of the first step, nanoseconds; it may lie before the start of the load.
    origin: i128,
    /// Length of a step, nanoseconds; 0: there are none.
    step: u64,
    /// Steps of the warm-up.
    warm_up: usize,
    due: Vec<u32>,
    finished: Vec<u32>,
}

impl Timeline {
    /// The steps of a load that begins at `start`, is measured from `measured` and stops at `stop`.
    #[must_use]
    pub fn new(start: Time, measured: Time, stop: Time) -> Timeline {
        let step = stop.0.saturating_sub(measured.0) / STEPS;
        if step == 0 {
            return Timeline::default();
        }
        let before = measured.0.saturating_sub(start.0).div_ceil(step).min(WARM_UP_STEPS);
        let steps = (before + STEPS) as usize;
        Timeline {
            origin: i128::from(measured.0) - i128::from(before * step),
            step,
            warm_up: before as usize,
            due: vec![0; steps],
            finished: vec![0; steps],
        }
    }

    /// A probe is due.
    pub fn due(&mut self, at: Time) {
        if let Some(step) = self.at(at) {
            self.due[step] += 1;
        }
    }

    /// A probe was delivered, returned to its sender or refused.
    pub fn finished(&mut self, at: Time) {
        if let Some(step) = self.at(at) {
            self.finished[step] += 1;
        }
    }

    /// The step of a moment; what came before the first one counts there, what comes after the
    /// last one nowhere.
    fn at(&self, time: Time) -> Option<usize> {
        if self.step == 0 {
            return None;
        }
        let past = (i128::from(time.0) - self.origin).max(0) / i128::from(self.step);
        usize::try_from(past).ok().filter(|step| *step < self.due.len())
    }

    /// Length of a step, seconds; 0: there are no steps.
    #[must_use]
    pub fn step_s(&self) -> f64 {
        self.step as f64 / 1e9
    }

    /// Steps of the warm-up: the measured period begins after so many.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.warm_up
    }

    /// Probes finished before the start of each step, and last before the end of the load.
    #[must_use]
    pub fn finished_before(&self) -> Vec<u64> {
        let mut sum = 0;
        let mut sums = vec![0];
        sums.extend(self.finished.iter().map(|count| {
            sum += u64::from(*count);
            sum
        }));
        sums
    }

    /// Probes due and not finished: at the start of each step, and last at the end of the load.
    #[must_use]
    pub fn outstanding(&self) -> Vec<i64> {
        let mut level = 0;
        let mut levels = vec![0];
        levels.extend(self.due.iter().zip(&self.finished).map(|(due, finished)| {
            level += i64::from(*due) - i64::from(*finished);
            level
        }));
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    #[test]
    fn steps_begin_with_the_measured_period_and_cover_the_warm_up() {
        let mut timeline = Timeline::new(ms(700), ms(1750), ms(11_750));
        assert_eq!((timeline.step_s(), timeline.warm_up()), (0.025, 42));
        for at in [700, 1749, 1750, 11_749] {
            timeline.due(ms(at));
        }
        timeline.finished(ms(1775));
        timeline.finished(ms(11_750));
        let outstanding = timeline.outstanding();
        assert_eq!(outstanding.len(), 443);
        assert_eq!((outstanding[1], outstanding[42], outstanding[43]), (1, 2, 3));
        assert_eq!((outstanding[44], outstanding[442]), (2, 3), "after the load nothing counts");
    }

    #[test]
    fn a_load_of_unknown_length_has_no_steps() {
        let mut timeline = Timeline::new(ms(0), ms(5), ms(5));
        timeline.due(ms(5));
        assert_eq!((timeline.step_s(), timeline.outstanding()), (0.0, vec![0]));
    }
}
