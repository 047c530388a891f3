//! One binary for all tests that cross module borders; one file a promise.

mod journals;
mod lost_connection;
mod planted_faults_are_found;
mod scripted;
mod submission;
