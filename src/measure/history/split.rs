//! How far apart the two sides of a split of a series are, for their standard error under a
//! first-order autocorrelation.

/// Fewest values on a side of a split: with two, one outlier would make a change.
pub(super) const LEAST: usize = 3;

/// What an estimated coefficient lacks in the standard error of a split, in units of 1 over the
/// number of values; the bootstrap makes up for the rest.
pub(super) const LACKS_ROUGHLY: f64 = 1.0;

/// Largest coefficient that is allowed for.
const MOST: f64 = 0.9;

/// A place for a split.
pub(super) struct Split {
    pub(super) at: usize,
    /// Distance of the means over its standard error.
    pub(super) statistic: f64,
    /// Lag-1 autocorrelation of what is left without the means.
    pub(super) lag_one: f64,
}

/// The best place for a split.
pub(super) fn best(values: &[f64]) -> Option<Split> {
    let sums = Sums::of(values);
    let places = LEAST..=values.len().checked_sub(LEAST)?;
    places.map(|at| sums.split(at)).max_by(|a, b| a.statistic.total_cmp(&b.statistic))
}

/// Sums up to each place, of the values less their mean, so that a split costs no loop.
struct Sums {
    values: Vec<f64>,
    plain: Vec<f64>,
    /// Of neighbours' products: up to `n`, that of `n - 1` and `n` not included.
    products: Vec<f64>,
    squares: f64,
}

impl Sums {
    fn of(values: &[f64]) -> Sums {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let values: Vec<f64> = values.iter().map(|value| value - mean).collect();
        let (mut plain, mut products) = (vec![0.0], vec![0.0]);
        for (at, value) in values.iter().enumerate() {
            plain.push(plain[at] + value);
            let last = at.checked_sub(1).map_or(0.0, |last| values[last]);
            products.push(products[at] + last * value);
        }
        let squares = values.iter().map(|value| value * value).sum();
        Sums { values, plain, products, squares }
    }

    fn split(&self, at: usize) -> Split {
        let (count, all) = (self.values.len(), self.plain[self.values.len()]);
        let (m, n) = (at as f64, (count - at) as f64);
        let (before, after) = (self.plain[at] / m, (all - self.plain[at]) / n);
        let squares = (self.squares - m * before * before - n * after * after).max(0.0);
        let lag_one = if squares > 0.0 {
            let across = (self.values[at - 1] - before) * (self.values[at] - after);
            (self.within(0, at, before) + self.within(at, count, after) + across) / squares
        } else {
            0.0
        };
        let coefficient = corrected(lag_one, count, LACKS_ROUGHLY);
        let variance = squares / (m + n - 2.0).max(1.0);
        let error = variance * (of_mean(m, coefficient) + of_mean(n, coefficient));
        let apart = (after - before).abs();
        // Without any variation a step is certain, but for what the arithmetic leaves over.
        let certain = error.sqrt() <= 1e-9 * apart;
        let statistic = match (certain, apart > 1e-12) {
            (true, true) => f64::INFINITY,
            (_, false) => 0.0,
            (false, true) => apart / error.sqrt(),
        };
        Split { at, statistic, lag_one }
    }

    /// Sum of neighbours' products of a side, less its mean.
    fn within(&self, from: usize, to: usize, mean: f64) -> f64 {
        let products = self.products[to] - self.products[from + 1];
        let leading = self.plain[to - 1] - self.plain[from];
        let trailing = self.plain[to] - self.plain[from + 1];
        products - mean * (leading + trailing) + (to - from - 1) as f64 * mean * mean
    }
}

/// Variance of the mean of `count` values of an AR(1) process with variance 1.
fn of_mean(count: f64, coefficient: f64) -> f64 {
    let rest = 1.0 - coefficient;
    (1.0 + coefficient) / rest / count
        - 2.0 * coefficient * (1.0 - coefficient.powf(count)) / (rest * count).powi(2)
}

/// A coefficient without the bias of its estimate. One below zero is not allowed for: it would
/// only make changes easier to find.
pub(super) fn corrected(lag_one: f64, count: usize, lacks: f64) -> f64 {
    let lacks = lacks / count.max(1) as f64;
    let rest = 1.0 - 3.0 * lacks;
    if rest <= 0.0 { MOST } else { ((lag_one + lacks) / rest).clamp(0.0, MOST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_a_loop() {
        let values = [0.01, -0.02, 0.03, 0.02, -0.01, 0.0, 0.01, 0.22, 0.19, 0.2, 0.24, 0.21];
        let mean = |side: &[f64]| side.iter().sum::<f64>() / side.len() as f64;
        let (before, after) = (mean(&values[..7]), mean(&values[7..]));
        let rest: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(at, value)| value - if at < 7 { before } else { after })
            .collect();
        let squares: f64 = rest.iter().map(|it| it * it).sum();
        let products: f64 = rest.windows(2).map(|two| two[0] * two[1]).sum();
        let split = Sums::of(&values).split(7);
        assert!((split.lag_one - products / squares).abs() < 1e-9, "{}", split.lag_one);
        let coefficient = corrected(split.lag_one, 12, LACKS_ROUGHLY);
        let error = squares / 10.0 * (of_mean(7.0, coefficient) + of_mean(5.0, coefficient));
        assert!((split.statistic - (after - before).abs() / error.sqrt()).abs() < 1e-9);
    }

    /// Of independent values 1/n; of AR(1) with 0.5 and three values (3 + 2·(2·½ + ¼)) / 9.
    #[test]
    fn the_variance_of_a_mean_allows_for_neighbours() {
        assert!((of_mean(4.0, 0.0) - 0.25).abs() < 1e-12);
        assert!((of_mean(3.0, 0.5) - 5.5 / 9.0).abs() < 1e-12);
    }
}
