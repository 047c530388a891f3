//! The `tls` fault: what is wrong with the encryption a destination offers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Case, Effect, Keys, Page, Problems, Stage, some};

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

impl Page for TlsFault {
    type Written = TlsFault;

    const DOES: &'static str = "Break TLS.";

    const SIMULATED: bool = false;

    /// STARTTLS is withheld where it would be offered, whichever of the two stages was written.
    fn stage_meant(keys: &Keys, written: Option<Stage>) -> Option<Stage> {
        match written {
            None | Some(Stage::Ehlo | Stage::Starttls) => {
                keys.tls.as_ref().map(|tls| tls.value.stage())
            }
            other => other,
        }
    }

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        match stage {
            Stage::Starttls | Stage::Ehlo => Ok(()),
            _ => Err("TLS breaks where it begins: use stage starttls, or leave it out"),
        }
    }

    fn read(keys: &Keys, _: &mut Problems) -> Option<TlsFault> {
        keys.tls.as_ref().map(|tls| tls.value)
    }

    fn write(&self, keys: &mut Keys) {
        keys.tls = some(*self);
    }

    fn words(&self) -> String {
        format!("break TLS: {}", self.name())
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        Some(Effect::Tls(*self))
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
