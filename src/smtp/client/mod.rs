//! The client side of SMTP: a connection, and transactions over it.
//!
//! Knows nothing of traffic or queues: the generator and the relay's delivery both submit through
//! it. What the peer does (replies, closes, silence) is returned as data. mail-send reads the
//! replies and is named in [`connection`] only.

pub mod connection;
pub mod outcome;
pub mod timeouts;
pub mod transaction;

mod progress;
mod wire;

pub use crate::smtp::content::stuffed;
pub use connection::{Connection, Opened, Opening, Peer, connect};
pub use outcome::{Cause, Outcome};
pub use timeouts::Timeouts;
pub use transaction::{Mail, Transacted};
