//! A fault limited to a destination strikes that destination alone, at every stage: each has an
//! address of its own at the sink, and the relay goes there.

use std::net::SocketAddr;
use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::fault::delay::Delay;
use mailbench::fault::disconnect::Disconnect;
use mailbench::fault::refuse::Refuse;
use mailbench::fault::rule::{Action, Hangup, Limit, Rule, Window};
use mailbench::ledger::event::{AttemptOutcome, Event, Proof};
use mailbench::probe::DestinationId;
use mailbench::quantity::Quantity;
use mailbench::scenario::model::Engine;
use mailbench::sink::{self, Settings, SinkError};
use mailbench::smtp::stage::Stage;
use tokio::net::TcpStream;

use crate::sink_side::{
    AGES, Standing, defer, mail, only_at, outcomes, rcpt, rule, settings, stand,
};
use crate::support::Lab;

const ENGINES: [Engine; 2] = [Engine::Native, Engine::Samotop];

/// A sink with an address for each destination; the rules are of the first one.
fn of_a(engine: Engine, rules: Vec<Rule>) -> Settings {
    let rules = rules.into_iter().map(|rule| only_at(0, rule)).collect();
    Settings { engine, by_destination: true, ..settings(rules) }
}

fn address_of(standing: &Standing, domain: &str) -> SocketAddr {
    let mut routes = standing.sink.routes().iter();
    routes.find(|(routed, _)| routed == domain).expect("a route").1
}

/// What the first reply is at the addresses of both destinations and at the one for all.
async fn banners(standing: &Standing) -> [u16; 3] {
    let mut codes = [0; 3];
    for (code, domain) in codes.iter_mut().zip(["a.test", "b.test", "elsewhere"]) {
        *code = standing.connect_for(domain).await.code().await;
    }
    codes
}

#[tokio::test]
async fn a_refusal_closes_one_port_and_resets_the_sessions_on_it() {
    for engine in ENGINES {
        let mut refuse = rule(Stage::Connect, Action::Refuse(Refuse));
        let (start, end) = (Duration::from_secs(1), Duration::from_secs(3));
        refuse.scope.during = Some(Window { start, end });
        let standing = stand(of_a(engine, vec![refuse])).await;
        let (address, clock) = (address_of(&standing, "a.test"), Clock::start());
        let mut cut = standing.connect_for("a.test").await;
        assert_eq!([cut.code().await, cut.ask("EHLO x").await], [220, 250]);
        assert_eq!(cut.ask_all(&[&mail(0), &rcpt(0, 0, "a.test")]).await, [250, 250]);
        let mut spared = standing.connect_for("b.test").await;
        assert_eq!([spared.code().await, spared.ask("EHLO x").await], [220, 250]);
        while TcpStream::connect(address).await.is_ok() {
            assert!(clock.now().offset() < AGES, "never closed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!cut.ends_by_fin().await, "the session there was reset");
        assert_eq!(spared.send(1, "b.test").await, [250, 250, 354, 250]);
        assert_eq!(standing.connect().await.code().await, 220, "the address for all is open");
        while TcpStream::connect(address).await.is_err() {
            assert!(clock.now().offset() < AGES, "never opened again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let events = standing.events().await;
        let seen = outcomes(&events);
        let broken = (0, 1, Stage::RcptTo, AttemptOutcome::Broken, Some(0));
        assert!(seen.contains(&broken) && seen.len() == 2, "{seen:?}");
        let ports = events.iter().filter_map(|event| match event {
            Event::Port { destination, closed_by, .. } => Some((*destination, *closed_by)),
            _ => None,
        });
        let a = Some(DestinationId(0));
        assert_eq!(ports.collect::<Vec<_>>(), [(a, Some(0)), (a, None)]);
    }
}

/// A peer that idles after its 250 has read it, and can show that once its connection is closed.
#[tokio::test]
async fn a_session_cut_between_two_transactions_leaves_no_doubt() {
    let mut refuse = rule(Stage::Connect, Action::Refuse(Refuse));
    let (start, end) = (Duration::from_secs(1), Duration::from_secs(3600));
    refuse.scope.during = Some(Window { start, end });
    let standing = stand(of_a(Engine::Native, vec![refuse])).await;
    let mut peer = standing.connect_for("a.test").await;
    assert_eq!([peer.code().await, peer.ask("EHLO x").await], [220, 250]);
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    assert!(peer.ends_by_fin().await, "closed in order");
    drop(peer);
    let asked = Clock::start();
    while standing.sink.sessions() > 0 {
        assert!(asked.now().offset() < AGES, "the session never ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let events = standing.events().await;
    let confirmed = |event: &Event| matches!(event, Event::Confirmed { proof: Proof::Fin, .. });
    assert!(events.iter().any(confirmed), "{events:?}");
}

#[tokio::test]
async fn at_connect_and_banner() {
    let full = Action::Limit(Limit::Connections(0));
    let cut = Action::Disconnect(Disconnect { how: Hangup::Rst, after_bytes: None });
    for engine in ENGINES {
        for (stage, action, code) in [
            (Stage::Connect, cut.clone(), 0),
            (Stage::Connect, full.clone(), 421),
            (Stage::Banner, defer("421 4.3.2 closed"), 421),
        ] {
            let standing = stand(of_a(engine, vec![rule(stage, action)])).await;
            assert_eq!(banners(&standing).await, [code, 220, 220], "{stage}");
        }
    }
}

#[tokio::test]
async fn a_banner_is_late_at_one_destination() {
    let wait = Duration::from_millis(700);
    let late = rule(Stage::Banner, Action::Delay(Delay(Quantity::Constant(wait.as_secs_f64()))));
    let standing = stand(of_a(Engine::Native, vec![late])).await;
    for (domain, is_late) in [("a.test", true), ("b.test", false), ("elsewhere", false)] {
        let asked = Clock::start();
        assert_eq!(standing.connect_for(domain).await.code().await, 220);
        assert_eq!(asked.now().offset() >= wait, is_late, "{domain}: {:?}", asked.now().offset());
    }
}

#[tokio::test]
async fn at_ehlo_mail_and_quit() {
    for engine in ENGINES {
        for (stage, struck) in [(Stage::Ehlo, [450, 503]), (Stage::MailFrom, [250, 450])] {
            let standing = stand(of_a(engine, vec![rule(stage, defer("450 4.7.1 no"))])).await;
            for (domain, codes) in [("a.test", struck), ("b.test", [250, 250])] {
                let mut peer = standing.connect_for(domain).await;
                assert_eq!(peer.code().await, 220);
                assert_eq!(peer.ask_all(&["EHLO x", &mail(0)]).await, codes, "{stage} {domain}");
            }
        }
    }
    let cut = Action::Disconnect(Disconnect { how: Hangup::Rst, after_bytes: None });
    let standing = stand(of_a(Engine::Native, vec![rule(Stage::Quit, cut)])).await;
    for (domain, code) in [("a.test", 0), ("b.test", 221)] {
        let mut peer = standing.connect_for(domain).await;
        assert_eq!([peer.code().await, peer.ask("QUIT").await], [220, code], "{domain}");
    }
}

#[tokio::test]
async fn a_sink_with_one_address_says_what_it_cannot_tell() {
    let away = only_at(0, rule(Stage::Banner, defer("421 4.3.2 closed")));
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = mailbench::ledger::Ledger::create(&folder.path().join("journal.bin"));
    let started = sink::start(settings(vec![away]), Clock::start(), ledger.expect("a journal"));
    let error = started.await.err().expect("it cannot be told");
    assert!(matches!(error, SinkError::Destination { .. }), "{error}");
}

/// The relay through an outage of one destination. Each in-flight transaction may be cut after its
/// final dot, so a second copy is possible, and excused.
#[test]
fn the_relay_keeps_the_mail_of_the_one_and_delivers_that_of_the_other() {
    for engine in ["native", "samotop"] {
        let outage = r#"
            [[fault]]
            name = "outage"
            destination = "two.test"
            stage = "connect"
            refuse = true
            during = "1s..4s"
        "#;
        let lab = Lab::small(outage)
            .set("sink.engine", engine)
            .set("load.duration", "4s")
            .set("load.rate", "120/s");
        let ran = lab.run();
        for class in ["lost", "bounced", "pending", "duplicates_unexcused", "misrouted"] {
            assert_eq!(ran.count(class), 0, "{class}\n{ran}");
        }
        let report = ran.report();
        assert!(report["faults"][0]["struck"].as_u64().expect("a count") > 0, "{ran}");
        let places = report["destinations"].as_array().expect("destinations");
        let e2e_us = |place: usize, stat: &str| {
            places[place]["latency"]["e2e_response"][stat].as_u64().expect("a figure")
        };
        // Mail due when the port closed waited the three seconds. That of the other takes
        // milliseconds, and a whole second only on a machine that stalls.
        assert!(e2e_us(1, "max") > 2_000_000, "{ran}");
        assert!(e2e_us(0, "p95") < 1_000_000, "{ran}");
    }
}
