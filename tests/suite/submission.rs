//! The client keeps every reply, times every stage, and knows what a lost connection means.

use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::smtp::client::{Cause, Opened, Outcome, connect};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

use crate::receiver::{Manner, Receiver};
use crate::scripted::Act::{self, Dribble, Hear, HearContent, Say, Silence, Sleep};
use crate::scripted::{
    ENVELOPE, GREETING, PATIENCE, SILENCE, connection, impatient, outcomes, peer, play, refused,
    submit, unexpected,
};
use crate::support::free_address;

const EXTENDED: [Act; 3] = [
    Say("220-a.test\r\n220 at your service\r\n"),
    Hear("EHLO me.test"),
    Say("250-a.test hello\r\n250-size 1000000\r\n250-8BITMIME\r\n250 PIPELINING\r\n"),
];

#[tokio::test]
async fn an_accepted_mail_keeps_its_reply_and_times_every_stage() {
    let end = [HearContent, Silence(40), Say("250-2.0.0 ok\r\n250 2.0.0 queued as 4711\r\n")];
    let (address, played) = play([&GREETING[..], &ENVELOPE, &end].concat()).await;
    let opening = connect(&peer(address), Clock::start()).await;
    let opened: Vec<Stage> = opening.stages.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(opened, [Stage::Connect, Stage::Banner, Stage::Ehlo]);
    let Opened::Ready(mut connection) = opening.opened else { panic!("not opened") };
    let transacted = submit(&mut connection, 1, b"Subject: x\r\n\r\n.hello\r\n").await;
    let reply = Reply::new(250, "2.0.0".parse().ok(), "ok\nqueued as 4711");
    assert_eq!(transacted.outcomes, [Outcome::Accepted { reply }]);
    let (stages, lengths): (Vec<Stage>, Vec<Duration>) = transacted.stages.into_iter().unzip();
    use Stage::{Content, Data, EndOfData, MailFrom, RcptTo};
    assert_eq!(stages, [MailFrom, RcptTo, Data, Content, EndOfData]);
    assert!(lengths[4] >= Duration::from_millis(40), "the wait for the reply was not timed");
    let received = played.await.expect("a script played to its end");
    assert!(received.ends_with("DATA\r\nSubject: x\r\n\r\n..hello\r\n.\r\n"), "{received}");
}

#[tokio::test]
async fn a_refused_greeting_names_its_stage_and_reply() {
    let banner = [Say("554 5.7.1 no service\r\n")];
    let ehlo = [Say("220 a.test\r\n"), Hear("EHLO"), Say("421 4.3.2 later\r\n")];
    for (acts, stage, reply) in [
        (&banner[..], Stage::Banner, "554 5.7.1 no service"),
        (&ehlo[..], Stage::Ehlo, "421 4.3.2 later"),
    ] {
        let (address, _played) = play(acts.to_vec()).await;
        match connect(&peer(address), Clock::start()).await.opened {
            Opened::Refused { stage: at, reply: seen } => {
                assert_eq!((at, seen.to_string().as_str()), (stage, reply));
            }
            _ => panic!("not refused at {stage}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_is_a_failed_opening() {
    let closed = free_address();
    let (silent, _played) = play(vec![SILENCE]).await;
    let (foreign, _played) = play(vec![Say("SSH-2.0-x\r\n")]).await;
    let mut seen = Vec::new();
    for peer in [peer(closed), impatient(silent), peer(foreign)] {
        match connect(&peer, Clock::start()).await.opened {
            Opened::Failed { stage, cause } => seen.push((stage, cause)),
            _ => panic!("opened"),
        }
    }
    let refused = Cause::Io(std::io::ErrorKind::ConnectionRefused);
    let silence = Cause::TimedOut(PATIENCE);
    assert_eq!(
        seen,
        [(Stage::Connect, refused), (Stage::Banner, silence), (Stage::Banner, Cause::NotAReply)]
    );
}

#[tokio::test]
async fn a_reply_without_end_is_not_read_for_ever() {
    let long: &str = Box::leak("2".repeat(1 << 20).into_boxed_str());
    let lines: &str = Box::leak("220-x\r\n".repeat(1 << 16).into_boxed_str());
    let nul = "\0\0\0\0\r\n";
    for flood in [long, lines, nul] {
        let (address, played) = play(vec![Say(flood)]).await;
        match connect(&peer(address), Clock::start()).await.opened {
            Opened::Failed { stage, cause } => {
                assert_eq!((stage, cause), (Stage::Banner, Cause::NotAReply), "{:?}", &flood[..10]);
            }
            _ => panic!("opened"),
        }
        // The server may not have got rid of all of it.
        drop(played);
    }
}

#[tokio::test]
async fn a_negative_reply_refuses_at_its_stage() {
    let mail = [Hear("MAIL"), Say("451 4.3.0 busy\r\n")];
    assert_eq!(outcomes(&mail, 2).await, vec![refused(Stage::MailFrom, "451 4.3.0 busy"); 2]);
    let rcpt = [&ENVELOPE[..3], &[Say("550 5.1.1 who\r\n")]].concat();
    assert_eq!(outcomes(&rcpt, 1).await, [refused(Stage::RcptTo, "550 5.1.1 who")]);
    let data = [&ENVELOPE[..5], &[Say("554 5.5.1 no\r\n")]].concat();
    assert_eq!(outcomes(&data, 1).await, [refused(Stage::Data, "554 5.5.1 no")]);
    let end = [&ENVELOPE[..], &[HearContent, Say("452 4.3.1 full\r\n")]].concat();
    assert_eq!(outcomes(&end, 1).await, [refused(Stage::EndOfData, "452 4.3.1 full")]);
}

#[tokio::test]
async fn recipients_are_accepted_and_refused_one_by_one() {
    let acts = [
        &ENVELOPE[..3],
        &[
            Say("450 4.2.0 grey\r\n"),
            Hear("RCPT TO:<r1@"),
            Say("251 2.1.5 forwarded\r\n"),
            Hear("RCPT TO:<r2@"),
            Say("550 5.1.1 who\r\n"),
            Hear("DATA"),
            Say("354 go on\r\n"),
            HearContent,
            Say("250 2.0.0 ok\r\n"),
        ],
    ]
    .concat();
    let accepted = Outcome::Accepted { reply: "250 2.0.0 ok".parse().expect("a reply") };
    assert_eq!(
        outcomes(&acts, 3).await,
        [
            refused(Stage::RcptTo, "450 4.2.0 grey"),
            accepted,
            refused(Stage::RcptTo, "550 5.1.1 who")
        ]
    );
}

#[tokio::test]
async fn replies_are_judged_by_their_first_digit() {
    let odd = [
        Hear("MAIL"),
        Say("299 ok\r\n"),
        Hear("RCPT"),
        Say("222\r\n"),
        Hear("DATA"),
        Say("399 go on\r\n"),
        HearContent,
        Say("250\r\n"),
    ];
    let seen = outcomes(&odd, 1).await;
    assert!(matches!(&seen[..], [Outcome::Accepted { reply }] if reply.code == 250), "{seen:?}");
    for (code, text) in [(100, "100 wait\r\n"), (600, "600 what\r\n"), (333, "333 go\r\n")] {
        let cause = unexpected(code, text[4..].trim_end());
        let not_sent = Outcome::NotSent { stage: Stage::MailFrom, cause };
        assert_eq!(outcomes(&[Hear("MAIL"), Say(text)], 1).await, [not_sent]);
    }
}

#[tokio::test]
async fn dribbled_replies_are_read_whole() {
    let acts = [
        Hear("MAIL"),
        Dribble("250-2.1.0 well\r\n250 2.1.0 ok\r\n"),
        Hear("RCPT"),
        Dribble("250 2.1.5 ok\r\n"),
        Hear("DATA"),
        Dribble("354 go on\r\n"),
        HearContent,
        Dribble("250 2.0.0 done\r\n"),
    ];
    let reply = "250 2.0.0 done".parse().expect("a reply");
    assert_eq!(outcomes(&acts, 1).await, [Outcome::Accepted { reply }]);
}

#[tokio::test]
async fn a_reply_that_came_unasked_is_not_lost_and_ends_the_use_of_the_connection() {
    let farewells = [
        vec![Say("250 2.0.0 ok\r\n421 4.3.2 bye\r\n")],
        vec![Say("250 2.0.0 ok\r\n"), Sleep(30), Say("421 4.3.2 bye\r\n"), Sleep(500)],
    ];
    for farewell in farewells {
        let acts = [&GREETING[..], &ENVELOPE, &[HearContent], &farewell].concat();
        let (address, played) = play(acts).await;
        let mut connection = connection(address).await;
        let transacted = submit(&mut connection, 1, b"x\r\n").await;
        let reply = "250 2.0.0 ok".parse().expect("a reply");
        assert_eq!(transacted.outcomes, [Outcome::Accepted { reply }]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!connection.ready_again().await);
        drop(connection);
        played.await.expect("a script played to its end");
    }
}

#[tokio::test]
async fn a_421_in_mid_transaction_speaks_for_every_recipient() {
    let acts = [&ENVELOPE[..4], &[Hear("RCPT TO:<r1@"), Say("421 4.3.2 bye\r\n")]].concat();
    assert_eq!(outcomes(&acts, 3).await, vec![refused(Stage::RcptTo, "421 4.3.2 bye"); 3]);
}

#[tokio::test]
async fn pipelining_sends_the_envelope_in_one_go_where_it_is_offered() {
    let acts = [
        &EXTENDED[..],
        &[
            Hear("MAIL FROM:<b@me.test> SIZE=7 BODY=8BITMIME\r\n"),
            Hear("RCPT TO:<r0@a.test>\r\n"),
            Hear("RCPT TO:<r1@a.test>\r\n"),
            Hear("DATA\r\n"),
            Say("250 ok\r\n250 ok\r\n550 5.1.1 who\r\n354 go on\r\n"),
            HearContent,
            Say("250 2.0.0 ok\r\n"),
        ],
    ]
    .concat();
    let (address, played) = play(acts).await;
    let mut connection = connection(address).await;
    let transacted = submit(&mut connection, 2, b"hello\r\n").await;
    let accepted = Outcome::Accepted { reply: "250 2.0.0 ok".parse().expect("a reply") };
    assert_eq!(transacted.outcomes, [accepted, refused(Stage::RcptTo, "550 5.1.1 who")]);
    assert_eq!(transacted.stages.len(), 6);
    drop(connection);
    played.await.expect("a script played to its end");
}

#[tokio::test]
async fn more_recipients_than_fit_a_batch_are_all_answered() {
    let receiver = Receiver::start(Manner::default()).await;
    let mut connection = connection(receiver.address).await;
    let transacted = submit(&mut connection, 1000, b"hello\r\n").await;
    let accepted = |outcome: &&Outcome| matches!(outcome, Outcome::Accepted { .. });
    assert_eq!(transacted.outcomes.iter().filter(accepted).count(), 1000);
}

#[tokio::test]
async fn without_pipelining_each_command_waits_for_its_reply() {
    let acts = [
        Hear("MAIL"),
        Silence(20),
        Say("250 ok\r\n"),
        Hear("RCPT"),
        Silence(20),
        Say("250 ok\r\n"),
        Hear("DATA"),
        Silence(20),
        Say("354 go on\r\n"),
        HearContent,
        Say("250 2.0.0 ok\r\n"),
    ];
    let seen = outcomes(&acts, 1).await;
    assert!(matches!(seen[..], [Outcome::Accepted { .. }]), "{seen:?}");
}

#[tokio::test]
async fn data_taken_without_a_recipient_is_owed_a_lone_dot() {
    let acts = [
        &EXTENDED[..],
        &[
            Hear("MAIL"),
            Hear("RCPT"),
            Hear("DATA"),
            Say("250 ok\r\n550 5.1.1 who\r\n354 go on\r\n"),
            Hear(".\r\n"),
            Say("554 5.5.1 no recipients\r\n"),
            Hear("MAIL"),
            Hear("RCPT"),
            Hear("DATA"),
            Say("250 ok\r\n250 ok\r\n354 go on\r\n"),
            HearContent,
            Say("250 2.0.0 ok\r\n"),
        ],
    ]
    .concat();
    let (address, played) = play(acts).await;
    let mut connection = connection(address).await;
    let first = submit(&mut connection, 1, b"x\r\n").await;
    assert_eq!(first.outcomes, [refused(Stage::RcptTo, "550 5.1.1 who")]);
    assert!(connection.ready_again().await);
    let second = submit(&mut connection, 1, b"x\r\n").await;
    assert!(matches!(second.outcomes[..], [Outcome::Accepted { .. }]), "{second:?}");
    drop(connection);
    played.await.expect("a script played to its end");
}

#[tokio::test]
async fn a_refused_transaction_is_reset_before_the_next_and_the_session_quit() {
    let acts = [
        &GREETING[..],
        &[Hear("MAIL"), Say("450 4.2.0 grey\r\n"), Hear("RSET\r\n"), Say("250 ok\r\n")],
        &ENVELOPE,
        &[HearContent, Say("250 2.0.0 ok\r\n"), Hear("QUIT\r\n"), Say("221 bye\r\n")],
    ]
    .concat();
    let (address, played) = play(acts).await;
    let mut connection = connection(address).await;
    submit(&mut connection, 1, b"x\r\n").await;
    assert!(connection.ready_again().await);
    let second = submit(&mut connection, 1, b"x\r\n").await;
    assert!(matches!(second.outcomes[..], [Outcome::Accepted { .. }]), "{second:?}");
    assert!(connection.ready_again().await, "nothing to reset after a whole transaction");
    connection.quit().await;
    played.await.expect("a script played to its end");
}

/// Nagle's algorithm against delayed acknowledgements costs 44 ms a message: 8.8 s for these.
#[tokio::test]
async fn many_messages_do_not_wait_for_acknowledgements() {
    let once = [&ENVELOPE[..], &[HearContent, Say("250 2.0.0 ok\r\n")]].concat();
    let (address, played) = play([&GREETING[..], &once.repeat(200)].concat()).await;
    let mut connection = connection(address).await;
    let clock = Clock::start();
    for _ in 0..200 {
        let seen = submit(&mut connection, 1, &b"0123456789\r\n".repeat(400)).await;
        assert!(matches!(seen.outcomes[..], [Outcome::Accepted { .. }]), "{seen:?}");
    }
    assert!(clock.now().offset() < Duration::from_secs(4), "{:?}", clock.now().offset());
    drop(connection);
    played.await.expect("a script played to its end");
}
