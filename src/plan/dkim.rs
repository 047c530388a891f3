//! Signs messages (RFC 6376). The signature stands before our identity header, as a signer on the
//! way would put it, and its time is that of `Date`: same scenario and seed, same bytes.

use mail_auth::common::crypto::{HashOutput, SigningKey};
use mail_auth::common::headers::{HeaderStream, HeaderWriter, Writable, Writer};
use mail_auth::dkim::Signature;
use mail_auth::dkim::canonicalize::CanonicalHeaders;
use rand::Rng;

use crate::probe::head_length;
use crate::scenario::model::{Dkim, DkimKey};
use crate::seed::{Key, Purpose, Seed};

/// What is signed beside the body.
const SIGNED: [&str; 7] =
    ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"];

/// Signs what is sent.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    key: DkimKey,
    /// All of a signature that is the same for every message.
    template: Signature,
}

impl Signer {
    /// The signer of a scenario. A key that the scenario does not have is made from the seed.
    pub(super) fn new(spec: &Dkim, seed: Seed, time: i64) -> Option<Signer> {
        let mut bytes = [0; 32];
        seed.stream(Purpose::DkimKey, Key::default()).fill_bytes(&mut bytes);
        let key = spec.key.clone().or_else(|| DkimKey::from_seed(bytes))?;
        let template = Signature {
            v: 1,
            a: key.signing().algorithm(),
            d: spec.domain.clone(),
            s: spec.selector.clone(),
            h: SIGNED.map(str::to_owned).to_vec(),
            t: time.unsigned_abs(),
            ..Signature::default()
        };
        Some(Signer { key, template })
    }

    /// The message, signed.
    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        let (_, headers, names, body) = self.template.canonicalize(Fields::of(text));
        let key = self.key.signing();
        let mut signature = self.template.clone();
        let digest: HashOutput = key.hash(body);
        signature.bh = digest.as_ref().to_vec();
        signature.h = names;
        // The key was tried when it was read.
        signature.b = key.sign(Signed { headers, signature: &signature }).unwrap_or_default();
        let mut signed = Vec::with_capacity(text.len() + 1024);
        signature.write_header(&mut signed);
        signed.extend_from_slice(text);
        signed
    }

    /// Where its domain publishes the key, and what it publishes.
    pub(super) fn record(&self) -> (String, String) {
        let Signature { s, d, .. } = &self.template;
        (format!("{s}._domainkey.{d}"), self.key.record())
    }
}

/// What the signature is over: the headers and itself without its value (RFC 6376 §3.7).
struct Signed<'a> {
    headers: CanonicalHeaders<'a>,
    signature: &'a Signature,
}

impl Writable for Signed<'_> {
    fn write(self, writer: &mut impl Writer) {
        self.headers.write(writer);
        self.signature.write(writer, false);
    }
}

/// The header fields of a message, one by one.
struct Fields<'a> {
    head: &'a [u8],
    body: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(text: &'a [u8]) -> Fields<'a> {
        let (head, body) = text.split_at(head_length(text));
        Fields { head: head.strip_suffix(b"\r\n").unwrap_or(head), body }
    }
}

impl<'a> HeaderStream<'a> for Fields<'a> {
    /// Name, and value with its folds and its line end.
    fn next_header(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let starts = |at: &usize| !self.head.get(at + 1).is_some_and(|next| b" \t".contains(next));
        let end = memchr::memchr_iter(b'\n', self.head).find(starts)? + 1;
        let (field, rest) = self.head.split_at(end);
        self.head = rest;
        let colon = memchr::memchr(b':', field)?;
        Some((&field[..colon], &field[colon + 1..]))
    }

    fn body(&mut self) -> &'a [u8] {
        self.body
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::plan;
    use crate::plan::Plan;
    use crate::probe::content::Verifier;
    use crate::quantity::Quantity;
    use crate::scenario::model::{Dkim, Encoding, KeyPlace, Parts};

    fn signed(parts: Parts, encoding: Encoding, size: f64) -> Plan {
        plan(|source| {
            source.message.parts = parts;
            source.message.encoding = encoding;
            source.message.size = Quantity::Constant(size);
            source.message.dkim = Some(Dkim {
                domain: "bounce.mailbench.test".to_owned(),
                selector: "mailbench".to_owned(),
                place: KeyPlace::Nowhere,
                key: None,
            });
        })
    }

    #[test]
    fn a_signed_text_has_the_planned_size_and_is_whole_and_the_same_each_time() {
        for parts in [Parts::Text, Parts::Alternative, Parts::Mixed] {
            for (encoding, size) in
                [(Encoding::SevenBit, 1.0), (Encoding::EightBit, 4096.0), (Encoding::Utf8, 9000.0)]
            {
                let (plan, again) = (signed(parts, encoding, size), signed(parts, encoding, size));
                for offer in plan.offers().step_by(97).chain([plan.preflight()]) {
                    let text = plan.text(&offer);
                    assert_eq!(text.len() as u64, offer.size);
                    assert!(text.starts_with(b"DKIM-Signature: v=1; a=ed25519-sha256; "));
                    let mut verifier = Verifier::new();
                    verifier.feed(&text);
                    let check = verifier.finish().ok().expect("as it was sent");
                    assert_eq!((check.message, check.changes), (Some(offer.message), vec![]));
                    assert_eq!(text, again.text(&offer));
                }
            }
        }
    }

    #[test]
    fn another_seed_has_another_key() {
        let spec = signed(Parts::Text, Encoding::SevenBit, 1.0);
        let (name, record) = spec.dkim_record().expect("signed");
        assert_eq!(name, "mailbench._domainkey.bounce.mailbench.test");
        let other = super::super::sample::plan_with_seed(8, |source| {
            source.message.dkim = spec.facts.source.message.dkim.clone();
        });
        assert_ne!(other.dkim_record().expect("signed").1, record);
        assert_eq!(plan(|_| ()).dkim_record(), None);
    }
}
