//! One binary for all tests that cross module borders; one file a promise.

mod lost_connection;
mod scripted;
mod submission;
