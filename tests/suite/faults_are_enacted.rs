//! Every fault a scenario can ask for is really done to the client's socket, and recorded.

use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::fault::delay::Delay;
use mailbench::fault::disconnect::Disconnect;
use mailbench::fault::refuse::Refuse;
use mailbench::fault::reject::Reject;
use mailbench::fault::rule::{Action, Hangup, Limit, Window};
use mailbench::fault::stall::Stall;
use mailbench::fault::throttle::Throttle;
use mailbench::ledger::event::{AttemptOutcome, Ending, Event, SessionChange};
use mailbench::quantity::Quantity;
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;
use tokio::net::TcpStream;

use crate::sink_side::{
    AGES, Peer, attempts, defer, endings, mail, only_at, outcomes, rcpt, rule, settings, stand,
    text,
};

const STAGES: [Stage; 9] = [
    Stage::Connect,
    Stage::Banner,
    Stage::Ehlo,
    Stage::MailFrom,
    Stage::RcptTo,
    Stage::Data,
    Stage::Content,
    Stage::EndOfData,
    Stage::Quit,
];

/// Plays a whole session with one message; the codes as far as the connection held.
async fn session(peer: &mut Peer) -> Vec<u16> {
    let mut codes = vec![peer.code().await];
    let lines = ["EHLO x".to_owned(), mail(0), rcpt(0, 0, "a.test"), "DATA".to_owned()];
    for line in lines {
        match codes.last() {
            Some(200..400) => codes.push(peer.ask(&line).await),
            _ => return codes,
        }
    }
    if codes.last() == Some(&354) {
        peer.say(&stuffed(&text(0))).await;
        codes.push(peer.code().await);
    }
    if codes.last() == Some(&250) {
        codes.push(peer.ask("QUIT").await);
    }
    codes
}

fn turned_away(events: &[Event]) -> Vec<Option<u16>> {
    let turned = |event: &Event| match event {
        Event::Session { change: SessionChange::TurnedAway { fault, .. }, .. } => Some(*fault),
        _ => None,
    };
    events.iter().filter_map(turned).collect()
}

/// The codes of a session without faults, by the stage each is about.
const ORDINARY: [(Stage, u16); 7] = [
    (Stage::Banner, 220),
    (Stage::Ehlo, 250),
    (Stage::MailFrom, 250),
    (Stage::RcptTo, 250),
    (Stage::Data, 354),
    (Stage::EndOfData, 250),
    (Stage::Quit, 221),
];

/// The codes up to a fault at `stage` which answers `code`.
fn codes_up_to(stage: Stage, code: u16) -> Vec<u16> {
    let before = ORDINARY.iter().take_while(|(at, _)| *at < stage);
    let before = before.filter(|(at, _)| stage != Stage::Connect || *at < Stage::Banner);
    before.map(|(_, code)| *code).chain([code]).collect()
}

#[tokio::test]
async fn deferrals_and_rejections_at_every_stage() {
    let reject = Action::Reject(Reject("550 5.7.1 no".parse().expect("a reply")));
    for (action, code, outcome) in [
        (defer("450 4.7.1 wait"), 450, AttemptOutcome::Deferred),
        (reject, 550, AttemptOutcome::Rejected),
    ] {
        for stage in STAGES {
            let standing = stand(settings(vec![rule(stage, action.clone())])).await;
            let mut peer = standing.connect().await;
            assert_eq!(session(&mut peer).await, codes_up_to(stage, code), "{stage}");
            drop(peer);
            let events = standing.events().await;
            match stage {
                Stage::Connect => assert_eq!(turned_away(&events), [Some(0)]),
                Stage::Banner | Stage::Ehlo => assert_eq!(outcomes(&events), []),
                Stage::Quit => assert_eq!(attempts(&events)[0].outcome, AttemptOutcome::Taken),
                _ => {
                    assert_eq!(outcomes(&events), [(0, 1, stage, outcome, Some(0))]);
                    let reply = attempts(&events)[0].reply.clone().expect("a reply");
                    assert_eq!(reply.code, code);
                }
            }
        }
    }
}

#[tokio::test]
async fn connections_break_at_every_stage_as_asked() {
    for how in [Hangup::Fin, Hangup::Rst] {
        for stage in STAGES {
            let action = Action::Disconnect(Disconnect { how, after_bytes: None });
            let standing = stand(settings(vec![rule(stage, action)])).await;
            let mut peer = standing.connect().await;
            let lines = format!("EHLO x\r\n{}\r\n{}\r\nDATA\r\n", mail(0), rcpt(0, 0, "a.test"));
            let mut codes = Vec::new();
            while codes.last() != Some(&0) {
                codes.push(peer.code().await);
                match codes.len() {
                    1 => peer.stream.try_write(lines.as_bytes()).map_or((), |_| ()),
                    5 => peer.stream.try_write(&stuffed(&text(0))).map_or((), |_| ()),
                    6 => peer.stream.try_write(b"QUIT\r\n").map_or((), |_| ()),
                    _ => {}
                }
            }
            assert_eq!(codes, codes_up_to(stage, 0), "{stage} {how:?}");
            let events = standing.events().await;
            let seen = outcomes(&events);
            match stage {
                Stage::Connect => assert_eq!(turned_away(&events), [Some(0)]),
                Stage::Banner | Stage::Ehlo => assert_eq!(seen, []),
                Stage::Quit => assert_eq!(seen[0].3, AttemptOutcome::Taken),
                Stage::EndOfData => {
                    assert_eq!(seen, [(0, 1, stage, AttemptOutcome::Withheld, Some(0))]);
                    assert!(attempts(&events)[0].reception.is_some());
                    let content = attempts(&events)[0].content.clone().expect("content seen");
                    assert_eq!(content.changes, []);
                }
                _ => assert_eq!(seen, [(0, 1, stage, AttemptOutcome::Broken, Some(0))]),
            }
            if stage != Stage::Connect {
                assert_eq!(endings(&events), [(stage, Ending::Fault)]);
            }
        }
    }
}

#[tokio::test]
async fn a_break_is_a_fin_or_a_reset_as_asked() {
    for (how, by_fin) in [(Hangup::Fin, true), (Hangup::Rst, false)] {
        let action = Action::Disconnect(Disconnect { how, after_bytes: None });
        let standing = stand(settings(vec![rule(Stage::EndOfData, action)])).await;
        let mut peer = standing.greeted().await;
        peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
        peer.say(&stuffed(&text(0))).await;
        assert_eq!(peer.ends_by_fin().await, by_fin);
    }
}

#[tokio::test]
async fn content_breaks_off_after_exactly_so_many_bytes() {
    for (after_bytes, how) in [(1, Hangup::Fin), (100, Hangup::Fin), (20_000, Hangup::Rst)] {
        let action = Action::Disconnect(Disconnect { how, after_bytes: Some(after_bytes) });
        let standing = stand(settings(vec![rule(Stage::Content, action)])).await;
        let mut peer = standing.greeted().await;
        peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
        peer.say(&vec![b'x'; after_bytes as usize - 1]).await;
        let silence = tokio::time::timeout(Duration::from_millis(150), peer.hear()).await;
        assert!(silence.is_err(), "it broke before byte {after_bytes}");
        peer.say(b"x").await;
        assert_eq!(peer.ends_by_fin().await, how == Hangup::Fin);
        let events = standing.events().await;
        let broken = (0, 1, Stage::Content, AttemptOutcome::Broken, Some(0));
        assert_eq!(outcomes(&events), [broken]);
    }
}

#[tokio::test]
async fn content_shorter_than_the_break_is_taken() {
    let action = Action::Disconnect(Disconnect { how: Hangup::Rst, after_bytes: Some(1_000_000) });
    let standing = stand(settings(vec![rule(Stage::Content, action)])).await;
    assert_eq!(standing.greeted().await.send(0, "a.test").await, [250, 250, 354, 250]);
}

#[tokio::test]
async fn delays_add_up_and_other_stages_are_not_delayed() {
    let delay = |seconds| rule(Stage::RcptTo, Action::Delay(Delay(Quantity::Constant(seconds))));
    let standing = stand(settings(vec![delay(1.0), delay(1.5)])).await;
    let mut peer = standing.greeted().await;
    peer.say(format!("{}\r\n{}\r\n", mail(0), rcpt(0, 0, "a.test")).as_bytes()).await;
    let asked = Clock::start();
    assert_eq!(peer.code().await, 250);
    let mail_took = asked.now().offset();
    assert_eq!(peer.code().await, 250);
    assert!(asked.now().offset() >= Duration::from_millis(2_500), "{:?}", asked.now().offset());
    assert!(mail_took < Duration::from_millis(2_400), "MAIL waited for RCPT: {mail_took:?}");
}

#[tokio::test]
async fn a_delay_at_the_dot_is_not_the_sinks_own_time() {
    let delay = rule(Stage::EndOfData, Action::Delay(Delay(Quantity::Constant(2.0))));
    let standing = stand(settings(vec![delay])).await;
    let sent = Clock::start();
    assert_eq!(standing.greeted().await.send(0, "a.test").await[3], 250);
    assert!(sent.now().offset() >= Duration::from_secs(2));
    let own = standing.sink.worst_processing();
    assert!(own > Duration::ZERO && own < Duration::from_secs(2), "{own:?}");
    assert_eq!(standing.sink.worst_processing(), Duration::ZERO);
}

#[tokio::test]
async fn a_peer_that_leaves_in_a_delay_was_not_answered() {
    let delay = rule(Stage::EndOfData, Action::Delay(Delay(Quantity::Constant(60.0))));
    let standing = stand(settings(vec![delay])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    peer.say(&stuffed(&text(0))).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(peer);
    let asked = Clock::start();
    while standing.sink.sessions() > 0 {
        assert!(asked.now().offset() < AGES, "the session outlived its peer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let events = standing.events().await;
    let withheld = (0, 1, Stage::EndOfData, AttemptOutcome::Withheld, Some(0));
    assert_eq!(outcomes(&events), [withheld]);
    assert_eq!(endings(&events), [(Stage::EndOfData, Ending::PeerFin)]);
}

#[tokio::test]
async fn a_stall_says_nothing_and_then_closes() {
    for (stage, outcome) in
        [(Stage::RcptTo, AttemptOutcome::Broken), (Stage::EndOfData, AttemptOutcome::Withheld)]
    {
        let stall = Action::Stall(Stall(Duration::from_millis(400)));
        let standing = stand(settings(vec![rule(stage, stall)])).await;
        let mut peer = standing.greeted().await;
        let asked = Clock::start();
        assert_eq!(peer.send(0, "a.test").await.last(), Some(&0));
        assert!(asked.now().offset() >= Duration::from_millis(400), "{:?}", asked.now().offset());
        let events = standing.events().await;
        assert_eq!(outcomes(&events), [(0, 1, stage, outcome, Some(0))]);
    }
}

#[tokio::test]
async fn a_throttle_slows_reading_for_its_transaction() {
    let slow =
        only_at(0, rule(Stage::Content, Action::Throttle(Throttle { bytes_per_second: 250.0 })));
    let standing = stand(settings(vec![slow])).await;
    let mut peer = standing.greeted().await;
    let (bytes, sent) = (stuffed(&text(0)).len(), Clock::start());
    assert_eq!(peer.send(0, "a.test").await[3], 250);
    // All but the last tenth of a second's worth is waited for.
    let least = Duration::from_secs_f64((bytes as f64 - 25.0) / 250.0);
    assert!(sent.now().offset() >= least, "{:?} < {least:?}", sent.now().offset());
    let sent = Clock::start();
    assert_eq!(peer.send(1, "b.test").await[3], 250);
    assert!(sent.now().offset() < least, "the next transaction was slow too");
}

#[tokio::test]
async fn the_port_is_closed_while_a_refusal_holds() {
    let mut refuse = rule(Stage::Connect, Action::Refuse(Refuse));
    let (start, end) = (Duration::from_secs(1), Duration::from_secs(2));
    refuse.scope.during = Some(Window { start, end });
    let standing = stand(settings(vec![refuse])).await;
    let address = standing.sink.address();
    let mut early = standing.greeted().await;
    let began = Clock::start();
    let mut seen = Vec::new();
    while began.now().offset() < Duration::from_secs(3) {
        seen.push(TcpStream::connect(address).await.is_ok());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seen.dedup();
    assert_eq!(seen, [true, false, true], "open, closed, open again on the same port");
    assert!(!early.ends_by_fin().await, "sessions were reset");
    let ports = standing.events().await.into_iter().filter_map(|event| match event {
        Event::Port { destination, closed_by, .. } => Some((destination, closed_by)),
        _ => None,
    });
    assert_eq!(ports.collect::<Vec<_>>(), [(None, Some(0)), (None, None)]);
}

#[tokio::test]
async fn connections_beyond_a_limit_are_answered_421() {
    let limit = Action::Limit(Limit::Connections(2));
    let standing = stand(settings(vec![rule(Stage::Connect, limit)])).await;
    let first = standing.greeted().await;
    let _second = standing.greeted().await;
    let mut third = standing.connect().await;
    assert_eq!(third.code().await, 421);
    assert!(third.ends_by_fin().await);
    drop(first);
    let asked = Clock::start();
    while standing.connect().await.code().await != 220 {
        assert!(asked.now().offset() < AGES, "the place was never given back");
    }
    assert!(turned_away(&standing.events().await).contains(&Some(0)));
}

#[tokio::test]
async fn mail_beyond_a_rate_is_answered_421() {
    let limit = Action::Limit(Limit::Rate { per_second: 0.1, per_destination: true });
    let standing = stand(settings(vec![rule(Stage::RcptTo, limit)])).await;
    let mut peer = standing.greeted().await;
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(peer.send(1, "b.test").await, [250, 250, 354, 250]);
    assert_eq!(peer.send(2, "a.test").await, [250, 421]);
    assert!(peer.ends_by_fin().await, "after a 421 the connection is closed");
}
