//! One binary for all tests that cross module borders; one file a promise.

mod lost_connection;
mod scenario_errors;
mod scenario_grammar;
mod scenario_hostile;
mod scenario_schema;
mod scripted;
mod submission;
