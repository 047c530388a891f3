//! The embedded relay's intake as the scenario wants it: under TLS, with a log-in by each mechanism
//! and the right credentials, and not without.

use std::net::SocketAddr;
use std::path::Path;

use mailbench::clock::Clock;
use mailbench::smtp::client::{
    Login, Mechanism, Opened, Peer, Tls, TlsClient, Trust, connect as open,
};
use mailbench::smtp::dialogue::User;
use mailbench::smtp::server_tls::Beginning;
use mailbench::smtp::stage::Stage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::DropGuard;

use crate::relay_actors::{Client, settings, start};
use crate::support::{Lab, Ran, SMALL};

const MECHANISMS: [Mechanism; 5] = [
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::CramMd5,
    Mechanism::Xoauth2,
    Mechanism::ScramSha256,
];

/// Longer than a block of the hash of CRAM-MD5, and not ASCII.
const PASSWORD: &str = "s3cr$t-{x}%&ü s3cr$t-{x}%&ü s3cr$t-{x}%&ü s3cr$t-{x}%&ü s3cr$t-{x}%&ü";

/// A relay that relays nowhere, since nothing gets so far.
fn relay(folder: &Path, tls: Option<Beginning>, user: Option<&str>) -> (SocketAddr, DropGuard) {
    let mut settings = settings(folder, SocketAddr::from(([127, 0, 0, 1], 9)));
    settings.tls = tls;
    settings.user = user.map(|name| User::new(name.to_owned(), PASSWORD.to_owned()));
    start(&settings)
}

/// The code of a refused log-in; `None`: it was taken.
async fn refusal(address: SocketAddr, tls: &Tls, login: Login) -> Option<u16> {
    let peer = Peer { tls: tls.clone(), login: Some(login), ..Peer::new(address, "me.test") };
    match open(&peer, Clock::start()).await.opened {
        Opened::Ready(connection) => {
            connection.quit().await;
            None
        }
        Opened::Refused { stage, reply } => {
            assert_eq!(stage, Stage::Auth, "{reply}");
            Some(reply.code)
        }
        Opened::Failed { stage, cause } => panic!("{stage}: {cause}"),
    }
}

#[tokio::test]
async fn each_mechanism_takes_the_right_credentials_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _running) = relay(folder.path(), Some(Beginning::Starttls), Some("jo,=x"));
    let tls = Tls::Starttls(TlsClient::new("localhost", &Trust::Any, false).expect("TLS"));
    for mechanism in MECHANISMS {
        for (name, password, expected) in [
            ("jo,=x", PASSWORD, None),
            ("jo,=x", "another", Some(535)),
            ("jim", PASSWORD, Some(535)),
        ] {
            let login = || Login::new(mechanism, name.to_owned(), password.to_owned());
            let case = format!("{mechanism:?} {name} {password}");
            assert_eq!(refusal(address, &tls, login()).await, expected, "{case}");
            assert_eq!(refusal(address, &Tls::None, login()).await, expected, "{case}, clear");
        }
    }
}

#[tokio::test]
async fn a_client_may_go_on_after_a_wrong_password_and_gives_no_mail() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _running) = relay(folder.path(), None, Some("jo"));
    let mut client = Client::connect(address).await.expect("a session");
    let too_long = format!("AUTH LOGIN\r\n{}", "x".repeat(100_000));
    for (line, code) in [
        ("MAIL FROM:<me@x.test>", "530 5.7.0"),
        ("AUTH PLAIN AGpvAHdyb25n", "535 5.7.8"),
        ("MAIL FROM:<me@x.test>", "530 5.7.0"),
        ("AUTH LOGIN", "334"),
        ("*", "501"),
        (&too_long, "334"),
    ] {
        let reply = client.say(line).await.expect("a reply");
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
    assert!(client.reply().await.expect("a reply").starts_with("501"));
}

#[tokio::test]
async fn what_was_said_before_the_handshake_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _running) = relay(folder.path(), Some(Beginning::Starttls), None);
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut seen = vec![0; 4096];
    for line in ["", "EHLO me.test\r\n", "STARTTLS\r\nEHLO in.between\r\n"] {
        stream.write_all(line.as_bytes()).await.expect("written");
        let read = stream.read(&mut seen).await.expect("a reply");
        assert!(seen[..read].starts_with(b"2"), "{}", String::from_utf8_lossy(&seen));
    }
    let tls = TlsClient::new("localhost", &Trust::Any, false).expect("TLS");
    let mut stream = tls.handshake(stream).await.expect("a handshake");
    stream.write_all(b"MAIL FROM:<me@x.test>\r\n").await.expect("written");
    stream.flush().await.expect("written");
    let read = stream.read(&mut seen).await.expect("a reply");
    let reply = String::from_utf8_lossy(&seen[..read]);
    assert!(reply.starts_with("503"), "the EHLO of somebody in between was taken: {reply}");
}

fn submitted(smtp: &str) -> Ran {
    let scenario = SMALL.replace("[message]", &format!("[smtp]\n{smtp}\n[message]"));
    let lab = Lab::new(&scenario).set("load.messages_per_session", "10");
    let ran = lab.env("SECRET", Path::new(PASSWORD)).run();
    ran.assert_code(0);
    assert_eq!((ran.count("accepted"), ran.count("delivered")), (120, 120), "{ran}");
    ran.assert_hides("s3cr$t");
    ran
}

#[test]
fn a_run_submits_by_starttls_and_a_log_in() {
    let auth =
        "auth = { mechanism = \"scram-sha-256\", user = \"-jo\", password_env = \"SECRET\" }";
    let ran = submitted(&format!("tls = \"starttls\"\n{auth}"));
    assert!(ran.timed("stage_starttls") > 0 && ran.timed("stage_auth") > 0, "{ran}");
}

#[test]
fn a_run_submits_under_implicit_tls_also_after_a_kill() {
    let killed = "tls = \"implicit\"\n[[chaos]]\nat = \"1s\"\nkill = { restart_after = \"200ms\" }";
    let scenario = SMALL.replace("[message]", &format!("[smtp]\n{killed}\n[message]"));
    let ran = Lab::new(&scenario).set("load.duration", "5s").run();
    assert!(ran.timed("stage_starttls") > 0 && ran.timed("stage_auth") == 0, "{ran}");
    assert_eq!(ran.count("lost"), 0, "{ran}");
    assert!(ran.count("delivered") > 60, "{ran}");
}
