//! Capacity: the highest rate a target sustains, found by trials at constant rates. Pure: what the
//! next trial is follows from the trials so far, so that a search can be taken up again.
//!
//! `classify` says what trials at one rate prove (RFC 9971), `search` what to try next, `trial`
//! whether a run was a good one, `conclude` what it all comes to, `results` is the shape of `capacity.json`.

pub mod classify;
pub mod conclude;
pub mod results;
pub mod search;
pub mod trial;
