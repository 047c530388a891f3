//! Fairness between destinations: whether a healthy one suffers for a sick one.

/// Jain's index over what each destination got of what it was owed: 1 when all got the same
/// share, `1/n` when one got everything. `None` with fewer than two destinations, or when none
/// got anything.
#[must_use]
pub fn jain(shares: &[f64]) -> Option<f64> {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if shares.len() < 2 || squares <= 0.0 {
        return None;
    }
    Some(sum * sum / (shares.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_fair_and_one_taker_is_not() {
        assert_eq!(jain(&[0.5, 0.5, 0.5]), Some(1.0));
        assert_eq!(jain(&[1.0, 0.0, 0.0, 0.0]), Some(0.25));
        assert!(jain(&[1.0, 0.8]).is_some_and(|index| (index - 0.9878).abs() < 1e-4));
    }

    #[test]
    fn there_is_no_fairness_of_one_or_of_nothing() {
        assert_eq!(jain(&[1.0]), None);
        assert_eq!(jain(&[0.0, 0.0]), None);
    }
}
