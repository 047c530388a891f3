//! The SASL mechanisms that our clients and servers know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smtp_proto::{AUTH_CRAM_MD5, AUTH_LOGIN, AUTH_PLAIN, AUTH_SCRAM_SHA_256, AUTH_XOAUTH2};

/// A SASL mechanism (RFC 4954).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN.
    Login,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    // The secret is the token.
    /// XOAUTH2.
    Xoauth2,
    /// SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
}

impl Mechanism {
    const ALL: [Mechanism; 5] = [
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::CramMd5,
        Mechanism::Xoauth2,
        Mechanism::ScramSha256,
    ];

    /// As EHLO and AUTH name it, AUTH before it.
    pub(super) fn command(self) -> &'static str {
        match self {
            Mechanism::Plain => "AUTH PLAIN",
            Mechanism::Login => "AUTH LOGIN",
            Mechanism::CramMd5 => "AUTH CRAM-MD5",
            Mechanism::Xoauth2 => "AUTH XOAUTH2",
            Mechanism::ScramSha256 => "AUTH SCRAM-SHA-256",
        }
    }

    /// The bit of smtp-proto that stands for it.
    pub(super) fn number(self) -> u64 {
        match self {
            Mechanism::Plain => AUTH_PLAIN,
            Mechanism::Login => AUTH_LOGIN,
            Mechanism::CramMd5 => AUTH_CRAM_MD5,
            Mechanism::Xoauth2 => AUTH_XOAUTH2,
            Mechanism::ScramSha256 => AUTH_SCRAM_SHA_256,
        }
    }

    /// The mechanism of a bit of smtp-proto.
    pub(super) fn from_number(number: u64) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.number() == number)
    }
}
