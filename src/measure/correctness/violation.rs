//! Which violations a report lists: the worst first, as many as fit. What was seen of each is
//! added by `evidence`.

use crate::clock::Time;
use crate::ledger::class::Class;
use crate::ledger::history::{History, Phantom, ProbeView};
use crate::limits;
use crate::measure::results::Violation;
use crate::probe::MessageId;
use crate::probe::address::{self, Letters};

/// Unexcused duplicates, as a violation.
const UNEXCUSED: &str = "duplicates_unexcused";

/// An envelope that was changed in a way that is neither declared nor standard practice.
const READDRESSED: &str = "readdressed";

/// A further recipient that is not declared.
const COPIED: &str = "copied";

/// The target was connected to another machine.
const OUTSIDE: &str = "outside_connections";

/// A notification that does not come from the null reverse-path.
const NON_NULL_SENDER: &str = "dsn_non_null_sender";

/// Kinds of violation, the worst first.
const KINDS: [&str; 15] = [
    "lost",
    "misrouted",
    "smuggled",
    "corrupted",
    "altered",
    "phantom",
    OUTSIDE,
    "delivered_after_refusal",
    "delivered_before_end_of_data",
    "bounced_and_delivered",
    "false_bounce",
    READDRESSED,
    COPIED,
    NON_NULL_SENDER,
    UNEXCUSED,
];

/// Collects violations, a bounded number of each kind.
pub(crate) struct Listing<'a> {
    domains: &'a [String],
    letters: Letters,
    kinds: [Vec<Violation>; KINDS.len()],
}

impl<'a> Listing<'a> {
    pub(crate) fn new(domains: &'a [String], letters: Letters) -> Listing<'a> {
        Listing { domains, letters, kinds: Default::default() }
    }

    pub(crate) fn enter(&mut self, probe: &ProbeView) {
        let class: Class = probe.disposition.class;
        if class.is_violation() {
            self.list(class.name(), probe);
        }
        if probe.history.addressed_amiss {
            self.list(READDRESSED, probe);
        }
        if probe.history.copies_amiss > 0 {
            self.list(COPIED, probe);
        }
        if probe.disposition.duplicates.unexcused > 0 {
            self.list(UNEXCUSED, probe);
        }
    }

    /// The worst of them. `duplicates`: whether unexcused ones are a violation.
    pub(crate) fn close(mut self, history: &History, duplicates: bool) -> Vec<Violation> {
        for phantom in history.phantoms() {
            self.push("phantom", violation_of(phantom));
        }
        for address in history.course().outside() {
            self.push(OUTSIDE, outside(address));
        }
        for (at, message) in history.dsns_with_sender_seen() {
            self.push(NON_NULL_SENDER, with_sender(*at, *message));
        }
        let kinds =
            KINDS.iter().zip(self.kinds).filter(|(kind, _)| duplicates || **kind != UNEXCUSED);
        kinds.flat_map(|(_, list)| list).take(limits::VIOLATIONS_LISTED).collect()
    }

    fn list(&mut self, kind: &str, probe: &ProbeView) {
        let domain = probe.destination.and_then(|it| self.domains.get(usize::from(it.0)));
        self.push(
            kind,
            Violation {
                class: kind.to_owned(),
                probe: Some(probe.probe.0),
                recipient: domain
                    .map(|domain| address::recipient(self.letters, probe.probe, domain)),
                evidence: Vec::new(),
            },
        );
    }

    fn push(&mut self, kind: &str, violation: Violation) {
        let Some(at) = KINDS.iter().position(|known| *known == kind) else { return };
        if self.kinds[at].len() < limits::VIOLATIONS_LISTED {
            self.kinds[at].push(violation);
        }
    }
}

fn violation_of(phantom: &Phantom) -> Violation {
    let seconds = phantom.at.seconds();
    Violation {
        class: "phantom".to_owned(),
        probe: phantom.probe.map(|probe| probe.0),
        recipient: phantom.recipient.clone(),
        evidence: vec![format!("{seconds:.3} s: {}", phantom.evidence)],
    }
}

fn outside(address: &str) -> Violation {
    let evidence = format!("the target was connected to {address}, which is not on this machine");
    Violation { class: OUTSIDE.to_owned(), probe: None, recipient: None, evidence: vec![evidence] }
}

fn with_sender(at: Time, message: Option<MessageId>) -> Violation {
    let about =
        message.map_or("no message of this run".to_owned(), |it| format!("message {}", it.0));
    Violation {
        class: NON_NULL_SENDER.to_owned(),
        probe: message.map(|message| message.0),
        recipient: None,
        evidence: vec![format!(
            "{:.3} s: a notification about {about} came from a sender that is not null (RFC 5321 §6.1)",
            at.seconds()
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::correctness::counts::FLAGS;

    #[test]
    fn every_violation_has_its_place_in_the_listing() {
        let classes = Class::ALL.into_iter().filter(|class| class.is_violation());
        let mut names: Vec<&str> = classes.map(Class::name).collect();
        names.extend(FLAGS.map(|(class, _)| class));
        names.push(UNEXCUSED);
        names.sort_unstable();
        let mut kinds = KINDS.to_vec();
        kinds.sort_unstable();
        assert_eq!(kinds, names);
    }
}
