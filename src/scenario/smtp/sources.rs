//! `smtp.sources`: the loopback addresses that connections come from.

use std::fmt;
use std::net::Ipv4Addr;

use super::tls::away;
use crate::grammar::at::At;
use crate::grammar::diagnosis::Problems;
use crate::scenario::targets::TargetKind;

/// The form of a range, for the schema.
pub(super) const FORM: &str = r"^127(\.[0-9]{1,3}){3}(/([89]|[12][0-9]|3[0-2]))?$";

/// Loopback addresses: as many as the prefix leaves room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRange {
    /// One of them.
    pub address: Ipv4Addr,
    /// Bits that all have in common.
    pub prefix: u8,
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

impl fmt::Display for SourceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

pub(super) fn resolve(
    written: &At<String>,
    target: &TargetKind,
    problems: &mut Problems,
) -> Option<SourceRange> {
    let is_v6 = |target: &TargetKind| match target {
        TargetKind::External(external) => external.address.is_ipv6(),
        _ => false,
    };
    let mut wrong = |what: String, help: &str| {
        problems.refuse(&written.span, what, help);
        None
    };
    let (address, prefix) = written.value.split_once('/').unwrap_or((&written.value, "32"));
    let parsed = (address.parse::<Ipv4Addr>(), prefix.parse::<u8>());
    match parsed {
        (Ok(address), Ok(prefix)) if address.is_loopback() && (8..=32).contains(&prefix) => {
            if away(target).is_some() || is_v6(target) {
                return wrong(
                    "a target that is not on an IPv4 loopback address cannot be reached from one"
                        .to_owned(),
                    "leave `sources` out",
                );
            }
            Some(SourceRange { address, prefix })
        }
        _ => wrong(
            format!("`{}` is no range of loopback addresses", written.value),
            "such as \"127.0.0.0/24\"",
        ),
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
