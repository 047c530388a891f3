//! Who listens on a TCP port of this machine, from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::processes;

/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

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
    let found = sockets(&format!("/proc/{pid}/net"), |_, at| at == port);
    holds(pid, &found)
}

/// The processes that listen at `address`, as far as we may look; programs that forward to others,
/// and what mailbench itself belongs to, left out.
pub(super) fn owners(address: SocketAddr) -> BTreeSet<u32> {
    let found = sockets("/proc/self/net", |ip, port| takes(ip, port, address));
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
    !sockets("/proc/self/net", |ip, port| takes(ip, port, address)).is_empty()
}

/// Whether a socket that listens at `ip` and `port` takes what comes for `address`.
fn takes(ip: IpAddr, port: u16, address: SocketAddr) -> bool {
    port == address.port()
        && (ip.is_unspecified() || ip.to_canonical() == address.ip().to_canonical())
}

fn holds(pid: u32, inodes: &BTreeSet<String>) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|link| {
        let link = link.to_string_lossy();
        let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.contains(inode))
    })
}

/// The inodes of the sockets that listen at an address that is asked for.
fn sockets(net: &str, is_asked: impl Fn(IpAddr, u16) -> bool) -> BTreeSet<String> {
    let texts = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("{net}/{table}")));
    let inode = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (ip, port) = local(words.get(1)?)?;
        let is_it = *words.get(3)? == LISTEN && is_asked(ip, port);
        is_it.then(|| words.get(9).map(|inode| (*inode).to_owned()))?
    };
    let lines = |text: &String| text.lines().filter_map(inode).collect::<Vec<_>>();
    texts.iter().flatten().flat_map(lines).collect()
}

/// An address as these tables have it: words of 32 bits as the machine keeps them, a colon, the port.
fn local(text: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = text.split_once(':')?;
    if ip.len() % 8 != 0 {
        return None;
    }
    let words = ip.as_bytes().chunks(8).map(|word| {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
    };
    Some((ip, u16::from_str_radix(port, 16).ok()?))
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

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let four = format!("{:08X}:0019", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(local(&four), Some((IpAddr::V4(Ipv4Addr::LOCALHOST), 25)));
        let last = u32::from_ne_bytes([0, 0, 0, 1]);
        let six = format!("000000000000000000000000{last:08X}:0019");
        assert_eq!(local(&six), Some((IpAddr::V6(Ipv6Addr::LOCALHOST), 25)));
        assert_eq!(local("local_address"), None);
        assert_eq!(local("7F:19"), None);
    }
}
