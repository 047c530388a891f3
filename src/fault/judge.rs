//! The verdict of all rules on one moment of the dialogue.
//!
//! Delays and throttles do not decide (their pages say what several of them do). Of all other actions
//! the first in file order wins. Apart from limits (see [`super::limit`]) a
//! verdict depends only on seed, rules and moment, never on the order of judgements.

use std::time::Duration;

use rand::Rng;

use super::limit::Limits;
use super::page::Case;
use super::rule::{Garble, Hangup, Odds, Rule, Scope, TlsFault};
use crate::clock::Time;
use crate::probe::DestinationId;
use crate::seed::{Key, Purpose, Seed};
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// One moment of a dialogue at the sink, about which the rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Position in the dialogue.
    pub stage: Stage,
    /// The destination, where it is known.
    pub destination: Option<DestinationId>,
    /// Offset into the measured period; `None` before it: rules with a window do not hold.
    pub at: Option<Duration>,
    /// The probe, message or session it is about: what the rules' odds are drawn for.
    pub subject: u64,
    /// Attempt number, 1 for the first, and before it is known.
    pub attempt: u32,
    /// Ordinal of the session, for limits.
    pub session: u64,
    /// Now, for limits.
    pub now: Time,
}

/// What is to happen at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Wait this long first.
    pub delay: Duration,
    /// Numbers of the rules that delay.
    pub delayed_by: Vec<u16>,
    /// From here on read at most this many bytes a second, and the rule that says so.
    pub throttle: Option<(u16, f64)>,
    /// The action that wins, and its rule; `None`: go on as without faults.
    pub decided: Option<(u16, Effect)>,
}

/// What replaces the ordinary course of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This reply instead of the ordinary one. After a 421 the session is closed
    /// (RFC 5321 §3.8).
    Reply(Reply),
    /// Break the connection.
    Disconnect {
        /// How it ends.
        how: Hangup,
        /// At stage content: after this many bytes of content.
        after_bytes: u64,
    },
    /// No reply for this long, then close.
    Stall(Duration),
    /// Turn the connection away at once: it came in while the port was about to close.
    Refuse,
    /// The ordinary reply, in this form.
    Garble(Garble),
    /// The ordinary reply, and then TLS so.
    Tls(TlsFault),
}

impl Verdict {
    /// Number of the rule that decided, or else of the first that delays.
    #[must_use]
    pub fn rule(&self) -> Option<u16> {
        self.decided.as_ref().map(|(number, _)| *number).or(self.delayed_by.first().copied())
    }

    /// Numbers of all rules that take effect: those that delay, slow down, or decide. A positive
    /// reply of a script changes nothing.
    pub fn striking(&self) -> impl Iterator<Item = u16> + '_ {
        let decided = self.decided.as_ref().filter(|(_, effect)| match effect {
            Effect::Reply(reply) => !reply.is_positive(),
            _ => true,
        });
        let decided = decided.map(|(number, _)| *number);
        let throttled = self.throttle.map(|(number, _)| number);
        self.delayed_by.iter().copied().chain(throttled).chain(decided)
    }
}

/// Judges one moment by all rules, in file order.
#[must_use]
pub fn judge(rules: &[Rule], seed: Seed, moment: &Moment, limits: &mut Limits) -> Verdict {
    let mut verdict = Verdict::default();
    for (number, rule) in (0_u16..).zip(rules) {
        // The rule's number is enough of a key: a rule holds at one stage only.
        let detail = u32::from(number);
        let key = Key { subject: moment.subject, attempt: moment.attempt, detail };
        if !holds(&rule.scope, moment) || !strikes(rule.scope.odds, seed, key) {
            continue;
        }
        let mut case = Case { number, seed, key, moment, limits };
        rule.action.strike(&mut case, &mut verdict);
    }
    verdict
}

fn holds(scope: &Scope, moment: &Moment) -> bool {
    scope.stage == moment.stage
        && scope.destination.is_none_or(|wanted| moment.destination == Some(wanted))
        && scope.during.is_none_or(|window| moment.at.is_some_and(|at| window.contains(at)))
        && scope.attempts.is_none_or(|range| range.contains(moment.attempt))
}

/// One draw against the odds, in whole parts per billion: no rounding decides.
fn strikes(odds: Odds, seed: Seed, key: Key) -> bool {
    if odds.0 >= Odds::ALWAYS.0 {
        return true;
    }
    let drawn = u128::from(seed.stream(Purpose::FaultOdds, key).next_u64());
    (drawn * u128::from(Odds::ALWAYS.0)) >> 64 < u128::from(odds.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::defer::Defer;
    use crate::fault::delay::Delay;
    use crate::fault::rule::{Action, Attempts, Limit, Window};
    use crate::fault::stall::Stall;
    use crate::fault::throttle::Throttle;
    use crate::quantity::{Law, Quantity};
    use proptest::prelude::{Just, Strategy, proptest};

    fn rule(odds: u32, action: Action) -> Rule {
        let scope = Scope {
            destination: None,
            stage: Stage::RcptTo,
            during: None,
            attempts: None,
            odds: Odds(odds),
        };
        Rule { name: "a rule".to_owned(), scope, action }
    }

    fn defer(odds: u32) -> Rule {
        rule(odds, Action::Defer(Defer("451 4.7.1 wait".parse().expect("a reply"))))
    }

    fn delay(seconds: f64) -> Rule {
        rule(Odds::ALWAYS.0, Action::Delay(Delay(Quantity::Constant(seconds))))
    }

    fn moment(subject: u64) -> Moment {
        Moment {
            stage: Stage::RcptTo,
            destination: Some(DestinationId(0)),
            at: Some(Duration::from_secs(5)),
            subject,
            attempt: 1,
            session: 1,
            now: Time::ZERO,
        }
    }

    fn verdict(rules: &[Rule], moment: &Moment) -> Verdict {
        judge(rules, Seed(7), moment, &mut Limits::default())
    }

    fn struck(odds: u32, subjects: u64, seed: u64) -> usize {
        let rules = [defer(odds)];
        let strikes = |subject: &u64| {
            judge(&rules, Seed(seed), &moment(*subject), &mut Limits::default()).decided.is_some()
        };
        (0..subjects).filter(strikes).count()
    }

    #[test]
    fn odds_strike_as_often_as_they_say() {
        for seed in 0..5 {
            assert_eq!(struck(0, 2000, seed), 0);
            assert_eq!(struck(Odds::ALWAYS.0, 2000, seed), 2000);
            // Binomial(20 000, 0.1): mean 2000, sd 42; five of them to either side.
            let tenth = struck(100_000_000, 20_000, seed);
            assert!((1790..=2210).contains(&tenth), "seed {seed}: {tenth} of 20000");
        }
    }

    #[test]
    fn every_part_of_a_scope_must_match() {
        let window = Window { start: Duration::from_secs(5), end: Duration::from_secs(6) };
        let mut rules = [defer(Odds::ALWAYS.0)];
        rules[0].scope.destination = Some(DestinationId(0));
        rules[0].scope.during = Some(window);
        rules[0].scope.attempts = Some(Attempts { first: 1, last: Some(2) });
        let here = moment(1);
        assert!(verdict(&rules, &here).decided.is_some());
        let elsewhere = [
            Moment { stage: Stage::Data, ..here },
            Moment { destination: Some(DestinationId(1)), ..here },
            Moment { destination: None, ..here },
            Moment { at: None, ..here },
            Moment { at: Some(window.end), ..here },
            Moment { at: Some(window.start - Duration::from_nanos(1)), ..here },
            Moment { attempt: 3, ..here },
        ];
        for moment in elsewhere {
            assert_eq!(verdict(&rules, &moment), Verdict::default(), "{moment:?}");
        }
    }

    #[test]
    fn delays_add_up_and_the_first_other_action_wins() {
        let stall = Action::Stall(Stall(Duration::from_secs(9)));
        let slow = |bytes_per_second| {
            rule(Odds::ALWAYS.0, Action::Throttle(Throttle { bytes_per_second }))
        };
        let always = Odds::ALWAYS.0;
        let rules =
            [delay(0.2), slow(90.0), rule(always, stall), slow(50.0), defer(always), delay(0.3)];
        let seen = verdict(&rules, &moment(1));
        assert_eq!(seen.delay, Duration::from_millis(500));
        assert_eq!(seen.delayed_by.first(), Some(&0));
        assert_eq!(seen.throttle, Some((3, 50.0)));
        assert_eq!(seen.decided, Some((2, Effect::Stall(Duration::from_secs(9)))));
        assert_eq!(seen.rule(), Some(2));
    }

    #[test]
    fn all_rules_that_take_effect_are_named_and_a_positive_reply_is_none() {
        let slow = rule(Odds::ALWAYS.0, Action::Throttle(Throttle { bytes_per_second: 90.0 }));
        let rules = [delay(0.2), slow, defer(Odds::ALWAYS.0), delay(0.1)];
        let seen = verdict(&rules, &moment(1));
        assert_eq!(seen.striking().collect::<Vec<_>>(), [0, 3, 1, 2]);
        let ordinary = Effect::Reply("250 2.0.0 ok".parse().expect("a reply"));
        let positive = Verdict { decided: Some((2, ordinary)), ..seen };
        assert_eq!(positive.striking().collect::<Vec<_>>(), [0, 3, 1]);
        let stalled = Effect::Stall(Duration::from_secs(1));
        let stalled = Verdict { decided: Some((4, stalled)), ..Verdict::default() };
        assert_eq!(stalled.striking().collect::<Vec<_>>(), [4]);
        assert_eq!(Verdict::default().striking().count(), 0);
    }

    #[test]
    fn of_equal_throttles_the_first_in_file_order_holds() {
        let slow = rule(Odds::ALWAYS.0, Action::Throttle(Throttle { bytes_per_second: 90.0 }));
        let seen = verdict(&[slow.clone(), slow], &moment(1));
        assert_eq!(seen.throttle, Some((0, 90.0)));
    }

    #[test]
    fn odds_are_exact_to_one_part_per_billion() {
        let key = Key { subject: 1, attempt: 1, detail: 0 };
        let drawn = u128::from(Seed(7).stream(Purpose::FaultOdds, key).next_u64());
        let share = (drawn * u128::from(Odds::ALWAYS.0)) >> 64;
        let drawn_part = u32::try_from(share).expect("less than a billion");
        assert!(!strikes(Odds(drawn_part), Seed(7), key));
        assert!(strikes(Odds(drawn_part + 1), Seed(7), key));
    }

    #[test]
    fn a_limit_counts_only_what_reaches_it() {
        let limit = Action::Limit(Limit::Rate { per_second: 1.0, per_destination: false });
        let second = rule(Odds::ALWAYS.0, limit);
        let mut first = defer(Odds::ALWAYS.0);
        first.scope.attempts = Some(Attempts { first: 1, last: Some(1) });

        let rules = [first, second];
        let mut limits = Limits::default();
        let mut rule_at = |attempt| {
            let moment = Moment { attempt, ..moment(1) };
            judge(&rules, Seed(7), &moment, &mut limits).rule()
        };
        assert_eq!([1, 1, 2, 2].map(&mut rule_at), [Some(0), Some(0), None, Some(1)]);
    }

    #[test]
    fn two_rules_and_two_attempts_draw_independently() {
        let half = Odds::ALWAYS.0 / 2;
        let rules = [defer(half), defer(half)];
        let by_rule: Vec<_> = (0..200).map(|n| verdict(&rules, &moment(n)).rule()).collect();
        assert!(by_rule.contains(&Some(1)) && by_rule.contains(&None), "one draw for both rules");
        let again = |n| verdict(&rules, &Moment { attempt: 2, ..moment(n) }).rule();
        assert_ne!(by_rule, (0..200).map(again).collect::<Vec<_>>());
    }

    proptest! {
        /// The same moments in any order get the same verdicts.
        #[test]
        fn verdicts_do_not_depend_on_the_order_of_judgements(
            order in Just((0..300_u64).collect::<Vec<_>>()).prop_shuffle(),
            seed: u64,
        ) {
            let drawn = Quantity::Drawn {
                law: Law::Exponential { mean: 0.1 },
                min: None,
                max: None,
            };
            let rules = [
                rule(300_000_000, Action::Delay(Delay(drawn))),
                defer(100_000_000),
                rule(500_000_000, Action::Stall(Stall(Duration::from_secs(1)))),
            ];
            let about = |n: u64| Moment { attempt: 1 + (n % 3) as u32, ..moment(n / 3) };
            let alone: Vec<Verdict> = (0..300)
                .map(|n| judge(&rules, Seed(seed), &about(n), &mut Limits::default()))
                .collect();
            let mut limits = Limits::default();
            for n in order {
                let seen = judge(&rules, Seed(seed), &about(n), &mut limits);
                assert_eq!(seen, alone[n as usize]);
            }
        }
    }
}
