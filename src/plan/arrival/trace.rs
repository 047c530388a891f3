//! Arrivals as they once came, up to the end of the load.

use crate::scenario::model;

/// Arrivals of a trace.
#[derive(Clone, Debug)]
pub struct Trace {
    trace: model::Trace,
    next: usize,
    end_s: f64,
}

impl Trace {
    /// Those before `end_s`.
    #[must_use]
    pub fn new(trace: model::Trace, end_s: f64) -> Trace {
        Trace { trace, next: 0, end_s }
    }
}

impl Iterator for Trace {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let due_s = self.trace.0.dues.get(self.next)?.as_secs_f64();
        self.next += 1;
        (due_s < self.end_s).then_some(due_s)
    }
}
