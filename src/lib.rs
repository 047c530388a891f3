//! mailbench: load testing and chaos simulation for mail pipelines.
//!
//! The modules stand in the order in which data flows. A module uses only modules above it,
//! and the actors (`traffic`, `relay`, `targets`, `sink`) never use one another; `tests/tidy.rs`
//! holds both rules.

pub mod cli;
pub mod clock;
pub mod conformance;
pub mod escape;
pub mod fault;
pub mod files;
pub mod ledger;
pub mod limits;
pub mod maillog;
pub mod measure;
pub mod metric;
pub mod plan;
pub mod probe;
pub mod quantity;
pub mod queue;
pub mod relay;
pub mod report;
pub mod run;
pub mod scenario;
pub mod seed;
pub mod shortage;
pub mod simulate;
pub mod sink;
pub mod smtp;
pub mod targets;
pub mod traffic;
