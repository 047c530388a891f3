//! Which connections of a target to other machines are news, and wrong.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::run::safety::Cidr;
use crate::scenario::model::TargetKind;

/// So many are recorded; one is enough to fail a run.
const MOST: usize = 16;

/// Where mail goes (RFC 5321, RFC 8314, RFC 6409, RFC 2033).
const MAIL_PORTS: [u16; 4] = [25, 465, 587, 24];

/// What was seen of a target's connections to other machines.
#[derive(Clone, Debug)]
pub(in crate::run) struct Elsewhere {
    allowed: Vec<Cidr>,
    /// An MTA of the user's may ask its directory or its filter; what we started needs neither.
    mail_only: bool,
    seen: BTreeSet<SocketAddr>,
}

impl Elsewhere {
    pub(in crate::run) fn new(kind: &TargetKind, allowed: &[Cidr]) -> Elsewhere {
        let mail_only = matches!(kind, TargetKind::External(_));
        Elsewhere { allowed: allowed.to_vec(), mail_only, seen: BTreeSet::new() }
    }

    /// Those of `peers` that are wrong and were not seen before.
    pub(in crate::run) fn news(&mut self, peers: BTreeSet<SocketAddr>) -> Vec<SocketAddr> {
        let wrong = |peer: &SocketAddr| {
            let mail = !self.mail_only || MAIL_PORTS.contains(&peer.port());
            mail && !self.allowed.iter().any(|range| range.contains(peer.ip()))
        };
        let wrong: Vec<SocketAddr> = peers.into_iter().filter(wrong).collect();
        let room = MOST.saturating_sub(self.seen.len());
        wrong.into_iter().filter(|peer| self.seen.insert(*peer)).take(room).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::External;

    fn peers(addresses: &[&str]) -> BTreeSet<SocketAddr> {
        addresses.iter().map(|it| it.parse().expect("an address")).collect()
    }

    #[test]
    fn each_is_news_once_and_an_allowed_one_never() {
        let allowed = ["192.0.2.0/24".parse().expect("a range")];
        let mut elsewhere = Elsewhere::new(&TargetKind::Relay, &allowed);
        let seen = peers(&["203.0.113.5:25", "203.0.113.5:3306", "192.0.2.7:25"]);
        assert_eq!(elsewhere.news(seen.clone()).len(), 2);
        assert_eq!(elsewhere.news(seen).len(), 0);
        let many = (0..100).map(|port| SocketAddr::from(([203, 0, 113, 9], 1000 + port))).collect();
        assert_eq!(elsewhere.news(many).len(), MOST - 2);
    }

    #[test]
    fn an_mta_of_the_users_may_ask_its_directory() {
        let external = TargetKind::External(External {
            address: "127.0.0.1:25".parse().expect("an address"),
            queue_command: None,
            start_command: None,
            stop_command: None,
            pid_file: None,
        });
        let mut elsewhere = Elsewhere::new(&external, &[]);
        let seen = peers(&["203.0.113.5:389", "203.0.113.5:587"]);
        assert_eq!(elsewhere.news(seen), ["203.0.113.5:587".parse().expect("an address")]);
    }
}
