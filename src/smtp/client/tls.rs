//! TLS as a client: whom to trust, under which name, and whether sessions are resumed.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whose certificates are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Anybody's.
    Any,
    /// Those the system trusts.
    System,
    /// Those signed by the certificates in this PEM file.
    File(PathBuf),
}

/// What TLS needs besides a socket. Cheap to clone.
#[derive(Clone)]
pub struct TlsClient {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The name is none.
    #[error("`{0}` is not a name that a certificate can have")]
    Name(String),
    /// The file of certificates cannot be used.
    #[error("the certificates in {0} cannot be used: {1}")]
    File(PathBuf, String),
    /// No provider, no system certificates.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl TlsClient {
    /// A client that expects this name, trusts these, and resumes sessions or makes every
    /// handshake a full one.
    ///
    /// # Errors
    /// When the name is none, or the certificates cannot be read.
    pub fn new(name: &str, trust: &Trust, resumption: bool) -> Result<TlsClient, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match trust {
            Trust::Any => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(TrustsAnybody(provider))),
            Trust::System => builder.with_platform_verifier()?,
            Trust::File(path) => builder.with_root_certificates(roots(path)?),
        };
        let mut config = builder.with_no_client_auth();
        if !resumption {
            config.resumption = Resumption::disabled();
        }
        let expected = ServerName::try_from(name.to_owned());
        Ok(TlsClient {
            connector: TlsConnector::from(Arc::new(config)),
            name: expected.map_err(|_| TlsError::Name(name.to_owned()))?,
        })
    }

    /// The same client for a server that is known by its address alone, which is not told it.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> TlsClient {
        TlsClient { connector: self.connector.clone(), name: ServerName::from(address) }
    }

    /// The client's part of a handshake.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> std::io::Result<TlsStream<S>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS with {:?}", self.name)
    }
}

fn roots(path: &PathBuf) -> Result<RootCertStore, TlsError> {
    let wrong = |cause: String| TlsError::File(path.clone(), cause);
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("there are none".to_owned())) } else { Ok(roots) }
}

/// Why a handshake failed, for people: what is wrong with a certificate, and what helps.
pub(super) fn in_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else { return error.to_string() };
    let words = match wrong {
        Wrong::UnknownIssuer => {
            "the server's certificate is not signed by an authority that is trusted here \
             (UnknownIssuer): name it in smtp.tls_ca"
        }
        Wrong::Expired | Wrong::ExpiredContext { .. } => {
            "the server's certificate has expired (Expired)"
        }
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet (NotValidYet): is the clock right?"
        }
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "the server's certificate is for another name (NotValidForName): smtp.tls_name is the \
             name it is expected to have"
        }
        Wrong::Revoked => "the server's certificate is revoked (Revoked)",
        Wrong::BadEncoding | Wrong::UnhandledCriticalExtension => {
            "the server's certificate cannot be read (BadEncoding)"
        }
        Wrong::BadSignature => "the server's certificate has a wrong signature (BadSignature)",
        Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers (InvalidPurpose)"
        }
        _ => return error.to_string(),
    };
    words.to_owned()
}

/// Takes any certificate, but only from who holds its key.
#[derive(Debug)]
struct TrustsAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustsAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
