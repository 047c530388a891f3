//! What a client says, and how it knows that the server knows the password, too.

use std::num::NonZeroU32;

use super::{Keys, attribute, both, decoded, encoded, everything, hashed, iterations, signed};

/// No channel binding, no authorisation identity (RFC 5802 §7, `gs2-header`).
const UNBOUND: &str = "n,,";

/// A log-in that was begun.
pub struct Client {
    nonce: String,
    first_bare: String,
}

/// The client's last word, and what the server must say to it.
pub struct Last {
    /// `client-final-message`.
    pub message: String,
    /// `server-final-message`, as only who knows the password can write it.
    expected: String,
}

/// What a server asks for.
pub struct Asked<'a> {
    nonce: &'a str,
    /// How it salts the password.
    pub salt: Vec<u8>,
    /// How often it hashes it.
    pub iterations: NonZeroU32,
}

impl Client {
    /// Begins under this nonce, printable and without commas.
    #[must_use]
    pub fn new(user: &str, nonce: String) -> Client {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Client { first_bare: format!("n={user},r={nonce}"), nonce }
    }

    /// `client-first-message`.
    #[must_use]
    pub fn first(&self) -> String {
        format!("{UNBOUND}{}", self.first_bare)
    }

    /// Reads `server-first-message`; `None`: it makes no sense, is not an answer to ours, or asks
    /// for more than is done.
    #[must_use]
    pub fn asked<'a>(&self, server_first: &'a str) -> Option<Asked<'a>> {
        let mut parts = server_first.split(',');
        let nonce = attribute(parts.next(), 'r')?;
        let added = nonce.strip_prefix(self.nonce.as_str())?;
        let salt = decoded(attribute(parts.next(), 's')?)?;
        let iterations = iterations(attribute(parts.next(), 'i')?)?;
        (!added.is_empty()).then_some(Asked { nonce, salt, iterations })
    }

    /// Answers what was asked for.
    #[must_use]
    pub fn last(&self, server_first: &str, asked: &Asked<'_>, keys: &Keys) -> Last {
        let unproved = format!("c={},r={}", encoded(UNBOUND.as_bytes()), asked.nonce);
        let signing = everything(&self.first_bare, server_first, &unproved);
        let proof = both(&keys.client, &signed(&hashed(&keys.client), &signing));
        Last {
            message: format!("{unproved},p={}", encoded(&proof)),
            expected: format!("v={}", encoded(&signed(&keys.server, &signing))),
        }
    }
}

impl Last {
    /// Whether `server_final` proves that the server knows the password.
    #[must_use]
    pub fn is_answered_by(&self, server_final: &str) -> bool {
        server_final.split(',').next() == Some(self.expected.as_str())
    }
}
