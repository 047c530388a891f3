//! Notices (RFC 3464): which probe they are about, and what their form is worth.

use super::tests::{PLANNED, TERMS, accepted, at, history, probe, read, told, with};
use super::*;
use crate::ledger::event::Dsn;
use crate::ledger::event::DsnAction;

#[test]
fn notices_are_matched_to_probes_and_judged_by_their_form() {
    let one = |dsn| history(&with(accepted(0, 1), vec![Event::Dsn(dsn)]));
    let failed = told(0, 0, DsnAction::Failed);
    let view = |dsn| one(dsn).probe(ProbeId(0)).expect("the probe").history;
    assert_eq!((view(failed.clone()).bounces, view(failed.clone()).dsn_malformed), (1, false));
    assert_eq!(view(told(0, 0, DsnAction::Delayed)).bounces, 0);
    assert!(view(Dsn { null_sender: false, ..failed.clone() }).dsn_malformed);
    assert!(view(Dsn { flaws: vec!["no Status".to_owned()], ..failed.clone() }).dsn_malformed);
    let once = with(accepted(0, 1), vec![Event::Dsn(failed.clone())]);
    let null = read(Planned { null_sender: true, ..PLANNED }, TERMS, &once);
    assert!(null.probe(ProbeId(0)).expect("the probe").history.dsn_malformed);
    let twice = probe(&with(once, vec![Event::Dsn(failed.clone())])).history;
    assert_eq!((twice.bounces, twice.dsn_malformed), (2, true));
    assert_eq!(one(told(9, 9, DsnAction::Failed)).unmatched_dsns(), 1);
    assert_eq!(one(told(PREFLIGHT.0, PREFLIGHT.0, DsnAction::Failed)).unmatched_dsns(), 0);
    assert_eq!(one(Dsn { recipients: Vec::new(), ..failed.clone() }).unmatched_dsns(), 1);
    assert_eq!(one(failed.clone()).unmatched_dsns(), 0);
    let mut unnamed = failed.clone();
    unnamed.recipients[0].probe = None;
    assert_eq!(view(unnamed.clone()).bounces, 1, "it can be about the sole recipient only");
    let of_two = history(&with(accepted(0, 2), vec![Event::Dsn(unnamed.clone())]));
    let bounces = |probe| of_two.probe(ProbeId(probe)).expect("the probe").history.bounces;
    assert_eq!((bounces(0), bounces(1), of_two.unmatched_dsns()), (1, 0, 0), "one that is missing");
    let thrice = vec![Event::Dsn(unnamed); 3];
    assert_eq!(history(&with(accepted(0, 2), thrice)).unmatched_dsns(), 1, "two are there");
    assert_eq!(one(failed).course().last_activity, at(40));
}
