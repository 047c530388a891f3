//! Numbers of probes and receptions at the edges of the room they have.

use super::receptions::NO_NUMBER;
use super::tests::{accepted, confirmed, history, offered, taken, with};
use super::*;

#[test]
fn numbers_between_offers_are_no_probes() {
    let history = history(&[offered(0, 1), offered(5, 1)]);
    let probes: Vec<u64> = history.probes().map(|it| it.probe.0).collect();
    assert_eq!(probes, [0, 5]);
    assert!(history.probe(ProbeId(3)).is_none() && history.probe(ProbeId(6)).is_none());
    assert_eq!(history.messages().count(), 2);
}

/// A record has room for the lower half of a reception's number.
#[test]
fn receptions_keep_their_numbers_however_large() {
    let edge = u64::from(u32::MAX);
    for number in [0, edge - 1, edge, edge + 1, u64::MAX - 1] {
        let received = with(accepted(0, 1), vec![Event::Attempt(taken(0, 5, number, 0))]);
        let counts = |events: &[Event]| {
            let it = history(events).probe(ProbeId(0)).expect("the probe");
            (it.history.confirmed, it.history.unconfirmed, it.taken.is_some())
        };
        assert_eq!(counts(&received), (0, 1, true), "{number}");
        let proved = with(received.clone(), vec![confirmed(number)]);
        assert_eq!(counts(&proved), (1, 0, true), "{number}");
        let other = with(received, vec![confirmed(number ^ 1)]);
        assert_eq!(counts(&other), (0, 1, true), "{number}");
    }
}

#[test]
fn only_a_number_that_does_not_fit_goes_to_the_side_table() {
    let fits = |number| {
        let mut record = Record::ABSENT;
        record.receive(&Reception { number, ended: Time(5), withheld: false })
    };
    assert!(fits(7) && fits(NO_NUMBER));
    assert!(!fits(u64::from(u32::MAX)) && !fits(1 << 40));
}
