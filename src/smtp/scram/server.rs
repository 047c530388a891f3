//! What a server says, and how it checks the client's proof. It takes any user name, which it tells:
//! its one password is everybody's here.

use std::fmt;
use std::num::NonZeroU32;

use super::{Keys, Password, Word, attribute, both, decoded, encoded, everything, hashed, signed};

/// The least that RFC 7677 §4 allows: what is tested is the exchange, not the password.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");

/// Nothing of value is guarded, so that one salt does.
const SALT: &[u8] = b"sink.mailbench.test";

/// What a server adds to the client's nonce. A replay gains nothing here, and the dialogue is to
/// depend on what is said alone.
const NONCE: &str = "sink.mailbench.test";

/// What a server keeps of its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    salt: Vec<u8>,
    iterations: NonZeroU32,
    nonce: String,
    stored_key: Word,
    server_key: Word,
}

/// An exchange in which the server has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Who it is that wants in.
    pub user: String,
    /// `client-first-message-bare`.
    first_bare: String,
    /// `server-first-message`.
    pub asked: String,
    /// What the client must say before its proof.
    unproved: String,
}

/// How an exchange ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With the right proof; `server-final-message`.
    Proved(String),
    /// With another.
    Wrong,
    /// With something else.
    Malformed,
}

impl Stored {
    /// Of this password.
    #[must_use]
    pub fn of(password: &Password) -> Stored {
        Stored::under(password, SALT, ITERATIONS, NONCE)
    }

    pub(super) fn under(
        password: &Password,
        salt: &[u8],
        iterations: NonZeroU32,
        nonce: &str,
    ) -> Stored {
        let keys = Keys::derive(password, salt, iterations);
        let (stored_key, server_key) = (keys.stored(), keys.server);
        Stored { salt: salt.to_vec(), iterations, nonce: nonce.to_owned(), stored_key, server_key }
    }

    /// Answers `client-first-message`; `None`: it is none, or it wants channel binding, which is
    /// not offered.
    #[must_use]
    pub fn begin(&self, first: &str) -> Option<Pending> {
        let mut parts = first.splitn(3, ',');
        let (flag, other) = (parts.next()?, parts.next()?);
        let first_bare = parts.next()?;
        let unbound = matches!(flag, "n" | "y") && (other.is_empty() || other.starts_with("a="));
        let mut said = first_bare.split(',');
        let user = attribute(said.next(), 'n')?;
        let theirs = attribute(said.next(), 'r')?;
        if !unbound || user.is_empty() || theirs.is_empty() {
            return None;
        }
        let nonce = format!("{theirs}{}", self.nonce);
        Some(Pending {
            user: user.replace("=2C", ",").replace("=3D", "="),
            first_bare: first_bare.to_owned(),
            asked: format!("r={nonce},s={},i={}", encoded(&self.salt), self.iterations),
            unproved: format!("c={},r={nonce}", encoded(format!("{flag},{other},").as_bytes())),
        })
    }

    /// Checks `client-final-message`.
    #[must_use]
    pub fn end(&self, pending: &Pending, last: &str) -> Ended {
        let Some((unproved, proof)) = last.rsplit_once(",p=") else { return Ended::Malformed };
        let proof: Option<Word> = decoded(proof).and_then(|proof| proof.try_into().ok());
        // Extensions may follow the nonce (RFC 5802 §5.1).
        let extended = unproved.strip_prefix(pending.unproved.as_str());
        let answers = extended.is_some_and(|more| more.is_empty() || more.starts_with(','));
        let Some(proof) = proof.filter(|_| answers) else { return Ended::Malformed };
        let signing = everything(&pending.first_bare, &pending.asked, unproved);
        let client_key = both(&proof, &signed(&self.stored_key, &signing));
        if hashed(&client_key) == self.stored_key {
            Ended::Proved(format!("v={}", encoded(&signed(&self.server_key, &signing))))
        } else {
            Ended::Wrong
        }
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a password")
    }
}
