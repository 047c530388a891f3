//! The sink's certificates, made when it starts: an authority of its own, what that vouches for,
//! and what a `tls` fault shows instead. No key is ever written to disk.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use tokio_rustls::TlsAcceptor;

use crate::fault::tls::TlsFault;
use crate::smtp::server_tls::{TlsError, acceptor};

/// What each certificate is for, beside the sink's address.
const NAMES: [&str; 2] = ["sink.mailbench.test", "localhost"];

/// What the sink shows in a TLS handshake.
pub struct Identity {
    authority: String,
    good: TlsAcceptor,
    expired: TlsAcceptor,
    self_signed: TlsAcceptor,
}

impl Identity {
    /// Makes certificates for a sink at this address.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn make(address: IpAddr) -> Result<Identity, TlsError> {
        let key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "mailbench sink, for tests only");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = authority.self_signed(&key)?;
        let issuer = Issuer::new(authority, key);

        let own = KeyPair::generate()?;
        let good = subject(address)?.signed_by(&own, &issuer)?.der().clone();
        let mut past = subject(address)?;
        past.not_before = date_time_ymd(2020, 1, 1);
        past.not_after = date_time_ymd(2021, 1, 1);
        let expired = past.signed_by(&own, &issuer)?.der().clone();
        let self_signed = subject(address)?.self_signed(&own)?.der().clone();
        let root_der = root.der().clone();
        Ok(Identity {
            authority: root.pem(),
            good: acceptor(vec![good, root_der.clone()], &own)?,
            expired: acceptor(vec![expired, root_der], &own)?,
            self_signed: acceptor(vec![self_signed], &own)?,
        })
    }

    /// The authority's certificate in PEM, for clients that are to trust the sink.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What is shown under this fault.
    #[must_use]
    pub fn acceptor(&self, fault: Option<TlsFault>) -> &TlsAcceptor {
        match fault {
            Some(TlsFault::Expired) => &self.expired,
            Some(TlsFault::SelfSigned) => &self.self_signed,
            _ => &self.good,
        }
    }
}

fn subject(address: IpAddr) -> Result<CertificateParams, TlsError> {
    let mut subject = CertificateParams::new(NAMES.map(str::to_owned))?;
    subject.distinguished_name.push(DnType::CommonName, NAMES[0]);
    subject.subject_alt_names.push(SanType::IpAddress(address));
    Ok(subject)
}
