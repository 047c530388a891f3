//! The scenario: what a run asks. TOML in, [`Scenario`] out, or an error that shows the line.
//!
//! Two steps: as written (`file`), as meant ([`Scenario`]). Everything after this module works
//! with the meant form, in which a contradiction cannot be said.

pub mod model;
