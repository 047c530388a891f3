//! The embedded store-and-forward MTA: intake, durable queue, delivery. Its own process.
//!
//! `intake` and `session` take mail, the `committer` alone writes the `store` and hands on what is
//! safe, the `dispatcher` gives slots, `delivery` makes one attempt, `settle` decides what follows
//! and `dsn` words the report. When and in which order is the policy of `queue`.

pub mod budget;
pub mod committer;
mod content;
mod context;
pub mod delivery;
pub mod dispatcher;
pub mod dsn;
pub mod idle;
pub mod intake;
pub mod mail;
pub mod next_hop;
pub mod reader;
pub mod rows;
pub mod server;
mod session;
pub mod settle;
pub mod store;
pub mod trace;
pub mod wall;

/// The name the relay goes by in EHLO, trace headers and reports.
pub const HOST_NAME: &str = "relay.mailbench.test";
