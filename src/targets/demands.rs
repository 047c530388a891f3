//! What an examination asks of a target that no run asks: mail that may only go under TLS, clients
//! for which it may not relay, a second host of a destination. Which kind supports what.

use std::net::Ipv4Addr;

use crate::limits;
use crate::scenario::model::{Mta, TargetKind};

/// From here strangers come: on this machine, and not trusted all the same.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);

/// What is asked of a target.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// Domains whose mail may only go under TLS, with any certificate.
    pub secured: Vec<String>,
    /// Whether it is not to relay for [`STRANGER`].
    pub strangers: bool,
}

/// What a kind supports. A domain with several hosts is listed several times in the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// A next hop for each of many domains.
    pub routed: bool,
    /// Domains with several hosts.
    pub spares: bool,
    /// [`Demands::secured`].
    pub secured: bool,
    /// [`Demands::strangers`].
    pub strangers: bool,
}

impl Means {
    /// What this kind supports with so many routes.
    #[must_use]
    pub fn of(kind: &TargetKind, routes: usize) -> Means {
        let mta = match kind {
            TargetKind::Managed(managed) => Some(managed.mta),
            TargetKind::Relay | TargetKind::Direct | TargetKind::External(_) => None,
        };
        Means {
            routed: kind.is_routed(1) && routes <= limits::ROUTES,
            spares: mta.is_some_and(|mta| mta != Mta::Opensmtpd),
            secured: mta.is_some(),
            strangers: mta.is_some(),
        }
    }
}
