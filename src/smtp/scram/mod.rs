//! SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, both sides. Pure: nonces are given.
//!
//! Written here over ring's primitives: rsasl, the one library that is kept up, chooses nonces by
//! itself, so that nothing could be held to the standard's example, bears any count of iterations,
//! and brings a second set of hashes.

pub mod client;
pub mod server;

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::{hmac, pbkdf2};

use crate::limits;

/// A digest, key or signature.
type Word = [u8; 32];

/// What a password comes to under one salt (RFC 5802 §3).
#[derive(Clone)]
pub struct Keys {
    /// `ClientKey`.
    client: Word,
    /// `ServerKey`.
    server: Word,
}

impl Keys {
    /// Takes as long as the iterations do: some milliseconds.
    #[must_use]
    pub fn derive(password: &Password, salt: &[u8], iterations: NonZeroU32) -> Keys {
        let mut salted: Word = [0; 32];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, iterations, salt, password.0.as_bytes(), &mut salted);
        Keys { client: signed(&salted, b"Client Key"), server: signed(&salted, b"Server Key") }
    }

    /// What the server keeps of the client's key: enough to check it, too little to be it.
    fn stored(&self) -> Word {
        hashed(&self.client)
    }
}

/// A password as both sides spell it (SASLprep, RFC 4013).
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// `None`: it holds what no password may, such as control characters.
    #[must_use]
    pub fn prepared(text: &str) -> Option<Password> {
        let prepared = stringprep::saslprep(text).ok()?;
        (!prepared.is_empty()).then(|| Password(prepared.into_owned()))
    }
}

/// What both sides sign (RFC 5802 §3, `AuthMessage`).
fn everything(first_bare: &str, server_first: &str, unproved: &str) -> Vec<u8> {
    format!("{first_bare},{server_first},{unproved}").into_bytes()
}

/// The value of an attribute of one letter.
fn attribute(part: Option<&str>, name: char) -> Option<&str> {
    part?.strip_prefix(name)?.strip_prefix('=')
}

/// A count of iterations that is worth the wait.
fn iterations(text: &str) -> Option<NonZeroU32> {
    text.parse().ok().filter(|count: &NonZeroU32| count.get() <= limits::SCRAM_ITERATIONS)
}

fn signed(key: &Word, text: &[u8]) -> Word {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    word(tag.as_ref())
}

fn hashed(text: &[u8]) -> Word {
    word(digest(&SHA256, text).as_ref())
}

/// Bytes that are known to be as long as a word.
fn word(bytes: &[u8]) -> Word {
    let mut word: Word = [0; 32];
    word.copy_from_slice(bytes);
    word
}

fn both(one: &Word, other: &Word) -> Word {
    std::array::from_fn(|at| one[at] ^ other[at])
}

fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests;
