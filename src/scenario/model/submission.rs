//! `[smtp]` as meant: how mail is submitted.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::smtp::client::{Mechanism, Protocol, Timeouts, Trust};
use crate::smtp::envelope::{Notify, Ret};

/// `[smtp]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Submission {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// `None`: in the clear.
    pub tls: Option<TlsTerms>,
    /// `None`: nobody logs in.
    pub login: Option<LoginTerms>,
    /// Use PIPELINING (RFC 2920) when it is offered.
    pub pipelining: bool,
    /// Use CHUNKING (RFC 3030) when it is offered.
    pub chunking: bool,
    /// What is said when DSN (RFC 3461) is offered.
    pub dsn: DsnTerms,
    /// Where connections come from; `None`: the kernel chooses.
    pub sources: Option<SourceRange>,
    /// Time limits by stage.
    pub timeouts: Timeouts,
}

/// TLS, and whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// Who logs in. The secret is not part of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoginTerms {
    /// How.
    pub mechanism: Mechanism,
    /// As whom.
    pub user: String,
    /// Environment variable of the secret.
    pub password_env: String,
}

/// Parameters of RFC 3461.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DsnTerms {
    /// `ENVID=`.
    pub envelope_id: bool,
    /// `ORCPT=`.
    pub original_recipient: bool,
    /// `NOTIFY=`; `None`: not said.
    pub notify: Option<Notify>,
    /// `RET=`; `None`: not said.
    pub ret: Option<Ret>,
}

/// Loopback addresses: as many as the prefix leaves room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SourceRange {
    /// One of them.
    pub address: Ipv4Addr,
    /// Bits that all have in common.
    pub prefix: u8,
}

impl Default for Submission {
    fn default() -> Submission {
        Submission {
            protocol: Protocol::Smtp,
            tls: None,
            login: None,
            pipelining: true,
            chunking: false,
            dsn: DsnTerms::default(),
            sources: None,
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for DsnTerms {
    fn default() -> DsnTerms {
        DsnTerms { envelope_id: true, original_recipient: false, notify: None, ret: None }
    }
}

impl SourceRange {
    /// The first address to use, and how many from there on. Of a range of more than two, the
    /// first and the last are left out: they are its name and its broadcast.
    #[must_use]
    pub fn span(self) -> (Ipv4Addr, u32) {
        let room = 32_u32.saturating_sub(u32::from(self.prefix)).min(24);
        let count = 1_u32 << room;
        let first = u32::from(self.address) & !(count - 1);
        match count {
            1 | 2 => (first.into(), count),
            _ => ((first + 1).into(), count - 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_its_usable_addresses() {
        let span =
            |address: [u8; 4], prefix| SourceRange { address: address.into(), prefix }.span();
        assert_eq!(span([127, 0, 0, 9], 32), (Ipv4Addr::new(127, 0, 0, 9), 1));
        assert_eq!(span([127, 0, 0, 9], 24), (Ipv4Addr::new(127, 0, 0, 1), 254));
        assert_eq!(span([127, 0, 0, 1], 8), (Ipv4Addr::new(127, 0, 0, 1), (1 << 24) - 2));
    }
}
