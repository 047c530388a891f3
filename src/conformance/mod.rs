//! Conformance test of a target: how it handles misbehaving peers and unusual content. Each case
//! has an expectation and gets a verdict; both directions are tested, on this machine only.
//!
//! A case is a value ([`case`], [`cases`]); [`client`] and [`test_server`] run its script against
//! the target, [`judge`] derives the verdict, [`render`] writes the report. Load, latency and the
//! ledger are not used here: these cases are about single octets.

pub mod case;
pub mod cases;
pub mod client;
mod envelope;
pub mod examine;
pub mod finding;
pub mod judge;
pub mod lab;
pub mod render;
mod session;
pub mod subject;
mod terminal;
pub mod server_record;
pub mod test_server;
