//! Where mail goes: a next hop for each destination that has a route, and one for all others.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::relay::HOST_NAME;
use crate::smtp::client::Peer;

/// The next hops of a relay.
#[derive(Debug)]
pub struct NextHops {
    by_domain: HashMap<String, Peer>,
    others: Peer,
}

impl NextHops {
    /// The hop of each domain in `routes`; `others` for the rest.
    #[must_use]
    pub fn new(routes: &[(String, SocketAddr)], others: SocketAddr) -> NextHops {
        let hop = |(domain, address): &(String, SocketAddr)| {
            (domain.to_ascii_lowercase(), peer(*address))
        };
        NextHops { by_domain: routes.iter().map(hop).collect(), others: peer(others) }
    }

    /// The hop of `domain`, which is in lower case.
    #[must_use]
    pub fn of(&self, domain: &str) -> &Peer {
        self.by_domain.get(domain).unwrap_or(&self.others)
    }
}

fn peer(address: SocketAddr) -> Peer {
    Peer::new(address, HOST_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_of_one_domain_in_any_case() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let hops = NextHops::new(&[("A.Test".to_owned(), at(1))], at(2));
        let ports = ["a.test", "b.a.test", "b.test", ""].map(|name| hops.of(name).address.port());
        assert_eq!(ports, [1, 2, 2, 2]);
    }
}
