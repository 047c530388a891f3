//! Whether a process listens on a TCP port, from `/proc`.

use std::collections::BTreeSet;
use std::fs;

/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Whether `pid` holds a socket that listens on `port`.
pub(super) fn listens(pid: u32, port: u16) -> bool {
    let tables = ["tcp", "tcp6"].map(|table| format!("/proc/{pid}/net/{table}"));
    let texts = tables.iter().filter_map(|table| fs::read_to_string(table).ok());
    let inodes: BTreeSet<String> = texts.flat_map(|text| listeners(&text, port)).collect();
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|link| {
        let link = link.to_string_lossy();
        let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.contains(inode))
    })
}

/// The inodes of the sockets that listen on `port`.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let end = format!(":{port:04X}");
    let inode = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1)?.ends_with(&end) && *words.get(3)? == LISTEN;
        is_it.then(|| words.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_ours_is_found_and_a_connection_is_none() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let client = std::net::TcpStream::connect(address).expect("connected");
        let other = client.local_addr().expect("its address").port();
        assert!(listens(std::process::id(), address.port()));
        assert!(!listens(std::process::id(), other));
        drop(listener);
        assert!(!listens(std::process::id(), address.port()));
    }
}
