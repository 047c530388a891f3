//! Without faults the sink takes mail, checks every byte of it and records what it saw.

use std::time::Duration;

use mailbench::ledger::event::{AttemptOutcome, Ending, Event, Proof};
use mailbench::probe::address::{self, Letters};
use mailbench::probe::{BOUNCE_DOMAIN, DestinationId, PREFLIGHT};
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;
use tokio::io::AsyncWriteExt;

use crate::sink_side::{AGES, attempts, endings, mail, outcomes, rcpt, settings, stand, text};

fn confirmations(events: &[Event]) -> Vec<(u64, Proof)> {
    let confirmed = |event: &Event| match event {
        Event::Confirmed { reception, proof, .. } => Some((*reception, *proof)),
        _ => None,
    };
    events.iter().filter_map(confirmed).collect()
}

#[tokio::test]
async fn two_messages_are_taken_checked_and_confirmed() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(peer.send(1, "B.test").await, [250, 250, 354, 250]);
    let taken = standing.on_disk();
    assert_eq!(attempts(&taken).len(), 2, "on disk before the 250 was written");
    assert_eq!(confirmations(&taken).len(), 1, "the last 250 was not confirmed yet");
    assert_eq!(peer.ask("QUIT").await, 221);
    assert!(peer.ends_by_fin().await);

    let events = standing.events().await;
    for (number, attempt) in attempts(&events).into_iter().enumerate() {
        assert_eq!(attempt.probe.0, number as u64);
        assert_eq!(attempt.destination, Some(DestinationId(number as u16)));
        assert_eq!((attempt.outcome, attempt.number), (AttemptOutcome::Taken, 1));
        assert_eq!(attempt.stage, Stage::EndOfData);
        assert!(attempt.started <= attempt.ended);
        let content = attempt.content.as_ref().expect("checked content");
        assert_eq!(content.message.map(|message| message.0), Some(number as u64));
        assert_eq!(content.changes, []);
    }
    assert_eq!(confirmations(&events), [(0, Proof::Command), (1, Proof::Command)]);
    assert_eq!(endings(&events), [(Stage::Quit, Ending::Quit)]);
}

#[tokio::test]
async fn a_flipped_byte_is_damage() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(3), &rcpt(3, 0, "a.test"), "DATA"]).await;
    let mut content = text(3);
    let at = content.len() - 20;
    content[at] ^= 1;
    peer.say(&stuffed(&content)).await;
    assert_eq!(peer.code().await, 250);
    let events = standing.events().await;
    let check = attempts(&events)[0].content.clone().expect("checked content");
    assert!(!check.changes.is_empty());
}

#[tokio::test]
async fn a_fin_after_the_250_confirms_and_a_reset_does_not() {
    let standing = stand(settings(vec![])).await;
    let mut fin = standing.greeted().await;
    fin.send(0, "a.test").await;
    fin.stream.shutdown().await.expect("a shutdown");
    assert!(fin.ends_by_fin().await);

    let mut rst = standing.greeted().await;
    rst.send(1, "a.test").await;
    socket2::SockRef::from(&rst.stream).set_linger(Some(Duration::ZERO)).expect("no linger");
    drop(rst);
    until(|| standing.sink.sessions() == 0).await;

    let events = standing.events().await;
    assert_eq!(confirmations(&events), [(0, Proof::Fin)]);
    let mut ends: Vec<Ending> = endings(&events).iter().map(|(_, how)| *how).collect();
    ends.sort_by_key(|how| format!("{how:?}"));
    assert_eq!(ends, [Ending::PeerFin, Ending::PeerRst]);
}

/// At the end of a run the target is stopped just before the sink.
#[tokio::test]
async fn a_fin_that_came_before_the_sink_was_stopped_still_confirms() {
    let standing = stand(settings(Vec::new())).await;
    let mut peers = Vec::new();
    for n in 0..20 {
        let mut peer = standing.greeted().await;
        assert_eq!(peer.send(n, "a.test").await.last(), Some(&250));
        peers.push(peer);
    }
    drop(peers);
    let events = standing.events().await;
    let proofs: Vec<Proof> = confirmations(&events).into_iter().map(|(_, proof)| proof).collect();
    assert_eq!(proofs, [Proof::Fin; 20]);
}

#[tokio::test]
async fn commands_sent_before_the_250_confirm_nothing() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    peer.say(&[&stuffed(&text(0))[..], b"NOOP\r\n"].concat()).await;
    assert_eq!([peer.code().await, peer.code().await], [250, 250]);
    assert_eq!(confirmations(&standing.on_disk()), []);
    peer.ask("NOOP").await;
    drop(peer);
    let events = standing.events().await;
    assert_eq!(confirmations(&events), [(0, Proof::Command)]);
}

#[tokio::test]
async fn what_a_client_leaves_open_is_abandoned_or_broken() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "RSET"]).await;
    peer.ask_all(&[&mail(1), &rcpt(1, 0, "a.test"), "EHLO again.test"]).await;
    peer.ask_all(&[&mail(2), &rcpt(2, 0, "a.test"), "DATA"]).await;
    peer.say(b"half a mess").await;
    drop(peer);
    until(|| standing.sink.sessions() == 0).await;
    let events = standing.events().await;
    assert_eq!(
        outcomes(&events),
        [
            (0, 1, Stage::RcptTo, AttemptOutcome::Abandoned, None),
            (1, 1, Stage::Ehlo, AttemptOutcome::Abandoned, None),
            (2, 1, Stage::Content, AttemptOutcome::Broken, None),
        ]
    );
}

#[tokio::test]
async fn foreign_mail_is_accepted_and_counted() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    for sender in ["b+other.0@bounce.mailbench.test", "someone@else.test"] {
        let from = format!("MAIL FROM:<{sender}>");
        let lines = [&from[..], "RCPT TO:<mb+0@a.test>", "DATA"];
        assert_eq!(peer.ask_all(&lines).await, [250, 250, 354]);
        assert_eq!(peer.ask(".").await, 250);
    }
    let events = standing.events().await;
    assert_eq!(attempts(&events).len(), 0);
    let earlier = events.iter().filter(|event| matches!(event, Event::AnotherRun { .. }));
    let nobodys = events.iter().filter(|event| matches!(event, Event::Foreign { .. }));
    assert_eq!((earlier.count(), nobodys.count()), (1, 1));
}

#[tokio::test]
async fn preflight_mail_is_counted_and_not_recorded() {
    let standing = stand(settings(vec![])).await;
    let mut arrived = standing.sink.preflight_arrived();
    let mut peer = standing.greeted().await;
    let rcpts = [0, 1, 0].map(|k| {
        format!("RCPT TO:<{}>", address::recipient(Letters::Ascii, PREFLIGHT.probe(k), "a.test"))
    });
    let from = format!("MAIL FROM:<{}>", address::reverse_path(Letters::Ascii, "run", PREFLIGHT));
    let lines = [&from[..], &rcpts[0], &rcpts[1], &rcpts[2], "DATA", "."];
    peer.ask_all(&lines).await;
    let two = tokio::time::timeout(AGES, arrived.wait_for(|count| *count == 2)).await;
    assert!(two.is_ok());
    assert_eq!(attempts(&standing.events().await).len(), 0);
}

/// As Exim does it.
#[tokio::test]
async fn a_half_closed_connection_is_answered_and_proves_nothing() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    peer.say(&[&stuffed(&text(0))[..], b"QUIT\r\n"].concat()).await;
    peer.stream.shutdown().await.expect("half closed");
    assert_eq!([peer.code().await, peer.code().await], [250, 221]);
    assert!(peer.ends_by_fin().await);
    let events = standing.events().await;
    assert_eq!(attempts(&events)[0].outcome, AttemptOutcome::Taken);
    assert_eq!(confirmations(&events), []);
}

/// As Postfix does it: QUIT goes out with the final dot, and the connection is closed as soon as
/// the reply to the dot is read.
#[tokio::test]
async fn a_quit_sent_with_the_dot_confirms_when_a_fin_follows_the_250() {
    let standing = stand(settings(vec![])).await;
    for n in [0, 1] {
        let mut peer = standing.greeted().await;
        peer.ask_all(&[&mail(n), &rcpt(n, 0, "a.test"), "DATA"]).await;
        let mut last = stuffed(&text(n));
        last.extend_from_slice(b"QUIT\r\n");
        peer.say(&last).await;
        if n == 0 {
            assert_eq!([peer.code().await, peer.code().await], [250, 221]);
        } else {
            peer.stream.readable().await.expect("replies");
            peer.stream.set_zero_linger().expect("no linger");
        }
    }
    // Every further message takes what was seen before it to the disk.
    let mut other = standing.greeted().await;
    let confirmed = |events: &[Event]| confirmations(events).contains(&(0, Proof::Fin));
    for n in 2..200 {
        if confirmed(&standing.on_disk()) && endings(&standing.on_disk()).len() == 2 {
            break;
        }
        other.send(n, "a.test").await;
    }
    let events = standing.events().await;
    assert!(confirmed(&events));
    assert!(confirmations(&events).iter().all(|(reception, _)| *reception != 1));
}

#[tokio::test]
async fn a_dsn_is_read() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    let to = format!("RCPT TO:<b+run.7@{BOUNCE_DOMAIN}>");
    peer.ask_all(&["MAIL FROM:<>", &to, "DATA"]).await;
    let dsn = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
        --x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.test\r\n\r\n\
        Final-Recipient: rfc822; mb+7@a.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--x--\r\n";
    peer.say(&stuffed(dsn.as_bytes())).await;
    assert_eq!(peer.code().await, 250);
    let events = standing.events().await;
    let dsn = events.iter().find_map(|event| match event {
        Event::Dsn(dsn) => Some(dsn),
        _ => None,
    });
    let dsn = dsn.expect("a DSN in the journal");
    assert_eq!(dsn.message.map(|message| message.0), Some(7));
    assert_eq!(dsn.recipients.len(), 1);
    assert!(dsn.null_sender);
}

/// Waits until `done`, looking again every few milliseconds.
async fn until(done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(AGES, wait).await.expect("done in time");
}
