//! Chaos: what happens to the target's own life, and when. Decided here; enacted by `run`.
//!
//! A file for each act: how it is written, what it needs of a target, its words. `page` says what such
//! a file answers, `act` lists them; `section` reads and writes `[[chaos]]`.

pub mod act;
pub mod disk_full;
pub mod disk_lies;
pub mod disk_slow;
pub mod kill;
pub mod page;
pub mod pause;
pub mod power_cut;
pub mod restart;
pub mod run;
pub mod section;

use std::time::Duration;

use rand::RngExt;

pub use act::{Act, ActKind};

use crate::seed::{Key, Purpose, Seed};

/// One `[[chaos]]` of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// When it strikes.
    pub at: When,
    /// What it does.
    pub act: Act,
}

/// When chaos strikes, as offsets into the measured period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once.
    Once(Duration),
    /// Again and again, the first time after `every`.
    Every {
        /// Mean time between two strikes.
        every: Duration,
        /// Each strike comes up to so much earlier or later; at most half of `every`, so that
        /// strikes keep their order.
        jitter: Duration,
    },
}

/// Strikes in the order in which they come: offset and number of the entry. Without end where an
/// entry has none.
pub fn strikes(chaos: &[Chaos], seed: Seed) -> impl Iterator<Item = (Duration, usize)> {
    let whens: Vec<When> = chaos.iter().map(|entry| entry.at).collect();
    let mut ordinals = vec![1_u32; whens.len()];
    std::iter::from_fn(move || {
        let next = |(entry, when): (usize, &When)| {
            Some((offset(*when, entry, ordinals[entry], seed)?, entry))
        };
        let (at, entry) = whens.iter().enumerate().filter_map(next).min()?;
        ordinals[entry] = ordinals[entry].saturating_add(1);
        Some((at, entry))
    })
}

/// When strike number `ordinal` (1 for the first) of an entry comes; `None`: there is none.
fn offset(when: When, entry: usize, ordinal: u32, seed: Seed) -> Option<Duration> {
    match when {
        When::Once(at) => (ordinal == 1).then_some(at),
        When::Every { every, jitter } => {
            let key = Key { subject: entry as u64, attempt: ordinal, detail: 0 };
            let share = seed.stream(Purpose::Chaos, key).random_range(0.0..=2.0);
            let latest = every.checked_mul(ordinal)?.checked_add(jitter.mul_f64(share))?;
            Some(latest.saturating_sub(jitter))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::kill::Kill;
    use super::pause::Pause;
    use super::restart::Restart;
    use super::run::Run;
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn at(when: When) -> Chaos {
        Chaos { at: when, act: Act::Restart(Restart {}) }
    }

    #[test]
    fn acts_have_their_scenario_keys_and_say_what_they_need() {
        let acts = [
            (Act::Kill(Kill { restart_after: None }), "kill", true, true),
            (Act::Pause(Pause(seconds(1))), "pause", true, true),
            (Act::Restart(Restart {}), "restart", true, false),
            (Act::Run(Run(vec!["true".to_owned()])), "run", false, false),
        ];
        for (act, name, takes_down, needs_processes) in acts {
            let kind = act.kind();
            let said = (kind.name(), kind.takes_down(), kind.needs_processes());
            assert_eq!(said, (name, takes_down, needs_processes));
        }
    }

    #[test]
    fn strikes_of_several_entries_come_in_order() {
        let chaos = [
            at(When::Every { every: seconds(10), jitter: Duration::ZERO }),
            at(When::Once(seconds(12))),
        ];
        let first: Vec<_> = strikes(&chaos, Seed(1)).take(4).collect();
        let expected = [(10, 0), (12, 1), (20, 0), (30, 0)];
        assert_eq!(first, expected.map(|(second, entry)| (seconds(second), entry)));
        assert_eq!(strikes(&chaos[1..], Seed(1)).count(), 1);
        assert_eq!(strikes(&[], Seed(1)).count(), 0);
    }

    #[test]
    fn jitter_is_drawn_from_the_seed_and_keeps_its_bounds() {
        let chaos = [at(When::Every { every: seconds(10), jitter: seconds(2) })];
        let drawn = |seed| strikes(&chaos, Seed(seed)).take(50).collect::<Vec<_>>();
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        for (nth, (offset, _)) in (1_u64..).zip(drawn(7)) {
            let (least, most) = (seconds(nth * 10 - 2), seconds(nth * 10 + 2));
            assert!((least..=most).contains(&offset), "{nth}: {offset:?}");
        }
        let early = drawn(7).into_iter().zip(1_u32..).filter(|((at, _), n)| *at < seconds(10) * *n);
        assert!((10..40).contains(&early.count()), "both sides");
    }
}
