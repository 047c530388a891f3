//! Connections of a target to addresses that are not on this machine. Read from `/proc`, so that one
//! that is over between two looks is not seen.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::members::Members;
use super::sockets::{self, CLOSED, LISTEN, Row};

/// The addresses beyond loopback that the target's processes are connected or connecting to.
#[must_use]
pub fn peers(members: &Members) -> BTreeSet<SocketAddr> {
    let elsewhere = sockets::table("/proc/self/net")
        .filter_map(|row| Some((peer_elsewhere(&row)?, row.inode)))
        .collect::<Vec<_>>();
    if elsewhere.is_empty() {
        return BTreeSet::new();
    }
    let held: BTreeSet<String> = members.pids().into_iter().flat_map(sockets::held).collect();
    let theirs = elsewhere.into_iter().filter(|(_, inode)| held.contains(inode));
    theirs.map(|(peer, _)| peer).collect()
}

/// The peer of a socket, if it is on another machine.
fn peer_elsewhere(row: &Row) -> Option<SocketAddr> {
    let own = row.local.ip().to_canonical();
    let peer = SocketAddr::new(row.peer.ip().to_canonical(), row.peer.port());
    // An address of this machine's own is not elsewhere.
    let elsewhere = !peer.ip().is_loopback() && !peer.ip().is_unspecified() && peer.ip() != own;
    let has_peer = row.state != LISTEN && row.state != CLOSED;
    (elsewhere && has_peer).then_some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    const HEADING: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    fn seen(peer: &str, state: &str) -> Option<SocketAddr> {
        let line = format!(
            "   0: 0100007F:1F90 {peer} {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0"
        );
        let row = sockets::row(&line).expect("a row");
        assert_eq!(row.inode, "4711");
        peer_elsewhere(&row)
    }

    #[test]
    fn peers_elsewhere_are_distinguished_from_local_ones() {
        let word = |ip: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(ip));
        let peer = seen(&format!("{}:0019", word([203, 0, 113, 5])), "02").expect("elsewhere");
        assert_eq!(peer.to_string(), "203.0.113.5:25");
        let local = format!("{}:0019", word([127, 1, 0, 3]));
        assert_eq!(seen(&local, "01"), None);
        assert_eq!(seen("00000000:0000", "0A"), None, "it listens");
        assert_eq!(sockets::row(HEADING), None);
    }

    #[test]
    fn version_six_is_read_and_a_mapped_address_is_what_it_maps() {
        let connected = |ip: &str| {
            let ip: Ipv6Addr = ip.parse().expect("an address");
            let word = |four: &[u8]| {
                let four: [u8; 4] = four.try_into().expect("four bytes");
                format!("{:08X}", u32::from_ne_bytes(four))
            };
            let words: String = ip.octets().chunks(4).map(word).collect();
            seen(&format!("{words}:0019"), "01").map(|it| it.to_string())
        };
        assert_eq!(connected("2001:db8::1").as_deref(), Some("[2001:db8::1]:25"));
        assert_eq!(connected("::ffff:203.0.113.5").as_deref(), Some("203.0.113.5:25"));
        assert_eq!(connected("::ffff:127.0.0.1"), None);
    }
}
