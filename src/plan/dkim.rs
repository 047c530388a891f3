//! Signs messages (RFC 6376). The signature stands before our identity header, as a signer on the
//! way would put it, and its time is that of `Date`: same scenario and seed, same bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use ring::digest::{SHA256, digest};

use super::relaxed;
use crate::probe::head_length;
use crate::scenario::model::{Dkim, DkimKey};
use crate::seed::{Key, Purpose, Seed};

/// What is signed beside the body, where a message has it.
const SIGNED: [&str; 7] =
    ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"];

/// Characters of a signature on a line, so that no line has more than 78 (RFC 5322 §2.1.1).
const LINE: usize = 72;

/// Signs what is sent.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    key: DkimKey,
    domain: String,
    selector: String,
    /// Seconds since 1970.
    time: i64,
}

impl Signer {
    /// The signer of a scenario. A key that the scenario does not have is made from the seed.
    pub(super) fn new(spec: &Dkim, seed: Seed, time: i64) -> Option<Signer> {
        let mut bytes = [0; 32];
        seed.stream(Purpose::DkimKey, Key::default()).fill_bytes(&mut bytes);
        let key = spec.key.clone().or_else(|| DkimKey::from_seed(bytes))?;
        Some(Signer { key, domain: spec.domain.clone(), selector: spec.selector.clone(), time })
    }

    /// The message, signed.
    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        let (head, body) = text.split_at(head_length(text));
        let mut canonical = Vec::with_capacity(text.len());
        relaxed::add_body(body, &mut canonical);
        let body_hash = STANDARD.encode(digest(&SHA256, &canonical));
        canonical.clear();
        let names = add_signed_fields(head, &mut canonical);
        let tags = self.tags(&names, &body_hash);
        // The signature is over its own field too, without its value and line end (RFC 6376 §3.7).
        relaxed::add_field(b"DKIM-Signature", tags.as_bytes(), &mut canonical);
        // The key was tried when it was read.
        let signature = STANDARD.encode(self.key.sign(&canonical).unwrap_or_default());
        let mut signed = Vec::with_capacity(text.len() + 1024);
        signed.extend_from_slice(b"DKIM-Signature:");
        signed.extend_from_slice(tags.as_bytes());
        for (at, line) in signature.as_bytes().chunks(LINE).enumerate() {
            signed.extend_from_slice(if at == 0 { b"" } else { b"\r\n\t" });
            signed.extend_from_slice(line);
        }
        signed.extend_from_slice(b"\r\n");
        signed.extend_from_slice(text);
        signed
    }

    /// The tags of a signature (RFC 6376 §3.5), the last without its value.
    fn tags(&self, names: &str, body_hash: &str) -> String {
        let Signer { key, domain, selector, time } = self;
        let algorithm = key.algorithm();
        format!(
            " v=1; a={algorithm}; c=relaxed/relaxed; t={time};\r\n\td={domain}; s={selector};\r\n\t\
             h={names};\r\n\tbh={body_hash};\r\n\tb="
        )
    }

    /// Where its domain publishes the key, and what it publishes.
    pub(super) fn record(&self) -> (String, String) {
        (format!("{}._domainkey.{}", self.selector, self.domain), self.key.record())
    }
}

/// Adds the fields that are signed; of several of one name the last (RFC 6376 §5.4.2). Their names.
fn add_signed_fields(head: &[u8], canonical: &mut Vec<u8>) -> String {
    let fields: Vec<_> = relaxed::fields(head).collect();
    let mut names = Vec::with_capacity(SIGNED.len());
    for name in SIGNED {
        let is_it = |(found, _): &&(&[u8], &[u8])| found.eq_ignore_ascii_case(name.as_bytes());
        let Some((_, value)) = fields.iter().rev().find(is_it) else { continue };
        relaxed::add_field(name.as_bytes(), value, canonical);
        canonical.extend_from_slice(b"\r\n");
        names.push(name);
    }
    names.join(":")
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
