//! A private key that signs messages, read from PEM or made from the seed, and the record of its
//! public half.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::{Serialize, Serializer};

/// A private key. Two are the same when their public halves are; nothing else of it is ever shown.
#[derive(Clone)]
pub struct Key(Arc<Pair>);

enum Pair {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// What stands before the seed in an Ed25519 key by PKCS #8 (RFC 8410 §7).
const ED25519_PKCS8: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Algorithm of an RSA key in a SubjectPublicKeyInfo (RFC 3279 §2.3.1), whole.
const RSA_ALGORITHM: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];

impl Key {
    /// Reads a PEM text: RSA by PKCS #1 or #8, or Ed25519 by PKCS #8.
    ///
    /// # Errors
    /// When it holds no such key, in words.
    pub fn from_pem(text: &[u8]) -> Result<Key, String> {
        let der = PrivateKeyDer::from_pem_slice(text).map_err(|error| error.to_string())?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .map(Pair::Ed25519)
                    .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Pair::Rsa))
            }
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Pair::Rsa)
            }
            _ => return Err("neither Ed25519 nor RSA".to_owned()),
        };
        let key =
            Key(Arc::new(pair.map_err(|error| {
                format!("neither Ed25519 nor RSA of 2048 to 4096 bits: {error}")
            })?));
        key.sign(b"").map(|_| key).ok_or_else(|| "it does not sign".to_owned())
    }

    /// The Ed25519 key of this seed; every seed makes one.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Option<Key> {
        let der = [ED25519_PKCS8.as_slice(), &seed].concat();
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?;
        Some(Key(Arc::new(Pair::Ed25519(pair))))
    }

    /// The algorithm of its signatures, as a signature names it (RFC 6376 §3.3.1, RFC 8463 §3).
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match &*self.0 {
            Pair::Ed25519(_) => "ed25519-sha256",
            Pair::Rsa(_) => "rsa-sha256",
        }
    }

    /// The signature of a text; `None`: the key is damaged.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match &*self.0 {
            // RFC 8463 §3: the hash is what is signed.
            Pair::Ed25519(pair) => {
                Some(pair.sign(digest(&SHA256, text).as_ref()).as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    /// What its domain publishes (RFC 6376 §3.6.1, RFC 8463 §4).
    #[must_use]
    pub fn record(&self) -> String {
        match &*self.0 {
            Pair::Ed25519(pair) => {
                format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(pair.public_key()))
            }
            Pair::Rsa(pair) => {
                let bits = [&[0], pair.public_key().as_ref()].concat();
                let info = tagged(0x30, &[RSA_ALGORITHM.as_slice(), &tagged(3, &bits)].concat());
                format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(info))
            }
        }
    }
}

/// A value in DER: tag, length, value.
fn tagged(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    if value.len() >= 0x80 {
        out.push(0x80 | length.len() as u8);
    }
    out.extend_from_slice(length);
    out.extend_from_slice(value);
    out
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.record() == other.record()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.record())
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_key_and_never_shows_it() {
        // RFC 8463 §A.1.
        let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").expect("base64");
        let key = Key::from_seed(seed.try_into().expect("32 bytes")).expect("a key");
        let record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        assert_eq!((key.record(), format!("{key:?}")), (record.to_owned(), record.to_owned()));
    }

    #[test]
    fn what_is_no_key_is_said() {
        assert!(Key::from_pem(b"hello").is_err());
        let empty = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        assert!(Key::from_pem(empty.as_bytes()).expect_err("none").starts_with("neither"));
    }

    #[test]
    fn lengths_are_those_of_der() {
        assert_eq!(tagged(3, &[9]), [3, 1, 9]);
        assert_eq!(tagged(3, &[7; 200])[..3], [3, 0x81, 200]);
        assert_eq!(tagged(3, &[7; 300])[..4], [3, 0x82, 1, 44]);
    }
}
