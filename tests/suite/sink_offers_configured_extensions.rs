//! What the sink offers can be chosen, for all or for one destination, and what it offers it does:
//! chunks, logins, LMTP.

use std::path::Path;

use mailbench::fault::disconnect::Disconnect;
use mailbench::fault::reject::Reject;
use mailbench::fault::rule::{Action, Garble, Hangup};
use mailbench::ledger::event::{AttemptOutcome, Event, Proof};
use mailbench::sink::Settings;
use mailbench::smtp::dialogue::Extension;
use mailbench::smtp::stage::Stage;

use crate::sink_side::{
    Peer, Standing, attempts, defer, mail, only_at, outcomes, rcpt, rule, settings, stand, text,
};
use crate::support::{Lab, SMALL};

fn offering(extensions: &[Extension], settings: Settings) -> Settings {
    Settings { extensions: Some(extensions.to_vec()), ..settings }
}

async fn ehlo(peer: &mut Peer) -> Vec<String> {
    peer.say(b"EHLO peer.test\r\n").await;
    let reply = peer.hear().await;
    reply.lines().skip(1).map(|line| line[4..].to_owned()).collect()
}

async fn chunking(rules: Vec<mailbench::fault::rule::Rule>) -> Standing {
    stand(offering(&[Extension::Chunking, Extension::Pipelining], settings(rules))).await
}

#[tokio::test]
async fn each_destination_offers_what_was_chosen_for_it() {
    let own = Some(vec![Extension::Auth, Extension::Chunking]);
    let standing = stand(Settings {
        by_destination: true,
        own_extensions: vec![None, own],
        ..offering(&[Extension::Size], settings(Vec::new()))
    })
    .await;
    for (domain, expected) in [
        ("a.test", vec!["SIZE 134217728"]),
        ("b.test", vec!["AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2", "CHUNKING"]),
        ("c.test", vec!["SIZE 134217728"]),
    ] {
        let mut peer = standing.connect_for(domain).await;
        assert_eq!(peer.code().await, 220);
        assert_eq!(ehlo(&mut peer).await, expected, "{domain}");
    }
}

/// The generator logs in at the sink, once a connection, under a password that neither shows.
#[test]
fn both_ends_know_scram() {
    let scenario = SMALL.replace(
        "[message]",
        "[smtp]\nauth = { mechanism = \"scram-sha-256\", user = \"a,b=c\", password_env = \"SECRET\" }\n\
         [sink]\nwith = [\"AUTH\"]\n[message]",
    );
    let lab =
        Lab::new(&scenario).set("target.kind", "direct").env("SECRET", Path::new("pen\u{ad}cïl"));
    let ran = lab.run();
    ran.assert_code(0);
    assert_eq!(ran.count("delivered"), 120, "{ran}");
    assert!(ran.report()["latency"]["stage_auth"]["count"].as_u64() > Some(0), "{ran}");
    let strange =
        Lab::new(&scenario).set("target.kind", "direct").env("SECRET", Path::new("a\u{7}"));
    let ran = strange.run();
    ran.assert_code(106);
    assert!(ran.stderr.contains("cannot take for a password"), "{ran}");
}

#[tokio::test]
async fn a_message_in_chunks_arrives_whole() {
    let standing = chunking(Vec::new()).await;
    let mut peer = standing.greeted().await;
    let content = text(0);
    let (first, last) = content.split_at(content.len() / 2);
    assert_eq!(peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test")]).await, [250, 250]);
    peer.say(&[format!("BDAT {}\r\n", first.len()).as_bytes(), first].concat()).await;
    assert_eq!(peer.code().await, 250);
    // The last chunk may be empty, and what follows it comes with it.
    peer.say(&[format!("BDAT {}\r\n", last.len()).as_bytes(), last].concat()).await;
    assert_eq!(peer.code().await, 250);
    peer.say(b"BDAT 0 LAST\r\nNOOP\r\n").await;
    assert_eq!((peer.code().await, peer.code().await), (250, 250));
    assert_eq!(peer.ask("QUIT").await, 221);
    drop(peer);
    standing.at_rest().await;
    let events = standing.events().await;
    assert_eq!(outcomes(&events), [(0, 1, Stage::EndOfData, AttemptOutcome::Taken, None)]);
    assert_eq!(attempts(&events)[0].content.as_ref().expect("content").changes, []);
    let proved = |event: &Event| matches!(event, Event::Confirmed { proof: Proof::Command, .. });
    assert!(events.iter().any(proved), "{events:?}");
}

#[tokio::test]
async fn faults_strike_chunks_where_they_would_strike_data() {
    let break_at_100 = Action::Disconnect(Disconnect { how: Hangup::Rst, after_bytes: Some(100) });
    let deferred = AttemptOutcome::Deferred;
    for (stage, action, codes, outcome) in [
        (Stage::Data, defer("451 4.3.0 wait"), vec![451, 503], deferred),
        (Stage::Content, defer("452 4.3.1 full"), vec![250, 452], deferred),
        (Stage::EndOfData, defer("451 4.3.0 wait"), vec![250, 451], deferred),
        (Stage::Content, break_at_100, vec![250, 0], AttemptOutcome::Broken),
    ] {
        let standing = chunking(vec![rule(stage, action)]).await;
        let mut peer = standing.greeted().await;
        peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test")]).await;
        let (content, mut seen) = (text(0), Vec::new());
        let rest = content.len() - 50;
        peer.say(&[b"BDAT 50\r\n", &content[..50]].concat()).await;
        seen.push(peer.code().await);
        peer.say(&[format!("BDAT {rest} LAST\r\n").as_bytes(), &content[50..]].concat()).await;
        seen.push(peer.code().await);
        assert_eq!(seen, codes, "{stage}");
        drop(peer);
        standing.at_rest().await;
        assert_eq!(outcomes(&standing.events().await), [(0, 1, stage, outcome, Some(0))]);
    }
}

#[tokio::test]
async fn octets_of_a_refused_chunk_are_no_commands() {
    let standing = chunking(Vec::new()).await;
    let mut peer = standing.greeted().await;
    peer.say(b"BDAT 6\r\nNOOP\r\nRSET\r\n").await;
    assert_eq!((peer.code().await, peer.code().await), (503, 250));
    let silence = tokio::time::timeout(std::time::Duration::from_millis(150), peer.hear()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn a_client_logs_in() {
    let standing = stand(offering(&[Extension::Auth], settings(Vec::new()))).await;
    let mut peer = standing.greeted().await;
    assert_eq!(peer.ask_all(&["AUTH LOGIN", "dQ==", "cA=="]).await, [334, 334, 235]);
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    let mut peer = standing.greeted().await;
    assert_eq!(peer.ask_all(&["AUTH PLAIN", "*", "AUTH PLAIN AHUAcA=="]).await, [334, 501, 235]);
    let refused =
        rule(Stage::Auth, Action::Reject(Reject("535 5.7.8 no".parse().expect("a reply"))));
    let standing = stand(offering(&[Extension::Auth], settings(vec![refused]))).await;
    let mut peer = standing.greeted().await;
    assert_eq!(peer.ask_all(&["AUTH LOGIN", "NOOP"]).await, [535, 250]);
}

#[tokio::test]
async fn lmtp_answers_the_content_for_each_recipient() {
    let rules = vec![only_at(1, rule(Stage::EndOfData, defer("452 4.2.2 Mailbox full")))];
    let standing = stand(Settings { lmtp: true, ..settings(rules) }).await;
    let mut peer = standing.connect().await;
    assert_eq!(peer.code().await, 220);
    assert_eq!(peer.ask_all(&["EHLO x", "LHLO x", &mail(0)]).await, [502, 250, 250]);
    for (index, domain) in [(0, "a.test"), (1, "b.test"), (2, "a.test")] {
        assert_eq!(peer.ask(&rcpt(0, index, domain)).await, 250);
    }
    assert_eq!(peer.ask("DATA").await, 354);
    let body = String::from_utf8(text(0)).expect("text");
    peer.say(format!("{}.\r\n", body.replace("\r\n.", "\r\n..")).as_bytes()).await;
    assert_eq!([peer.code().await, peer.code().await, peer.code().await], [250, 452, 250]);
    assert_eq!(peer.ask_all(&[&mail(1), "RSET", "QUIT"]).await, [250, 250, 221]);
    drop(peer);
    standing.at_rest().await;
    let events = standing.events().await;
    let (taken, deferred) = (AttemptOutcome::Taken, AttemptOutcome::Deferred);
    let dot = Stage::EndOfData;
    let first = mailbench::probe::MessageId(0);
    let probe = |index| first.probe(index).0;
    assert_eq!(
        outcomes(&events),
        [
            (probe(0), 1, dot, taken, None),
            (probe(1), 1, dot, deferred, Some(0)),
            (probe(2), 1, dot, taken, None),
        ]
    );
    let confirmed = |event: &&Event| matches!(event, Event::Confirmed { .. });
    assert_eq!(events.iter().filter(confirmed).count(), 1, "one content, proved once");
}

#[tokio::test]
async fn a_garbled_reply_is_garbled_and_a_proper_client_goes_on() {
    for form in [Garble::BareCode, Garble::SplitReply] {
        let standing = stand(settings(vec![rule(Stage::EndOfData, Action::Garble(form))])).await;
        let mut peer = standing.greeted().await;
        peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
        peer.say(&mailbench::smtp::content::stuffed(&text(0))).await;
        let mut seen = [0; 3];
        tokio::io::AsyncReadExt::read_exact(&mut peer.stream, &mut seen).await.expect("a code");
        assert_eq!(&seen, b"250");
        drop(peer);
        standing.at_rest().await;
        let taken = (0, 1, Stage::EndOfData, AttemptOutcome::Taken, Some(0));
        assert_eq!(outcomes(&standing.events().await), [taken], "{form:?}");
    }
}

#[tokio::test]
async fn a_reply_that_need_not_be_understood_counts_as_withheld() {
    for (form, start) in [
        (Garble::WrongCode, "250-2.0.0"),
        (Garble::LongLine, "250 xxxxx"),
        (Garble::Nul, "250 Ta\0ke"),
        (Garble::NoLastLine, "250-Taken"),
    ] {
        let standing = stand(settings(vec![rule(Stage::EndOfData, Action::Garble(form))])).await;
        let mut peer = standing.greeted().await;
        peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
        peer.say(&mailbench::smtp::content::stuffed(&text(0))).await;
        let mut seen = vec![0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut peer.stream, &mut seen).await.expect("a reply");
        assert_eq!(seen, start.as_bytes()[..4], "{form:?}");
        drop(peer);
        standing.at_rest().await;
        let withheld = (0, 1, Stage::EndOfData, AttemptOutcome::Withheld, Some(0));
        assert_eq!(outcomes(&standing.events().await), [withheld], "{form:?}");
    }
}

#[tokio::test]
async fn after_a_garbled_reply_to_rcpt_the_dialogue_goes_on() {
    let garbled = rule(Stage::RcptTo, Action::Garble(Garble::BareCode));
    let standing = stand(settings(vec![garbled])).await;
    let mut peer = standing.greeted().await;
    assert_eq!(peer.ask(&mail(0)).await, 250);
    peer.say(format!("{}\r\nDATA\r\n", rcpt(0, 0, "a.test")).as_bytes()).await;
    let mut seen = vec![0; 8];
    tokio::io::AsyncReadExt::read_exact(&mut peer.stream, &mut seen).await.expect("two replies");
    assert_eq!(seen, b"250\r\n354");
}

/// Who took it for a refusal of its only recipient, and has said DATA already, sends a dot alone.
#[tokio::test]
async fn a_dot_alone_after_an_unclear_reply_to_rcpt_is_no_message() {
    let unclear = rule(Stage::RcptTo, Action::Garble(Garble::WrongCode));
    let standing = stand(settings(vec![crate::sink_side::first_attempt(unclear)])).await;
    let mut peer = standing.greeted().await;
    let lines = [mail(0), rcpt(0, 0, "a.test"), "DATA".to_owned(), String::new()];
    peer.say(lines.join("\r\n").as_bytes()).await;
    let mut received = String::new();
    while !received.contains("\r\n354 ") {
        received += &peer.hear().await;
    }
    assert!(received.contains("\r\n451 "), "{received}");
    assert_eq!(peer.ask(".").await, 554);
    assert_eq!(peer.send(0, "a.test").await, [250, 250, 354, 250]);
    drop(peer);
    standing.at_rest().await;
    let abandoned = (0, 1, Stage::Content, AttemptOutcome::Abandoned, Some(0));
    let taken = (0, 2, Stage::EndOfData, AttemptOutcome::Taken, None);
    assert_eq!(outcomes(&standing.events().await), [abandoned, taken]);
}
