//! Whom to talk to, and how: what a connection is made from.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::login::Login;
use super::timeouts::Timeouts;
use super::tls::TlsClient;

/// The server to talk to, and how.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Our name in EHLO.
    pub name: String,
    /// Which of the two protocols it speaks.
    pub protocol: Protocol,
    /// When TLS begins.
    pub tls: Tls,
    /// Who to log in as.
    pub login: Option<Login>,
    /// Use PIPELINING (RFC 2920) when it is offered.
    pub pipelining: bool,
    /// Use CHUNKING (RFC 3030) when it is offered.
    pub chunking: bool,
    /// Addresses to connect from, in turn.
    pub sources: Option<Sources>,
    /// Time limits.
    pub timeouts: Timeouts,
}

// LMTP is the sibling of SMTP for final delivery.
/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    // LHLO, and a reply for each recipient after the content.
    /// RFC 2033.
    Lmtp,
}

/// When TLS begins.
#[derive(Clone, Debug)]
pub enum Tls {
    /// Never.
    None,
    /// After STARTTLS (RFC 3207); a server that does not offer it gets no mail.
    Starttls(TlsClient),
    /// After STARTTLS where it is offered and not refused (RFC 7435), else never. What fails
    /// under way is over: whether it is tried in the clear is not for here to say.
    Opportunistic(TlsClient),
    /// With the first byte (RFC 8314).
    Implicit(TlsClient),
}

/// A range of this machine's IPv4 addresses, taken in turn.
#[derive(Clone)]
pub struct Sources {
    first: u32,
    count: u32,
    taken: Arc<AtomicU64>,
}

impl Peer {
    /// A server that is talked to in plain SMTP, with pipelining where it is offered.
    #[must_use]
    pub fn new(address: SocketAddr, name: &str) -> Peer {
        Peer {
            address,
            name: name.to_owned(),
            protocol: Protocol::Smtp,
            tls: Tls::None,
            login: None,
            pipelining: true,
            chunking: false,
            sources: None,
            timeouts: Timeouts::default(),
        }
    }
}

impl Sources {
    /// So many addresses from this one on; at least one.
    #[must_use]
    pub fn new(first: Ipv4Addr, count: u32) -> Sources {
        Sources { first: first.into(), count: count.max(1), taken: Arc::default() }
    }

    /// The address whose turn it is.
    pub(super) fn next(&self) -> Ipv4Addr {
        let turn = self.taken.fetch_add(1, Ordering::Relaxed) % u64::from(self.count);
        // Smaller than the count, which is a `u32`.
        Ipv4Addr::from(self.first.wrapping_add(turn as u32))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} addresses from {}", self.count, Ipv4Addr::from(self.first))
    }
}
