//! The `script` fault: a reply by attempt number.

use crate::smtp::reply::Reply;

/// The reply written for attempt number `attempt` (1 for the first); the last entry stands for
/// all later ones. `None` where the entry is positive: the script then does nothing, and later
/// rules may still act.
#[must_use]
pub fn reply(entries: &[Reply], attempt: u32) -> Option<&Reply> {
    let index = (attempt.max(1) - 1) as usize;
    entries.get(index).or(entries.last()).filter(|reply| !reply.is_positive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_repeats_and_a_positive_one_does_nothing() {
        let entries: Vec<Reply> = ["451 4.7.1 wait", "250 2.0.0 ok", "550 5.1.1 no"]
            .map(|line| line.parse().expect("a reply"))
            .to_vec();
        let codes = [0, 1, 2, 3, 9].map(|attempt| reply(&entries, attempt).map(|r| r.code));
        assert_eq!(codes, [Some(451), Some(451), None, Some(550), Some(550)]);
        assert_eq!(reply(&[], 1), None);
    }
}
