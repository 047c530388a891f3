//! Whatever a peer sends, it gets replies or a close; the sink keeps its memory and goes on.

use std::time::Duration;

use mailbench::ledger::event::{Ending, Event};
use mailbench::limits;
use mailbench::sink::Settings;
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;
use tokio::io::AsyncWriteExt;

use crate::sink_side::{
    AGES, Peer, Standing, endings, mail, outcomes, rcpt, settings, stand, text,
};

/// The sink still takes mail.
async fn goes_on(standing: &Standing) {
    assert_eq!(standing.greeted().await.send(900, "a.test").await, [250, 250, 354, 250]);
}

fn limits_reached(events: &[Event]) -> Vec<&str> {
    let reached = |event: &'_ Event| matches!(event, Event::Limit { .. });
    let names = events.iter().filter(|event| reached(event)).filter_map(|event| match event {
        Event::Limit { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Writes until the peer closes or everything is written.
async fn pour(peer: &mut Peer, block: &[u8], times: usize) {
    for _ in 0..times {
        if peer.stream.write_all(block).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn lines_of_64_kib_are_answered_500() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    let long = "x".repeat(64 * 1024);
    for line in [long.clone(), format!("MAIL FROM:<{long}@x.test>"), format!("EHLO {long}")] {
        assert_eq!(peer.ask(&line).await, 500);
    }
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(limits_reached(&standing.events().await), ["COMMAND_LINE"]);
}

#[tokio::test]
async fn a_line_without_end_is_closed() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    let before = resident_kib();
    pour(&mut peer, &[b'x'; 64 * 1024], 64).await;
    assert_eq!(peer.hear().await, "");
    let grown = resident_kib().saturating_sub(before);
    // What was sent is 4 MiB; the allowance is for whatever else this process is testing.
    assert!(grown < 64 * 1024, "{grown} KiB");
    goes_on(&standing).await;
    let events = standing.events().await;
    assert!(endings(&events).contains(&(Stage::Ehlo, Ending::Fault)));
    assert_eq!(limits_reached(&events), ["LINE_DISCARDED"]);
}

#[tokio::test]
async fn nul_and_bytes_that_are_no_text_are_answered_500() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    for line in [&b"\0\r\n"[..], b"NOOP\0\r\n", b"MAIL FROM:<\xff\xfe@x>\r\n", b"NO\rOP\r\n"] {
        peer.say(line).await;
        assert_eq!(peer.code().await, 500, "{line:?}");
    }
    assert_eq!(peer.ask("NOOP").await, 250);
    goes_on(&standing).await;
}

#[tokio::test]
async fn any_bytes_in_content_are_content() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    peer.say(&stuffed(&bytes)).await;
    assert_eq!(peer.code().await, 250);
    assert_eq!(peer.ask("NOOP").await, 250, "nothing of it was taken for a command");
}

#[tokio::test]
async fn headers_without_end_are_not_kept() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    let before = resident_kib();
    let header = "X-Endless: header\r\n".repeat(4096);
    let written = pour(&mut peer, header.as_bytes(), 1300);
    tokio::time::timeout(AGES * 3, written).await.expect("100 MB read in time");
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB of 100 MB");
    drop(peer);
    goes_on(&standing).await;
}

#[tokio::test]
async fn ten_thousand_pipelined_commands_get_as_many_replies() {
    let standing = stand(settings(vec![])).await;
    let peer = standing.greeted().await;
    let (commands, count) = ("NOOP\r\nXYZZY\r\n".repeat(5000), 10_000);
    let (mut reading, mut writing) = peer.stream.into_split();
    let write = tokio::spawn(async move {
        writing.write_all(commands.as_bytes()).await.expect("written");
        writing
    });
    let (mut replies, mut block) = (Vec::new(), [0; 4096]);
    while replies.iter().filter(|byte| **byte == b'\n').count() < count {
        let read = tokio::io::AsyncReadExt::read(&mut reading, &mut block);
        let read = tokio::time::timeout(AGES, read).await.expect("in time").expect("a reply");
        assert!(read > 0, "closed after {} bytes of replies", replies.len());
        replies.extend_from_slice(&block[..read]);
    }
    drop(write.await.expect("a writer"));
    let replies = String::from_utf8(replies).expect("text");
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes.len(), count);
    assert!(codes.chunks(2).all(|pair| pair == ["250", "500"]), "in order");
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up() {
    let patience = Duration::from_millis(500);
    let standing = stand(Settings { patience, ..settings(vec![]) }).await;
    let mut peer = standing.greeted().await;
    let commands = "HELP\r\n".repeat(10_000);
    // Until the kernel takes no more in either direction, and the sink has waited long enough.
    let poured = tokio::time::timeout(AGES, pour(&mut peer, commands.as_bytes(), 10_000)).await;
    assert!(poured.is_ok(), "the sink went on with a peer that does not read");
    goes_on(&standing).await;
}

#[tokio::test]
async fn slow_bytes_end_in_a_421() {
    let patience = Duration::from_millis(400);
    let standing = stand(Settings { patience, ..settings(vec![]) }).await;
    let peer = standing.greeted().await;
    let (mut reading, mut writing) = peer.stream.into_split();
    let drip = tokio::spawn(async move {
        while writing.write_all(b"N").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut rest = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut rest);
    let _fin_or_rst = tokio::time::timeout(AGES, read).await.expect("a close");
    assert!(rest.starts_with(b"421 4.4.2 "), "{}", String::from_utf8_lossy(&rest));
    drop(reading);
    tokio::time::timeout(AGES, drip).await.expect("a reset").expect("no panic");
    let events = standing.events().await;
    assert_eq!(endings(&events), [(Stage::Ehlo, Ending::TimedOut)]);
    assert_eq!(limits_reached(&events), ["SERVER_IDLE"]);
}

#[tokio::test]
async fn recipients_beyond_the_bound_are_deferred() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask(&mail(0)).await;
    let most = u16::try_from(limits::RECIPIENTS).expect("a small bound");
    let group: String = (0..=most).map(|n| rcpt(0, n, "a.test") + "\r\n").collect();
    peer.say(group.as_bytes()).await;
    let mut codes = Vec::new();
    for _ in 0..=most {
        codes.push(peer.code().await);
    }
    assert!(codes[..limits::RECIPIENTS].iter().all(|code| *code == 250));
    assert_eq!(codes.last(), Some(&452));
    assert_eq!(peer.ask("DATA").await, 354);
    peer.say(&stuffed(&text(0))).await;
    assert_eq!(peer.code().await, 250);
    let events = standing.events().await;
    assert_eq!(outcomes(&events).len(), limits::RECIPIENTS + 1, "the deferred one is recorded");
    assert_eq!(limits_reached(&events), ["RECIPIENTS"]);
}

#[tokio::test]
async fn smuggled_ends_are_content() {
    let standing = stand(settings(vec![])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"] {
        peer.say(format!("{end}{}\r\n", mail(7)).as_bytes()).await;
    }
    let silence = tokio::time::timeout(Duration::from_millis(150), peer.hear()).await;
    assert!(silence.is_err(), "something but CRLF.CRLF ended the content");
    assert_eq!(peer.ask("\r\n.").await, 250);
    assert_eq!(outcomes(&standing.events().await).len(), 1);
}
