//! The client side of SMTP: a connection, and transactions over it.
//!
//! Knows nothing of traffic or queues: the generator and the relay's delivery both submit through
//! it. What the peer does (replies, closes, silence) is returned as data. mail-send
//! answers challenges, in [`login`] only (SCRAM's are [`super::scram`]'s).

pub mod capabilities;
pub mod connection;
pub mod login;
pub mod opening;
pub mod outcome;
pub mod peer;
pub mod timeouts;
pub mod tls;
pub mod trace;
pub mod transaction;

mod lines;
mod mail;
mod login_scram;
mod progress;
mod reply_reader;
mod wire;

pub use crate::smtp::content::stuffed;
pub use crate::smtp::envelope::{Notify, Ret};
pub use crate::smtp::mechanism::Mechanism;
pub use capabilities::Capabilities;
pub use connection::Connection;
pub use login::Login;
pub use mail::{Content, Mail, Options};
pub use opening::{Opened, Opening, connect, connect_traced};
pub use outcome::{Cause, Outcome};
pub use peer::{Peer, Protocol, Sources, Tls};
pub use timeouts::Timeouts;
pub use tls::{TlsClient, TlsError, Trust};
pub use trace::Trace;
pub use transaction::Transacted;
