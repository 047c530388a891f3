//! Which address of the sink takes the mail of which domain.
//!
//! A pure function of the scenario, so that the table that a user gives to an MTA can be printed
//! before anything is started. Opening the ports is `sink`'s.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;

use super::{Addresses, SinkSpec};
use crate::limits;
use crate::probe::{BOUNCE_DOMAIN, DestinationId};
use crate::scenario::destination::Destination;
use crate::scenario::model::Scenario;
use crate::scenario::targets::TargetKind;

/// A domain, and the address of the sink that takes its mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The recipient domain.
    pub domain: String,
    /// Where its mail is to be sent.
    pub address: SocketAddr,
}

impl SinkSpec {
    /// Whether each of so many destinations has an address of its own, so that a session is known
    /// to be of its destination from connect on.
    #[must_use]
    pub fn is_routed(&self, target: &TargetKind, destinations: usize) -> bool {
        match self.addresses {
            None => target.is_routed(destinations),
            Some(Addresses::Shared) => false,
            Some(Addresses::PerDestination) => {
                *target != TargetKind::Direct && destinations <= limits::ROUTES
            }
        }
    }
}

impl Scenario {
    /// Whether each destination has an address of its own at the sink.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        self.sink.is_routed(&self.target.kind, self.destinations.len())
    }

    /// Where the target must send the mail of each domain of this scenario: its destinations in
    /// their order, and last the domain to which bounces return. Ports are 0 where
    /// `sink.listen` leaves the choice to the system.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        let is_routed = self.is_routed();
        let address = |number: DestinationId| match is_routed {
            true => own_address(self.sink.listen, number),
            false => self.sink.listen,
        };
        let numbered = (0..).map(DestinationId).zip(&self.destinations);
        let route = |(number, to): (DestinationId, &Destination)| Route {
            domain: to.domain.clone(),
            address: address(number),
        };
        let bounces = Route { domain: BOUNCE_DOMAIN.to_owned(), address: self.sink.listen };
        numbered.map(route).chain([bounces]).collect()
    }
}

/// The address of one destination at a sink that listens at `sink`.
///
/// Real destinations are hosts of their own, and MTAs remember by host who does not answer: at a
/// sink at 127.0.0.1 destination N is 127.1.0.N (counted from 1), with the sink's port, since all
/// of 127.0.0.0/8 is loopback. Elsewhere it is the sink's host with the Nth port above the sink's.
/// With port 0 the system chooses each.
#[must_use]
pub fn own_address(sink: SocketAddr, destination: DestinationId) -> SocketAddr {
    let number = u32::from(destination.0) + 1;
    if sink.ip() == Ipv4Addr::LOCALHOST && cfg!(target_os = "linux") {
        let [.., high, low] = number.to_be_bytes();
        return SocketAddr::new(IpAddr::from(Ipv4Addr::new(127, 1, high, low)), sink.port());
    }
    let port = match sink.port() {
        0 => 0,
        port => u16::try_from(u32::from(port) + number).unwrap_or(u16::MAX),
    };
    SocketAddr::new(sink.ip(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(sink: &str, number: u16) -> String {
        own_address(sink.parse().expect("an address"), DestinationId(number)).to_string()
    }

    #[test]
    fn each_destination_is_a_host_of_its_own_where_that_is_possible() {
        let hosts = [0, 1, 255].map(|number| own("127.0.0.1:2526", number));
        assert_eq!(hosts, ["127.1.0.1:2526", "127.1.0.2:2526", "127.1.1.0:2526"]);
        assert_eq!(own("127.0.0.1:0", 4), "127.1.0.5:0");
    }

    #[test]
    fn elsewhere_it_is_a_port_of_its_own() {
        assert_eq!(own("[::1]:2526", 0), "[::1]:2527");
        assert_eq!(own("127.0.0.2:2526", 2), "127.0.0.2:2529");
        assert_eq!(own("[::1]:0", 3), "[::1]:0");
    }
}
