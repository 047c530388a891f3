//! What a session at the sink holds whose peer came to mid-content and says nothing more.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::ledger::Ledger;
use mailbench::sink::{self, Settings, Sink};
use mailbench::smtp::dialogue::Extension;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Longer than the sink keeps a buffer for a peer that says nothing.
const STALL: Duration = Duration::from_millis(1_500);

/// Opens so many sessions and lets them stall; `held` tells what is allocated: before, and then.
pub(crate) fn stall(sessions: usize, secured: bool, held: impl Fn() -> i64) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
        let settings = Settings {
            extensions: Some(vec![Extension::StartTls, Extension::Pipelining]),
            ..Settings::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        };
        let sink = sink::start(settings, Clock::start(), ledger).await.expect("a sink");
        let connector = connector(&sink);
        // What is made once and kept is made by the first.
        let first = open(&sink, secured.then_some(&connector)).await;
        tokio::time::sleep(STALL).await;
        let before = held();
        let mut peers = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            peers.push(open(&sink, secured.then_some(&connector)).await);
        }
        tokio::time::sleep(STALL).await;
        let grown = held() - before;
        drop((first, peers));
        sink.stop().await;
        grown
    })
}

/// A session in mid-content. Of the peer only its socket is kept.
async fn open(sink: &Sink, connector: Option<&TlsConnector>) -> TcpStream {
    let mut stream = TcpStream::connect(sink.address()).await.expect("a connection");
    hear(&mut stream, "220 ").await;
    let Some(connector) = connector else {
        begin(&mut stream).await;
        return stream;
    };
    stream.write_all(b"EHLO peer.test\r\nSTARTTLS\r\n").await.expect("written");
    hear(&mut stream, "\n220 ").await;
    let name = ServerName::try_from("localhost").expect("a name");
    let mut secured = connector.connect(name, stream).await.expect("a handshake");
    begin(&mut secured).await;
    secured.into_inner().0
}

async fn begin(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) {
    let lines = b"EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n";
    stream.write_all(lines).await.expect("written");
    hear(stream, "\n354 ").await;
    stream.write_all(b"Subject: half a message\r\n\r\nand no more").await.expect("written");
    stream.flush().await.expect("written");
}

async fn hear(stream: &mut (impl AsyncReadExt + Unpin), code: &str) {
    let (mut heard, mut room) = (String::new(), [0; 1024]);
    while !heard.contains(code) {
        let read = stream.read(&mut room).await.expect("a reply");
        assert_ne!(read, 0, "closed after {heard}");
        heard.push_str(&String::from_utf8_lossy(&room[..read]));
    }
}

fn connector(sink: &Sink) -> TlsConnector {
    let authority = sink.authority().expect("a sink with TLS");
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM");
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(std::sync::Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(std::sync::Arc::new(config))
}
