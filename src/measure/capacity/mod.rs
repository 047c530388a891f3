//! Capacity: the highest rate a target sustains, found by trials at constant rates. Pure: what the
//! next trial is follows from the trials so far, so that a search can be taken up again.
//!
//! `throughput` reads what a trial delivered, `delivered` puts
//! several together, `trial` judges whether it was a good one, `classify`
//! says what trials at one rate prove (RFC 9971), `loads` puts the trials together by rate and in
//! order of time, `search` says what to try next, `doubts` what once more, `conclude` what it all comes to, `results` is the
//! shape of `capacity.json`.

pub mod classify;
pub mod conclude;
pub mod delivered;
pub mod loads;
pub mod results;
pub mod search;
pub mod throughput;
pub mod trial;
