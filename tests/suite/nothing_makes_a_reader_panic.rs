//! Whatever stands in a command, a reply, a DSN, a scenario or a journal, its reader comes to an
//! end without a panic. Each is fuzzed for `MAILBENCH_FUZZ_SECONDS` (2 unless told otherwise; CI
//! takes longer), from the corpus in `tests/fuzz`.

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailbench::clock::{Clock, Time};
use mailbench::ledger::dsn::{self, Arrival};
use mailbench::ledger::event::{Event, Period};
use mailbench::ledger::journal::Reader;
use mailbench::ledger::{Ledger, journal};
use mailbench::probe::Identity;
use mailbench::scenario;
use mailbench::smtp::client::{Peer, Protocol, Timeouts, Tls, connect};
use mailbench::smtp::command::Command;
use mailbench::smtp::line::{Line, Lines};
use mailbench::smtp::reply::Reply;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::fuzz::{clean, corpus, find};

/// As a server would: lines, then commands.
fn read_commands(text: &[u8]) {
    let (mut lines, mut rest) = (Lines::default(), text);
    loop {
        let (used, line) = lines.next(rest);
        rest = &rest[used..];
        match line {
            Line::Whole(line) => drop(Command::parse(line)),
            Line::TooLong => {}
            Line::Partial | Line::Endless => break,
        }
    }
}

#[test]
fn commands() {
    clean("commands", &corpus("tests/fuzz/commands"), read_commands);
}

#[test]
fn replies() {
    let texts = corpus("tests/fuzz/replies");
    clean("replies, as scenarios write them", &texts, |text| {
        let text = String::from_utf8_lossy(text);
        let _read: Result<Reply, _> = text.trim_end().parse();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let says = Arc::new(Mutex::new(Vec::new()));
    let address = runtime.block_on(parrot(Arc::clone(&says)));
    let brief = Duration::from_millis(500);
    let timeouts = Timeouts { banner: brief, reply: brief, ..Timeouts::default() };
    let peer = Peer {
        address,
        name: "fuzz.test".to_owned(),
        protocol: Protocol::Smtp,
        tls: Tls::None,
        login: None,
        pipelining: true,
        chunking: true,
        sources: None,
        timeouts,
    };
    clean("replies, as a server sends them", &texts, |text| {
        *says.lock().expect("no panic under it") = text.to_vec();
        drop(runtime.block_on(connect(&peer, Clock::start())));
    });
}

/// A server that says this to everybody and closes.
async fn parrot(says: Arc<Mutex<Vec<u8>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = says.lock().expect("no panic under it").clone();
            let _gone = stream.write_all(&text).await;
        }
    });
    address
}

#[test]
fn dsns() {
    let identity = Identity { tag: "tag".to_owned(), nonce: "run".to_owned() };
    let recipient = "b+run.3@bounce.mailbench.test";
    clean("DSNs", &corpus("tests/fixtures/dsn"), |text| {
        let arrival = Arrival { at: Time::ZERO, session: 0, reverse_path: "", recipient };
        drop(dsn::read(text, &identity, &arrival));
    });
}

#[test]
fn scenarios() {
    clean("scenarios", &corpus("scenarios"), |text| {
        let text = String::from_utf8_lossy(text);
        if let Err(problems) = scenario::parse("s.toml", &text, &[]) {
            drop(problems.to_string());
        }
    });
}

#[test]
fn journals() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.bin");
    let ledger = Ledger::create(&path).expect("a journal");
    let at = Time::ZERO;
    for period in [Period::WarmUp, Period::Measured, Period::Drain, Period::Closed] {
        ledger.record(&Event::Period { at, period });
        ledger.record(&Event::Limit { at, name: "A".repeat(40), value: 7 });
    }
    ledger.flush();
    assert_eq!(journal::open(&path).expect("a journal").count(), 8);
    let whole = std::fs::read(&path).expect("bytes");
    clean("journals", &[whole], |bytes| {
        if let Ok(mut reader) = Reader::new(Cursor::new(bytes)) {
            let read = reader.by_ref().count();
            assert!(read <= bytes.len() && reader.damage().is_none_or(|said| !said.is_empty()));
        }
    });
}

/// The fuzzer is no ornament: a panic that hides behind a rare byte in a well-formed command is
/// found, and made small.
#[test]
fn a_planted_panic_is_found() {
    let planted = |text: &[u8]| {
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Command::Rcpt(rcpt) = Command::parse(line.strip_suffix(b"\r").unwrap_or(line)) {
            assert!(!rcpt.forward_path.contains('%'), "planted");
        }
    };
    let texts: Vec<Vec<u8>> = ["EHLO client.test", "RCPT TO:<a@b.test>", "RCPT TO:<c@d.test>"]
        .map(|line| line.as_bytes().to_vec())
        .to_vec();
    let found = find(&texts, Duration::from_secs(60), planted).expect_err("it is there");
    assert!(found.len() < 60 && found.contains(&b'%'), "{}", found.escape_ascii());
}
