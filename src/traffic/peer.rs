//! How a scenario wants the target talked to, with what a scenario does not hold: the password
//! out of the environment, certificates out of their file.

use std::net::SocketAddr;

use crate::scenario::model::{LoginTerms, Submission, TlsTerms};
use crate::smtp::client::{Login, Mechanism, Peer, Sources, Tls, TlsClient, TlsError};
use crate::smtp::scram::Password;

/// Our name in EHLO.
const NAME: &str = "traffic.mailbench.test";

/// Why the target cannot be talked to as the scenario wants it.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The environment has no password.
    #[error(
        "the environment variable {0} is not set: `smtp.auth.password_env` names it as the holder \
         of the password"
    )]
    NoPassword(String),
    /// What is there is no password.
    #[error(
        "the environment variable {0} holds what SCRAM cannot take for a password (RFC 4013): use \
         one without control characters, or another `smtp.auth.mechanism`"
    )]
    StrangePassword(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The target at `address`, talked to so.
///
/// # Errors
/// When the environment or a file does not have what the scenario names.
pub fn peer(submission: &Submission, address: SocketAddr) -> Result<Peer, PeerError> {
    Ok(Peer {
        protocol: submission.protocol,
        tls: submission.tls.as_ref().map_or(Ok(Tls::None), tls)?,
        login: submission.login.as_ref().map(login).transpose()?,
        pipelining: submission.pipelining,
        chunking: submission.chunking,
        sources: submission.sources.map(|range| {
            let (first, count) = range.span();
            Sources::new(first, count)
        }),
        timeouts: submission.timeouts,
        ..Peer::new(address, NAME)
    })
}

fn tls(terms: &TlsTerms) -> Result<Tls, PeerError> {
    let client = TlsClient::new(&terms.name, &terms.trust, terms.resumption)?;
    Ok(if terms.implicit { Tls::Implicit(client) } else { Tls::Starttls(client) })
}

fn login(terms: &LoginTerms) -> Result<Login, PeerError> {
    let password = std::env::var(&terms.password_env).ok().filter(|value| !value.is_empty());
    let password = password.ok_or_else(|| PeerError::NoPassword(terms.password_env.clone()))?;
    if terms.mechanism == Mechanism::ScramSha256 && Password::prepared(&password).is_none() {
        return Err(PeerError::StrangePassword(terms.password_env.clone()));
    }
    Ok(Login::new(terms.mechanism, terms.user.clone(), password))
}
