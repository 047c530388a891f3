//! mailbench: load testing and chaos simulation for mail pipelines.
//!
//! The modules stand in the order in which data flows. A module uses only modules above it,
//! and the actors (`traffic`, `relay`, `targets`, `sink`) never use one another; `tests/tidy.rs`
//! holds both rules.

pub mod limits;
pub mod escape;
pub mod files;
pub mod clock;
pub mod shortage;
pub mod seed;
pub mod quantity;
pub mod grammar;
pub mod disk;
pub mod probe;
pub mod smtp;
pub mod fault;
pub mod queue;
pub mod ledger;
pub mod metric;
pub mod scenario;
pub mod plan;
pub mod maillog;
pub mod traffic;
pub mod relay;
pub mod targets;
pub mod sink;
pub mod measure;
pub mod simulate;
pub mod report;
pub mod run;
pub mod conformance;
pub mod cli;
