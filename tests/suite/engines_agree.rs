//! Both readings of the protocol lead to the same ledger: same probes, attempts, stages, outcomes,
//! replies, rules and content, under the faults of every scenario in `scenarios/`.
//!
//! What depends on the time it happens at (windows, limits, the closed port) is taken out of the
//! rules, and waiting is cut short: it is not what the engines differ in.

use std::path::Path;
use std::time::Duration;

use mailbench::fault::delay::Delay;
use mailbench::fault::disconnect::Disconnect;
use mailbench::fault::refuse::Refuse;
use mailbench::fault::reject::Reject;
use mailbench::fault::rule::{Action, Hangup, Odds, Rule};
use mailbench::fault::stall::Stall;
use mailbench::fault::throttle::Throttle;
use mailbench::ledger::event::{Attempt, AttemptOutcome, Event};
use mailbench::probe::MessageId;
use mailbench::probe::address::{self, Letters};
use mailbench::quantity::Quantity;
use mailbench::scenario;
use mailbench::scenario::model::Engine;
use mailbench::sink::{self, Settings, SinkError};
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;

use crate::sink_side::{Peer, attempts, defer, mail, rcpt, rule, settings, stand, text};

const MESSAGES: u64 = 60;
const ATTEMPTS: u32 = 4;

/// What one attempt came to, in whatever session and at whatever time.
type Observed = (u64, u32, Stage, AttemptOutcome, Option<u16>, Option<u16>, bool);

fn observed(attempt: &Attempt) -> Observed {
    let Attempt { probe, number, stage, outcome, fault, .. } = attempt;
    let code = attempt.reply.as_ref().map(|reply| reply.code);
    let intact = attempt.content.as_ref().is_some_and(|content| content.changes.is_empty());
    (probe.0, *number, *stage, *outcome, *fault, code, intact)
}

/// The rules without what depends on time, and with waits cut short.
fn timeless(rules: Vec<Rule>) -> Vec<Rule> {
    let brief = Duration::from_millis(20);
    let kept = rules.into_iter().map(|mut rule| {
        rule.scope.during = None;
        match &mut rule.action {
            Action::Delay(Delay(seconds)) => *seconds = Quantity::Constant(0.001),
            Action::Stall(Stall(length)) => *length = brief,
            Action::Throttle(Throttle { bytes_per_second }) => *bytes_per_second = 1e6,
            // A broken reply may be one that never ends.
            Action::Refuse(Refuse) | Action::Limit(_) | Action::Garble(_) => {
                rule.scope.odds = Odds(0)
            }
            _ => {}
        }
        if rule.action == Action::Refuse(Refuse) {
            // A closed port has no odds.
            rule.action = defer("421 4.3.2 closed");
        }
        rule
    });
    kept.collect()
}

/// Offers every message up to [`ATTEMPTS`] times and tells what the sink saw.
async fn ledger_of(engine: Engine, with: &Settings) -> Vec<Observed> {
    let standing = stand(Settings { engine, ..with.clone() }).await;
    for n in 0..MESSAGES {
        let domain = &with.destinations[n as usize % with.destinations.len()];
        for attempt in 0..ATTEMPTS {
            let mut peer = standing.connect_for(domain).await;
            let done = match attempt % 2 {
                0 => one_by_one(&mut peer, n, domain).await,
                _ => pipelined(&mut peer, n, domain).await,
            };
            if done {
                break;
            }
        }
    }
    let events: Vec<Event> = standing.events().await;
    attempts(&events).into_iter().map(observed).collect()
}

/// Whether message `n` was accepted, or refused for good.
async fn one_by_one(peer: &mut Peer, n: u64, domain: &str) -> bool {
    if peer.code().await != 220 || peer.ask("EHLO peer.test").await != 250 {
        return false;
    }
    let last = peer.send(n, domain).await.last().copied().unwrap_or(0);
    peer.stream.try_write(b"QUIT\r\n").is_ok_and(|_| matches!(last, 250 | 500..))
}

/// The same with MAIL, RCPT and DATA in one segment.
async fn pipelined(peer: &mut Peer, n: u64, domain: &str) -> bool {
    if peer.code().await != 220 || peer.ask("EHLO peer.test").await != 250 {
        return false;
    }
    let group = format!("{}\r\n{}\r\nDATA\r\n", mail(n), rcpt(n, 0, domain));
    peer.say(group.as_bytes()).await;
    let codes = [peer.code().await, peer.code().await, peer.code().await];
    if codes[2] != 354 {
        return codes.iter().any(|code| *code >= 500 && *code != 503 && *code != 554);
    }
    if peer.stream.try_write(&stuffed(&text(n))).is_err() {
        return false;
    }
    matches!(peer.code().await, 250 | 500..)
}

/// Both engines' ledgers are the same; how many attempts a rule decided.
async fn assert_agreement(what: &str, with: &Settings) -> usize {
    let native = ledger_of(Engine::Native, with).await;
    let samotop = ledger_of(Engine::Samotop, with).await;
    assert_eq!(native, samotop, "{what}");
    assert!(native.len() >= MESSAGES as usize / 2, "{what}: {} attempts", native.len());
    native.iter().filter(|observed| observed.4.is_some()).count()
}

#[tokio::test]
async fn on_every_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let (mut scenarios, mut struck) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("scenarios") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let scenario = scenario::load(&path, &[]).expect("a scenario").scenario;
        let with = Settings {
            by_destination: true,
            rules: timeless(scenario.faults),
            seed: scenario.seed,
            destinations: scenario.destinations.into_iter().map(|one| one.domain).collect(),
            ..settings(vec![])
        };
        struck += assert_agreement(&path.display().to_string(), &with).await;
        scenarios += 1;
    }
    assert!(scenarios >= 7, "{scenarios} scenarios");
    assert!(struck > MESSAGES as usize, "faults struck {struck} times");
}

#[tokio::test]
async fn with_faults_at_every_stage() {
    let sometimes = |mut rule: Rule| {
        rule.scope.odds = Odds(100_000_000);
        rule
    };
    let rst = Action::Disconnect(Disconnect { how: Hangup::Rst, after_bytes: Some(50) });
    let reject = Action::Reject(Reject("550 5.1.1 nobody".parse().expect("a reply")));
    let mut rules = vec![
        rule(
            Stage::Connect,
            Action::Disconnect(Disconnect { how: Hangup::Fin, after_bytes: None }),
        ),
        rule(Stage::Banner, defer("421 4.3.2 not now")),
        rule(Stage::Ehlo, defer("451 4.3.0 not now")),
        rule(Stage::MailFrom, defer("450 4.7.1 not you")),
        rule(Stage::RcptTo, reject),
        rule(Stage::RcptTo, Action::Stall(Stall(Duration::from_millis(5)))),
        rule(Stage::Data, defer("451 4.3.0 no room")),
        rule(Stage::Content, rst),
        rule(Stage::EndOfData, defer("452 4.3.1 full")),
        rule(
            Stage::EndOfData,
            Action::Disconnect(Disconnect { how: Hangup::Fin, after_bytes: None }),
        ),
    ];
    rules = rules.into_iter().map(sometimes).collect();
    let struck = assert_agreement("every stage", &settings(rules)).await;
    assert!(struck > 20, "faults struck {struck} times");
}

#[tokio::test]
async fn samotop_offers_only_what_it_reads_and_says_what_it_cannot() {
    let standing = stand(Settings { engine: Engine::Samotop, ..settings(vec![]) }).await;
    let mut peer = standing.connect().await;
    peer.code().await;
    peer.say(b"EHLO peer.test\r\n").await;
    let offer = peer.hear().await;
    assert!(offer.contains("PIPELINING") && offer.contains("SIZE"), "{offer}");
    assert!(!offer.contains("DSN") && !offer.contains("SMTPUTF8"), "{offer}");
    let with_dsn = format!("RCPT TO:<{}> NOTIFY=SUCCESS,FAILURE", to(0));
    assert_eq!(peer.ask_all(&[&mail(0), &with_dsn]).await, [250, 501]);
    assert_eq!(peer.ask("BDAT 5 LAST").await, 501);

    let auth = Settings {
        engine: Engine::Samotop,
        ..settings(vec![rule(Stage::Auth, defer("454 4.7.0 no"))])
    };
    let ledger = mailbench::ledger::Ledger::create(&standing.folder().join("other.bin"));
    let clock = mailbench::clock::Clock::start();
    let refused = sink::start(auth, clock, ledger.expect("a journal")).await;
    assert!(matches!(refused.err(), Some(SinkError::Engine { .. })));
}

fn to(n: u64) -> String {
    address::recipient(Letters::Ascii, MessageId(n).probe(0), "a.test")
}
