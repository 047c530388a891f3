//! Every extension a client can use is used as its standard says, where it is wanted and offered,
//! and not where it is not. TLS and log-in are never quietly left out.

use std::net::Ipv4Addr;

use mailbench::clock::Clock;
use mailbench::smtp::client::{
    Cause, Content, Login, Mail, Mechanism, Opened, Opening, Options, Outcome, Peer, Protocol,
    Sources, Tls, TlsClient, Transacted, Trust, connect,
};
use mailbench::smtp::stage::Stage;

use crate::scripted::Act::{self, Hear, HearBytes, HearContent, Say};
use crate::scripted::{GREETING, opened, peer, play, refused};
use crate::secured::{Certificate, Served, Talk};

const HELLO: (&str, &str) = ("EHLO", "250-a.test\r\n250 STARTTLS\r\n");
const BYE: (&str, &str) = ("QUIT", "221 bye\r\n");

fn tls(trust: &Trust, name: &str, resumption: bool) -> TlsClient {
    TlsClient::new(name, trust, resumption).expect("TLS")
}

fn anybody() -> TlsClient {
    tls(&Trust::Any, "localhost", true)
}

async fn opening(peer: &Peer) -> Opening {
    connect(peer, Clock::start()).await
}

/// Where and why there was no connection.
async fn failure(peer: &Peer) -> (Stage, Cause) {
    match opening(peer).await.opened {
        Opened::Failed { stage, cause } => (stage, cause),
        Opened::Refused { stage, reply } => panic!("refused at {stage}: {reply}"),
        Opened::Ready(_) => panic!("opened"),
    }
}

async fn starttls(certificate: &Certificate, connections: usize) -> Served {
    let clear = vec![("", "220 a.test\r\n"), HELLO, ("STARTTLS", "220 go ahead\r\n")];
    let secured = vec![("EHLO", "250-a.test\r\n250 PIPELINING\r\n"), BYE];
    certificate.serve(clear, secured, connections).await
}

#[tokio::test]
async fn starttls_is_followed_by_a_second_ehlo_and_is_timed() {
    let server = starttls(&Certificate::new(), 1).await;
    let peer = Peer { tls: Tls::Starttls(anybody()), ..peer(server.address) };
    let Opening { stages, opened } = opening(&peer).await;
    let stages: Vec<Stage> = stages.into_iter().map(|(stage, _)| stage).collect();
    use Stage::{Banner, Connect, Ehlo, Starttls};
    assert_eq!(stages, [Connect, Banner, Ehlo, Starttls, Ehlo]);
    let Opened::Ready(mut connection) = opened else { panic!("not opened") };
    assert!(connection.capabilities().pipelining, "what is offered under TLS");
    assert!(!connection.capabilities().starttls, "what was offered before it is forgotten");
    assert!(connection.ready_again().await, "a ticket of the server's is no word of the server's");
    connection.quit().await;
    let seen = server.ended.await.expect("a whole conversation");
    assert!(seen.received.ends_with("QUIT\r\n"), "{}", seen.received);
}

#[tokio::test]
async fn without_starttls_on_offer_nothing_goes_in_the_clear() {
    let (address, played) = play(GREETING.to_vec()).await;
    let peer = Peer { tls: Tls::Starttls(anybody()), ..peer(address) };
    let cause = Cause::NotOffered("STARTTLS");
    assert_eq!(failure(&peer).await, (Stage::Starttls, cause));
    assert_eq!(played.await.expect("a whole script"), "EHLO me.test\r\n");
}

#[tokio::test]
async fn what_is_slipped_in_before_the_handshake_ends_the_connection() {
    let clear =
        vec![("", "220 a.test\r\n"), HELLO, ("STARTTLS", "220 go\r\n250-a.test\r\n250 X\r\n")];
    let server = Certificate::new().serve(clear, Vec::new(), 1).await;
    let peer = Peer { tls: Tls::Starttls(anybody()), ..peer(server.address) };
    assert_eq!(failure(&peer).await, (Stage::Starttls, Cause::Injected));
}

#[tokio::test]
async fn implicit_tls_comes_before_the_banner() {
    let talk = vec![("", "220 a.test\r\n"), ("EHLO", "250 a.test\r\n"), BYE];
    let server = Certificate::new().serve(Vec::new(), talk, 1).await;
    let peer = Peer { tls: Tls::Implicit(anybody()), ..peer(server.address) };
    let Opening { stages, opened } = opening(&peer).await;
    let stages: Vec<Stage> = stages.into_iter().map(|(stage, _)| stage).collect();
    assert_eq!(stages, [Stage::Connect, Stage::Starttls, Stage::Banner, Stage::Ehlo]);
    let Opened::Ready(connection) = opened else { panic!("not opened") };
    connection.quit().await;
    server.ended.await.expect("a whole conversation");
}

#[tokio::test]
async fn certificates_are_verified_where_that_is_asked_for() {
    let certificate = Certificate::new();
    let trusted = Trust::File(certificate.file().to_owned());
    let other = Trust::File(Certificate::new().file().to_owned());
    assert!(matches!(&other, Trust::File(path) if !path.exists()), "its folder is gone");
    assert!(TlsClient::new("localhost", &other, true).is_err(), "a file that is not there");
    for (trust, name, good) in [
        (Trust::Any, "else.test", true),
        (trusted.clone(), "localhost", true),
        (trusted, "else.test", false),
        (Trust::System, "localhost", false),
    ] {
        let server = starttls(&certificate, 1).await;
        let peer = Peer { tls: Tls::Starttls(tls(&trust, name, true)), ..peer(server.address) };
        match opening(&peer).await.opened {
            Opened::Ready(_) => assert!(good, "{trust:?} {name}"),
            Opened::Failed { stage: Stage::Starttls, cause: Cause::Tls(why) } => {
                assert!(!good && why.contains("certificate"), "{trust:?} {name}: {why}");
            }
            _ => panic!("{trust:?} {name}"),
        }
    }
}

#[tokio::test]
async fn sessions_are_resumed_unless_that_is_off() {
    for (resumption, expected) in [(true, [true, false]), (false, [true, true])] {
        let server = starttls(&Certificate::new(), 2).await;
        let tls = tls(&Trust::Any, "localhost", resumption);
        let peer = Peer { tls: Tls::Starttls(tls), ..peer(server.address) };
        for _ in 0..2 {
            opened(&peer).await.quit().await;
        }
        let seen = server.ended.await.expect("two conversations");
        assert_eq!(seen.full, expected, "resumption {resumption}");
    }
}

/// The word that ends a log-in by this conversation.
async fn logged_in(mechanism: Mechanism, talk: Talk) -> (Opening, String) {
    let clear = [&[("", "220 a.test\r\n")][..], &talk].concat();
    let server = Certificate::new().serve(clear, Vec::new(), 1).await;
    let login = Login::new(mechanism, "tim".to_owned(), "tanstaaf".to_owned());
    let peer = Peer { login: Some(login), ..peer(server.address) };
    let opening = opening(&peer).await;
    (opening, server.ended.await.expect("a whole conversation").received)
}

#[tokio::test]
async fn every_mechanism_logs_in() {
    const OFFER: (&str, &str) = ("EHLO", "250-a.test\r\n250 AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2\r\n");
    const DONE: &str = "235 2.7.0 welcome\r\n";
    let challenge = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n";
    let talks = [
        (Mechanism::Plain, vec![OFFER, ("AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n", DONE)]),
        (
            Mechanism::Login,
            vec![
                OFFER,
                ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"),
                ("dGlt\r\n", "334 UGFzc3dvcmQ6\r\n"),
                ("dGFuc3RhYWY=\r\n", DONE),
            ],
        ),
        (Mechanism::CramMd5, vec![OFFER, ("AUTH CRAM-MD5\r\n", challenge), ("dGltI", DONE)]),
        (
            Mechanism::Xoauth2,
            vec![OFFER, ("AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdGFuc3RhYWYBAQ==\r\n", DONE)],
        ),
    ];
    for (mechanism, talk) in talks {
        let (opening, received) = logged_in(mechanism, talk).await;
        assert!(matches!(opening.opened, Opened::Ready(_)), "{mechanism:?}: {received}");
        assert!(opening.stages.iter().any(|(stage, _)| *stage == Stage::Auth));
    }
}

#[tokio::test]
async fn a_log_in_that_is_refused_or_not_offered_is_no_connection() {
    let offer = ("EHLO", "250-a.test\r\n250 AUTH PLAIN XOAUTH2\r\n");
    let echo = "535 5.7.8 AHRpbQB0YW5zdGFhZg== is wrong\r\n";
    let (opening, _) = logged_in(Mechanism::Plain, vec![offer, ("AUTH PLAIN", echo)]).await;
    let Opened::Refused { stage, reply } = opening.opened else { panic!("not refused") };
    assert_eq!((stage, reply.to_string().as_str()), (Stage::Auth, "535 5.7.8 [secret] is wrong"));
    let talk = vec![offer, ("AUTH XOAUTH2", "334 e30=\r\n"), ("\r\n", "535 5.7.8 expired\r\n")];
    let (opening, _) = logged_in(Mechanism::Xoauth2, talk).await;
    assert!(matches!(opening.opened, Opened::Refused { stage: Stage::Auth, .. }));
    let (opening, received) = logged_in(Mechanism::CramMd5, vec![offer]).await;
    let Opened::Failed { stage, cause } = opening.opened else { panic!("not failed") };
    assert_eq!((stage, cause), (Stage::Auth, Cause::NotOffered("AUTH CRAM-MD5")));
    assert!(!received.contains("AUTH"), "{received}");
}

#[tokio::test]
async fn a_server_must_prove_that_it_knows_the_password() {
    let offer = ("EHLO", "250-a.test\r\n250 AUTH SCRAM-SHA-256\r\n");
    let taken = vec![offer, ("AUTH SCRAM-SHA-256", "235 2.7.0 welcome\r\n")];
    let (opening, _) = logged_in(Mechanism::ScramSha256, taken).await;
    let Opened::Failed { stage, cause } = opening.opened else { panic!("not failed") };
    assert_eq!((stage, cause), (Stage::Auth, Cause::Unproved));
    // `r=another,s=QQ==,i=4096`: no answer to ours.
    let strange = "334 cj1hbm90aGVyLHM9UVE9PSxpPTQwOTY=\r\n";
    let given_up = ("*\r\n", "501 5.7.0 cancelled\r\n");
    let talk = vec![offer, ("AUTH SCRAM-SHA-256", strange), given_up];
    let (opening, received) = logged_in(Mechanism::ScramSha256, talk).await;
    assert!(matches!(opening.opened, Opened::Refused { stage: Stage::Auth, .. }), "{received}");
}

const TEXT: &[u8] = b"Subject: x\r\n\r\n.hello\r\n";

async fn transacted(peer: &Peer, recipients: usize, options: Options<'_>) -> Transacted {
    let recipients: Vec<String> = (0..recipients).map(|n| format!("r{n}@a.test")).collect();
    let content = Content::Text(TEXT);
    let mail = Mail { reverse_path: "b@me.test", recipients: &recipients, options, content };
    opened(peer).await.transact(&mail).await
}

fn chunking(offer: &'static str) -> [Act; 3] {
    [Say("220 a.test\r\n"), Hear("EHLO me.test"), Say(offer)]
}

async fn by_chunk(acts: &[Act], recipients: usize) -> (Vec<Outcome>, String) {
    let (address, played) = play(acts.to_vec()).await;
    let peer = Peer { chunking: true, ..peer(address) };
    let outcomes = transacted(&peer, recipients, Options::default()).await.outcomes;
    (outcomes, played.await.expect("a script played to its end"))
}

fn accepted(reply: &str) -> Outcome {
    Outcome::Accepted { reply: reply.parse().expect("a reply") }
}

#[tokio::test]
async fn a_chunk_goes_out_with_its_envelope_and_is_not_stuffed() {
    let acts = [
        &chunking("250-a.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n")[..],
        &[
            Hear("MAIL FROM:<b@me.test>\r\n"),
            Hear("RCPT TO:<r0@a.test>\r\n"),
            Hear("RCPT TO:<r1@a.test>\r\n"),
            Hear("BDAT 22 LAST\r\n"),
            HearBytes(22),
            Say("250 ok\r\n550 5.1.1 who\r\n250 ok\r\n250 2.0.0 taken\r\n"),
        ],
    ]
    .concat();
    let (outcomes, received) = by_chunk(&acts, 2).await;
    assert_eq!(outcomes, [refused(Stage::RcptTo, "550 5.1.1 who"), accepted("250 2.0.0 taken")]);
    assert!(received.ends_with("\r\n.hello\r\n"), "{received}");
}

#[tokio::test]
async fn without_pipelining_a_chunk_waits_for_its_envelope() {
    let acts = [
        &chunking("250-a.test\r\n250 CHUNKING\r\n")[..],
        &[Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Act::Silence(30), Say("250 ok\r\n")],
        &[Hear("BDAT 22 LAST\r\n"), HearBytes(22), Say("452 4.3.1 full\r\n")],
    ]
    .concat();
    assert_eq!(by_chunk(&acts, 1).await.0, [refused(Stage::EndOfData, "452 4.3.1 full")]);
}

#[tokio::test]
async fn a_chunk_given_whole_and_not_answered_is_indeterminate() {
    let acts = [
        &chunking("250-a.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n")[..],
        &[Hear("MAIL"), Hear("RCPT"), Hear("BDAT"), HearBytes(22), Say("250 ok\r\n250 ok\r\n")],
    ]
    .concat();
    let outcomes = by_chunk(&acts, 1).await.0;
    assert!(matches!(outcomes[..], [Outcome::Indeterminate { .. }]), "{outcomes:?}");
}

#[tokio::test]
async fn where_chunking_is_not_offered_content_goes_by_data() {
    let envelope = [Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Say("250 ok\r\n")];
    let data = [Hear("DATA\r\n"), Say("354 go\r\n"), HearContent, Say("250 2.0.0 ok\r\n")];
    let (outcomes, received) = by_chunk(&[&GREETING[..], &envelope, &data].concat(), 1).await;
    assert_eq!(outcomes, [accepted("250 2.0.0 ok")]);
    assert!(received.ends_with("\r\n..hello\r\n.\r\n"), "{received}");
}

#[tokio::test]
async fn by_lmtp_every_recipient_has_its_own_last_word() {
    let acts = vec![
        Say("220 a.test\r\n"),
        Hear("LHLO me.test"),
        Say("250 a.test\r\n"),
        Hear("MAIL"),
        Say("250 ok\r\n"),
        Hear("RCPT TO:<r0"),
        Say("250 ok\r\n"),
        Hear("RCPT TO:<r1"),
        Say("550 5.1.1 who\r\n"),
        Hear("RCPT TO:<r2"),
        Say("250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        HearContent,
        Say("250 2.0.0 stored\r\n452 4.2.2 full\r\n"),
    ];
    let (address, played) = play(acts).await;
    let peer = Peer { protocol: Protocol::Lmtp, ..peer(address) };
    let Transacted { outcomes, stages } = transacted(&peer, 3, Options::default()).await;
    let full = refused(Stage::EndOfData, "452 4.2.2 full");
    let unknown = refused(Stage::RcptTo, "550 5.1.1 who");
    assert_eq!(outcomes, [accepted("250 2.0.0 stored"), unknown, full]);
    let ends = stages.iter().filter(|(stage, _)| *stage == Stage::EndOfData).count();
    assert_eq!(ends, 2, "each reply is timed");
    played.await.expect("a script played to its end");
}

#[tokio::test]
async fn by_lmtp_a_reply_that_is_missing_leaves_its_recipient_unknown() {
    let acts = [
        vec![Say("220 a.test\r\n"), Hear("LHLO"), Say("250-a.test\r\n250 PIPELINING\r\n")],
        vec![Hear("MAIL"), Hear("RCPT"), Hear("RCPT"), Hear("DATA")],
        vec![Say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"), HearContent],
        vec![Say("250 2.0.0 stored\r\n")],
    ]
    .concat();
    let (address, _played) = play(acts).await;
    let peer = Peer { protocol: Protocol::Lmtp, ..peer(address) };
    let outcomes = transacted(&peer, 2, Options::default()).await.outcomes;
    assert_eq!(outcomes[0], accepted("250 2.0.0 stored"));
    assert!(matches!(outcomes[1], Outcome::Indeterminate { .. }), "{outcomes:?}");
}

#[tokio::test]
async fn mail_that_needs_smtputf8_is_not_sent_without_it() {
    let (address, played) = play(GREETING.to_vec()).await;
    let utf8 = Options { utf8: true, ..Options::default() };
    let outcomes = transacted(&peer(address), 1, utf8).await.outcomes;
    let cause = Cause::NotOffered("SMTPUTF8");
    assert_eq!(outcomes, [Outcome::NotSent { stage: Stage::MailFrom, cause }]);
    assert_eq!(played.await.expect("a whole script"), "EHLO me.test\r\n");
}

#[tokio::test]
async fn connections_come_from_each_source_in_turn() {
    let talk = vec![("", "220 a.test\r\n"), ("EHLO", "250 a.test\r\n"), BYE];
    let server = Certificate::new().serve(talk, Vec::new(), 4).await;
    let sources = Some(Sources::new(Ipv4Addr::new(127, 0, 5, 1), 3));
    let peer = Peer { sources, ..peer(server.address) };
    for _ in 0..4 {
        opened(&peer).await.quit().await;
    }
    let seen = server.ended.await.expect("four conversations").peers;
    let seen: Vec<String> = seen.iter().map(|peer| peer.ip().to_string()).collect();
    assert_eq!(seen, ["127.0.5.1", "127.0.5.2", "127.0.5.3", "127.0.5.1"]);
}
