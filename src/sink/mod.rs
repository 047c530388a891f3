//! The destinations: listener, sessions, enacting what the judge decided.
