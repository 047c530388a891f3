//! TCP sockets as `/proc` shows them: the table of a network namespace, and which of its sockets a
//! process holds.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// State of a socket that listens (`TCP_LISTEN`).
pub(super) const LISTEN: &str = "0A";

/// State of a socket without a connection (`TCP_CLOSE`).
pub(super) const CLOSED: &str = "07";

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// In hexadecimal, as the kernel writes it.
    pub(super) state: String,
    pub(super) inode: String,
}

/// Every TCP socket in the tables below `net`, such as `/proc/self/net`.
pub(super) fn table(net: &str) -> impl Iterator<Item = Row> {
    let texts = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("{net}/{name}")));
    let rows = |text: String| text.lines().filter_map(row).collect::<Vec<_>>();
    texts.into_iter().flatten().flat_map(rows)
}

/// The inodes of the sockets that a process holds, as far as we may look.
pub(super) fn held(pid: u32) -> impl Iterator<Item = String> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let link = fs::read_link(file.path()).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(inode.to_owned())
    })
}

/// One line of a table; its heading is none.
pub(super) fn row(line: &str) -> Option<Row> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, peer) = (address(words.next()?)?, address(words.next()?)?);
    let state = words.next()?.to_owned();
    Some(Row { local, peer, state, inode: words.nth(5)?.to_owned() })
}

/// An address as these tables have it: words of 32 bits as the machine keeps them, a colon, the port.
fn address(text: &str) -> Option<SocketAddr> {
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
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let four = format!("{:08X}:0019", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(address(&four), Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 25))));
        let last = u32::from_ne_bytes([0, 0, 0, 1]);
        let six = format!("000000000000000000000000{last:08X}:0019");
        assert_eq!(address(&six), Some(SocketAddr::from((Ipv6Addr::LOCALHOST, 25))));
        assert_eq!(address("local_address"), None);
        assert_eq!(address("7F:19"), None);
    }

    #[test]
    fn a_socket_of_this_process_is_in_the_table_and_held() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let local = listener.local_addr().expect("its address");
        let found = table("/proc/self/net").find(|row| row.local == local).expect("its row");
        assert_eq!(found.state, LISTEN);
        assert!(held(std::process::id()).any(|inode| inode == found.inode));
    }
}
