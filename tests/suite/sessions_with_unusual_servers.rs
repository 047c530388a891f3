//! Opening and closing a session with servers that do not speak as most do: HELO only, a refusal as
//! banner, long replies, silence after QUIT.

use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::smtp::client::{Cause, Opened, Opening, Outcome, connect};
use mailbench::smtp::reply::EnhancedStatus;
use mailbench::smtp::stage::Stage;

use crate::scripted::Act::{Hear, HearContent, Say, Sleep};
use crate::scripted::{Act, ENVELOPE, GREETING, connection, peer, play, submit};

async fn opening(acts: &[Act]) -> (Opening, String) {
    let (address, played) = play(acts.to_vec()).await;
    let opening = connect(&peer(address), Clock::start()).await;
    (opening, played.await.expect("a script played to its end"))
}

#[tokio::test]
async fn a_server_without_ehlo_is_greeted_by_helo() {
    let acts = [
        Say("220 old.test\r\n"),
        Hear("EHLO me.test"),
        Say("500 5.5.1 what?\r\n"),
        Hear("HELO me.test"),
        Say("250-old.test\r\n250 PIPELINING\r\n"),
    ];
    let (opening, _) = opening(&acts).await;
    let Opened::Ready(connection) = opening.opened else { panic!("not ready") };
    assert!(!connection.capabilities().pipelining, "HELO has no extensions");
}

#[tokio::test]
async fn a_deferred_ehlo_is_not_tried_otherwise() {
    let acts =
        [Say("220 busy.test\r\n"), Hear("EHLO me.test"), Say("451 4.3.2 later\r\n"), Hear("QUIT")];
    let (opening, _) = opening(&acts).await;
    assert!(matches!(opening.opened, Opened::Refused { stage: Stage::Ehlo, .. }));
}

/// RFC 5321 §3.1: the client sends QUIT to a server that greets it with 554.
#[tokio::test]
async fn a_server_that_refuses_is_left_by_quit() {
    for refusal in ["554 5.3.2 no service\r\n", "421 4.3.2 later\r\n"] {
        let wait = if refusal.starts_with('5') { Hear("QUIT") } else { Sleep(10) };
        let (opening, _) = opening(&[Say(refusal), wait, Say("221 bye\r\n")]).await;
        assert!(
            matches!(opening.opened, Opened::Refused { stage: Stage::Banner, .. }),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn a_greeting_need_not_be_utf_8_nor_offers_be_short() {
    let long: &'static str =
        format!("250-a.test\r\n{}250 STARTTLS\r\n", "250-XNOTHING of interest\r\n".repeat(60))
            .leak();
    let acts = [Say("220 a.test\r\n"), Hear("EHLO me.test"), Say(long)];
    let (opening, _) = opening(&acts).await;
    let Opened::Ready(connection) = opening.opened else { panic!("not ready") };
    assert!(connection.capabilities().starttls, "it stands at the end of 1,500 octets");
}

#[tokio::test]
async fn a_long_refusal_is_a_refusal() {
    let long: &'static str =
        format!("{}550 5.7.606 end\r\n", "550-5.7.606 reason upon reason\r\n".repeat(200)).leak();
    let acts = [&GREETING[..], &ENVELOPE, &[HearContent, Say(long)]].concat();
    let (address, _played) = play(acts).await;
    let transacted = submit(&mut *connection(address).await, 1, b"x\r\n").await;
    let [Outcome::Refused { stage: Stage::EndOfData, reply }] = &transacted.outcomes[..] else {
        panic!("{:?}", transacted.outcomes)
    };
    let status = EnhancedStatus { class: 5, subject: 7, detail: 606 };
    assert_eq!((reply.code, reply.enhanced), (550, Some(status)));
    assert!(reply.text.chars().count() <= mailbench::limits::REPLY_TEXT);
}

/// Its silence is not ours: the session goes on.
#[tokio::test]
async fn a_server_silent_after_quit_holds_nothing_up() {
    let acts = [&GREETING[..], &[Hear("QUIT"), Sleep(4_000)]].concat();
    let (address, played) = play(acts).await;
    let connection = connection(address).await;
    let clock = Clock::start();
    connection.quit().await;
    assert!(clock.now().offset() < Duration::from_secs(3), "it waited for the reply");
    played.await.expect("a script played to its end");
}

#[tokio::test]
async fn what_is_no_reply_ends_the_session() {
    let (opening, _) = opening(&[Say("hello there\r\n")]).await;
    let failed = |opened: &Opened| {
        matches!(opened, Opened::Failed { stage: Stage::Banner, cause: Cause::NotAReply })
    };
    assert!(failed(&opening.opened));
}
