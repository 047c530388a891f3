//! The system under test as a process with a life.
