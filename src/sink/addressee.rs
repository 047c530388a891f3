//! Whose mail it is: what sender and recipient of an envelope say to this sink.

use std::collections::HashMap;

use crate::probe::recognition::{self, Belongs};
use crate::probe::rewriting::{self, RecipientForm};
use crate::probe::{
    BOUNCE_DOMAIN, DestinationId, Identity, MessageId, PREFLIGHT, ProbeId, address,
};
use crate::smtp::envelope::domain_of;

/// Knows the run and its destinations.
pub(super) struct Directory {
    /// Who the run is; `None`: mail of any run is taken as ours.
    identity: Option<Identity>,
    destinations: HashMap<String, DestinationId>,
    /// Whether mail of the run comes from the null reverse-path, too.
    null_senders: bool,
}

/// What a reverse-path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A message of this run.
    Run(MessageId),
    /// A message of this run, within an address that a server on the way made (SRS, BATV, VERP).
    Rewritten(MessageId),
    /// The preflight message.
    Preflight,
    /// The null reverse-path: a DSN, a message of this run that has no sender, or one that was
    /// deprived of it.
    Null,
    /// A message of another run.
    AnotherRun,
    /// Anyone else.
    Stranger,
}

/// Who a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// A probe of this run, at the destination its domain names, if it names one.
    Probe(ProbeId, Option<DestinationId>),
    /// A recipient of the preflight message; `None`: its address does not say which.
    Preflight(Option<ProbeId>),
    /// Our VERP sender: the mail is a DSN.
    Bounce,
    /// A recipient that names no probe. Content or sender may say whose it is.
    Stranger(Option<DestinationId>),
}

impl Directory {
    pub(super) fn new(
        identity: Option<Identity>,
        destinations: &[String],
        null_senders: bool,
    ) -> Directory {
        let numbered = (0..).map(DestinationId).zip(destinations);
        let destinations =
            numbered.map(|(number, domain)| (domain.to_ascii_lowercase(), number)).collect();
        Directory { identity, destinations, null_senders }
    }

    /// Whether this sink is part of a run, not standing alone.
    pub(super) fn in_run(&self) -> bool {
        self.identity.is_some()
    }

    /// Who the run is; to a sink alone, what the VERP sender says.
    pub(super) fn identity(&self, verp: &str) -> Identity {
        let named = || address::parse_reverse_path(verp).map_or("", |(nonce, _)| nonce);
        self.identity
            .clone()
            .unwrap_or_else(|| Identity { tag: String::new(), nonce: named().to_owned() })
    }

    /// Whose a message text is. A sink alone goes by envelopes.
    pub(super) fn belongs(&self, text: &[u8]) -> Belongs {
        self.identity.as_ref().map_or(Belongs::Unknown, |own| recognition::belongs(text, own))
    }

    pub(super) fn origin(&self, reverse_path: &str) -> Origin {
        if reverse_path.is_empty() {
            return Origin::Null;
        }
        let Some(own) = &self.identity else {
            let message = address::parse_reverse_path(reverse_path).map(|(_, message)| message);
            return message.map_or(Origin::Stranger, of_message);
        };
        if let Some(message) = address::own_reverse_path(&own.nonce, reverse_path) {
            return of_message(message);
        }
        match rewriting::own_sender(&own.nonce, reverse_path).map(of_message) {
            Some(Origin::Run(message)) => Origin::Rewritten(message),
            Some(preflight) => preflight,
            None if rewriting::is_sender_of_another_run(&own.nonce, reverse_path) => {
                Origin::AnotherRun
            }
            None => Origin::Stranger,
        }
    }

    pub(super) fn addressee(&self, origin: Origin, forward_path: &str) -> Addressee {
        let domain = domain_of(forward_path);
        let probe = address::parse_recipient(forward_path).map(|(probe, _)| probe);
        if domain == BOUNCE_DOMAIN || probe.is_none() && self.is_own_sender(forward_path) {
            return Addressee::Bounce;
        }
        let destination = self.destinations.get(&domain).copied();
        match (origin, probe) {
            (Origin::Preflight, _) => Addressee::Preflight(
                probe.or_else(|| Some(ProbeId(PREFLIGHT.0 + u64::from(destination?.0)))),
            ),
            (Origin::AnotherRun, _) => Addressee::Stranger(destination),
            (_, Some(probe)) if probe.0 >= PREFLIGHT.0 && self.in_run() => {
                Addressee::Preflight(Some(probe))
            }
            (_, Some(probe)) => Addressee::Probe(probe, destination),
            (_, None) => Addressee::Stranger(destination),
        }
    }

    /// Whether a notification comes back through the address that a forwarder made of our sender.
    fn is_own_sender(&self, forward_path: &str) -> bool {
        let own = |own: &Identity| rewriting::own_sender(&own.nonce, forward_path).is_some();
        self.identity.as_ref().is_some_and(own)
    }

    /// Whether mail of the run may have this origin, so that nothing else need say that it is ours.
    pub(super) fn vouches(&self, origin: Origin) -> bool {
        match origin {
            Origin::Run(_) | Origin::Rewritten(_) | Origin::Preflight => true,
            Origin::Null => self.null_senders || !self.in_run(),
            Origin::AnotherRun | Origin::Stranger => !self.in_run(),
        }
    }

    /// Whether a reception for a probe came under the envelope that was sent.
    pub(super) fn is_as_sent(&self, origin: Origin, probe: ProbeId, recipient: &str) -> bool {
        let sender = match origin {
            Origin::Run(message) => probe.0 >= message.0,
            Origin::Null => self.null_senders,
            _ => false,
        };
        sender && rewriting::recipient_form(probe, recipient) == RecipientForm::Same
    }
}

impl Origin {
    /// The message of this run that it names.
    pub(super) fn message(self) -> Option<MessageId> {
        match self {
            Origin::Run(message) | Origin::Rewritten(message) => Some(message),
            Origin::Preflight => Some(PREFLIGHT),
            Origin::Null | Origin::AnotherRun | Origin::Stranger => None,
        }
    }
}

fn of_message(message: MessageId) -> Origin {
    if message >= PREFLIGHT { Origin::Preflight } else { Origin::Run(message) }
}

impl Addressee {
    /// The destination faults may name; a DSN and the preflight message go to none.
    pub(super) fn destination(self) -> Option<DestinationId> {
        match self {
            Addressee::Probe(_, destination) | Addressee::Stranger(destination) => destination,
            Addressee::Preflight(_) | Addressee::Bounce => None,
        }
    }

    /// Whether no fault touches it: DSNs, because without them nothing could be said about
    /// bounces, and the preflight message.
    pub(super) fn is_exempt(self) -> bool {
        matches!(self, Addressee::Preflight(_) | Addressee::Bounce)
    }
}

/// The subject by which decisions about a stranger's mail are keyed: the same for the same
/// addresses, as a greylist would have it.
pub(super) fn unknown_pair(reverse_path: &str, forward_path: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(reverse_path.as_bytes()).update(&[0]).update(forward_path.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::address::Letters;

    fn run(null_senders: bool) -> Directory {
        let identity = Identity { tag: "t".to_owned(), nonce: "abc".to_owned() };
        Directory::new(Some(identity), &["A.test".to_owned()], null_senders)
    }

    const FIRST: Option<DestinationId> = Some(DestinationId(0));

    #[test]
    fn a_run_knows_its_senders_however_they_were_rewritten() {
        for (sender, origin) in [
            ("b+abc.7@bounce.mailbench.test", Origin::Run(MessageId(7))),
            ("SRS0=H=T=bounce.mailbench.test=b+ABC.7@f.test", Origin::Rewritten(MessageId(7))),
            ("prvs=123=b+abc.7@bounce.mailbench.test", Origin::Rewritten(MessageId(7))),
            ("b+xyz.7@bounce.mailbench.test", Origin::AnotherRun),
            ("SRS0=H=T=bounce.mailbench.test=b+xyz.7@f.test", Origin::AnotherRun),
            ("", Origin::Null),
            ("list@list.test", Origin::Stranger),
        ] {
            assert_eq!(run(false).origin(sender), origin, "{sender}");
        }
        for message in [PREFLIGHT, MessageId(PREFLIGHT.0 + 100)] {
            let sent = address::reverse_path(Letters::Ascii, "abc", message);
            assert_eq!(run(false).origin(&sent), Origin::Preflight);
        }
    }

    #[test]
    fn a_recipient_is_a_probe_of_any_sender_unless_of_another_run() {
        let own = Origin::Run(MessageId(7));
        let probe = |destination| Addressee::Probe(ProbeId(8), destination);
        let bounce = "b+abc.7@bounce.mailbench.test";
        for (origin, recipient, addressee) in [
            (own, "mb+8@a.TEST", probe(FIRST)),
            (own, "mb-8@a.test", probe(FIRST)),
            (own, "mb+8@b.test", probe(None)),
            (own, "who@a.test", Addressee::Stranger(FIRST)),
            (Origin::Stranger, "mb+8@a.test", probe(FIRST)),
            (Origin::Null, "mb+8@a.test", probe(FIRST)),
            (Origin::AnotherRun, "mb+8@a.test", Addressee::Stranger(FIRST)),
            (Origin::Null, bounce, Addressee::Bounce),
            (Origin::Null, "SRS0=H=T=bounce.mailbench.test=b+abc.7@f.test", Addressee::Bounce),
            (Origin::Preflight, "who@a.test", Addressee::Preflight(Some(ProbeId(PREFLIGHT.0)))),
            (Origin::Preflight, "who@else.test", Addressee::Preflight(None)),
        ] {
            assert_eq!(run(false).addressee(origin, recipient), addressee, "{recipient}");
        }
        let preflight = address::recipient(Letters::Ascii, PREFLIGHT.probe(0), "a.test");
        let named = Addressee::Preflight(Some(PREFLIGHT.probe(0)));
        assert_eq!(run(false).addressee(Origin::Stranger, &preflight), named);
    }

    #[test]
    fn a_sink_alone_takes_the_mail_of_any_run() {
        let alone = Directory::new(None, &[], false);
        assert_eq!(alone.origin("b+x.3@bounce.mailbench.test"), Origin::Run(MessageId(3)));
        let seen = alone.addressee(Origin::Stranger, "mb+8@a.test");
        assert_eq!(seen, Addressee::Probe(ProbeId(8), None));
        assert_ne!(unknown_pair("a", "b"), unknown_pair("ab", ""));
    }
}
