//! `(Scenario, Seed) -> Plan`: arrivals, envelopes, message text. Printable, diffable; sends nothing.
//!
//! Everything about one message depends on the seed and its own number only, so the sequence can
//! be divided by number without changing any probe. Only due times come from walking the sequence.
//! Draws that pass through `ln` and `exp` are rounded to bytes and nanoseconds, which hides the
//! last bit in which machines may differ. No clock, no async.

pub mod arrival;
mod body;
mod destination;
mod dkim;
mod frames;
mod message;
mod offers;
mod relaxed;
#[cfg(test)]
mod sample;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::limits;
use crate::probe::address::{self, Letters};
use crate::probe::{DestinationId, Identity, MessageId, PREFLIGHT, ProbeId};
use crate::scenario::model::{
    Arrival, Destination, Load, LoadModel, MessageSpec, Scenario, TraceFile,
};
use crate::seed::{Key, Purpose, Seed};

pub use offers::Offers;

/// What is sent when: a function of scenario and seed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plan {
    facts: Arc<Facts>,
}

/// What every part of the plan is derived from.
#[derive(Debug)]
struct Facts {
    source: Source,
    identity: Identity,
    weights: destination::Weights,
    /// Least size of a message: headers, identity, opening lines and end line. Bytes.
    least_size: u64,
    frames: frames::Frames,
    /// Who signs; `None`: nothing is signed.
    signer: Option<dkim::Signer>,
    /// Bytes of a signature.
    signature: usize,
}

/// The parts of a scenario that make its plan.
#[derive(Clone, Debug, Serialize)]
struct Source {
    seed: Seed,
    load: Load,
    message: MessageSpec,
    destinations: Vec<Destination>,
}

/// One message of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its number.
    pub message: MessageId,
    /// When it is due, from the start of offering; `None` in the closed model.
    pub due: Option<Duration>,
    /// Bytes of its text, exactly.
    pub size: u64,
    /// Where its recipients are, in order; at least one.
    pub recipients: Vec<DestinationId>,
}

/// Envelope of a message (RFC 5321 §2.3.1); addresses without angle brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// VERP sender; empty: the null reverse-path.
    pub reverse_path: String,
    /// Recipients, in the order of the message.
    pub recipients: Vec<String>,
    /// What a DSN names it by (RFC 3461 §4.4).
    pub envelope_id: String,
    /// Its priority (RFC 6710); `None`: the scenario says nothing of it.
    pub priority: Option<i8>,
}

impl Plan {
    /// The plan of a scenario. The nonce tells runs of it apart, in senders and in the run header
    /// of texts only, and is in lower case; without one the tag takes its place, which is as long as
    /// the nonce of a run.
    #[must_use]
    pub fn new(scenario: &Scenario, nonce: Option<String>) -> Plan {
        Plan { facts: Arc::new(Facts::new(Source::of(scenario), nonce)) }
    }

    /// Who the run is, to its own mail.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.facts.identity
    }

    /// The messages in the order in which they are due, made as they are asked for. In the closed
    /// model they have no due time, and their number is bounded only where the scenario counts
    /// messages and has no warm-up; traffic decides when to stop.
    #[must_use]
    pub fn offers(&self) -> Offers {
        Offers::new(Arc::clone(&self.facts))
    }

    /// How many messages are due within `span`; `None`: traffic decides. Walks the arrivals.
    #[must_use]
    pub fn due_within(&self, span: Range<Duration>) -> Option<u64> {
        offers::Dues::new(&self.facts).count_within(&span)
    }

    /// The first message of the preflight.
    #[must_use]
    pub fn preflight(&self) -> Offer {
        self.preflight_message(0)
    }

    /// The preflight: messages as small as can be, with one recipient a destination in all and up
    /// to [`limits::PREFLIGHT_RECIPIENTS`] each.
    pub fn preflights(&self) -> impl Iterator<Item = Offer> + '_ {
        let destinations = self.facts.source.destinations.len();
        (0..destinations)
            .step_by(limits::PREFLIGHT_RECIPIENTS)
            .map(|from| self.preflight_message(from))
    }

    fn preflight_message(&self, from: usize) -> Offer {
        let to = self.facts.source.destinations.len().min(from + limits::PREFLIGHT_RECIPIENTS);
        let number = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let recipients = (number(from)..number(to)).map(DestinationId).collect();
        let message = MessageId(PREFLIGHT.0 + from as u64);
        Offer { message, due: None, size: self.facts.least_size, recipients }
    }

    /// Where a probe goes, whether or not the plan is long enough to have it. `None`: a number
    /// past the preflight message's recipients.
    #[must_use]
    pub fn destination_of(&self, probe: ProbeId) -> Option<DestinationId> {
        match probe.0.checked_sub(PREFLIGHT.0) {
            None => Some(self.facts.destination(probe)),
            Some(index) => {
                let index = u16::try_from(index).ok()?;
                let known = usize::from(index) < self.facts.source.destinations.len();
                known.then_some(DestinationId(index))
            }
        }
    }

    /// Sender and recipients of a message.
    #[must_use]
    pub fn envelope(&self, offer: &Offer) -> Envelope {
        let letters = self.facts.letters(offer.message);
        let recipients = (0_u16..).zip(&offer.recipients).map(|(index, destination)| {
            let domain = self.facts.domain(*destination);
            address::recipient(letters, offer.message.probe(index), domain)
        });
        let nonce = &self.facts.identity.nonce;
        let reverse_path = match self.has_null_sender(offer.message) {
            true => String::new(),
            false => address::reverse_path(letters, nonce, offer.message),
        };
        Envelope {
            reverse_path,
            recipients: recipients.collect(),
            envelope_id: address::envelope_id(nonce, offer.message),
            priority: self.facts.priority(offer.message),
        }
    }

    /// Whether a message is sent from the null reverse-path. The preflight message never is.
    #[must_use]
    pub fn has_null_sender(&self, message: MessageId) -> bool {
        let share = self.facts.source.message.null_sender;
        let key = Key { subject: message.0, ..Key::default() };
        let drawn = || self.facts.source.seed.stream(Purpose::NullSender, key).random::<f64>();
        share > 0.0 && message < PREFLIGHT && drawn() < share
    }

    /// The priority of a message, where the scenario says anything of it.
    #[must_use]
    pub fn priority(&self, message: MessageId) -> Option<i8> {
        self.facts.priority(message)
    }

    /// Where the signing domain would publish its key, and what; `None`: messages are not signed.
    #[must_use]
    pub fn dkim_record(&self) -> Option<(String, String)> {
        self.facts.signer.as_ref().map(dkim::Signer::record)
    }

    /// The text of the message with this number, whichever session has it: what arrives is compared with it.
    /// `None`: a number that no message of a plan has.
    #[must_use]
    pub fn original(&self, message: MessageId) -> Option<Vec<u8>> {
        let offer = match message {
            message if message >= PREFLIGHT => {
                self.preflights().find(|offer| offer.message == message)?
            }
            message if message.0 < limits::MESSAGES => self.facts.offer(message)?,
            _ => return None,
        };
        Some(self.text(&offer))
    }

    /// The text of a message: CRLF line ends, CRLF at the end, dots not stuffed.
    #[must_use]
    pub fn text(&self, offer: &Offer) -> Vec<u8> {
        message::text(&self.facts, offer)
    }
}

impl Facts {
    fn new(source: Source, nonce: Option<String>) -> Facts {
        let tag = source.tag();
        let nonce = nonce.unwrap_or_else(|| tag.clone());
        let weights = source.destinations.iter().map(|destination| destination.weight);
        let weights = destination::Weights::new(weights);
        let identity = Identity { tag, nonce };
        let frames = frames::Frames::default();
        let signer = source.message.dkim.as_ref();
        let signer = signer.and_then(|spec| dkim::Signer::new(spec, source.seed, message::DATE));
        let (least_size, signature) = (0, 0);
        let mut facts = Facts { source, identity, weights, least_size, frames, signer, signature };
        facts.signature = message::signature_length(&facts);
        facts.least_size = message::least_size(&facts);
        facts
    }

    fn domain(&self, destination: DestinationId) -> &str {
        &self.source.destinations[usize::from(destination.0)].domain
    }

    /// The preflight message is plain, so it is accepted wherever any mail is.
    fn letters(&self, message: MessageId) -> Letters {
        if message >= PREFLIGHT { Letters::Ascii } else { self.source.message.encoding.letters() }
    }

    /// The trace its messages come from.
    fn trace(&self) -> Option<&TraceFile> {
        match &self.source.load.model {
            LoadModel::Open { arrival: Arrival::Trace(trace), .. } => Some(&trace.0),
            _ => None,
        }
    }

    /// Where a probe goes: a function of seed, or trace, and number alone.
    fn destination(&self, probe: ProbeId) -> DestinationId {
        let place = usize::try_from(probe.0).unwrap_or(usize::MAX);
        if let Some(told) = self.trace().and_then(|trace| trace.destinations.get(place)) {
            return DestinationId(*told);
        }
        let key = Key { subject: probe.0, ..Key::default() };
        self.weights.draw(&mut self.source.seed.stream(Purpose::Destination, key))
    }
}

impl Source {
    fn of(scenario: &Scenario) -> Source {
        Source {
            seed: scenario.seed,
            load: scenario.load.clone(),
            message: scenario.message.clone(),
            destinations: scenario.destinations.clone(),
        }
    }

    /// What makes the mail of one scenario and seed its own: the start of a digest over all that
    /// the plan is derived from.
    fn tag(&self) -> String {
        // These types have no map and no key that is not a string: writing them cannot fail.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        base32(&Sha256::digest(bytes)[..TAG_BYTES])
    }
}

/// Bytes of the digest in a tag: five bytes are eight characters.
const TAG_BYTES: usize = 5;

/// Lower case, without the letters that look like digits or like one another (Crockford).
fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let digits = (bytes.len() * 8).div_ceil(5);
    (0..digits).rev().map(|n| char::from(DIGITS[(number >> (5 * n) & 31) as usize])).collect()
}
