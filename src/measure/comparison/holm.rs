//! Holm's step-down correction: several questions asked at once, one chance of a false alarm.

/// Adjusted probabilities, in the order given: each is to be held against the level as it stands.
#[must_use]
pub fn adjusted(probabilities: &[f64]) -> Vec<f64> {
    let count = probabilities.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
    let mut adjusted = vec![1.0; count];
    let mut greatest = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        greatest = greatest.max(probabilities[at] * (count - rank) as f64).min(1.0);
        adjusted[at] = greatest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels 0.14, `multipletests(p, method="holm")`.
    #[test]
    fn adjusted_as_statsmodels_does() {
        let cases = [
            ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
            ([0.001, 0.02, 0.0004, 0.9], [0.003, 0.04, 0.0016, 0.9]),
        ];
        for (given, wanted) in cases {
            let seen = adjusted(&given);
            assert!(seen.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{seen:?}");
        }
        assert!(adjusted(&[]).is_empty());
    }
}
