//! When messages are due: one file a law of arrivals, over a rate that varies with time.
//!
//! Each law yields times in seconds from the start of offering, never going back. The rate is
//! integrated exactly; no law adds up rounded intervals.

mod constant;
mod on_off;
mod poisson;
pub mod rate;
mod trace;

use crate::scenario::model::Arrival;
use crate::seed::Seed;
use rate::Rate;

/// The times of all arrivals, in seconds from the start of offering.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// Evenly spaced.
    Constant(constant::Constant),
    /// A Poisson process.
    Poisson(poisson::Poisson),
    /// Poisson while on, nothing while off.
    OnOff(on_off::OnOff),
    /// As they once came.
    Trace(trace::Trace),
}

impl Arrivals {
    /// Arrivals by this law.
    #[must_use]
    pub fn new(law: &Arrival, rate: Rate, seed: Seed) -> Arrivals {
        match law {
            Arrival::Constant => Arrivals::Constant(constant::Constant::new(rate)),
            Arrival::Poisson => Arrivals::Poisson(poisson::Poisson::new(rate, seed)),
            Arrival::OnOff { on, off } => {
                Arrivals::OnOff(on_off::OnOff::new(rate, [*on, *off], seed))
            }
            Arrival::Trace(trace) => {
                Arrivals::Trace(trace::Trace::new(trace.clone(), rate.end_s()))
            }
        }
    }
}

impl Iterator for Arrivals {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        match self {
            Arrivals::Constant(law) => law.next(),
            Arrivals::Poisson(law) => law.next(),
            Arrivals::OnOff(law) => law.next(),
            Arrivals::Trace(law) => law.next(),
        }
    }
}
