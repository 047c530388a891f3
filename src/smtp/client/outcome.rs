//! What became of a recipient, and why a connection was lost.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::shortage::Shortage;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// What became of one recipient of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connection was lost before RCPT was sent.
    NotSent {
        /// Where.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
    /// 4yz or 5yz.
    Refused {
        /// To what.
        stage: Stage,
        /// The reply.
        reply: Reply,
    },
    /// The connection was lost, or the peer left the protocol, before any byte of the final
    /// CRLF.CRLF was given to the kernel: as refused with 451 (RFC 5321 §3.8).
    Broken {
        /// Where.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
    /// A complete 2yz reply to end-of-data: the peer is responsible now (RFC 5321 §4.2.5).
    Accepted {
        /// The reply.
        reply: Reply,
    },
    /// A byte of the final CRLF.CRLF or more was sent and no reply to it was understood: neither
    /// success nor failure (RFC 1047).
    Indeterminate {
        /// Why.
        cause: Cause,
    },
}

/// Why a connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing came, or nothing could be written, for this long.
    TimedOut(Duration),
    /// The peer closed it.
    Closed,
    /// The peer closed it in the middle of a reply.
    HalfReply,
    /// What came is no reply.
    NotAReply,
    /// A reply that the protocol does not allow there, or whose first digit is not 2 to 5
    /// (RFC 5321 §4.2).
    Unexpected(Reply),
    /// The kernel says so.
    Io(io::ErrorKind),
    /// The system did not give us what the connection needs: nothing that the peer did.
    Shortage(Shortage),
    /// The TLS handshake failed.
    Tls(String),
    /// Something came in the clear between the reply to STARTTLS and the handshake, where it could
    /// pass for part of what is said under TLS.
    Injected,
    /// What the mail or the user needs, the server does not offer.
    NotOffered(&'static str),
    /// The server let us in and did not prove that it knows the password, as SCRAM has it do.
    Unproved,
}

impl Cause {
    /// What an error on the connection means.
    #[must_use]
    pub fn of(error: &io::Error) -> Cause {
        Shortage::of(error).map_or_else(|| Cause::Io(error.kind()), Cause::Shortage)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::NotSent { stage, cause } => write!(f, "not sent, {cause} at {stage}"),
            Outcome::Refused { stage, reply } => write!(f, "refused at {stage}: {reply}"),
            Outcome::Broken { stage, cause } => write!(f, "broken off, {cause} at {stage}"),
            Outcome::Accepted { reply } => write!(f, "accepted: {reply}"),
            Outcome::Indeterminate { cause } => write!(f, "no answer to the final dot, {cause}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::TimedOut(after) => write!(f, "timed out after {after:?}"),
            Cause::Closed => f.write_str("closed by the peer"),
            Cause::HalfReply => f.write_str("closed by the peer in the middle of a reply"),
            Cause::NotAReply => f.write_str("the response is not an SMTP reply"),
            Cause::Unexpected(reply) => write!(f, "unexpected reply {reply}"),
            Cause::Io(kind) => write!(f, "{kind}"),
            Cause::Shortage(what) => write!(f, "mailbench is {what}"),
            Cause::Tls(reason) => write!(f, "no TLS: {reason}"),
            Cause::Injected => f.write_str("data arrived before the TLS handshake"),
            Cause::NotOffered(what) => write!(f, "the server does not offer {what}"),
            Cause::Unproved => f.write_str("the server did not prove that it knows the password"),
        }
    }
}
