//! An address and port, such as `127.0.0.1:25`. Names are not resolved: where a name leads is not in
//! the scenario, and load goes only where the scenario says. `localhost` is this machine (RFC 6761
//! §6.3).

use std::net::{Ipv4Addr, SocketAddr};

use super::NotAUnit;

/// Reads an address and port.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn address(text: &str) -> Result<SocketAddr, NotAUnit> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let port = port.parse::<u16>().ok();
    if let Some(port) = port.filter(|_| host.eq_ignore_ascii_case("localhost")) {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let bare = text.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let right = match (port, bare) {
        (_, Ok(_)) => "add the port: `127.0.0.1:25`, `[::1]:25`",
        (Some(_), _) if host.is_empty() => "add the address: `127.0.0.1:25`",
        (Some(_), _) if host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(':') => {
            "names are not resolved, as a name may lead to another machine; write the IP address"
        }
        _ => "write an IP address and a port: `127.0.0.1:25`, `[::1]:25`",
    };
    Err(NotAUnit { what: format!("`{text}` is not an address and port"), right })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_this_machine_and_other_names_are_refused_with_the_reason() {
        let read = |text: &str| address(text).map_err(|wrong| wrong.right);
        assert_eq!(read("localhost:25"), Ok("127.0.0.1:25".parse().expect("an address")));
        assert_eq!(read("[::1]:25"), Ok("[::1]:25".parse().expect("an address")));
        for (text, hint) in [
            ("mx.example.org:25", "names are not resolved"),
            ("localhost", "IP address and a port"),
            ("127.0.0.1", "add the port"),
            ("::1", "add the port"),
            (":25", "add the address"),
            ("2526", "IP address and a port"),
            ("127.0.0.1:99999", "IP address and a port"),
        ] {
            assert!(read(text).expect_err(text).contains(hint), "{text}: {:?}", read(text));
        }
    }
}
