//! Axes: from a value to its share of the axis, and the round values at which it is labelled.

/// Ticks an axis has at most, its ends included.
const TICKS: usize = 7;

/// How far an axis reaches, and how values lie on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) enum Axis {
    /// Evenly, between these.
    Linear {
        /// Its beginning.
        low: f64,
        /// Its end.
        high: f64,
    },
    /// Evenly from zero, with ticks at round numbers of KiB, MiB and so on.
    Bytes {
        /// Its end.
        high: f64,
    },
    /// By powers of ten, between these; both above zero.
    Log {
        /// Its beginning.
        low: f64,
        /// Its end.
        high: f64,
    },
}

impl Axis {
    /// From zero to a round value that is not less than `top`.
    pub(in crate::report) fn from_zero(top: f64) -> Axis {
        let top = if top > 0.0 { top } else { 1.0 };
        let step = nice_step(top / 4.0);
        Axis::Linear { low: 0.0, high: (top / step).ceil() * step }
    }

    /// From zero to a round number of bytes that is not less than `top`.
    pub(in crate::report) fn bytes(top: f64) -> Axis {
        let unit = binary_unit(top);
        let step = nice_step((top / unit).max(1.0) / 4.0) * unit;
        Axis::Bytes { high: (top.max(1.0) / step).ceil() * step }
    }

    /// Logarithmic, with room for all from `low` to `top`.
    pub(in crate::report) fn log(low: f64, top: f64) -> Axis {
        let low = low.max(f64::MIN_POSITIVE);
        let top = top.max(low);
        let (below, above) = (nice_below(low), nice_step(top * 0.999_999));
        Axis::Log { low: below, high: if above > below { above } else { below * 10.0 } }
    }

    /// Where a value lies, 0 to 1.
    pub(in crate::report) fn share(&self, value: f64) -> f64 {
        let share = match *self {
            Axis::Linear { low, high } => (value - low) / (high - low).max(f64::MIN_POSITIVE),
            Axis::Bytes { high } => value / high.max(f64::MIN_POSITIVE),
            Axis::Log { low, high } => {
                let decades = (high.log10() - low.log10()).max(f64::MIN_POSITIVE);
                (value.max(f64::MIN_POSITIVE).log10() - low.log10()) / decades
            }
        };
        share.clamp(0.0, 1.0)
    }

    /// The value at a share of it: what [`Axis::share`] undoes.
    pub(in crate::report) fn value(&self, share: f64) -> f64 {
        match *self {
            Axis::Linear { low, high } => low + share * (high - low),
            Axis::Bytes { high } => share * high,
            Axis::Log { low, high } => low * (high / low).powf(share),
        }
    }

    /// Round values along it.
    pub(in crate::report) fn ticks(&self) -> Vec<f64> {
        match *self {
            Axis::Linear { low, high } => multiples(nice_step((high - low) / 5.0), low, high),
            Axis::Bytes { high } => {
                let unit = binary_unit(high);
                multiples(nice_step(high / unit / 5.0) * unit, 0.0, high)
            }
            Axis::Log { low, high } => decades(low, high),
        }
    }

    /// Seconds along it, at steps that clocks have.
    pub(in crate::report) fn seconds(&self) -> Vec<f64> {
        const STEPS: [f64; 17] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0,
            3600.0, 7200.0, 14400.0, 43200.0,
        ];
        let (low, high) = (self.value(0.0), self.value(1.0));
        let fits = |step: &f64| (high - low) / step <= TICKS as f64;
        let step = STEPS.into_iter().find(fits).unwrap_or_else(|| nice_step((high - low) / 5.0));
        multiples(step, low, high)
    }
}

fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    let at = |n: u32| (first + f64::from(n)) * step;
    // The loop ends at the axis's end; the bound keeps a step of nothing from running on.
    (0..100).map(at).take_while(|value| *value <= high + step * 1e-9).collect()
}

/// Powers of ten; with 2 and 5 times of them where there are few.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let span = (high / low).log10();
    let times: &[f64] = if span <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    #[expect(clippy::cast_possible_truncation, reason = "powers of ten")]
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let every = ((last - first) / 7).max(1);
    (first..=last)
        .filter(|power| (power - first) % every == 0)
        .flat_map(|power| times.iter().map(move |times| times * 10_f64.powi(power)))
        .filter(|value| *value >= low * 0.999 && *value <= high * 1.001)
        .collect()
}

/// The unit in which so many bytes are read.
fn binary_unit(bytes: f64) -> f64 {
    let powers = bytes.max(1.0).log2() / 10.0;
    1024_f64.powf(powers.floor())
}

/// The least of 1, 2 or 5 times a power of ten that is not less than `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough);
    times.unwrap_or(10.0) * power
}

/// The greatest of 1, 2 or 5 times a power of ten that is not more than `rough`.
fn nice_below(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let times = [5.0, 2.0, 1.0].into_iter().find(|times| times * power <= rough * 1.000_001);
    times.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(seen: &[f64], wanted: &[f64]) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * b.abs().max(1.0);
        assert!(seen.len() == wanted.len() && seen.iter().zip(wanted).all(near), "{seen:?}");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0.9, 1.0, 1.1, 130.0, 260.0].map(nice_step), [1.0, 1.0, 2.0, 200.0, 500.0]);
        assert_eq!([1.0, 1.9, 2.1, 730.0].map(nice_below), [1.0, 1.0, 2.0, 500.0]);
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_has_round_ticks() {
        let axis = Axis::from_zero(130.0);
        assert_eq!(axis, Axis::Linear { low: 0.0, high: 150.0 });
        assert_near(&axis.ticks(), &[0.0, 50.0, 100.0, 150.0]);
        assert!((axis.share(75.0) - 0.5).abs() < 1e-9);
        assert_near(&Axis::from_zero(0.0).ticks(), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    }

    #[test]
    fn a_log_axis_holds_its_values_and_names_powers() {
        let axis = Axis::log(730.0, 2_100_000.0);
        assert_eq!(axis, Axis::Log { low: 500.0, high: 5_000_000.0 });
        assert_near(&axis.ticks(), &[1e3, 1e4, 1e5, 1e6]);
        assert_near(&Axis::log(1.0, 9.0).ticks(), &[1.0, 2.0, 5.0, 10.0]);
        assert!((Axis::log(1.0, 100.0).share(10.0) - 0.5).abs() < 1e-9);
        assert!((axis.value(axis.share(7_000.0)) - 7_000.0).abs() < 1e-6);
        assert!(Axis::log(0.0, 0.0).share(5.0).is_finite());
    }

    #[test]
    fn bytes_are_cut_at_powers_of_two() {
        let mib = 1024.0 * 1024.0;
        let axis = Axis::bytes(23.0 * mib);
        assert_eq!(axis, Axis::Bytes { high: 30.0 * mib });
        assert_near(&axis.ticks(), &[0.0, 10.0 * mib, 20.0 * mib, 30.0 * mib]);
        assert!((axis.share(15.0 * mib) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn time_is_cut_as_clocks_cut_it() {
        let axis = Axis::Linear { low: -5.0, high: 92.0 };
        assert_near(&axis.seconds(), &[0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0]);
        assert_near(&Axis::Linear { low: 0.0, high: 4.0 }.seconds(), &[0.0, 1.0, 2.0, 3.0, 4.0]);
    }
}
