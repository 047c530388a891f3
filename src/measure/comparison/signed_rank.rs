//! Wilcoxon's signed-rank test and the Hodges–Lehmann estimate that belongs to it, exact.
//!
//! Both look at the *Walsh averages*, the means of all pairs of values, each value with itself
//! included. Their median is the estimate; how many of them lie above a shift is the statistic of
//! the test of that shift, so that interval and test can never disagree.

/// Differences, ready to be asked.
#[derive(Clone, Debug)]
pub struct Differences {
    count: usize,
    /// Walsh averages in order of size.
    walsh: Vec<f64>,
    /// P(W ≤ w), for each w.
    odds: Vec<f64>,
    deviation: f64,
}

impl Differences {
    /// The differences of some pairs; `None` without any, or where one is not a number. A
    /// difference that is only known to be below or above everything is an infinite one.
    #[must_use]
    pub fn new(values: &[f64]) -> Option<Differences> {
        if values.is_empty() || values.iter().any(|value| value.is_nan()) {
            return None;
        }
        let mut walsh = Vec::with_capacity(averages(values.len()));
        for (at, first) in values.iter().enumerate() {
            walsh.extend(values[at..].iter().map(|second| f64::midpoint(*first, *second)));
        }
        walsh.sort_by(f64::total_cmp);
        let odds = cumulative(values.len());
        Some(Differences { count: values.len(), walsh, odds, deviation: deviation(values) })
    }

    /// How many pairs.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Standard deviation of the differences; 0 of a single one.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// The same without the bias that it has in small samples of a normal value: divided by
    /// c₄(n) ≈ (4n − 4) / (4n − 3).
    #[must_use]
    pub fn spread(&self) -> f64 {
        let count = self.count as f64;
        self.deviation * (4.0 * count - 3.0) / (4.0 * count - 4.0).max(1.0)
    }

    /// Hodges and Lehmann's estimate of the shift.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        let middle = self.walsh.len() / 2;
        if self.walsh.len() % 2 == 1 {
            self.walsh[middle]
        } else {
            f64::midpoint(self.walsh[middle - 1], self.walsh[middle])
        }
    }

    /// The shifts that a two-sided test at `alpha` does not reject; `None` with too few pairs for
    /// any to be rejected.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> Option<(f64, f64)> {
        let critical = critical(&self.odds, alpha)?;
        Some((self.walsh[critical], self.walsh[self.walsh.len() - 1 - critical]))
    }

    /// Probability of differences at least as high as these, were the true shift `shift`.
    #[must_use]
    pub fn above(&self, shift: f64) -> f64 {
        let not_above = self.walsh.iter().filter(|average| **average <= shift).count();
        self.odds_of(not_above)
    }

    /// Probability of differences at least as low as these, were the true shift `shift`.
    #[must_use]
    pub fn below(&self, shift: f64) -> f64 {
        let not_below = self.walsh.iter().filter(|average| **average >= shift).count();
        self.odds_of(not_below)
    }

    /// The same of a true shift above `shift`, however little: differences that are all equal to
    /// it speak against that.
    #[must_use]
    pub fn not_above(&self, shift: f64) -> f64 {
        let above = self.walsh.iter().filter(|average| **average > shift).count();
        self.odds_of(above)
    }
}

impl Differences {
    fn odds_of(&self, statistic: usize) -> f64 {
        self.odds.get(statistic).copied().unwrap_or(1.0)
    }
}

fn averages(count: usize) -> usize {
    count * (count + 1) / 2
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0)).sqrt()
}

/// P(W ≤ w) for each w, of `count` pairs when the shift is as assumed: each rank is in the sum or
/// not, with even odds.
fn cumulative(count: usize) -> Vec<f64> {
    let mut odds = vec![0.0; averages(count) + 1];
    odds[0] = 1.0;
    for rank in 1..=count {
        for sum in (0..odds.len()).rev() {
            let with = if sum >= rank { odds[sum - rank] } else { 0.0 };
            odds[sum] = 0.5 * (odds[sum] + with);
        }
    }
    let mut total = 0.0_f64;
    odds.iter_mut().for_each(|one| {
        total += *one;
        *one = total.min(1.0);
    });
    odds
}

/// The greatest statistic that a two-sided test at `alpha` rejects.
fn critical(odds: &[f64], alpha: f64) -> Option<usize> {
    // A hair's breadth above, for odds that are sums of powers of two and still do not add up.
    let bound = alpha / 2.0 + 1e-12;
    odds.iter().take_while(|odds| **odds <= bound).count().checked_sub(1)
}

/// The greatest statistic of `count` pairs that a one-sided test at `level` rejects, with the
/// probability of it or less; `None` with too few pairs for any to be rejected.
#[must_use]
pub fn critical_at(count: usize, level: f64) -> Option<(usize, f64)> {
    let odds = cumulative(count);
    let critical = critical(&odds, 2.0 * level)?;
    Some((critical, odds[critical]))
}

/// Fewest pairs with which a one-sided test at `alpha` can reject anything.
#[must_use]
pub fn fewest_pairs(alpha: f64) -> usize {
    (1..64).find(|count| 0.5_f64.powi(*count) <= alpha).map_or(64, |count| count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    /// The usual table, two-sided 0.05 (Wilcoxon; in any textbook).
    #[test]
    fn critical_values_are_those_of_the_table() {
        let table = [
            (6, 0),
            (7, 2),
            (8, 3),
            (9, 5),
            (10, 8),
            (11, 10),
            (12, 13),
            (13, 17),
            (14, 21),
            (15, 25),
            (16, 29),
            (17, 34),
            (18, 40),
            (19, 46),
            (20, 52),
        ];
        for (count, wanted) in table {
            assert_eq!(critical(&cumulative(count), 0.05), Some(wanted), "{count} pairs");
        }
        assert_eq!(critical(&cumulative(5), 0.05), None, "five pairs reject nothing");
    }

    /// Hollander & Wolfe, Nonparametric Statistical Methods (1973), p. 29: Hamilton depression
    /// scale before and after therapy. One-sided p = 0.01953 (R's `wilcox.test`, too); estimate
    /// 0.46 with interval (0.010, 0.786).
    #[test]
    fn a_published_example_comes_out_as_published() {
        let before = [1830, 500, 1620, 2480, 1680, 1880, 1550, 3060, 1300];
        let after = [878, 647, 598, 2050, 1060, 1290, 1060, 3140, 1290];
        let values: Vec<f64> =
            before.iter().zip(after).map(|(a, b)| f64::from(a - b) / 1000.0).collect();
        let differences = Differences::new(&values).expect("values");
        assert!(close(differences.above(0.0), 0.019_531_25));
        assert!(close(differences.estimate(), 0.46));
        let (low, high) = differences.interval(0.05).expect("enough pairs");
        assert!(close(low, 0.010) && close(high, 0.786), "{low} {high}");
    }

    /// scipy 1.17.1, `scipy.stats.wilcoxon(d - shift, method="exact", alternative=...)`.
    #[test]
    fn probabilities_are_those_of_scipy() {
        let values = [0.031, -0.012, 0.054, 0.022, 0.047, -0.003, 0.061, 0.018, 0.039, 0.027];
        let differences = Differences::new(&values).expect("values");
        assert!(close(differences.above(0.0), 0.004_882_812_5));
        assert!(close(differences.below(0.0), 0.997_070_312_5));
        assert!(close(differences.above(0.01), 0.032_226_562_5));
        assert!(close(differences.below(0.048_790_164_2), 0.013_671_875));
        assert!(close(differences.estimate(), 0.029));
        let (low, high) = differences.interval(0.05).expect("enough pairs");
        assert!(close(low, 0.0095) && close(high, 0.046), "{low} {high}");
        assert!(close(differences.deviation(), 0.023_457_763_462_586_677));
    }

    #[test]
    fn interval_and_test_never_disagree() {
        let values = [0.4, -1.2, 0.9, 2.2, 0.1, 1.7, 0.3, -0.2];
        let differences = Differences::new(&values).expect("values");
        let (low, high) = differences.interval(0.05).expect("enough pairs");
        assert!(differences.above(low - 1e-9) <= 0.025 && differences.above(low + 1e-9) > 0.025);
        assert!(differences.below(high + 1e-9) <= 0.025 && differences.below(high - 1e-9) > 0.025);
    }

    /// Of 1, 2 and 4 the averages of pairs are 1, 1.5, 2, 2.5, 3, 4: six, the middle at 2.25.
    #[test]
    fn an_even_number_of_averages_has_its_estimate_between_two() {
        let three = Differences::new(&[1.0, 2.0, 4.0]).expect("values");
        assert_eq!((three.estimate(), three.count()), (2.25, 3));
        // Variance 7/3; c₄(3) = 8/9 by the approximation.
        let deviation = (7.0_f64 / 3.0).sqrt();
        assert!(
            close(three.deviation(), deviation) && close(three.spread(), deviation * 9.0 / 8.0)
        );
        assert_eq!(averages(5), 15);
        let two = Differences::new(&[0.0, 2.0]).expect("values");
        assert!(close(two.deviation(), 2.0_f64.sqrt()));
    }

    #[test]
    fn few_pairs_say_little_and_none_nothing() {
        assert!(Differences::new(&[]).is_none());
        assert!(Differences::new(&[f64::NAN]).is_none());
        assert!(Differences::new(&[f64::NEG_INFINITY, 1.0]).is_some());
        let one = Differences::new(&[0.3]).expect("a value");
        assert_eq!((one.estimate(), one.interval(0.05), one.deviation()), (0.3, None, 0.0));
        assert_eq!((fewest_pairs(0.025), fewest_pairs(0.025 / 4.0)), (6, 8));
    }
}
