//! Addresses for servers that a test starts, or at which no server may answer.
//!
//! No port is opened to find a free one: a process that is started just then would keep it open
//! until its own program runs. None is one that the system gives to connections.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};

/// The port of [`free_address`].
const PORT: u16 = 2526;

/// Ports below those that the system gives to connections (`ip_local_port_range`).
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// An address at which nothing listens. Each has a host of its own.
pub(crate) fn free_address() -> SocketAddr {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let mut addresses = std::iter::repeat_with(|| {
        let [high, low] = GIVEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        SocketAddr::from(([127, 64 + of_process(128) as u8, high, low], PORT))
    });
    addresses.find(|address| is_free(*address)).expect("a free host")
}

/// A port at which nothing listens on any of these hosts.
pub(crate) fn free_port(hosts: &[Ipv4Addr]) -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let first = of_process(PORTS.len() as u32) as usize;
    let mut ports = std::iter::repeat_with(|| {
        let given = usize::from(GIVEN.fetch_add(1, Ordering::Relaxed));
        PORTS.start + ((first + given) % PORTS.len()) as u16
    });
    let at = |port| hosts.iter().map(move |host| SocketAddr::new(IpAddr::V4(*host), port));
    ports.find(|port| at(*port).all(is_free)).expect("a free port")
}

/// A number for this process, so that tests that run beside it get other addresses.
fn of_process(many: u32) -> u32 {
    std::process::id() % many
}

fn is_free(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}
