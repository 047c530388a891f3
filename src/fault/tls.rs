//! The `tls` fault: what is wrong with the encryption a destination offers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::smtp::stage::Stage;

/// Ways to break TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFault {
    /// A certificate that was good once.
    Expired,
    /// A self-signed certificate.
    SelfSigned,
    /// After the go-ahead not a byte more.
    HandshakeStall,
    /// STARTTLS is missing from the reply to EHLO, and refused.
    NotOffered,
}

impl TlsFault {
    /// The stage at which it strikes.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            TlsFault::NotOffered => Stage::Ehlo,
            TlsFault::Expired | TlsFault::SelfSigned | TlsFault::HandshakeStall => Stage::Starttls,
        }
    }

    /// As scenarios name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TlsFault::Expired => "expired",
            TlsFault::SelfSigned => "self-signed",
            TlsFault::HandshakeStall => "handshake-stall",
            TlsFault::NotOffered => "not-offered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_their_scenario_names_and_stages() {
        let faults = [
            (TlsFault::Expired, "expired", Stage::Starttls),
            (TlsFault::SelfSigned, "self-signed", Stage::Starttls),
            (TlsFault::HandshakeStall, "handshake-stall", Stage::Starttls),
            (TlsFault::NotOffered, "not-offered", Stage::Ehlo),
        ];
        for (fault, name, stage) in faults {
            assert_eq!((fault.name(), fault.stage()), (name, stage));
        }
    }
}
