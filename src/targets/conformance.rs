//! What a conformance test needs of a target that no run needs: mail that may only go under TLS, clients
//! for which it may not relay, a second host of a destination. Which kind supports what.

use std::net::Ipv4Addr;

use crate::limits;
use crate::scenario::model::TargetKind;

/// Clients at this address are on this machine, yet the target does not trust them.
pub const UNKNOWN_CLIENT: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);

/// What a conformance test needs of a target.
#[derive(Clone, Debug, Default)]
pub struct ConformanceNeeds {
    /// Domains whose mail may only go under TLS, with any certificate.
    pub secured: Vec<String>,
    /// Whether it is not to relay for [`UNKNOWN_CLIENT`].
    pub unknown_clients: bool,
}

/// What a kind supports. A domain with several hosts is listed several times in the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A next hop for each of many domains.
    pub routed: bool,
    /// Domains with several hosts.
    pub spares: bool,
    /// [`ConformanceNeeds::secured`].
    pub secured: bool,
    /// [`ConformanceNeeds::unknown_clients`].
    pub unknown_clients: bool,
}

impl Capabilities {
    /// What this kind supports with so many routes.
    #[must_use]
    pub fn of(kind: &TargetKind, routes: usize) -> Capabilities {
        let mta = match kind {
            TargetKind::Managed(managed) => Some(managed.mta),
            TargetKind::Relay | TargetKind::Direct | TargetKind::External(_) => None,
        };
        Capabilities {
            routed: kind.is_routed(1) && routes <= limits::ROUTES,
            spares: mta.is_some_and(|mta| mta.facts().has_spare_hosts),
            secured: mta.is_some(),
            unknown_clients: mta.is_some(),
        }
    }
}
