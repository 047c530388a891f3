//! How a target bears bad peers and bad content: cases with an expectation each, played in both
//! directions, and a verdict for each. On this machine only.
//!
//! A case is a value ([`case`], [`cases`]); [`client`] and [`far_end`] play it, [`judge`] says what
//! it came to, [`render`] shows it. Nothing is measured here, and the ledger has no part in it:
//! what is asked is what single octets do.

pub mod case;
pub mod cases;
pub mod client;
pub mod examine;
pub mod far_end;
pub mod finding;
pub mod judge;
pub mod lab;
pub mod render;
mod session;
pub mod subject;
