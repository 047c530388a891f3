//! Made-up comparisons, decided as real ones are: how often a planted effect is found, and how
//! often one that is not there.
//!
//! Runs vary by a normal amount on the logarithmic scale; each gated figure on its own. The
//! decision is the library's, with margin, Holm's correction and the extension.

use mailbench::measure::comparison::figure::{GATED, blank};
use mailbench::measure::comparison::judge;
use mailbench::measure::comparison::question::{Look, Looks, Question};
use mailbench::measure::comparison::results::{Outcome, Row};
use mailbench::measure::comparison::shift::{Range, Shift};
use mailbench::measure::comparison::{ALPHA, Terms, power};
use mailbench::seed::{Key, Purpose, Seed};
use rand_distr::{Distribution as _, Normal};

/// One kind of comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Run-to-run variation, as a share.
    pub(crate) variation: f64,
    pub(crate) pairs: usize,
    /// Figures that decide.
    pub(crate) gates: usize,
    pub(crate) extend: bool,
}

/// What many comparisons of one kind came to, as shares.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// The first gated figure, in which the effect is planted, is a regression.
    pub(crate) planted: f64,
    /// Another one is.
    pub(crate) others: f64,
    /// What reports of these comparisons say could be shown, on average.
    pub(crate) stated: f64,
}

impl Setting {
    fn alpha(self) -> f64 {
        if self.extend { ALPHA / 2.0 } else { ALPHA }
    }

    fn terms(self) -> Terms {
        let gate = GATED.iter().take(self.gates).map(|name| (*name).to_owned()).collect();
        // One margin for all figures, so that it does not matter which one is planted.
        Terms { gate, throughput_margin: Terms::default().latency_margin, ..Terms::default() }
    }

    /// The smallest regression claimed to be found four times in five, as a share.
    pub(crate) fn claimed(self) -> Option<f64> {
        let looks = if self.extend { Looks::MayExtend } else { Looks::Once };
        let level = self.alpha() / 2.0 / self.gates as f64;
        let standard = power::detectable(&looks.at(self.pairs), level)?;
        let spread = self.variation * 2.0_f64.sqrt();
        Some((Terms::default().latency_margin.ln_1p() + standard * spread).exp_m1())
    }

    /// Makes `repetitions` comparisons with `effect` planted in one figure.
    pub(crate) fn simulate(self, effect: f64, repetitions: u64) -> Found {
        let key = Key {
            subject: self.pairs as u64 * 100 + self.gates as u64,
            attempt: u32::from(self.extend),
            detail: (self.variation * 1e3) as u32,
        };
        let mut random = Seed(23).stream(Purpose::ThinkTime, key);
        let law = Normal::new(0.0, self.variation).expect("a law");
        let most = if self.extend { 2 * self.pairs } else { self.pairs };
        let mut found = Found::default();
        for _ in 0..repetitions {
            let mut difference = |planted: bool| {
                let shift = if planted { effect.ln_1p() } else { 0.0 };
                shift + law.sample(&mut random) - law.sample(&mut random)
            };
            let figures: Vec<Vec<f64>> = (0..self.gates)
                .map(|figure| (0..most).map(|_| difference(figure == 0)).collect())
                .collect();
            let (first, last) = self.decide(&figures);
            let worse = |row: &Row| row.verdict == Outcome::Regression;
            found.planted += f64::from(worse(&last[0]));
            found.others += f64::from(last[1..].iter().any(worse));
            found.stated += first[0].detectable.unwrap_or(f64::NAN);
        }
        let share = |sum: f64| sum / repetitions as f64;
        Found {
            planted: share(found.planted),
            others: share(found.others),
            stated: share(found.stated),
        }
    }

    /// The first look, and the last, as `run::comparison` goes on from one to the other.
    fn decide(self, figures: &[Vec<f64>]) -> (Vec<Row>, Vec<Row>) {
        let looks = if self.extend { Looks::MayExtend } else { Looks::Once };
        let first = self.rows(figures, self.pairs, looks);
        let any = |outcome| first.iter().any(|row| row.verdict == outcome);
        let goes_on = self.extend && any(Outcome::Inconclusive) && !any(Outcome::Regression);
        if !goes_on {
            return (first.clone(), first);
        }
        let last = self.rows(figures, 2 * self.pairs, Looks::Extended(self.pairs));
        (first, last)
    }

    fn rows(self, figures: &[Vec<f64>], pairs: usize, looks: Looks) -> Vec<Row> {
        let question = |(name, values): (&&str, &Vec<f64>)| {
            let ranges: Vec<Range> =
                values[..pairs].iter().map(|it| Range::new(*it, (false, false))).collect();
            Question {
                figure: mailbench::measure::comparison::figure::Figure {
                    better: mailbench::metric::figure::Better::Lower,
                    ..blank(name)
                },
                shown: (Some(1.0), Some(1.0)),
                shift: Shift::of_pairs(&ranges),
                at_least: (false, false),
                undoubted: None,
                missing: None,
            }
        };
        let questions: Vec<Question> = GATED.iter().zip(figures).map(question).collect();
        judge::rows(&questions, &self.terms(), Look { alpha: self.alpha(), looks })
    }
}
