//! One binary for all tests that cross module borders; one file a promise.
