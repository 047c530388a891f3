//! A connection in lines, in the clear and then under TLS, for either side.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig};
use rustls::{ServerConnection, SignatureScheme, StreamOwned};

/// What the MTA shows, and takes, under TLS.
pub(super) struct Keys {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Keys {
    pub(super) fn new() -> Keys {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .expect("a certificate");
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Opportunistic))
            .with_no_client_auth();
        Keys { server: Arc::new(server), client: Arc::new(client) }
    }
}

/// Takes every certificate (RFC 7435).
#[derive(Debug)]
struct Opportunistic;

impl ServerCertVerifier for Opportunistic {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

trait Channel: Read + Write + Send {}

impl<T: Read + Write + Send> Channel for T {}

/// One end of a connection. `None` from any of its functions: the connection has ended.
pub(super) struct Wire {
    pub(super) socket: TcpStream,
    channel: Box<dyn Channel>,
    read: Vec<u8>,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> Option<Wire> {
        socket.set_nodelay(true).ok()?;
        let channel = Box::new(socket.try_clone().ok()?);
        Some(Wire { socket, channel, read: Vec::new() })
    }

    /// Goes on under TLS as the server; what came before is dropped (CVE-2011-0411).
    pub(super) fn secure_as_server(&mut self, keys: &Keys) -> Option<()> {
        let connection = ServerConnection::new(Arc::clone(&keys.server)).ok()?;
        self.channel = Box::new(StreamOwned::new(connection, self.socket.try_clone().ok()?));
        self.read.clear();
        Some(())
    }

    /// Goes on under TLS as the client.
    pub(super) fn secure_as_client(&mut self, keys: &Keys) -> Option<()> {
        let name = ServerName::try_from("localhost").ok()?;
        let connection = ClientConnection::new(Arc::clone(&keys.client), name).ok()?;
        self.channel = Box::new(StreamOwned::new(connection, self.socket.try_clone().ok()?));
        self.read.clear();
        Some(())
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.channel.write_all(bytes).ok()?;
        self.channel.flush().ok()
    }

    /// Reads more; how many bytes have been read and not used.
    fn more(&mut self) -> Option<usize> {
        let mut room = [0; 16 * 1024];
        let read = self.channel.read(&mut room).ok().filter(|read| *read > 0)?;
        self.read.extend_from_slice(&room[..read]);
        Some(self.read.len())
    }

    /// The next bytes up to and including this mark.
    fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memmem::find(&self.read[searched..], mark) {
                return Some(self.read.drain(..searched + at + mark.len()).collect());
            }
            searched = self.read.len().saturating_sub(mark.len());
            self.more()?;
        }
    }

    /// The next line, its line end taken off.
    pub(super) fn line(&mut self) -> Option<String> {
        let line = self.until(b"\r\n")?;
        Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }

    /// Content up to the final dot, its stuffing taken off.
    pub(super) fn content(&mut self) -> Option<Vec<u8>> {
        let mut text = self.until(b"\r\n.\r\n")?;
        text.truncate(text.len() - 3);
        let mut plain = Vec::with_capacity(text.len());
        let mut at_line_start = true;
        for (place, byte) in text.iter().enumerate() {
            if !(at_line_start && *byte == b'.') {
                plain.push(*byte);
            }
            at_line_start = text[..=place].ends_with(b"\r\n");
        }
        Some(plain)
    }

    /// What there is of a content when so many bytes have come.
    pub(super) fn beginning(&mut self, bytes: usize) -> Option<Vec<u8>> {
        while self.read.len() < bytes {
            self.more()?;
        }
        Some(self.read.drain(..bytes).collect())
    }

    /// The next reply: its code and all its text.
    pub(super) fn reply(&mut self) -> Option<(u16, String)> {
        let mut text = String::new();
        loop {
            let line = self.line()?;
            let code = line.get(..3)?.parse().ok()?;
            text.push_str(line.get(4..).unwrap_or_default());
            text.push('\n');
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some((code, text));
            }
        }
    }

    /// Sends a command and reads the reply to it.
    pub(super) fn ask(&mut self, command: &str) -> Option<(u16, String)> {
        self.send(format!("{command}\r\n").as_bytes())?;
        self.reply()
    }

    /// Ends the connection so that the peer sees a reset.
    pub(super) fn reset(self) {
        // Without lingering, close is a reset.
        let _anyway =
            socket2::SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Ends the connection in order.
    pub(super) fn close(self) {
        let _anyway = self.socket.shutdown(Shutdown::Both);
    }
}
