//! Conservation as a property: a model MTA that loses, copies, alters and lies as it is told, its
//! events interleaved at random, and every count equals what was planted.

use std::collections::BTreeMap;

use mailbench::ledger::event::{AttemptOutcome, Change, Proof, SubmitResult};
use mailbench::ledger::history::Terms;
use mailbench::measure::results::LedgerVerdict;
use mailbench::smtp::stage::Stage;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};

use crate::journals::{Story, accepted, damaged, judge, refused, tally_of};

/// What the model MTA does to one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Delivered {
        deferrals: u8,
    },
    Copied,
    CopiedAfterWithheld,
    Lost,
    Corrupted,
    WithheldOnly,
    Unconfirmed,
    Bounced,
    FalselyBounced,
    BouncedAndDelivered,
    Refused,
    Resurrected,
    NotSent,
    Premature,
    NeverHappened,
    Recovered,
    Phantom,
    /// Only for sole recipients: its content goes to probe 0 instead.
    Swapped,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Defer,
    Deliver,
    Withhold,
    TakeOnly,
    DeliverAltered,
    Reject,
    Bounce,
    DeliverNobody,
    DeliverElsewhere,
}

/// Probe numbers from here on are nobody's.
const NOT_OFFERED: u64 = 1 << 20;

impl Fate {
    fn submission(self) -> SubmitResult {
        let cause = "as told".to_owned();
        match self {
            Fate::Refused | Fate::Resurrected => refused(Stage::EndOfData),
            Fate::NotSent => SubmitResult::NotSent { stage: Stage::Connect, cause },
            Fate::Premature => SubmitResult::Broken { stage: Stage::Content, cause },
            Fate::NeverHappened | Fate::Recovered => SubmitResult::Indeterminate { cause },
            _ => accepted(),
        }
    }

    fn steps(self) -> Vec<Step> {
        match self {
            Fate::Delivered { deferrals } => {
                let mut steps = vec![Step::Defer; usize::from(deferrals)];
                steps.push(Step::Deliver);
                steps
            }
            Fate::Copied => vec![Step::Deliver, Step::Deliver],
            Fate::CopiedAfterWithheld => vec![Step::Withhold, Step::Deliver],
            Fate::Corrupted => vec![Step::DeliverAltered],
            Fate::WithheldOnly => vec![Step::Withhold],
            Fate::Unconfirmed => vec![Step::TakeOnly],
            Fate::Bounced => vec![Step::Reject, Step::Bounce],
            Fate::FalselyBounced => vec![Step::Bounce],
            Fate::BouncedAndDelivered => vec![Step::Deliver, Step::Bounce],
            Fate::Resurrected | Fate::Premature | Fate::Recovered => vec![Step::Deliver],
            Fate::Phantom => vec![Step::Deliver, Step::DeliverNobody],
            Fate::Swapped => vec![Step::DeliverElsewhere],
            Fate::Lost | Fate::Refused | Fate::NotSent | Fate::NeverHappened => Vec::new(),
        }
    }

    /// Counts this fate must add to, the answer of the target first.
    fn expected(self) -> Vec<&'static str> {
        match self {
            Fate::Delivered { .. } => vec!["accepted", "delivered"],
            Fate::Copied => {
                vec!["accepted", "delivered", "duplicates", "duplicates_unexcused"]
            }
            Fate::CopiedAfterWithheld => {
                vec!["accepted", "delivered", "duplicates", "duplicates_excused"]
            }
            Fate::Lost => vec!["accepted", "lost"],
            Fate::Corrupted => vec!["accepted", "corrupted"],
            Fate::WithheldOnly | Fate::Unconfirmed => vec!["accepted", "unconfirmed"],
            Fate::Bounced => vec!["accepted", "bounced"],
            Fate::FalselyBounced => vec!["accepted", "false_bounce"],
            Fate::BouncedAndDelivered => vec!["accepted", "bounced_and_delivered"],
            Fate::Refused => vec!["refused"],
            Fate::Resurrected => vec!["refused", "delivered_after_refusal"],
            Fate::NotSent => vec!["not_sent"],
            Fate::Premature => vec!["refused", "delivered_before_end_of_data"],
            Fate::NeverHappened => vec!["indeterminate", "indeterminate_not_delivered"],
            Fate::Recovered => vec!["indeterminate", "indeterminate_delivered"],
            Fate::Phantom => vec!["accepted", "delivered", "phantom"],
            Fate::Swapped => vec!["accepted", "misrouted"],
        }
    }

    fn is_invalid(self) -> bool {
        const INVALID: [&str; 9] = [
            "duplicates_unexcused",
            "lost",
            "corrupted",
            "false_bounce",
            "bounced_and_delivered",
            "delivered_after_refusal",
            "delivered_before_end_of_data",
            "phantom",
            "misrouted",
        ];
        self.expected().iter().any(|name| INVALID.contains(name))
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => (0..4_u8).prop_map(|deferrals| Fate::Delivered { deferrals }),
        1 => Just(Fate::Copied),
        2 => Just(Fate::CopiedAfterWithheld),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Corrupted),
        1 => Just(Fate::WithheldOnly),
        1 => Just(Fate::Unconfirmed),
        1 => Just(Fate::Bounced),
        1 => Just(Fate::FalselyBounced),
        1 => Just(Fate::BouncedAndDelivered),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Resurrected),
        1 => Just(Fate::NotSent),
        1 => Just(Fate::Premature),
        1 => Just(Fate::NeverHappened),
        1 => Just(Fate::Recovered),
        1 => Just(Fate::Phantom),
    ]
}

/// The fates of a message's recipients.
fn message() -> impl Strategy<Value = Vec<Fate>> {
    prop_oneof![
        4 => collection::vec(fate(), 1..4),
        1 => Just(vec![Fate::Swapped]),
    ]
}

/// What is still to happen to one probe.
struct Course {
    probe: u64,
    message: u64,
    steps: std::vec::IntoIter<Step>,
}

fn tell(messages: &[Vec<Fate>], choices: &[u8]) -> Story {
    let mut story = Story::begin();
    story.accept(0, 1);
    story.deliver(0, 0);
    let mut courses = Vec::new();
    let mut number = 1;
    for fates in messages {
        story.offer(number, u16::try_from(fates.len()).expect("few"));
        story.submit(number, fates.iter().map(|fate| fate.submission()).collect());
        for (probe, fate) in (number..).zip(fates) {
            courses.push(Course { probe, message: number, steps: fate.steps().into_iter() });
        }
        number += fates.len() as u64;
    }
    let mut choices = choices.iter().cycle();
    while !courses.is_empty() {
        let choice = usize::from(choices.next().copied().unwrap_or(0)) % courses.len();
        let Course { probe, message, steps } = &mut courses[choice];
        match steps.next() {
            Some(step) => enact(&mut story, step, *probe, *message),
            None => drop(courses.swap_remove(choice)),
        }
    }
    story.end(0);
    story
}

fn enact(story: &mut Story, step: Step, probe: u64, message: u64) {
    match step {
        Step::Defer => story.fail(probe, AttemptOutcome::Deferred, Stage::RcptTo),
        Step::Reject => story.fail(probe, AttemptOutcome::Rejected, Stage::RcptTo),
        Step::Deliver => story.deliver(probe, message),
        Step::Withhold => drop(story.receive(probe, message, AttemptOutcome::Withheld)),
        Step::TakeOnly => drop(story.receive(probe, message, AttemptOutcome::Taken)),
        Step::DeliverAltered => {
            let content = damaged(message, Change::Truncated);
            let reception = story.receive_content(probe, content, AttemptOutcome::Taken);
            story.confirm(reception, Proof::Command);
        }
        Step::Bounce => story.bounce(probe, message),
        Step::DeliverNobody => story.deliver(NOT_OFFERED + probe, NOT_OFFERED + probe),
        Step::DeliverElsewhere => story.deliver(0, message),
    }
}

proptest! {
    #[test]
    fn every_count_is_what_was_planted(
        messages in collection::vec(message(), 0..30),
        choices in collection::vec(any::<u8>(), 1..50),
    ) {
        let story = tell(&messages, &choices);
        let judged = judge(&story.events, Terms::default());
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        for name in messages.iter().flatten().flat_map(|fate| fate.expected()) {
            *expected.entry(name).or_default() += 1;
        }
        for name in ["offered", "accepted", "delivered"] {
            let base = if name == "offered" { messages.iter().flatten().count() as u64 } else { 0 };
            *expected.entry(name).or_default() += base + 1;
        }
        let ours = ["offered", "accepted", "refused", "indeterminate", "not_sent"];
        let classes = mailbench::ledger::class::Class::ALL.map(|class| class.name());
        let others =
            ["phantom", "duplicates", "duplicates_excused", "duplicates_unexcused"];
        for name in ours.into_iter().chain(classes).chain(others) {
            let planted = expected.get(name).copied().unwrap_or(0);
            prop_assert_eq!(judged.counts[name], planted, "{}", name);
        }
        prop_assert!(judged.warnings.is_empty(), "{:?}", judged.warnings);
        let invalid = messages.iter().flatten().any(|fate| fate.is_invalid());
        prop_assert_eq!(judged.verdict == LedgerVerdict::Invalid, invalid);
    }

    #[test]
    fn the_running_sums_agree_with_the_judgement(
        messages in collection::vec(message(), 0..20),
        choices in collection::vec(any::<u8>(), 1..50),
    ) {
        let story = tell(&messages, &choices);
        let judged = judge(&story.events, Terms::default());
        let tally = tally_of(&story.events);
        let of = |name: &str| judged.counts[name];
        prop_assert_eq!(tally.offered, of("offered"));
        prop_assert_eq!(tally.accepted, of("accepted"));
        prop_assert_eq!(tally.refused, of("refused"));
        prop_assert_eq!(tally.indeterminate, of("indeterminate"));
        prop_assert_eq!(tally.not_sent, of("not_sent"));
        prop_assert_eq!(tally.in_flight, 0);
        prop_assert_eq!(tally.deferred_attempts, of("deferred"));
        prop_assert_eq!(tally.backlog, of("lost") + of("misrouted"));
    }
}
