//! Submissions that ended without the target's answer, and why.

use super::tests::{accepted, at, closed, history, offered, probe, reply, submitted, with};
use super::*;
use crate::ledger::event::{NoAnswer, SubmitResult};
use crate::smtp::stage::Stage;

fn unanswered(message: u64, how: NoAnswer) -> Event {
    Event::Unanswered(Unanswered {
        message: MessageId(message),
        at: at(4),
        how,
        stages: Vec::new(),
    })
}

#[test]
fn reason_for_no_answer_is_what_was_recorded_or_what_the_result_implies() {
    let cause = || "lost".to_owned();
    let stage = Stage::Data;
    let results = [
        (SubmitResult::Accepted { reply: reply(250) }, [None, None]),
        (SubmitResult::Refused { stage, reply: reply(450) }, [None, None]),
        (
            SubmitResult::Indeterminate { cause: cause() },
            [Some(NoAnswer::GivenUp), Some(NoAnswer::Failed)],
        ),
        (
            SubmitResult::Broken { stage, cause: cause() },
            [Some(NoAnswer::Failed), Some(NoAnswer::GivenUp)],
        ),
        (
            SubmitResult::NotSent { stage, cause: cause() },
            [Some(NoAnswer::Failed), Some(NoAnswer::GivenUp)],
        ),
    ];
    for (result, [implied, recorded]) in results {
        let end = submitted(0, vec![result]);
        assert_eq!(probe(&[offered(0, 1), end.clone()]).no_answer, implied, "{end:?}");
        let other = match implied {
            Some(NoAnswer::Failed) => NoAnswer::GivenUp,
            _ => NoAnswer::Failed,
        };
        let events = [offered(0, 1), unanswered(0, other), end];
        assert_eq!(probe(&events).no_answer, recorded, "{events:?}");
    }
    assert_eq!(probe(&[offered(0, 1)]).no_answer, None, "it goes on");
}

#[test]
fn one_answer_is_enough() {
    let unknown = || SubmitResult::Indeterminate { cause: "lost".to_owned() };
    let broken = || SubmitResult::Broken { stage: Stage::Data, cause: "lost".to_owned() };
    let accepted = SubmitResult::Accepted { reply: reply(250) };
    let refused = SubmitResult::Refused { stage: Stage::Data, reply: reply(450) };
    for (first, answer) in [(unknown(), accepted), (broken(), refused)] {
        let events = [offered(0, 1), submitted(0, vec![first]), submitted(0, vec![answer])];
        assert_eq!(probe(&events).no_answer, None, "{events:?}");
    }
    let events = [offered(0, 1), submitted(0, vec![broken()]), submitted(0, vec![unknown()])];
    assert_eq!(probe(&events).no_answer, Some(NoAnswer::GivenUp));
}

#[test]
fn missing_answer_to_no_message_of_the_run_is_a_contradiction() {
    let contradictions = |more: Vec<Event>| history(&with(accepted(0, 1), more)).contradictions();
    let to = |message| unanswered(message, NoAnswer::Failed);
    assert_eq!(contradictions(vec![to(0)]), 0);
    assert_eq!(contradictions(vec![to(PREFLIGHT.0)]), 0, "the preflight message is no probe");
    assert_eq!(contradictions(vec![to(9), to(9)]), 2);
    assert_eq!(contradictions(vec![closed(9), to(0)]), 1, "after the close");
}
