//! A server that holds a conversation line by line, in the clear and then under TLS, with a
//! certificate made for the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What is heard, and what is said to it. Hearing `""` waits for nothing, `"DATA…"` for content.
pub(crate) type Talk = Vec<(&'static str, &'static str)>;

/// A certificate for `localhost`, and who can prove to hold it.
pub(crate) struct Certificate {
    folder: tempfile::TempDir,
    /// The certificate as a PEM file.
    pub(crate) file: PathBuf,
    key: PathBuf,
    acceptor: TlsAcceptor,
}

impl Certificate {
    pub(crate) fn new() -> Certificate {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let key_file = folder.path().join("key.pem");
        std::fs::write(&file, made.cert.pem()).expect("written");
        std::fs::write(&key_file, made.signing_key.serialize_pem()).expect("written");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .expect("a certificate");
        Certificate { folder, file, key: key_file, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Its private key as a PEM file.
    pub(crate) fn key(&self) -> &Path {
        &self.key
    }

    /// Lets servers read both that have given up the rights they began with.
    pub(crate) fn for_all(&self) {
        use std::os::unix::fs::PermissionsExt;
        for (path, mode) in [(self.folder.path(), 0o755), (&self.file, 0o644), (&self.key, 0o644)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, permissions).expect("set");
        }
    }

    /// Talks to each of so many connections in turn: first in the clear, then, unless there is
    /// nothing more to say, under TLS. Yields what it heard, and whether each handshake was full.
    pub(crate) async fn serve(&self, clear: Talk, secured: Talk, connections: usize) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = self.acceptor.clone();
        let ended = tokio::spawn(async move {
            let mut seen = Seen::default();
            for _ in 0..connections {
                let (stream, peer) = listener.accept().await.expect("a connection");
                seen.peers.push(peer);
                one(stream, &acceptor, &clear, &secured, &mut seen).await;
            }
            seen
        });
        Served { address, ended }
    }
}

async fn one(
    mut stream: TcpStream,
    acceptor: &TlsAcceptor,
    clear: &Talk,
    secured: &Talk,
    seen: &mut Seen,
) {
    converse(&mut stream, clear, &mut seen.received).await;
    if secured.is_empty() {
        return;
    }
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let kind = stream.get_ref().1.handshake_kind();
    seen.full.push(kind == Some(rustls::HandshakeKind::Full));
    converse(&mut stream, secured, &mut seen.received).await;
}

/// A server at work.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) ended: JoinHandle<Seen>,
}

/// What it saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) received: String,
    pub(crate) full: Vec<bool>,
    pub(crate) peers: Vec<SocketAddr>,
}

async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    talk: &Talk,
    received: &mut String,
) {
    for (due, said) in talk {
        let from = received.len();
        let whole = |line: &str| match *due {
            "" => true,
            "content" => line.ends_with("\r\n.\r\n"),
            _ => line.ends_with("\r\n"),
        };
        while !whole(&received[from..]) {
            match stream.read_u8().await {
                Ok(byte) => received.push(char::from(byte)),
                Err(_) => return,
            }
        }
        let line = &received[from..];
        assert!(*due == "content" || line.starts_with(due), "{line:?} where {due:?} was due");
        if stream.write_all(said.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}
