//! STARTTLS and implicit TLS at the sink, and each way to break it, seen by a client that verifies
//! certificates.

use std::sync::Arc;
use std::time::Duration;

use mailbench::fault::rule::{Action, TlsFault};
use mailbench::ledger::event::{AttemptOutcome, Ending, Event};
use mailbench::sink::Settings;
use mailbench::smtp::dialogue::Extension;
use mailbench::smtp::stage::Stage;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::sink_side::{Peer, Standing, endings, mail, outcomes, rule, settings, stand};

pub(crate) fn starttls(settings: Settings) -> Settings {
    Settings { extensions: Some(vec![Extension::StartTls, Extension::Pipelining]), ..settings }
}

async fn broken(fault: TlsFault) -> Standing {
    stand(starttls(settings(vec![rule(fault.stage(), Action::Tls(fault))]))).await
}

/// A client that trusts the sink's authority and nobody else.
fn connector(standing: &Standing) -> TlsConnector {
    let authority = standing.sink.authority().expect("a sink with TLS");
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM");
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

pub(crate) async fn handshake(
    standing: &Standing,
    stream: TcpStream,
) -> std::io::Result<Peer<TlsStream<TcpStream>>> {
    let name = ServerName::try_from("sink.mailbench.test").expect("a name");
    Ok(Peer { stream: connector(standing).connect(name, stream).await? })
}

/// Past banner, EHLO and the go-ahead.
pub(crate) async fn going_ahead(standing: &Standing) -> TcpStream {
    let mut peer = standing.greeted().await;
    assert_eq!(peer.ask("STARTTLS").await, 220);
    peer.stream
}

#[tokio::test]
async fn mail_arrives_under_starttls() {
    let standing = stand(starttls(settings(Vec::new()))).await;
    let stream = going_ahead(&standing).await;
    let mut peer = handshake(&standing, stream).await.expect("a handshake");
    assert_eq!(peer.ask(&mail(0)).await, 503, "what was said before counts for nothing");
    peer.say(b"EHLO peer.test\r\n").await;
    assert!(!peer.hear().await.contains("STARTTLS"), "it is there already");
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(peer.ask("QUIT").await, 221);
    drop(peer);
    standing.at_rest().await;
    let events = standing.events().await;
    let taken = (0, 1, Stage::EndOfData, AttemptOutcome::Taken, None);
    assert_eq!(outcomes(&events), [taken]);
    assert!(events.iter().any(|event| matches!(event, Event::Confirmed { .. })));
    assert_eq!(endings(&events), [(Stage::Quit, Ending::Quit)]);
}

#[tokio::test]
async fn mail_arrives_under_implicit_tls() {
    let standing = stand(Settings { implicit_tls: true, ..settings(Vec::new()) }).await;
    let stream = TcpStream::connect(standing.sink.address()).await.expect("a connection");
    let mut peer = handshake(&standing, stream).await.expect("a handshake");
    assert_eq!(peer.code().await, 220);
    assert_eq!(peer.ask("EHLO peer.test").await, 250);
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
}

/// The sink gives the buffer of a silent peer back; what that says later is heard all the same.
#[tokio::test]
async fn a_peer_that_pauses_is_read_afterwards() {
    let pause = mailbench::limits::SINK_BUFFER_HELD + Duration::from_millis(400);
    let standing = stand(starttls(settings(Vec::new()))).await;
    let stream = going_ahead(&standing).await;
    let mut secured = handshake(&standing, stream).await.expect("a handshake");
    let mut plain = standing.greeted().await;
    let (first, last) = (&b"EHLO pee"[..], &b"r.test\r\n"[..]);
    for part in [first, last] {
        tokio::time::sleep(pause).await;
        plain.say(part).await;
        secured.say(part).await;
    }
    assert_eq!((plain.code().await, secured.code().await), (250, 250));
    assert_eq!(plain.send(0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(secured.send(1, "a.test").await, [250, 250, 354, 250]);
}

#[tokio::test]
async fn what_was_said_before_the_handshake_is_dropped() {
    let standing = stand(starttls(settings(Vec::new()))).await;
    let mut peer = standing.greeted().await;
    peer.say(b"STARTTLS\r\nEHLO in.between\r\n").await;
    assert_eq!(peer.code().await, 220);
    let mut peer = handshake(&standing, peer.stream).await.expect("a handshake");
    assert_eq!(peer.ask(&mail(0)).await, 503, "the EHLO of somebody in between was taken");
}

#[tokio::test]
async fn certificates_that_are_no_good_are_refused_by_a_client_that_looks() {
    for (fault, says) in [(TlsFault::Expired, "Expired"), (TlsFault::SelfSigned, "UnknownIssuer")] {
        let standing = broken(fault).await;
        let stream = going_ahead(&standing).await;
        let error = handshake(&standing, stream).await.err().expect("a refusal").to_string();
        assert!(error.contains(says) || error.contains("expired"), "{fault:?}: {error}");
        standing.at_rest().await;
        let events = standing.events().await;
        assert_eq!(endings(&events), [(Stage::Starttls, Ending::TlsFailed)], "{fault:?}");
        let struck = |event: &&Event| matches!(event, Event::Struck { fault: 0, .. });
        assert_eq!(events.iter().filter(struck).count(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_handshake_stalls_until_the_client_leaves() {
    let standing = broken(TlsFault::HandshakeStall).await;
    let stream = going_ahead(&standing).await;
    let shake = handshake(&standing, stream);
    assert!(tokio::time::timeout(Duration::from_millis(400), shake).await.is_err());
    assert_eq!(standing.sink.sessions(), 1, "the connection stays open");
    standing.at_rest().await;
    let ended = endings(&standing.events().await);
    assert_eq!(ended, [(Stage::Starttls, Ending::PeerFin)]);
}

#[tokio::test]
async fn an_offer_is_withheld_from_the_first_to_the_last() {
    let standing = broken(TlsFault::NotOffered).await;
    let mut peer = standing.connect().await;
    assert_eq!(peer.code().await, 220);
    peer.say(b"EHLO peer.test\r\n").await;
    let offer = peer.hear().await;
    assert!(offer.contains("PIPELINING") && !offer.contains("STARTTLS"), "{offer}");
    assert_eq!(peer.ask("STARTTLS").await, 502);
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
}
