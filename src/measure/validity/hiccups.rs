//! When the instrument itself stood still, and how much of a span that can have made.
//!
//! A hiccup delays what was under way and what became due in it; what it held back is then worked
//! off beside what comes next, which at half utilisation takes as long again. So a span owes to
//! the hiccups at most what it shares with each of them and with as long again after its end.

use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::{Event, Pulse};
use crate::limits;

/// A journal without hiccups of their own has the worst lateness of each second; from this on a
/// second is not to be trusted.
const OF_A_PULSE: Duration = Duration::from_millis(50);

/// What the meter's late wake-ups tell.
#[derive(Clone, Debug, Default)]
pub struct Hiccups {
    /// From awake to awake, the longest that were recorded.
    seen: Vec<Stretch>,
    /// What their consequences cover: in order, apart from one another.
    covered: Vec<Stretch>,
    /// Seconds of a journal without such events, with the worst lateness in each.
    somewhere: Vec<(Stretch, Duration)>,
}

/// From a moment to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its start.
    pub from: Time,
    /// Its end.
    pub to: Time,
}

impl Stretch {
    /// How long it is.
    #[must_use]
    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }

    fn shared(self, other: Stretch) -> Duration {
        self.to.min(other.to).since(self.from.max(other.from))
    }
}

impl Hiccups {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        let Event::Hiccup { from, to } = event else { return };
        let stretch = Stretch { from: *from, to: *to };
        if self.seen.len() >= limits::HICCUPS {
            return;
        }
        let in_order = self.seen.last().is_none_or(|last| last.from <= stretch.from);
        self.seen.push(stretch);
        if in_order {
            return self.cover(stretch);
        }
        // A meter writes them in order; another's journal may not.
        self.seen.sort_unstable_by_key(|one| one.from);
        self.covered.clear();
        (0..self.seen.len()).for_each(|index| self.cover(self.seen[index]));
    }

    fn cover(&mut self, stretch: Stretch) {
        let to = stretch.to.plus(stretch.length());
        match self.covered.last_mut() {
            Some(last) if stretch.from <= last.to => last.to = last.to.max(to),
            _ => self.covered.push(Stretch { from: stretch.from, to }),
        }
    }

    /// All events were observed. `pulses`: the looks at the instrument, which are all that an
    /// older journal tells.
    pub fn settle(&mut self, pulses: &[Pulse]) {
        if self.seen.is_empty() {
            self.somewhere = pulses.iter().filter_map(somewhere).collect();
        }
    }

    /// The most of a span that the hiccups can have made.
    #[must_use]
    pub fn share_of(&self, from: Time, to: Time) -> Duration {
        let span = Stretch { from, to };
        let first = self.covered.partition_point(|one| one.to <= from);
        let covered = self.covered[first..].iter().take_while(|one| one.from < to);
        let known: Duration = covered.map(|one| one.shared(span)).sum();
        // A lateness of more than a second begins before its own second.
        let unknown =
            self.somewhere.iter().filter(|(second, _)| second.shared(span) > Duration::ZERO);
        let unknown: Duration =
            unknown.map(|(second, late)| second.shared(span).min(2 * *late)).sum();
        (known + unknown).min(span.length())
    }

    /// How long the instrument stood still between two moments, all together.
    #[must_use]
    pub fn total(&self, from: Time, to: Time) -> Duration {
        let span = Stretch { from, to };
        let seen = self.seen.iter().map(|one| one.shared(span));
        let somewhere = self.somewhere.iter().map(|(second, late)| second.shared(span).min(*late));
        seen.chain(somewhere).sum()
    }

    /// The longest between two moments, the longest first; from a journal without them none.
    #[must_use]
    pub fn longest(&self, from: Time, to: Time) -> Vec<Stretch> {
        let inside = |one: &&Stretch| one.from < to && one.to > from;
        let mut longest: Vec<Stretch> = self.seen.iter().filter(inside).copied().collect();
        longest.sort_by_key(|one| std::cmp::Reverse(one.length()));
        longest.truncate(limits::HICCUPS_LISTED);
        longest
    }

    /// What lies between the consequences of hiccups, from one moment to another.
    pub fn undisturbed(&self, from: Time, to: Time) -> impl Iterator<Item = Stretch> + '_ {
        let inside = self.covered.iter().filter(move |one| one.from < to && one.to > from);
        let starts = std::iter::once(from).chain(inside.clone().map(|one| one.to));
        let ends = inside.map(|one| one.from).chain(std::iter::once(to));
        let between = starts.zip(ends).map(|(from, to)| Stretch { from, to });
        between.filter(|one| one.from < one.to)
    }
}

/// Where in its second a lateness lay is not known: anywhere up to its end and as long again.
fn somewhere(pulse: &Pulse) -> Option<(Stretch, Duration)> {
    let late = Duration::from_micros(pulse.hiccup_us);
    let since = pulse.at.offset().saturating_sub(late.max(Duration::from_secs(1)));
    let stretch = Stretch { from: Time::from_offset(since), to: pulse.at.plus(late) };
    (late >= OF_A_PULSE).then_some((stretch, late))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    fn hiccups(seen: &[(u64, u64)]) -> Hiccups {
        let mut hiccups = Hiccups::default();
        for (from, to) in seen {
            hiccups.observe(&Event::Hiccup { from: ms(*from), to: ms(*to) });
        }
        hiccups.settle(&[]);
        hiccups
    }

    fn share(hiccups: &Hiccups, from: u64, to: u64) -> u128 {
        hiccups.share_of(ms(from), ms(to)).as_millis()
    }

    #[test]
    fn a_span_owes_what_it_shares_with_a_hiccup_and_as_long_again() {
        let one = hiccups(&[(1000, 1300)]);
        for ((from, to), owed) in [
            ((0, 900), 0),
            ((900, 1000), 0),
            ((900, 1310), 310),
            ((1100, 1310), 210),
            ((1310, 1320), 10),
            ((1590, 1700), 10),
            ((1600, 9000), 0),
            ((0, 9000), 600),
        ] {
            assert_eq!(share(&one, from, to), owed, "{from} to {to}");
        }
    }

    #[test]
    fn hiccups_that_follow_one_another_are_not_counted_twice() {
        let many = hiccups(&[(1300, 1400), (1000, 1300), (5000, 5010)]);
        assert_eq!(share(&many, 0, 9000), 600 + 20);
        assert_eq!(many.total(ms(0), ms(9000)).as_millis(), 410);
        assert_eq!(many.total(ms(1200), ms(1350)).as_millis(), 150);
        let longest: Vec<u128> =
            many.longest(ms(0), ms(9000)).iter().map(|one| one.length().as_millis()).collect();
        assert_eq!(longest, [300, 100, 10]);
        let rest: Vec<_> = many.undisturbed(ms(500), ms(6000)).collect();
        let stretch = |from, to| Stretch { from: ms(from), to: ms(to) };
        assert_eq!(rest, [stretch(500, 1000), stretch(1600, 5000), stretch(5020, 6000)]);
    }

    #[test]
    fn an_older_journal_has_the_second_and_not_the_moment() {
        let pulse = |at, hiccup_us| Pulse { at: ms(at), hiccup_us, ..Pulse::default() };
        let mut old = Hiccups::default();
        old.settle(&[pulse(1000, 20_000), pulse(2000, 300_000), pulse(3000, 0)]);
        assert_eq!(share(&old, 0, 900), 0, "twenty milliseconds are a busy machine's");
        assert_eq!(share(&old, 1500, 1600), 100);
        assert_eq!(share(&old, 0, 9000), 600, "as much as one known hiccup, wherever it was");
        assert_eq!(old.total(ms(0), ms(9000)).as_millis(), 300);
        let mut new = hiccups(&[(100, 110)]);
        new.settle(&[pulse(1000, 300_000)]);
        assert_eq!(share(&new, 200, 900), 0, "where hiccups are recorded, they are all there is");
    }
}
