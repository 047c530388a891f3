//! What the relay holds: a mail, its recipients, and the deliveries it is cut into.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Time;
use crate::relay::budget::Charge;
use crate::smtp::envelope::domain_of;

/// Number of a mail in this queue, also across restarts.
pub type MailId = i64;

/// Everything about a mail but its content and recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its number.
    pub id: MailId,
    /// Reverse path without brackets; empty for the null reverse path.
    pub reverse_path: String,
    /// Priority, -9 to 9 (RFC 6710).
    pub priority: i8,
    /// Whether it came with `BODY=8BITMIME` (RFC 6152).
    pub eight_bit: bool,
    /// Whether it came with `SMTPUTF8` (RFC 6531) and its sender or a header needs that.
    pub utf8: bool,
    /// When it was accepted, since the Unix epoch.
    pub accepted: Time,
}

/// One recipient that is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its place in the envelope, from 0.
    pub position: u16,
    /// Address without brackets.
    pub address: String,
    /// Why the last attempt failed, in the form of a Diagnostic-Code (RFC 3464 §2.3.6).
    pub last_reply: Option<String>,
}

/// Message text as it will be sent, before dot-stuffing, and the memory it is charged for.
#[derive(Debug)]
pub struct Content {
    /// The octets.
    pub octets: Vec<u8>,
    /// Held as long as the octets are.
    pub charge: Charge,
}

/// A mail that is about to be stored.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Envelope.
    pub envelope: Arc<Envelope>,
    /// Addresses, in the order of the envelope.
    pub recipients: Vec<String>,
    /// Content, Received header included.
    pub content: Arc<Content>,
}

/// One delivery: the recipients of one mail that share a destination, a number of attempts and
/// a due time, so that one transaction carries them.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The mail.
    pub envelope: Arc<Envelope>,
    /// Destination.
    pub domain: Arc<str>,
    /// At least one.
    pub recipients: Vec<Recipient>,
    /// Attempts made.
    pub attempts: u32,
    /// When the next is due, since the Unix epoch.
    pub due: Time,
    /// Content, if memory for it could be spared; else it is read from the store.
    pub content: Option<Arc<Content>>,
}

impl Delivery {
    /// Whether only a next hop that offers SMTPUTF8 can take it: the parameter alone, on a mail
    /// that would do without, asks nothing of anyone.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        self.envelope.utf8 || self.recipients.iter().any(|to| !to.address.is_ascii())
    }
}

impl Mail {
    /// The first deliveries of this mail, one a destination.
    #[must_use]
    pub fn deliveries(&self, content: Option<&Arc<Content>>) -> Vec<Delivery> {
        let mut by_domain: BTreeMap<String, Vec<Recipient>> = BTreeMap::new();
        for (position, address) in (0_u16..).zip(&self.recipients) {
            let recipient = Recipient { position, address: address.clone(), last_reply: None };
            by_domain.entry(domain_of(address)).or_default().push(recipient);
        }
        by_domain
            .into_iter()
            .map(|(domain, recipients)| Delivery {
                envelope: Arc::clone(&self.envelope),
                domain: Arc::from(domain),
                recipients,
                attempts: 0,
                due: self.envelope.accepted,
                content: content.cloned(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;

    #[test]
    fn a_mail_is_cut_by_destination() {
        let envelope = Envelope {
            id: 1,
            reverse_path: String::new(),
            priority: 0,
            eight_bit: false,
            utf8: false,
            accepted: Time(5),
        };
        let content = Content { octets: Vec::new(), charge: Budget::new(1).charge() };
        let mail = Mail {
            envelope: Arc::new(envelope),
            recipients: ["a@x.test", "b@y.test", "\"c@d\"@X.TEST", "postmaster"]
                .map(String::from)
                .into(),
            content: Arc::new(content),
        };
        let deliveries = mail.deliveries(None);
        let cut: Vec<_> = deliveries
            .iter()
            .map(|delivery| {
                let positions = delivery.recipients.iter().map(|r| r.position);
                (delivery.domain.to_string(), positions.collect::<Vec<_>>())
            })
            .collect();
        let expected = [("", vec![3]), ("x.test", vec![0, 2]), ("y.test", vec![1])];
        assert_eq!(cut, expected.map(|(domain, at)| (domain.to_owned(), at)));
    }
}
