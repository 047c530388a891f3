//! What one line of a log says about one message, whichever MTA wrote it.

/// How a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From another host.
    Remote,
    /// From this host: by a loopback address, or from a local program.
    Local,
    /// The MTA made it itself: a bounce, a notification.
    Itself,
}

/// What a line says of the message with this identifier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record<'a> {
    /// The MTA's queue identifier.
    pub(super) id: &'a str,
    /// What it says.
    pub(super) fact: Fact<'a>,
}

/// One fact about a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fact<'a> {
    /// It came in. What the same line says beside that is known.
    Arrived {
        /// From where.
        source: Source,
        /// Its size in bytes.
        bytes: Option<u64>,
        /// Its Message-ID.
        message_id: Option<&'a str>,
    },
    /// Its Message-ID.
    MessageId(&'a str),
    /// Its size in bytes.
    Size(u64),
    /// It was tried, or delivered, to this address; `None`: it was thrown away.
    Tried {
        /// The address the MTA sent it to.
        address: Option<&'a str>,
        /// Seconds since it had come in.
        age_s: Option<f64>,
        /// The next hop's name for it.
        queued_as: Option<QueuedAs<'a>>,
    },
    /// It was refused when it had been received.
    Refused,
    /// The MTA is done with it.
    Done,
}

/// What the next hop called a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct QueuedAs<'a> {
    /// Its identifier.
    pub(super) id: &'a str,
    /// Whether the next hop is on this host: a content filter.
    pub(super) local: bool,
}

/// Whether a client or next hop, as logs name it, is this host.
pub(super) fn is_local(host: &str) -> bool {
    ["[127.", "[::1]", "[IPv6:::1]", "[unix:", "[local"].iter().any(|mark| host.contains(mark))
        || ["localhost", "127.", "local", "private/", "unix:"]
            .iter()
            .any(|mark| host.starts_with(mark))
}
