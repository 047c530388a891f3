//! What an attempt amounts to: by envelope and content together. What each says alone is
//! `addressee`'s and `probe::recognition`'s.

use super::addressee::{Addressee, Directory, Origin};
use super::transaction::Recipient;
use crate::ledger::event::AttemptOutcome;
use crate::probe::recognition::Belongs;
use crate::probe::{DestinationId, MessageId, PREFLIGHT, ProbeId};

/// What an attempt amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribution {
    /// One for a probe. `as_sent`: under the envelope that was sent.
    Probe { probe: ProbeId, destination: Option<DestinationId>, as_sent: bool },
    /// One for a recipient that names no probe, of this message, if anything names one.
    Recognised(Option<MessageId>),
    /// The preflight message arrived; `None`: for which of its recipients its address does not say.
    Preflight(Option<ProbeId>),
    /// Something came back to one of our senders.
    Returned,
    /// Mail of another run was taken.
    AnotherRun,
    /// Mail that belongs to no run was accepted.
    Phantom,
    /// Nothing that concerns the run.
    Nothing,
}

/// What an attempt with this end amounts to.
pub(super) fn attribute(
    directory: &Directory,
    origin: Origin,
    recipient: &Recipient,
    (outcome, belongs): (AttemptOutcome, Belongs),
) -> Attribution {
    let taken = outcome == AttemptOutcome::Taken;
    let only_taken = |attribution| if taken { attribution } else { Attribution::Nothing };
    let another = origin == Origin::AnotherRun || belongs == Belongs::AnotherRun;
    match recipient.addressee {
        Addressee::Bounce => only_taken(Attribution::Returned),
        _ if another => only_taken(Attribution::AnotherRun),
        Addressee::Preflight(probe) => only_taken(Attribution::Preflight(probe)),
        Addressee::Probe(probe, destination) => {
            if !is_ours(directory, origin, (outcome, belongs)) {
                return only_taken(Attribution::Phantom);
            }
            // Only of what came whole it is asked how it came.
            let asked = matches!(outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld);
            let as_sent = !asked
                || !directory.in_run()
                || directory.is_as_sent(origin, probe, &recipient.address);
            Attribution::Probe { probe, destination, as_sent }
        }
        Addressee::Stranger(destination) => {
            match recognised(origin, belongs).filter(|_| directory.in_run()) {
                Some(message) if message >= PREFLIGHT => {
                    let at = destination.map(|at| ProbeId(PREFLIGHT.0 + u64::from(at.0)));
                    only_taken(Attribution::Preflight(at))
                }
                Some(message) => Attribution::Recognised(Some(message)),
                None if taken => Attribution::Phantom,
                // It may have been ours, and its bounce needs a reason.
                None if directory.in_run() && outcome != AttemptOutcome::Withheld => {
                    Attribution::Recognised(None)
                }
                None => Attribution::Nothing,
            }
        }
    }
}

/// Whether mail for a probe's address is ours. Without content only the address speaks.
fn is_ours(
    directory: &Directory,
    origin: Origin,
    (outcome, belongs): (AttemptOutcome, Belongs),
) -> bool {
    let whole = matches!(outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld);
    directory.vouches(origin) || matches!(belongs, Belongs::Ours(_)) || !whole
}

fn recognised(origin: Origin, belongs: Belongs) -> Option<MessageId> {
    match (belongs, origin) {
        (Belongs::Ours(message), _) => Some(message),
        (_, origin) => origin.message(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::probe::Identity;
    use AttemptOutcome::{Deferred, Rejected, Taken, Withheld};

    const OURS: Belongs = Belongs::Ours(MessageId(7));
    const SENDER: &str = "b+abc.7@bounce.mailbench.test";
    const SRS: &str = "SRS0=H=T=bounce.mailbench.test=b+abc.7@f.test";
    const EARLIER: &str = "b+xyz.7@bounce.mailbench.test";
    const LIST: &str = "owner@list.test";

    fn amounts_to(
        null_senders: bool,
        (sender, recipient): (&str, &str),
        end: (AttemptOutcome, Belongs),
    ) -> Attribution {
        let identity = Identity { tag: "t".to_owned(), nonce: "abc".to_owned() };
        let directory = Directory::new(Some(identity), &["a.test".to_owned()], null_senders);
        let origin = directory.origin(sender);
        let addressee = directory.addressee(origin, recipient);
        let (address, started) = (recipient.to_owned(), Time(1));
        let recipient =
            Recipient { addressee, address, subject: 1, attempt: 1, started, original: None };
        attribute(&directory, origin, &recipient, end)
    }

    fn probe(as_sent: bool) -> Attribution {
        let destination = Some(DestinationId(0));
        Attribution::Probe { probe: ProbeId(7), destination, as_sent }
    }

    #[test]
    fn content_and_envelope_decide_together() {
        let named = Attribution::Recognised(Some(MessageId(7)));
        let (another, unknown) = (Belongs::AnotherRun, Belongs::Unknown);
        for (sender, recipient, outcome, belongs, expected) in [
            (SENDER, "mb+7@a.test", Taken, OURS, probe(true)),
            (SENDER, "\"mb\\+7\"@a.test", Taken, OURS, probe(true)),
            (SENDER, "mb+7@a.test", Taken, unknown, probe(true)),
            (SENDER, "mb-7@a.test", Taken, OURS, probe(false)),
            (SENDER, "mb-7@a.test", Deferred, unknown, probe(true)),
            (SRS, "mb+7@a.test", Taken, OURS, probe(false)),
            (SRS, "mb+7@a.test", Taken, unknown, probe(false)),
            (LIST, "mb+7@a.test", Withheld, OURS, probe(false)),
            (LIST, "mb+7@a.test", Taken, unknown, Attribution::Phantom),
            (LIST, "mb+7@a.test", Rejected, unknown, probe(true)),
            ("", "mb+7@a.test", Taken, OURS, probe(false)),
            ("", "mb+7@a.test", Taken, unknown, Attribution::Phantom),
            (SENDER, "mb@a.test", Taken, OURS, named),
            (SENDER, "mb@a.test", Rejected, unknown, named),
            (LIST, "alice@a.test", Taken, OURS, named),
            (LIST, "alice@a.test", Taken, unknown, Attribution::Phantom),
            (LIST, "alice@a.test", Rejected, unknown, Attribution::Recognised(None)),
            (LIST, "alice@a.test", Withheld, unknown, Attribution::Nothing),
            (EARLIER, "mb+7@a.test", Taken, another, Attribution::AnotherRun),
            (EARLIER, "mb+7@a.test", Taken, unknown, Attribution::AnotherRun),
            (EARLIER, "mb+7@a.test", Rejected, unknown, Attribution::Nothing),
            (LIST, "mb+7@a.test", Taken, another, Attribution::AnotherRun),
            (SENDER, "mb+7@a.test", Taken, another, Attribution::AnotherRun),
            ("", SENDER, Taken, unknown, Attribution::Returned),
            (LIST, SENDER, Taken, unknown, Attribution::Returned),
        ] {
            let found = amounts_to(false, (sender, recipient), (outcome, belongs));
            assert_eq!(found, expected, "<{sender}> to <{recipient}>: {outcome:?} {belongs:?}");
        }
    }

    #[test]
    fn with_null_senders_an_earlier_run_is_known_by_its_content() {
        let null = |belongs| amounts_to(true, ("", "mb+7@a.test"), (Taken, belongs));
        assert_eq!(null(OURS), probe(true));
        assert_eq!(null(Belongs::Unknown), probe(true));
        assert_eq!(null(Belongs::AnotherRun), Attribution::AnotherRun);
    }

    #[test]
    fn the_preflight_is_known_by_its_content_too() {
        let belongs = Belongs::Ours(PREFLIGHT);
        let first = Attribution::Preflight(Some(ProbeId(PREFLIGHT.0)));
        assert_eq!(amounts_to(false, (LIST, "alice@a.test"), (Taken, belongs)), first);
        let elsewhere = amounts_to(false, (LIST, "alice@else.test"), (Taken, belongs));
        assert_eq!(elsewhere, Attribution::Preflight(None));
    }
}
