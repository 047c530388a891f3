//! Destinations beside one another: fairness, isolation, and what comes at once when one recovers.

pub mod fairness;
pub mod isolation;
pub mod thundering_herd;
