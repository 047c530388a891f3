//! Who listens on a TCP port of this machine, from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::processes;
use super::sockets::{self, LISTEN, Row};

/// Programs that listen for others: a container's network, a service manager, a tunnel. To end one is
/// not to end the target behind it.
const FORWARDERS: [&str; 10] = [
    "docker-proxy",
    "rootlessport",
    "slirp4netns",
    "pasta",
    "gvproxy",
    "systemd",
    "inetd",
    "xinetd",
    "ssh",
    "socat",
];

/// Whether `pid` holds a socket that listens on `port`.
pub(super) fn listens(pid: u32, port: u16) -> bool {
    let found = listeners(&format!("/proc/{pid}/net"), |_, at| at == port);
    holds(pid, &found)
}

/// The processes that listen at `address`, as far as we may look; programs that forward to others,
/// and what mailbench itself belongs to, left out.
pub(super) fn owners(address: SocketAddr) -> BTreeSet<u32> {
    let found = listeners("/proc/self/net", |ip, port| takes(ip, port, address));
    let own = processes::own_line();
    let is_owner = |pid: &u32| {
        !own.contains(pid)
            && holds(*pid, &found)
            && !FORWARDERS.contains(&processes::name(*pid).as_str())
    };
    if found.is_empty() {
        return BTreeSet::new();
    }
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_owner).collect()
}

/// Whether anything of this machine listens at `address`.
pub(super) fn is_taken(address: SocketAddr) -> bool {
    !listeners("/proc/self/net", |ip, port| takes(ip, port, address)).is_empty()
}

/// Whether a socket that listens at `ip` and `port` takes what comes for `address`.
fn takes(ip: IpAddr, port: u16, address: SocketAddr) -> bool {
    port == address.port()
        && (ip.is_unspecified() || ip.to_canonical() == address.ip().to_canonical())
}

fn holds(pid: u32, inodes: &BTreeSet<String>) -> bool {
    sockets::held(pid).any(|inode| inodes.contains(&inode))
}

/// The inodes of the sockets that listen at an address that is asked for.
fn listeners(net: &str, is_asked: impl Fn(IpAddr, u16) -> bool) -> BTreeSet<String> {
    let is_it = |row: &Row| row.state == LISTEN && is_asked(row.local.ip(), row.local.port());
    sockets::table(net).filter(is_it).map(|row| row.inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_ours_is_found_and_a_connection_is_none() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let client = std::net::TcpStream::connect(address).expect("connected");
        let other = client.local_addr().expect("its address");
        assert!(listens(std::process::id(), address.port()));
        assert!(!listens(std::process::id(), other.port()));
        assert!(is_taken(address) && !is_taken(other));
        let elsewhere = SocketAddr::from(([127, 0, 0, 9], address.port()));
        assert!(!is_taken(elsewhere), "another address of this machine");
        assert!(owners(address).is_empty(), "mailbench itself is no target");
        drop(listener);
        assert!(!listens(std::process::id(), address.port()) && !is_taken(address));
    }

    #[test]
    fn a_wildcard_takes_what_comes_for_every_address() {
        let at = |ip: [u8; 4]| SocketAddr::from((ip, 25));
        for ip in ["0.0.0.0", "::", "127.0.0.1", "::ffff:127.0.0.1"] {
            assert!(takes(ip.parse().expect("an address"), 25, at([127, 0, 0, 1])), "{ip}");
        }
        let other = "127.0.0.2".parse().expect("an address");
        assert!(!takes(other, 25, at([127, 0, 0, 1])) && !takes(other, 26, at([127, 0, 0, 2])));
    }
}
