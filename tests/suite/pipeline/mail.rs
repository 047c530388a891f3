//! A message in the MTA of the tests, and what may be done to its envelope.

use mailbench::probe::address;

/// A message with its envelope; addresses without angle brackets.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) text: Vec<u8>,
    pub(crate) envelope_id: String,
    /// The sender as it came in: where notices go.
    pub(crate) origin: String,
    /// What the first recipient is called as it came in.
    pub(crate) number: Option<u64>,
}

impl Mail {
    pub(crate) fn new(sender: String, recipients: Vec<String>, text: Vec<u8>) -> Mail {
        let named = recipients.first().and_then(|first| address::parse_recipient(first));
        let number = named.map(|(probe, _)| probe.0);
        let origin = sender.clone();
        Mail { sender, recipients, text, envelope_id: String::new(), origin, number }
    }

    pub(crate) fn is_preflight(&self) -> bool {
        self.number.is_some_and(|number| number > u64::MAX / 2)
    }

    /// Whether three divides its number.
    pub(crate) fn is_third(&self) -> bool {
        !self.is_preflight() && self.number.is_some_and(|number| number % 3 == 0)
    }

    /// With another sender.
    pub(crate) fn from(self, sender: impl Into<String>) -> Mail {
        Mail { sender: sender.into(), ..self }
    }

    /// With a sender made of the local-part and the domain of the present one.
    pub(crate) fn sender_made(self, make: impl Fn(&str, &str) -> String) -> Mail {
        let (local, domain) = parts(&self.sender);
        let sender = make(local, domain);
        self.from(sender)
    }

    /// To other recipients.
    pub(crate) fn to(self, recipients: Vec<String>) -> Mail {
        Mail { recipients, ..self }
    }

    /// With each recipient made of its local-part and its domain.
    pub(crate) fn recipients_made(self, make: impl Fn(&str, &str) -> String) -> Mail {
        let made = |recipient: &String| {
            let (local, domain) = parts(recipient);
            make(local, domain)
        };
        let recipients = self.recipients.iter().map(made).collect();
        self.to(recipients)
    }

    /// A copy for this address alone.
    pub(crate) fn copy_for(&self, recipient: &str) -> Mail {
        self.clone().to(vec![recipient.to_owned()])
    }

    /// The content as it is sent: dots doubled, the final dot at its end.
    pub(super) fn stuffed(&self) -> Vec<u8> {
        let mut stuffed = Vec::with_capacity(self.text.len() + 64);
        let mut at_line_start = true;
        for byte in &self.text {
            if at_line_start && *byte == b'.' {
                stuffed.push(b'.');
            }
            stuffed.push(*byte);
            at_line_start = stuffed.ends_with(b"\r\n");
        }
        if !stuffed.ends_with(b"\r\n") {
            stuffed.extend_from_slice(b"\r\n");
        }
        stuffed.extend_from_slice(b".\r\n");
        stuffed
    }
}

/// Local-part and domain.
fn parts(address: &str) -> (&str, &str) {
    address.rsplit_once('@').unwrap_or((address, ""))
}

/// The address between the angle brackets of a command.
pub(super) fn bare(command: &str) -> String {
    let path = command.split_once('<').map_or("", |(_, path)| path);
    path.split('>').next().unwrap_or("").to_owned()
}

/// The value of a parameter of a command.
pub(super) fn parameter(command: &str, name: &str) -> Option<String> {
    let (_, parameters) = command.split_once('>')?;
    let mut words = parameters.split(' ').filter_map(|word| word.split_once('='));
    words.find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}
