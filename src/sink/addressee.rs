//! Whose mail it is: what sender and recipient of an envelope say to this sink.

use std::collections::HashMap;

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
    /// The preflight message.
    Preflight,
    /// The null reverse-path: a DSN, or a message of this run that has no sender.
    Null,
    /// Anyone else, another run among them.
    Stranger,
}

/// Who a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// A probe of this run, at the destination its domain names, if it names one.
    Probe(ProbeId, Option<DestinationId>),
    /// A recipient of the preflight message.
    Preflight(ProbeId),
    /// A VERP sender of ours: the mail is a DSN.
    Bounce,
    /// Anyone else.
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

    /// Who the run is; to a sink alone, whoever the VERP sender says.
    pub(super) fn identity(&self, verp: &str) -> Identity {
        let named = || address::parse_reverse_path(verp).map_or("", |(nonce, _)| nonce);
        self.identity
            .clone()
            .unwrap_or_else(|| Identity { tag: String::new(), nonce: named().to_owned() })
    }

    pub(super) fn origin(&self, reverse_path: &str) -> Origin {
        if reverse_path.is_empty() {
            return Origin::Null;
        }
        let message = match &self.identity {
            Some(own) => address::own_reverse_path(&own.nonce, reverse_path),
            None => address::parse_reverse_path(reverse_path).map(|(_, message)| message),
        };
        match message {
            Some(PREFLIGHT) => Origin::Preflight,
            Some(message) => Origin::Run(message),
            None => Origin::Stranger,
        }
    }

    pub(super) fn addressee(&self, origin: Origin, forward_path: &str) -> Addressee {
        let domain = domain_of(forward_path);
        if domain == BOUNCE_DOMAIN {
            return Addressee::Bounce;
        }
        let destination = self.destinations.get(&domain).copied();
        let probe = address::parse_recipient(forward_path).map(|(probe, _)| probe);
        match (origin, probe) {
            (Origin::Preflight, Some(probe)) => Addressee::Preflight(probe),
            (Origin::Run(_), Some(probe)) => Addressee::Probe(probe, destination),
            (Origin::Null, Some(probe)) if self.null_senders => {
                Addressee::Probe(probe, destination)
            }
            (_, Some(probe)) if self.identity.is_none() => Addressee::Probe(probe, destination),
            _ => Addressee::Stranger(destination),
        }
    }
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
pub(super) fn stranger(reverse_path: &str, forward_path: &str) -> u64 {
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

    #[test]
    fn a_run_knows_its_own_mail() {
        let identity = Identity { tag: "t".to_owned(), nonce: "abc".to_owned() };
        let run = Directory::new(Some(identity.clone()), &["A.test".to_owned()], false);
        let own = run.origin("b+abc.7@bounce.mailbench.test");
        assert_eq!(own, Origin::Run(MessageId(7)));
        assert_eq!(run.origin("b+xyz.7@bounce.mailbench.test"), Origin::Stranger);
        assert_eq!(run.origin(""), Origin::Null);
        let sent = address::reverse_path(Letters::Ascii, "abc", PREFLIGHT);
        assert_eq!(run.origin(&sent), Origin::Preflight);

        let first = Some(DestinationId(0));
        assert_eq!(run.addressee(own, "mb+8@a.TEST"), Addressee::Probe(ProbeId(8), first));
        assert_eq!(run.addressee(own, "mb+8@b.test"), Addressee::Probe(ProbeId(8), None));
        assert_eq!(run.addressee(own, "who@a.test"), Addressee::Stranger(first));
        assert_eq!(run.addressee(Origin::Stranger, "mb+8@a.test"), Addressee::Stranger(first));
        let bounce = "b+abc.7@bounce.mailbench.test";
        assert_eq!(run.addressee(Origin::Null, bounce), Addressee::Bounce);
        assert_eq!(run.addressee(Origin::Null, "mb+8@a.test"), Addressee::Stranger(first));
        let run = Directory::new(Some(identity), &["A.test".to_owned()], true);
        assert_eq!(run.addressee(Origin::Null, "mb+8@a.test"), Addressee::Probe(ProbeId(8), first));
        assert_eq!(run.addressee(Origin::Null, bounce), Addressee::Bounce);
    }

    #[test]
    fn a_sink_alone_takes_the_mail_of_any_run() {
        let alone = Directory::new(None, &[], false);
        assert_eq!(alone.origin("b+x.3@bounce.mailbench.test"), Origin::Run(MessageId(3)));
        let seen = alone.addressee(Origin::Stranger, "mb+8@a.test");
        assert_eq!(seen, Addressee::Probe(ProbeId(8), None));
        assert_ne!(stranger("a", "b"), stranger("ab", ""));
    }
}
