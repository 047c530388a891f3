//! Servers that are not ours take our client's mail over TLS, with a log-in, by SMTPUTF8 and
//! without any of it.
//!
//! What is not on this machine is passed over with a line that says so, unless
//! `MAILBENCH_REQUIRE_CLIENTS=1`. `tests/all` makes the Python environment under `target/venv` and
//! unpacks the MTAs under `MAILBENCH_MTA_PREFIX`.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mailbench::smtp::client::{
    Content, Login, Mail, Mechanism, Options, Outcome, Peer, Tls, TlsClient, Trust,
};

use crate::scripted::{opened, peer};
use crate::secured::Certificate;
use crate::support::{Lab, Ran, free_address, prefix, skip};

/// A server process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
}

fn skipped(what: &str) {
    skip(what, "it is not on this machine");
}

const TEXT: &[u8] = b"From: a@a.test\r\nSubject: x\r\n\r\n.hello\r\n.\r\ncaf\xc3\xa9\r\n";

async fn submit(peer: &Peer, options: Options<'_>) -> (Vec<Outcome>, bool) {
    let mut connection = opened(peer).await;
    let recipients = ["one@a.test".to_owned(), "two@a.test".to_owned()];
    let content = Content::Text(TEXT);
    let mail = Mail { reverse_path: "b@me.test", recipients: &recipients, options, content };
    let outcomes = connection.transact(&mail).await.outcomes;
    let again = connection.ready_again().await;
    connection.quit().await;
    (outcomes, again)
}

#[track_caller]
fn assert_accepted((outcomes, again): (Vec<Outcome>, bool)) {
    let accepted = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. });
    assert!(outcomes.iter().all(accepted), "{outcomes:?}");
    assert!(again, "the connection is good for more");
}

const AIOSMTPD: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
class Handler:
    async def handle_DATA(self, server, session, envelope):
        assert session.ssl is not None and session.authenticated, "in the clear"
        assert envelope.smtp_utf8 and envelope.rcpt_tos == ["one@a.test", "two@a.test"]
        print("took", envelope.content.hex(), flush=True)
        return "250 2.0.0 taken"
def login(server, session, envelope, mechanism, data):
    good = data.login == b"tim" and data.password == b"tanstaaf"
    return AuthResult(success=good, handled=False)
async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    make = lambda: SMTP(Handler(), tls_context=tls, require_starttls=True, auth_required=True,
                        authenticator=login, enable_SMTPUTF8=True)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

#[tokio::test]
async fn aiosmtpd_over_tls_with_a_log_in() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let has = |module: &str| {
        let import = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        import.is_ok_and(|output| output.status.success())
    };
    if !has("aiosmtpd") {
        return skipped("aiosmtpd (pip, under target/venv)");
    }
    let certificate = Certificate::new();
    let mut command = Command::new(&python);
    command.args(["-c", AIOSMTPD]).args([certificate.file(), certificate.key()]);
    let mut server = Server(command.stdout(Stdio::piped()).spawn().expect("a server"));
    let mut said = BufReader::new(server.0.stdout.take().expect("its output")).lines();
    let port = said.next().expect("a line").expect("text");
    let port: u16 = port.trim_start_matches("port ").parse().expect("a port");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let tls = TlsClient::new("localhost", &Trust::File(certificate.file().to_owned()), true);
    let tls = tls.expect("TLS");
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        let login = Login::new(mechanism, "tim".to_owned(), "tanstaaf".to_owned());
        let peer = Peer { tls: Tls::Starttls(tls.clone()), login: Some(login), ..peer(address) };
        let options = Options { utf8: true, eight_bit: true, ..Options::default() };
        assert_accepted(submit(&peer, options).await);
        let took = said.next().expect("a line").expect("text");
        let hex: String = TEXT.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(took, format!("took {hex}"), "{mechanism:?}");
    }
}

#[tokio::test]
async fn smtp_sink_of_postfix() {
    let program = prefix().join("usr/sbin/smtp-sink");
    if !program.exists() {
        return skipped("smtp-sink");
    }
    let address = free_address();
    let mut command = Command::new(program);
    let libraries = prefix().join("usr/lib/postfix");
    command.env("LD_LIBRARY_PATH", libraries);
    if nix::unistd::geteuid().is_root() {
        command.args(["-u", "nobody"]);
    }
    command.args([&address.to_string(), "10"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let _server = Server(command.spawn().expect("a server"));
    for _ in 0..100 {
        if std::net::TcpStream::connect(address).is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_accepted(submit(&peer(address), Options::default()).await);
}

const SECURED: &str = r#"
name = "secured"
seed = 7
[target]
kind = "KIND"
[target.settings]
SETTINGS
[load]
warm_up = "0s"
arrival = "constant"
rate = "20/s"
duration = "2s"
drain = "30s"
sessions = 5
messages_per_session = 4
[smtp]
tls = "starttls"
tls_ca = "CA"
[message]
size = "2KiB"
[[destination]]
domain = "a.test"
"#;

/// A managed MTA with a certificate takes every message over TLS.
fn over_tls(kind: &str, file: &str, settings: &[(&str, &str)]) {
    if !prefix().join(file).exists() {
        return skipped(kind);
    }
    let certificate = Certificate::new();
    certificate.for_all();
    let (file, key) = (certificate.file().display(), certificate.key().display());
    let lines = settings.iter().map(|(name, value)| {
        let value = value.replace("CERT", &file.to_string()).replace("KEY", &key.to_string());
        format!("{name} = \"{value}\"\n")
    });
    let lines: String = lines.collect();
    let text = SECURED.replace("KIND", kind).replace("SETTINGS", &lines);
    let ran = Lab::new(&text.replace("CA\"", &format!("{file}\""))).run();
    ran.assert_code(0);
    assert_eq!(ran.count("delivered"), 40, "{ran}");
    let report = ran.report();
    let handshakes = report["latency"]["stage_starttls"]["count"].as_u64();
    assert!(handshakes >= Some(10), "{}", report["latency"]["stage_starttls"]);
}

#[test]
fn a_managed_postfix_over_tls() {
    let settings = [
        ("smtpd_tls_security_level", "encrypt"),
        ("smtpd_tls_cert_file", "CERT"),
        ("smtpd_tls_key_file", "KEY"),
    ];
    over_tls("postfix", "usr/sbin/postfix", &settings);
}

#[test]
fn a_managed_exim_over_tls() {
    let settings =
        [("tls_advertise_hosts", "*"), ("tls_certificate", "CERT"), ("tls_privatekey", "KEY")];
    over_tls("exim", "usr/sbin/exim4", &settings);
}

#[test]
fn without_its_password_a_run_does_not_begin() {
    let auth =
        "[smtp.auth]\nmechanism = \"plain\"\nuser = \"u\"\npassword_env = \"MAILBENCH_NONE\"\n";
    let ran = external(auth);
    ran.assert_code(106);
    assert!(ran.stderr.contains("MAILBENCH_NONE is not set"), "{ran}");
    let ran = external("[smtp]\ntls = \"starttls\"\n");
    ran.assert_code(106);
    assert!(ran.stderr.contains("the server does not offer STARTTLS"), "{ran}");
}

/// A run against a server that offers no extension.
fn external(more: &str) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(10).flatten() {
            std::thread::spawn(move || offer_nothing(stream));
        }
    });
    let scenario = format!(
        "name = \"plain\"\n[target]\nkind = \"external\"\naddress = \"127.0.0.1:{port}\"\n\
         [load]\nmodel = \"closed\"\nmessages = 5\nsessions = 1\n\
         [[destination]]\ndomain = \"a.test\"\n{more}"
    );
    Lab::new(&scenario).run()
}

fn offer_nothing(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 plain.test\r\n")?;
    for line in BufReader::new(stream.try_clone()?).lines().take(100) {
        let _line = line?;
        stream.write_all(b"250 plain.test\r\n")?;
    }
    Ok(())
}
