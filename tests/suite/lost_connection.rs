//! What a lost connection means hangs on whether the final dot may have left.

use mailbench::smtp::client::{Cause, Outcome};
use mailbench::smtp::stage::Stage;

use crate::scripted::Act::{HearBytes, HearContent, Reset, Say};
use crate::scripted::{
    ENVELOPE, GREETING, PATIENCE, SILENCE, impatient, opened, outcomes, outcomes_of, peer, play,
    refused, submit, unexpected,
};

#[tokio::test]
async fn a_connection_lost_before_rcpt_has_sent_nothing_and_before_the_dot_is_broken() {
    let cause = Cause::Closed;
    let mail = Outcome::NotSent { stage: Stage::MailFrom, cause: cause.clone() };
    assert_eq!(outcomes(&ENVELOPE[..1], 2).await, vec![mail; 2]);
    let broken = Outcome::Broken { stage: Stage::RcptTo, cause: cause.clone() };
    let not_sent = Outcome::NotSent { stage: Stage::RcptTo, cause: cause.clone() };
    assert_eq!(outcomes(&ENVELOPE[..3], 2).await, [broken, not_sent]);
    let broken = Outcome::Broken { stage: Stage::Data, cause };
    assert_eq!(outcomes(&ENVELOPE[..5], 1).await, [broken]);
}

#[tokio::test]
async fn a_connection_lost_in_mid_content_is_broken_unless_the_server_gave_its_reason() {
    let text = b"0123456789abcde\r\n".repeat(1 << 20);
    let cut = [&ENVELOPE[..], &[HearBytes(50_000), Reset]].concat();
    let seen = outcomes_of(&cut, 1, &text).await;
    assert!(matches!(seen[..], [Outcome::Broken { stage: Stage::Content, .. }]), "{seen:?}");
    let full = [&ENVELOPE[..], &[HearBytes(50_000), Say("552 5.3.4 too big\r\n")]].concat();
    assert_eq!(outcomes_of(&full, 1, &text).await, [refused(Stage::Content, "552 5.3.4 too big")]);
    let stall = [&GREETING[..], &ENVELOPE, &[HearBytes(50_000), SILENCE]].concat();
    let (address, _played) = play(stall).await;
    let mut connection = opened(&impatient(address)).await;
    let cause = Cause::TimedOut(PATIENCE);
    let broken = Outcome::Broken { stage: Stage::Content, cause };
    assert_eq!(submit(&mut connection, 1, &text).await.outcomes, [broken]);
}

#[tokio::test]
async fn without_an_understandable_reply_to_the_final_dot_the_outcome_is_indeterminate() {
    let silence = Cause::TimedOut(PATIENCE);
    for (act, cause) in [
        (Say(""), Cause::Closed),
        (Say("25"), Cause::HalfReply),
        (Say("250-ok\r\n25"), Cause::HalfReply),
        (Say("hello\r\n"), Cause::NotAReply),
        (Say("600 6.0.0 ok\r\n"), unexpected(600, "6.0.0 ok")),
        (Say("354 go on\r\n"), unexpected(354, "go on")),
        (Reset, Cause::Io(std::io::ErrorKind::ConnectionReset)),
        (SILENCE, silence),
    ] {
        let acts = [&ENVELOPE[..], &[HearContent, act]].concat();
        let (address, played) = play([&GREETING[..], &acts].concat()).await;
        let silent = matches!(cause, Cause::TimedOut(_));
        let peer = if silent { impatient(address) } else { peer(address) };
        let mut connection = opened(&peer).await;
        let transacted = submit(&mut connection, 1, b"x\r\n").await;
        assert_eq!(transacted.outcomes, [Outcome::Indeterminate { cause }]);
        assert!(!connection.ready_again().await, "a lost connection was kept");
        drop(connection);
        played.await.expect("a script played to its end");
    }
}
