//! The `delay` fault: wait, then go on. Delays of several rules add up.

use std::time::Duration;

use super::page::{Case, Keys, Page, Problems, Verdict, some};
use crate::grammar::amount::{Amount, Bounds, amount, quantity};
use crate::grammar::units::Timespan;
use crate::limits;
use crate::quantity::{Law, Quantity};
use crate::seed::Purpose;

/// How long to wait, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay(pub Quantity);

impl Page for Delay {
    type Written = Amount<Timespan>;

    const DOES: &'static str = "Wait, then go on.";

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Delay> {
        let greatest = Timespan(limits::TIMESPAN);
        let bounds = Bounds { least: Timespan(Duration::ZERO), greatest };
        Some(Delay(quantity(keys.delay.as_ref()?, &bounds, problems)))
    }

    fn write(&self, keys: &mut Keys) {
        keys.delay = some(amount(&self.0));
    }

    fn words(&self) -> String {
        let length = match &self.0 {
            Quantity::Constant(seconds) => format!("{seconds} s"),
            Quantity::Drawn { law, .. } => match law {
                Law::LogNormal { median, .. } => format!("lognormal, median {median} s"),
                Law::Uniform { min, max } => format!("uniform {min} to {max} s"),
                Law::Exponential { mean } => format!("exponential, mean {mean} s"),
                Law::Normal { mean, sd } => format!("normal {mean} ± {sd} s"),
                Law::Pareto { min, shape } => format!("pareto from {min} s, shape {shape}"),
                Law::Choice { values, .. } => format!("one of {values:?} s"),
            },
        };
        format!("delay {length}")
    }

    /// A draw too long for a [`Duration`] is the longest one.
    fn strike(&self, case: &mut Case<'_>, verdict: &mut Verdict) {
        let seconds = self.0.sample(&mut case.seed.stream(Purpose::FaultSize, case.key));
        let drawn = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        verdict.delay = verdict.delay.saturating_add(drawn);
        verdict.delayed_by.push(case.number);
    }

    fn keeps_away(&self, _: bool) -> bool {
        false
    }
}
