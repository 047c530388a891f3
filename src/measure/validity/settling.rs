//! Whether a run had settled: MSER-5, which asks how much of its beginning a series would better be
//! without. It batches five seconds at a time and leaves out as much as makes the mean of the rest
//! surest; where that is half of all, the run was over before it was steady.

/// Values a batch.
const BATCH: usize = 5;

/// Batches without which it says nothing: a minute of seconds.
const LEAST: usize = 12;

/// Seconds to leave out of a series of one value a second, if they are half of it: more is not
/// looked at, since the variance of what little were left would be an accident.
#[must_use]
pub fn unsettled(series: &[f64]) -> Option<usize> {
    let batches: Vec<f64> =
        series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < LEAST {
        return None;
    }
    let half = batches.len() / 2;
    let cuts = (0..=half).map(|cut| (cut, uncertainty(&batches[cut..])));
    let (cut, _) = cuts.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (cut == half).then_some(cut * BATCH)
}

/// The variance of a mean, up to a factor.
fn uncertainty(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count * count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};
    use rand::RngExt;

    /// So many seconds that approach a level with a time constant, and vary by ten in a hundred.
    fn series(seconds: usize, constant_s: f64, seed: u64) -> Vec<f64> {
        let mut random = Seed(seed).stream(Purpose::Arrival, Key::default());
        let level = |second: usize| match constant_s {
            0.0 => 100.0,
            constant => 100.0 * (1.0 - (-(second as f64) / constant).exp()),
        };
        (0..seconds).map(|second| level(second) + random.random_range(-17.0..17.0)).collect()
    }

    fn found(seconds: usize, constant_s: f64) -> usize {
        (0..200).filter(|seed| unsettled(&series(seconds, constant_s, *seed)).is_some()).count()
    }

    #[test]
    fn a_run_that_still_rises_is_seen_and_a_longer_one_has_settled() {
        assert!(found(60, 15.0) >= 120, "{} of 200", found(60, 15.0));
        assert!(found(300, 15.0) <= 4, "{} of 200", found(300, 15.0));
    }

    #[test]
    fn an_even_run_seldom_raises_a_false_alarm() {
        assert!(found(60, 0.0) <= 40, "{} of 200", found(60, 0.0));
        assert!(found(300, 0.0) <= 10, "{} of 200", found(300, 0.0));
        assert_eq!(unsettled(&series(59, 15.0, 1)), None, "too short to say");
    }

    #[test]
    fn a_step_half_way_is_seen_and_an_early_one_is_none() {
        let steps: Vec<f64> = (0..60).map(|second| if second < 30 { 9.0 } else { 1.0 }).collect();
        assert_eq!(unsettled(&steps), Some(30));
        let early: Vec<f64> = (0..60).map(|second| if second < 7 { 9.0 } else { 1.0 }).collect();
        assert_eq!(unsettled(&early), None, "most of it was steady");
    }
}
