//! TLS in `[smtp]`: when it begins, and whom to trust.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Written;
use crate::grammar::at::{place, some, value_or};
use crate::grammar::checks::misplaced;
use crate::grammar::diagnosis::Problems;
use crate::scenario::targets::{External, TargetKind};
use crate::smtp::client::Trust;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Tls")]
pub(in crate::scenario) enum Begin {
    /// Never.
    None,
    /// After STARTTLS. A target that does not offer it gets no mail.
    Starttls,
    /// From the first byte.
    Implicit,
}

/// TLS, and whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsTerms {
    /// From the first byte; otherwise by STARTTLS.
    pub implicit: bool,
    /// Whose certificates are taken.
    pub trust: Trust,
    /// The name asked for and expected.
    pub name: String,
    /// Whether sessions are resumed.
    pub resumption: bool,
}

pub(super) fn resolve(
    smtp: &Written,
    target: &TargetKind,
    problems: &mut Problems,
) -> Option<TlsTerms> {
    let begins = value_or(&smtp.tls, Begin::None);
    if begins == Begin::None {
        let keys = [
            ("tls_verify", place(&smtp.tls_verify)),
            ("tls_ca", place(&smtp.tls_ca)),
            ("tls_name", place(&smtp.tls_name)),
            ("tls_resumption", place(&smtp.tls_resumption)),
        ];
        let help = "write `tls = \"starttls\"` or `tls = \"implicit\"`, or leave it out";
        misplaced(keys, "TLS", help, problems);
        return None;
    }
    let away = away(target);
    let name = smtp.tls_name.as_ref().map(|name| name.value.clone());
    let here = || away.map_or("localhost".to_owned(), |address| address.to_string());
    Some(TlsTerms {
        implicit: begins == Begin::Implicit,
        trust: trust(smtp, away.is_some(), problems),
        name: name.unwrap_or_else(here),
        resumption: value_or(&smtp.tls_resumption, true),
    })
}

fn trust(smtp: &Written, is_away: bool, problems: &mut Problems) -> Trust {
    match (&smtp.tls_ca, smtp.tls_verify.as_ref().map(|verify| verify.value)) {
        (Some(ca), Some(false)) => {
            let what = "`tls_ca` and `tls_verify = false` contradict each other";
            problems.refuse(&ca.span, what, "keep one");
            Trust::Any
        }
        (Some(ca), _) => Trust::File(PathBuf::from(&ca.value)),
        (None, Some(true)) => Trust::System,
        (None, Some(false)) => Trust::Any,
        (None, None) => {
            if is_away {
                Trust::System
            } else {
                Trust::Any
            }
        }
    }
}

/// Where a target is, if it is not on this machine.
pub(super) fn away(target: &TargetKind) -> Option<IpAddr> {
    match target {
        TargetKind::External(External { address, .. }) => {
            Some(address.ip()).filter(|ip| !ip.to_canonical().is_loopback())
        }
        _ => None,
    }
}

impl TlsTerms {
    /// Puts these terms into the written form.
    pub(super) fn write(&self, written: &mut Written) {
        written.tls = some(if self.implicit { Begin::Implicit } else { Begin::Starttls });
        written.tls_verify = some(self.trust != Trust::Any);
        written.tls_ca = match &self.trust {
            Trust::File(path) => some(path.display().to_string()),
            Trust::Any | Trust::System => None,
        };
        written.tls_name = some(self.name.clone());
        written.tls_resumption = some(self.resumption);
    }
}
