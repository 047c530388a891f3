//! The password that SCRAM works with at the sink: the one that the scenario logs in with.

use crate::scenario::model::LoginTerms;
use crate::smtp::scram::Password;
use crate::smtp::scram::server::Stored;

/// What the sink keeps of it; `None`: there is none in the environment, or none that SCRAM takes.
#[must_use]
pub fn stored(login: Option<&LoginTerms>) -> Option<Stored> {
    let text = std::env::var(&login?.password_env).ok()?;
    Password::prepared(&text).as_ref().map(Stored::of)
}
