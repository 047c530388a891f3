//! A sink to test against, a client that speaks to it byte by byte, and what its journal says.

use std::net::SocketAddr;
use std::time::Duration;

use mailbench::clock::{Clock, Time};
use mailbench::fault::defer::Defer;
use mailbench::fault::rule::{Action, Attempts, Odds, Rule, Scope};
use mailbench::ledger::event::{Attempt, AttemptOutcome, Ending, Event, SessionChange};
use mailbench::ledger::{Ledger, journal};
use mailbench::probe::address::{self, Letters};
use mailbench::probe::{DestinationId, Identity, MessageId, content};
use mailbench::sink::{self, Settings, Sink};
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::replies::read_reply;

/// Long enough for anything that is to happen on a slow machine.
pub(crate) const AGES: Duration = Duration::from_secs(20);

/// A sink at work and its journal.
pub(crate) struct Standing {
    pub(crate) sink: Sink,
    folder: tempfile::TempDir,
}

/// Settings of a sink in the run whose mail [`mail`] and [`rcpt`] write, with two destinations.
pub(crate) fn settings(rules: Vec<Rule>) -> Settings {
    Settings {
        destinations: vec!["a.test".to_owned(), "b.test".to_owned()],
        identity: Some(Identity { tag: "tag".to_owned(), nonce: "run".to_owned() }),
        rules,
        ..Settings::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// Starts it; its measured period starts at once.
pub(crate) async fn stand(settings: Settings) -> Standing {
    let standing = start(settings).await;
    standing.sink.measured_from(Time::ZERO);
    standing
}

/// Starts it; it waits for the preflight message.
pub(crate) async fn start(settings: Settings) -> Standing {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
    let sink = sink::start(settings, Clock::start(), ledger).await.expect("a sink");
    Standing { sink, folder }
}

impl Standing {
    pub(crate) async fn connect(&self) -> Peer {
        Peer { stream: TcpStream::connect(self.sink.address()).await.expect("a connection") }
    }

    /// A client at the address of a domain, or at the one for all where it has none.
    pub(crate) async fn connect_for(&self, domain: &str) -> Peer {
        let mut routes = self.sink.routes().iter();
        let own = routes.find(|(routed, _)| routed == domain).map(|(_, address)| *address);
        let address = own.unwrap_or(self.sink.address());
        Peer { stream: TcpStream::connect(address).await.expect("a connection") }
    }

    /// A client past banner and EHLO.
    pub(crate) async fn greeted(&self) -> Peer {
        let mut peer = self.connect().await;
        assert_eq!(peer.code().await, 220);
        assert_eq!(peer.ask("EHLO peer.test").await, 250);
        peer
    }

    /// Where its journal is.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Waits until every session has ended by itself.
    pub(crate) async fn at_rest(&self) {
        let asked = Clock::start();
        while self.sink.sessions() > 0 {
            assert!(asked.now().offset() < AGES, "a session outlived its peer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the sink and reads what it saw.
    pub(crate) async fn events(self) -> Vec<Event> {
        let Standing { sink, folder } = self;
        sink.stop().await;
        read(&folder)
    }

    /// What the journal on disk holds now, unflushed events left out.
    pub(crate) fn on_disk(&self) -> Vec<Event> {
        read(&self.folder)
    }
}

fn read(folder: &tempfile::TempDir) -> Vec<Event> {
    journal::open(&folder.path().join("journal.bin")).expect("a journal").collect()
}

/// A rule for every destination and attempt, always.
pub(crate) fn rule(stage: Stage, action: Action) -> Rule {
    let scope =
        Scope { destination: None, stage, during: None, attempts: None, odds: Odds::ALWAYS };
    Rule { name: "a rule".to_owned(), scope, action }
}

/// The same for first attempts only.
pub(crate) fn first_attempt(mut rule: Rule) -> Rule {
    rule.scope.attempts = Some(Attempts { first: 1, last: Some(1) });
    rule
}

/// The same for one destination only.
pub(crate) fn only_at(destination: u16, mut rule: Rule) -> Rule {
    rule.scope.destination = Some(DestinationId(destination));
    rule
}

pub(crate) fn defer(text: &str) -> Action {
    Action::Defer(Defer(text.parse().expect("a reply")))
}

/// MAIL of message `n`.
pub(crate) fn mail(n: u64) -> String {
    format!("MAIL FROM:<{}>", address::reverse_path(Letters::Ascii, "run", MessageId(n)))
}

/// RCPT of its recipient number `index`.
pub(crate) fn rcpt(n: u64, index: u16, domain: &str) -> String {
    format!("RCPT TO:<{}>", address::recipient(Letters::Ascii, MessageId(n).probe(index), domain))
}

/// The text of message `n`.
pub(crate) fn text(n: u64) -> Vec<u8> {
    let body = format!("message {n}\r\n.a line that begins with a dot\r\n");
    let end = content::end_line(MessageId(n), crc32fast::hash(body.as_bytes()));
    let rest = [b"Subject: test\r\n\r\n", body.as_bytes(), &end].concat();
    content::seal("tag", MessageId(n), 1, &rest)
}

/// A client that says what it is told.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("a connection that takes bytes");
    }

    /// One whole reply; empty when the connection ends, in whatever way.
    pub(crate) async fn hear(&mut self) -> String {
        let reply = tokio::time::timeout(AGES, read_reply(&mut self.stream)).await;
        reply.expect("a reply in time").unwrap_or_default()
    }

    /// The code of one reply; 0 when the connection ends.
    pub(crate) async fn code(&mut self) -> u16 {
        let reply = self.hear().await;
        reply.get(..3).map_or(0, |code| code.parse().expect("a code"))
    }

    /// Says a line, hears the code of its reply.
    pub(crate) async fn ask(&mut self, line: &str) -> u16 {
        self.say(format!("{line}\r\n").as_bytes()).await;
        self.code().await
    }

    /// Says several lines, each after the reply to the last.
    pub(crate) async fn ask_all(&mut self, lines: &[&str]) -> Vec<u16> {
        let mut codes = Vec::new();
        for line in lines {
            codes.push(self.ask(line).await);
        }
        codes
    }

    /// Sends message `n` to recipient 0 at `domain`; the codes of MAIL, RCPT, DATA and the dot,
    /// as far as it got.
    pub(crate) async fn send(&mut self, n: u64, domain: &str) -> Vec<u16> {
        let mut codes = Vec::new();
        for line in [mail(n), rcpt(n, 0, domain), "DATA".to_owned()] {
            let code = self.ask(&line).await;
            codes.push(code);
            if !matches!(code, 200..400) {
                return codes;
            }
        }
        self.say(&stuffed(&text(n))).await;
        codes.push(self.code().await);
        codes
    }

    /// How the connection ends: `true` by FIN, `false` by RST. Replies before it are dropped.
    pub(crate) async fn ends_by_fin(&mut self) -> bool {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(AGES, self.stream.read_to_end(&mut rest)).await;
        end.expect("an end in time").is_ok()
    }
}

/// The attempts among `events`.
pub(crate) fn attempts(events: &[Event]) -> Vec<&Attempt> {
    let attempt = |event: &'_ Event| matches!(event, Event::Attempt(_));
    let events = events.iter().filter(|event| attempt(event));
    events
        .filter_map(|event| match event {
            Event::Attempt(attempt) => Some(attempt),
            _ => None,
        })
        .collect()
}

/// Probe, number, stage, outcome and rule of each attempt.
pub(crate) fn outcomes(events: &[Event]) -> Vec<(u64, u32, Stage, AttemptOutcome, Option<u16>)> {
    let told = |a: &&Attempt| (a.probe.0, a.number, a.stage, a.outcome, a.fault);
    attempts(events).iter().map(told).collect()
}

/// How each session ended, and at which stage.
pub(crate) fn endings(events: &[Event]) -> Vec<(Stage, Ending)> {
    let ending = |event: &Event| match event {
        Event::Session { change: SessionChange::Closed { stage, how }, .. } => Some((*stage, *how)),
        _ => None,
    };
    events.iter().filter_map(ending).collect()
}
