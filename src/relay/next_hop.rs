//! Where mail goes: a next hop for each destination that has a route, and one for all others; and
//! whether it goes there under TLS.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::relay::HOST_NAME;
use crate::scenario::model::OnwardTls;
use crate::smtp::client::{Peer, Tls, TlsClient, TlsError, Trust};

/// The next hops of a relay.
#[derive(Debug)]
pub struct NextHops {
    by_domain: HashMap<String, Peer>,
    others: Peer,
}

impl NextHops {
    /// The hop of each domain in `routes`; `others` for the rest.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        routes: &[(String, SocketAddr)],
        others: SocketAddr,
        tls: OnwardTls,
    ) -> Result<NextHops, TlsError> {
        let tls = Onward::new(tls)?;
        let hop = |(domain, address): &(String, SocketAddr)| {
            (domain.to_ascii_lowercase(), tls.peer(*address))
        };
        let by_domain = routes.iter().map(hop).collect();
        Ok(NextHops { by_domain, others: tls.peer(others) })
    }

    /// The hop of `domain`, which is in lower case.
    #[must_use]
    pub fn of(&self, domain: &str) -> &Peer {
        self.by_domain.get(domain).unwrap_or(&self.others)
    }
}

/// How all hops are talked to. They share what TLS needs, so it exists once.
struct Onward {
    policy: OnwardTls,
    client: TlsClient,
}

impl Onward {
    fn new(policy: OnwardTls) -> Result<Onward, TlsError> {
        Ok(Onward { policy, client: TlsClient::new(HOST_NAME, &Trust::Any, true)? })
    }

    fn peer(&self, address: SocketAddr) -> Peer {
        let client = self.client.at(address.ip());
        let tls = match self.policy {
            OnwardTls::None => Tls::None,
            OnwardTls::May => Tls::Opportunistic(client),
            OnwardTls::Encrypt => Tls::Starttls(client),
        };
        Peer { tls, ..Peer::new(address, HOST_NAME) }
    }
}

/// The hop in the clear, where TLS to it has failed, if this mail may go so. As MTAs do, mail waits
/// once for TLS to come back, and no longer.
#[must_use]
pub fn in_the_clear(hop: &Peer, attempts: u32) -> Option<Peer> {
    let may = attempts > 0 && matches!(hop.tls, Tls::Opportunistic(_));
    may.then(|| Peer { tls: Tls::None, ..hop.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_of_one_domain_in_any_case() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let hops =
            NextHops::new(&[("A.Test".to_owned(), at(1))], at(2), OnwardTls::May).expect("hops");
        let ports = ["a.test", "b.a.test", "b.test", ""].map(|name| hops.of(name).address.port());
        assert_eq!(ports, [1, 2, 2, 2]);
    }

    #[test]
    fn mail_that_has_waited_may_go_in_the_clear_where_tls_is_not_wanted_at_all_costs() {
        let at = SocketAddr::from(([127, 0, 0, 1], 1));
        let hop = |tls| NextHops::new(&[], at, tls).expect("hops").of("a.test").clone();
        let goes = |tls, attempts| in_the_clear(&hop(tls), attempts).is_some();
        assert!(!goes(OnwardTls::May, 0) && goes(OnwardTls::May, 1));
        assert!(!goes(OnwardTls::Encrypt, 1) && !goes(OnwardTls::None, 1));
    }
}
