//! Real clients deliver into the sink under TLS, whose authority they are told to trust, and log in
//! to it; and each refuses a certificate that is no good.

use std::path::PathBuf;
use std::process::Command;

use mailbench::ledger::event::{Ending, Event, SessionChange};

use crate::real_clients_deliver::{SinkProcess, assert_intact, found, from, run, to};
use crate::support::skip;

const STARTTLS: [&str; 6] = ["--tls", "starttls", "--authority", "AUTHORITY", "--with", "AUTH"];
const IMPLICIT: [&str; 4] = ["--tls", "implicit", "--authority", "AUTHORITY"];

fn authority(sink: &SinkProcess) -> PathBuf {
    sink.folder.path().join("authority.pem")
}

#[test]
fn swaks_delivers_under_starttls_and_logs_in() {
    let Some(swaks) = found("swaks") else { return };
    let tls = Command::new("perl").args(["-MNet::SSLeay", "-e", "1"]).output();
    if !tls.is_ok_and(|output| output.status.success()) {
        return skip("swaks", "without libnet-ssleay-perl it has no TLS");
    }
    let sink = SinkProcess::with(&STARTTLS);
    let file = sink.text_file(0);
    std::fs::write(&file, crate::sink_side::text(0).trim_ascii_end()).expect("a file");
    let data = format!("@{}", file.display());
    run(Command::new(swaks)
        .args(["--server", "127.0.0.1", "--port", &sink.port, "--tls"])
        .args(["--auth", "LOGIN", "--auth-user", "u", "--auth-password", "p"])
        .args(["--from", &from(0), "--to", &to(0), "--data", &data]));
    assert_intact(&sink.stop(), 1);
}

fn curl(curl: &PathBuf, sink: &SinkProcess, scheme: &str, n: u64) -> Command {
    let mut command = Command::new(curl);
    command
        .args(["--silent", "--show-error", "--noproxy", "*", "--ssl-reqd", "--cacert"])
        .arg(authority(sink))
        .args(["--mail-from", &from(n), "--mail-rcpt", &to(n), "--upload-file"])
        .arg(sink.text_file(n))
        .arg(format!("{scheme}://127.0.0.1:{}/client.test", sink.port));
    command
}

#[test]
fn curl_delivers_under_both_kinds_of_tls() {
    let Some(program) = found("curl") else { return };
    for (options, scheme) in [(&STARTTLS[..], "smtp"), (&IMPLICIT[..], "smtps")] {
        let sink = SinkProcess::with(options);
        run(&mut curl(&program, &sink, scheme, 0));
        assert_intact(&sink.stop(), 1);
    }
}

#[test]
fn curl_refuses_a_certificate_that_is_no_good() {
    let Some(program) = found("curl") else { return };
    for fault in ["expired", "self-signed"] {
        let folder = tempfile::tempdir().expect("a folder");
        let scenario = folder.path().join("s.toml");
        let text = format!(
            "name = \"s\"\n[load]\nrate = \"1/s\"\nduration = \"1s\"\n\
             [[destination]]\ndomain = \"a.test\"\n[[fault]]\ntls = \"{fault}\"\n"
        );
        std::fs::write(&scenario, text).expect("written");
        let path = scenario.display().to_string();
        let sink = SinkProcess::with(&["--faults", &path, "--authority", "AUTHORITY"]);
        let output = curl(&program, &sink, "smtp", 0).output().expect("curl runs");
        assert_eq!(output.status.code(), Some(60), "{fault}: peer certificate cannot be verified");
        let failed = |event: &Event| {
            let Event::Session { change: SessionChange::Closed { how, .. }, .. } = event else {
                return false;
            };
            *how == Ending::TlsFailed
        };
        assert!(sink.stop().events.iter().any(failed), "{fault}");
    }
}

/// STARTTLS with a verified certificate, then a log-in, then mail.
const SMTPLIB: &str = "
import smtplib, ssl, sys
port, authority, sender, recipient, file = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
with smtplib.SMTP('localhost', int(port), 'client.test', timeout=20) as client:
    client.starttls(context=context)
    client.login('u', 'p')
    refused = client.sendmail(sender, [recipient], open(file, 'rb').read())
    assert not refused, refused
";

#[test]
fn smtplib_delivers_under_starttls_and_logs_in() {
    let Some(python) = found("python3") else { return };
    let sink = SinkProcess::with(&STARTTLS);
    let mut command = Command::new(python);
    command.args(["-c", SMTPLIB, &sink.port]).arg(authority(&sink));
    run(command.args([from(0), to(0)]).arg(sink.text_file(0)));
    assert_intact(&sink.stop(), 1);
}

/// Ours is sent as it is: nodemailer would make a text of its own.
const NODEMAILER: &str = "
const [port, authority, from, to, file, secure] = process.argv.slice(1);
const fs = require('fs');
const transport = require('nodemailer').createTransport({
  host: 'localhost', port: Number(port), secure: secure === 'true', requireTLS: true,
  auth: secure === 'true' ? undefined : { user: 'u', pass: 'p' },
  tls: { ca: fs.readFileSync(authority), servername: 'localhost' },
});
transport.sendMail({ envelope: { from, to: [to] }, raw: fs.readFileSync(file) })
  .then(() => transport.close(), (error) => { console.error(error); process.exit(1); });
";

/// Node with this program, which may use nodemailer; `None`: one of them is not here.
pub(crate) fn nodemailer(program: &str) -> Option<Command> {
    let node = found("node")?;
    let prefix = std::env::var_os("MAILBENCH_MTA_PREFIX").map(PathBuf::from).unwrap_or_default();
    let modules = prefix.join("node_modules");
    if !modules.join("nodemailer").is_dir() {
        skip("nodemailer", &format!("it is not below {}", modules.display()));
        return None;
    }
    let mut command = Command::new(node);
    command.env("NODE_PATH", modules).args(["-e", program]);
    Some(command)
}

#[test]
fn nodemailer_delivers_under_both_kinds_of_tls() {
    for (options, secure) in [(&STARTTLS[..], "false"), (&IMPLICIT[..], "true")] {
        let Some(mut command) = nodemailer(NODEMAILER) else { return };
        let sink = SinkProcess::with(options);
        command.arg(&sink.port);
        command.arg(authority(&sink)).args([from(0), to(0)]);
        run(command.arg(sink.text_file(0)).arg(secure));
        assert_intact(&sink.stop(), 1);
    }
}
