//! What can go wrong at a sink, and with the target itself ([`chaos`]). Decides, never acts: no
//! socket, no clock, no async.
//!
//! A file for each fault: how it is written, where it can happen, its verdict, its words. `page` says
//! what such a file answers, `action` lists them. What every fault has in common, a name and a scope, is
//! read in `rule` and `scope`.

pub mod action;
pub mod chaos;
pub mod defer;
pub mod delay;
pub mod disconnect;
pub mod garble;
pub mod judge;
pub mod limit;
pub mod page;
pub mod refuse;
pub mod reject;
mod replies;
pub mod rule;
pub mod scope;
pub mod script;
pub mod stall;
pub mod throttle;
pub mod tls;

pub use judge::judge;
