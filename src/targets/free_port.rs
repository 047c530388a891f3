//! Where a managed target listens.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

/// Ports tried before the system is asked for one.
const TRIES: u64 = 100;

/// The first port tried: smaller ones belong to services.
const FIRST: u16 = 10_000;

/// Where Linux writes which ports it gives to outgoing connections.
const OUTGOING: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// A loopback address at which nothing listens.
///
/// Its port is none that the system gives to outgoing connections, where that is possible: while a
/// killed target is down, such a connection could take its port, and the target could not start
/// again. The client could even connect to itself (RFC 9293 §3.5, simultaneous open).
pub(super) fn free_address() -> std::io::Result<SocketAddr> {
    let ports = below_outgoing(&std::fs::read_to_string(OUTGOING).unwrap_or_default());
    let addresses = random(ports).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match addresses.into_iter().find(|address| TcpListener::bind(address).is_ok()) {
        Some(address) => Ok(address),
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr(),
    }
}

/// Ports below the first of `OUTGOING`; none if it cannot be read.
fn below_outgoing(range: &str) -> Range<u16> {
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    FIRST..first.unwrap_or(FIRST)
}

/// Some of these ports. Two mailbench that start at the same moment try different ones.
fn random(ports: Range<u16>) -> impl Iterator<Item = u16> {
    let state = RandomState::new();
    let many = ports.len() as u64;
    let tries = if many == 0 { 0 } else { TRIES };
    (0..tries).map(move |attempt| ports.start + (state.hash_one(attempt) % many) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_outgoing_connections_are_left_alone() {
        assert_eq!(below_outgoing("32768\t60999\n"), 10_000..32_768);
        assert!(below_outgoing("1024 65535").is_empty());
        assert!(below_outgoing("").is_empty());
        assert!(random(20..23).all(|port| (20..23).contains(&port)));
        assert_eq!(random(20..20).next(), None);
    }

    #[test]
    fn an_address_is_free() {
        let address = free_address().expect("an address");
        TcpListener::bind(address).expect("free");
    }
}
