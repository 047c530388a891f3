//! The rule's table, line by line: what each end of a submission is in each metric.

use super::*;
use crate::ledger::disposition::{ProbeHistory, classify};
use crate::measure::synthetic::ms;
use crate::probe::{MessageId, ProbeId};
use LatencyMetric as M;

const CLOSE: Time = Time(60_000_000_000);

/// Due at 0, handed over after 10 ms, ended after 5 s.
fn probe(history: ProbeHistory, no_answer: Option<NoAnswer>) -> ProbeView {
    ProbeView {
        probe: ProbeId(1),
        message: MessageId(1),
        destination: Some(DestinationId(0)),
        due: ms(0),
        offered: ms(10),
        sent: Some(ms(10)),
        submitted: Some(ms(5000)),
        no_answer,
        accepted: (history.accepted > 0).then(|| ms(5000)),
        first_attempt: None,
        taken: None,
        bounced: None,
        dropped: None,
        deferrals: 0,
        history,
        disposition: classify(&history),
    }
}

fn seen(probes: &[ProbeView]) -> Vec<(M, Seen)> {
    let mut into = Vec::new();
    observe(probes, CLOSE, &mut into);
    into.into_iter().map(|it| (it.metric, it.seen)).collect()
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

const LAG: (M, Seen) = (M::ScheduleLag, Seen::Whole(millis(10)));

fn submitted(how: fn(Duration) -> Seen) -> [(M, Seen); 3] {
    [LAG, (M::SubmitResponse, how(millis(5000))), (M::SubmitService, how(millis(4990)))]
}

#[test]
fn an_answer_ends_the_submission_and_the_rest_is_owed() {
    let accepted = probe(ProbeHistory { accepted: 1, ..ProbeHistory::default() }, None);
    let owed = [
        (M::E2eResponse, Seen::Cut(millis(60_000))),
        (M::QueueTime, Seen::Cut(millis(55_000))),
        (M::RelayLatency, Seen::Cut(millis(55_000))),
    ];
    assert_eq!(seen(&[accepted]), [&submitted(Seen::Whole)[..], &owed].concat());
    let bounced = ProbeView { bounced: Some(ms(9000)), ..accepted };
    assert_eq!(seen(&[bounced]), submitted(Seen::Whole), "a DSN is an answer");
    let delivered = ProbeView { first_attempt: Some(ms(6000)), taken: Some(ms(7000)), ..accepted };
    let arrived = [
        (M::E2eResponse, Seen::Whole(millis(7000))),
        (M::QueueTime, Seen::Whole(millis(1000))),
        (M::RelayLatency, Seen::Whole(millis(2000))),
    ];
    assert_eq!(seen(&[delivered]), [&submitted(Seen::Whole)[..], &arrived].concat());
}

#[test]
fn a_refusal_is_in_its_own_metric_only() {
    let refused = probe(ProbeHistory { refused: 1, ..ProbeHistory::default() }, None);
    assert_eq!(seen(&[refused]), [LAG, (M::RefusedResponse, Seen::Whole(millis(5000)))]);
}

#[test]
fn what_is_given_up_has_its_age() {
    let indeterminate = ProbeHistory { indeterminate: 1, ..ProbeHistory::default() };
    let given_up = probe(indeterminate, Some(NoAnswer::GivenUp));
    let never_came = [(M::E2eResponse, Seen::Cut(millis(60_000)))];
    assert_eq!(seen(&[given_up]), [&submitted(Seen::Cut)[..], &never_came].concat());
    let came = ProbeView { taken: Some(ms(8000)), ..given_up };
    let arrived = [(M::E2eResponse, Seen::Whole(millis(8000)))];
    assert_eq!(seen(&[came]), [&submitted(Seen::Cut)[..], &arrived].concat());
    let under_way = ProbeView { submitted: None, sent: None, no_answer: None, ..given_up };
    let cut = |metric, from: u64| (metric, Seen::Cut(millis(60_000 - from)));
    let open = [cut(M::SubmitResponse, 0), cut(M::SubmitService, 10), cut(M::E2eResponse, 0)];
    assert_eq!(seen(&[under_way]), [&[LAG][..], &open].concat());
}

#[test]
fn what_no_session_took_was_never_handed_over_and_has_no_service() {
    let unserved = ProbeView {
        offered: ms(5000),
        sent: Some(ms(5000)),
        ..probe(ProbeHistory::default(), Some(NoAnswer::Unserved))
    };
    let cut = |metric, age| (metric, Seen::Cut(millis(age)));
    let expected =
        [cut(M::ScheduleLag, 5000), cut(M::SubmitResponse, 5000), cut(M::E2eResponse, 60_000)];
    assert_eq!(seen(&[unserved]), expected);
}

#[test]
fn what_failed_never_ends() {
    for history in [ProbeHistory::default(), ProbeHistory { broken: 1, ..ProbeHistory::default() }]
    {
        let failed = probe(history, Some(NoAnswer::Failed));
        let never = [(M::E2eResponse, Seen::Failed(millis(5000)))];
        assert_eq!(seen(&[failed]), [&submitted(Seen::Failed)[..], &never].concat());
    }
    let lost_reply = ProbeHistory { indeterminate: 1, ..ProbeHistory::default() };
    let may_come = [(M::E2eResponse, Seen::Cut(millis(60_000)))];
    let failed = probe(lost_reply, Some(NoAnswer::Failed));
    assert_eq!(seen(&[failed]), [&submitted(Seen::Failed)[..], &may_come].concat());
}

#[test]
fn one_accepted_recipient_answers_for_the_message() {
    let accepted = probe(ProbeHistory { accepted: 1, ..ProbeHistory::default() }, None);
    let refused = probe(ProbeHistory { refused: 1, ..ProbeHistory::default() }, None);
    let given_up = ProbeHistory { indeterminate: 1, ..ProbeHistory::default() };
    let unanswered = probe(given_up, Some(NoAnswer::GivenUp));
    assert_eq!(seen(&[refused, accepted])[..3], submitted(Seen::Whole));
    assert_eq!(seen(&[refused, unanswered])[..3], submitted(Seen::Cut));
}
