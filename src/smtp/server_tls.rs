//! What a server needs for TLS: a certificate, and who can prove to hold it. No key is ever written
//! to disk.

use std::sync::Arc;

use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// After STARTTLS (RFC 3207).
    Starttls,
    /// With the first byte (RFC 8314).
    Implicit,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// They could not be made.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// They are not what TLS wants.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// A server that shows this chain, and holds this key.
///
/// # Errors
/// When the two do not fit.
pub fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
) -> Result<TlsAcceptor, TlsError> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A server that vouches for itself under these names.
///
/// # Errors
/// When no certificate can be made.
pub fn self_signed(names: &[&str]) -> Result<TlsAcceptor, TlsError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names)?;
    acceptor(vec![made.cert.der().clone()], &made.signing_key)
}
