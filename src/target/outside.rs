//! Connections of a target to addresses that are not on this machine. Read from `/proc`, so that one
//! that is over between two looks is not seen.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::members::Members;

/// States of a socket without a peer (`TCP_LISTEN`, `TCP_CLOSE`) in `/proc/net/tcp`.
const WITHOUT_PEER: [&str; 2] = ["0A", "07"];

/// A socket with a peer elsewhere.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    peer: SocketAddr,
    inode: String,
}

/// The addresses beyond loopback that the target's processes are connected or connecting to.
#[must_use]
pub fn peers(members: &Members) -> BTreeSet<SocketAddr> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
    let mut elsewhere: Vec<Socket> =
        texts.iter().flat_map(|text| text.lines()).filter_map(socket).collect();
    if elsewhere.is_empty() {
        return BTreeSet::new();
    }
    let held: BTreeSet<String> = members.pids().into_iter().flat_map(inodes).collect();
    elsewhere.retain(|socket| held.contains(&socket.inode));
    elsewhere.into_iter().map(|socket| socket.peer).collect()
}

/// One line of a table, if its peer is elsewhere.
fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (own, peer, state) = (fields.next()?, fields.next()?, fields.next()?);
    let inode = fields.nth(5)?;
    let (own, peer) = (address(own)?.ip(), address(peer)?);
    // An address of this machine's own is not elsewhere.
    let elsewhere = !peer.ip().is_loopback() && !peer.ip().is_unspecified() && peer.ip() != own;
    (elsewhere && !WITHOUT_PEER.contains(&state)).then(|| Socket { peer, inode: inode.to_owned() })
}

/// `0100007F:0019`: words of an address in this machine's byte order, and a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

/// The sockets that a process holds, by number.
fn inodes(pid: u32) -> Vec<String> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    let inode = |link: std::path::PathBuf| {
        let name = link.to_str()?.strip_prefix("socket:[")?;
        name.strip_suffix(']').map(str::to_owned)
    };
    links.filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    fn line(peer: &str, state: &str) -> String {
        format!(
            "   0: 0100007F:1F90 {peer} {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0"
        )
    }

    #[test]
    fn peers_elsewhere_are_told_from_those_on_this_machine() {
        let word = |ip: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(ip));
        let seen =
            socket(&line(&format!("{}:0019", word([203, 0, 113, 5])), "02")).expect("elsewhere");
        assert_eq!(
            (seen.peer.to_string().as_str(), seen.inode.as_str()),
            ("203.0.113.5:25", "4711")
        );
        let local = format!("{}:0019", word([127, 1, 0, 3]));
        assert_eq!(socket(&line(&local, "01")), None);
        assert_eq!(socket(&line("00000000:0000", "0A")), None, "it listens");
        assert_eq!(socket(HEADING), None);
    }

    #[test]
    fn version_six_is_read_and_a_mapped_address_is_what_it_maps() {
        let table = |ip: Ipv6Addr| {
            let words = ip
                .octets()
                .chunks(4)
                .map(|four| {
                    let four: [u8; 4] = four.try_into().expect("four bytes");
                    format!("{:08X}", u32::from_ne_bytes(four))
                })
                .collect::<String>();
            address(&format!("{words}:0019")).map(|it| it.to_string())
        };
        assert_eq!(table("2001:db8::1".parse().expect("one")).as_deref(), Some("[2001:db8::1]:25"));
        let mapped = "::ffff:127.0.0.1".parse().expect("one");
        assert_eq!(table(mapped).as_deref(), Some("127.0.0.1:25"));
    }
}
