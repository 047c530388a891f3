//! Which recipients the preflight has reached, and under which envelopes.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::limits;
use crate::probe::{MessageId, PREFLIGHT, ProbeId};

/// One arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightArrival {
    /// The recipient it stands for; `None`: all have arrived, it is a copy.
    pub probe: Option<ProbeId>,
    /// The sender, as it came.
    pub reverse_path: String,
    /// The recipient, as it came.
    pub recipient: String,
}

/// The arrivals so far.
pub(super) struct Preflight {
    wanted: usize,
    seen: Mutex<Seen>,
    arrived: watch::Sender<usize>,
}

#[derive(Default)]
struct Seen {
    probes: BTreeSet<ProbeId>,
    arrivals: Vec<PreflightArrival>,
    /// What the first notification says that came back instead.
    returned: Option<String>,
}

impl Preflight {
    /// Of so many recipients: one a destination.
    pub(super) fn new(wanted: usize) -> Preflight {
        Preflight { wanted, seen: Mutex::default(), arrived: watch::Sender::new(0) }
    }

    /// It arrived. An address that names no recipient stands for that of its destination, one
    /// elsewhere for the first that is missing.
    pub(super) fn arrived(&self, probe: Option<ProbeId>, reverse_path: &str, recipient: &str) {
        let mut seen = self.seen();
        let most = self.wanted.max(limits::PREFLIGHT_RECIPIENTS);
        let all = (0..most as u64).map(|nth| ProbeId(PREFLIGHT.0 + nth));
        let missing = || all.take(self.wanted).find(|probe| !seen.probes.contains(probe));
        let probe = probe.or_else(missing);
        let arrivals = seen.arrivals.len();
        if let Some(probe) = probe.filter(|_| seen.probes.len() < most) {
            seen.probes.insert(probe);
        }
        if arrivals < most {
            let (reverse_path, recipient) = (reverse_path.to_owned(), recipient.to_owned());
            seen.arrivals.push(PreflightArrival { probe, reverse_path, recipient });
        }
        self.arrived.send_replace(seen.probes.len());
    }

    /// It was returned by this notification, if that is about the preflight.
    pub(super) fn returned(&self, about: Option<MessageId>, says: &str) {
        if about.is_some_and(|message| message >= PREFLIGHT) {
            self.seen().returned.get_or_insert_with(|| says.to_owned());
        }
    }

    /// Why it was returned, in the words of the notification.
    pub(super) fn why_returned(&self) -> Option<String> {
        self.seen().returned.clone()
    }

    /// How many recipients have been reached, as it changes.
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.arrived.subscribe()
    }

    /// The first arrivals.
    pub(super) fn all(&self) -> Vec<PreflightArrival> {
        self.seen().arrivals.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
