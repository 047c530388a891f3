//! Figures of runs, one after another, that resemble the run before them.

use mailbench::seed::{Key, Purpose, Seed};
use rand_distr::{Distribution as _, Normal};

/// Logarithms that vary by 3 %, with a lag-1 autocorrelation of `by` and a step at a run.
pub(crate) fn correlated(seed: u64, count: u32, by: f64, (at, step): (u32, f64)) -> Vec<f64> {
    let law = Normal::new(0.0, 0.03).expect("a law");
    let mut random = Seed(77_000 + seed).stream(Purpose::ThinkTime, Key::default());
    let mut value = law.sample(&mut random);
    let mut next = |n: u32| {
        let now = value;
        value = by * value + (1.0 - by * by).sqrt() * law.sample(&mut random);
        now + if n >= at { step } else { 0.0 }
    };
    (0..count).map(&mut next).collect()
}
