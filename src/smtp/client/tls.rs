//! TLS as a client: whom to trust, under which name, and whether sessions are resumed.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
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

use crate::{files, limits};

/// Whose certificates are taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
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

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let wrong = |cause: String| TlsError::File(path.to_owned(), cause);
    let mut roots = RootCertStore::empty();
    let text = files::read(path, limits::CERTIFICATES).map_err(|error| wrong(error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
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
            "the server's certificate is self-signed or signed by an authority that is not trusted \
             here (UnknownIssuer): name the authority's certificate in smtp.tls_ca"
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
        // So it is after an authority was made anew, and the file of the old one kept.
        Wrong::BadSignature => {
            "the server's certificate is signed by an authority with the name of a trusted one and \
             another key (BadSignature): is the file in smtp.tls_ca up to date?"
        }
        Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers (InvalidPurpose)"
        }
        // A server's certificate by `openssl req -x509` is one of an authority, too.
        Wrong::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server's certificate is self-signed and that of an authority, which no server's may \
             be (CaUsedAsEndEntity, RFC 5280 §4.2.1.9): make one with CA:FALSE, or set \
             smtp.tls_verify = false"
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::server_tls::acceptor;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

    /// An authority, and a file that names it as trusted.
    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        trusted: tempfile::NamedTempFile,
    }

    impl Authority {
        fn new(name: &str) -> Authority {
            let mut params = CertificateParams::new(Vec::new()).expect("parameters");
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().expect("a key");
            let trusted = tempfile::NamedTempFile::new().expect("a file");
            let pem = params.self_signed(&key).expect("a certificate").pem();
            std::fs::write(trusted.path(), pem).expect("written");
            Authority { issuer: Issuer::new(params, key), trusted }
        }
    }

    fn subject() -> CertificateParams {
        CertificateParams::new(vec!["mx.test".to_owned()]).expect("parameters")
    }

    /// Why a client that expects this name, and trusts this authority, does not take a certificate.
    async fn refusal(
        name: &str,
        shown: (rcgen::Certificate, KeyPair),
        trusted: &Authority,
    ) -> String {
        let trust = Trust::File(trusted.trusted.path().to_owned());
        let client = TlsClient::new(name, &trust, true).expect("a client");
        let server = acceptor(vec![shown.0.der().clone()], &shown.1).expect("a server");
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (asked, _answered) = tokio::join!(client.handshake(near), server.accept(far));
        let Err(error) = asked else { return "taken".to_owned() };
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        in_words(inner.expect("an error of TLS"))
    }

    fn signed(
        change: impl Fn(&mut CertificateParams),
        by: &Authority,
    ) -> (rcgen::Certificate, KeyPair) {
        let (mut params, key) = (subject(), KeyPair::generate().expect("a key"));
        change(&mut params);
        (params.signed_by(&key, &by.issuer).expect("a certificate"), key)
    }

    fn self_signed(is_ca: IsCa) -> (rcgen::Certificate, KeyPair) {
        let (mut params, key) = (subject(), KeyPair::generate().expect("a key"));
        params.is_ca = is_ca;
        (params.self_signed(&key).expect("a certificate"), key)
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let [own, other, anew] = ["own", "other", "own"].map(Authority::new);
        let past = |it: &mut CertificateParams| {
            (it.not_before, it.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        };
        let future = |it: &mut CertificateParams| {
            (it.not_before, it.not_after) = (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1));
        };
        let client = |it: &mut CertificateParams| {
            it.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        };
        let authority = IsCa::Ca(BasicConstraints::Unconstrained);
        for (name, shown, words) in [
            ("mx.test", signed(|_| {}, &own), &["taken"][..]),
            ("mx.test", signed(past, &own), &["has expired", "(Expired)"]),
            ("mx.test", signed(future, &own), &["not valid yet", "(NotValidYet)", "clock"]),
            ("else.test", signed(|_| {}, &own), &["another name", "smtp.tls_name"]),
            ("127.0.0.1", signed(|_| {}, &own), &["another name", "smtp.tls_name"]),
            ("mx.test", signed(|_| {}, &other), &["not trusted", "(UnknownIssuer)", "smtp.tls_ca"]),
            ("mx.test", signed(|_| {}, &anew), &["(BadSignature)", "up to date", "smtp.tls_ca"]),
            ("mx.test", self_signed(IsCa::NoCa), &["self-signed", "smtp.tls_ca"]),
            ("mx.test", self_signed(authority), &["self-signed", "CA:FALSE", "smtp.tls_verify"]),
            ("mx.test", signed(client, &own), &["not one for servers", "(InvalidPurpose)"]),
        ] {
            let said = refusal(name, shown, &own).await;
            assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
        }
    }
}
