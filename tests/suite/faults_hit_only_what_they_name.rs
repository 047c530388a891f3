//! A fault strikes the recipient, attempt and time it names, and changes nothing else.

use std::time::Duration;

use mailbench::clock::Time;
use mailbench::fault::delay::Delay;
use mailbench::fault::rule::{Action, Rule, Window};
use mailbench::fault::script::Script;
use mailbench::fault::stall::Stall;
use mailbench::ledger::event::{AttemptOutcome, Ending};
use mailbench::probe::{BOUNCE_DOMAIN, PREFLIGHT};
use mailbench::quantity::Quantity;
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;

use crate::sink_side::{
    AGES, defer, endings, first_attempt, mail, only_at, outcomes, rcpt, rule, settings, stand,
    start, text,
};

#[tokio::test]
async fn a_script_answers_by_attempt() {
    let script = ["451 4.7.1 wait", "450 4.7.1 wait more", "250 2.0.0 ok"];
    let script = script.map(|line| line.parse().expect("a reply")).to_vec();
    let standing = stand(settings(vec![rule(Stage::RcptTo, Action::Script(Script(script)))])).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        let mut peer = standing.greeted().await;
        codes.push(peer.send(0, "a.test").await);
    }
    assert_eq!(codes, [vec![250, 451], vec![250, 450], vec![250, 250, 354, 250]]);
    let events = standing.events().await;
    assert_eq!(
        outcomes(&events),
        [
            (0, 1, Stage::RcptTo, AttemptOutcome::Deferred, Some(0)),
            (0, 2, Stage::RcptTo, AttemptOutcome::Deferred, Some(0)),
            (0, 3, Stage::EndOfData, AttemptOutcome::Taken, None),
        ]
    );
}

#[tokio::test]
async fn a_refused_recipient_is_not_in_the_envelope() {
    let greylist = first_attempt(only_at(0, rule(Stage::RcptTo, defer("451 4.7.1 wait"))));
    let standing = stand(settings(vec![greylist])).await;
    let mut peer = standing.greeted().await;
    let lines = [&mail(0)[..], &rcpt(0, 0, "a.test"), &rcpt(0, 1, "b.test"), "DATA"];
    assert_eq!(peer.ask_all(&lines).await, [250, 451, 250, 354]);
    peer.say(&stuffed(&text(0))).await;
    assert_eq!(peer.code().await, 250);
    assert_eq!(peer.ask_all(&[&mail(4), &rcpt(4, 0, "a.test"), "DATA"]).await, [250, 451, 554]);
    assert_eq!(peer.ask("RSET").await, 250);
    assert_eq!(peer.ask_all(&[&mail(4), &rcpt(4, 0, "a.test")]).await, [250, 250]);
    let events = standing.events().await;
    let seen: Vec<_> = outcomes(&events).iter().map(|seen| (seen.0, seen.3)).collect();
    let (deferred, taken) = (AttemptOutcome::Deferred, AttemptOutcome::Taken);
    assert_eq!(seen, [(0, deferred), (1, taken), (4, deferred), (4, AttemptOutcome::Broken)]);
}

#[tokio::test]
async fn a_destination_at_the_dot_strikes_the_whole_transaction() {
    let down = only_at(1, rule(Stage::EndOfData, defer("452 4.3.1 full")));
    let standing = stand(settings(vec![down])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), &rcpt(0, 1, "b.test"), "DATA"]).await;
    peer.say(&stuffed(&text(0))).await;
    assert_eq!(peer.code().await, 452);
    assert_eq!(peer.send(2, "a.test").await[3], 250);
}

#[tokio::test]
async fn faults_leave_pipelining_and_extensions_alone() {
    let rules: Vec<Rule> = [Stage::Ehlo, Stage::MailFrom, Stage::RcptTo, Stage::Data]
        .map(|stage| first_attempt(rule(stage, Action::Delay(Delay(Quantity::Constant(0.05))))))
        .to_vec();
    let script = Action::Script(Script(vec!["250 2.0.0 fine".parse().expect("a reply")]));
    let rules = [rules, vec![rule(Stage::Ehlo, script)]].concat();
    let (plain, faulty) = (stand(settings(vec![])).await, stand(settings(rules)).await);
    let mut offers = Vec::new();
    for standing in [&plain, &faulty] {
        let mut peer = standing.connect().await;
        peer.code().await;
        peer.say(b"EHLO x\r\n").await;
        offers.push(peer.hear().await);
    }
    assert_eq!(offers[0], offers[1]);
    assert!(offers[0].contains("PIPELINING"), "{}", offers[0]);

    let mut peer = faulty.greeted().await;
    let rcpts: Vec<String> = (0..50).map(|n| rcpt(0, n, "a.test")).collect();
    let group = format!("{}\r\n{}\r\nVRFY x\r\nDATA\r\n", mail(0), rcpts.join("\r\n"));
    peer.say(group.as_bytes()).await;
    let mut codes = Vec::new();
    for _ in 0..53 {
        codes.push(peer.code().await);
    }
    assert_eq!(codes[..51], [250; 51]);
    assert_eq!(codes[51..], [252, 354]);
}

#[tokio::test]
async fn windows_wait_for_the_measured_period() {
    let mut later = rule(Stage::RcptTo, defer("451 4.7.1 later"));
    later.scope.during = Some(Window { start: Duration::ZERO, end: Duration::from_secs(3600) });
    let now = rule(Stage::RcptTo, defer("450 4.7.1 now"));
    let standing = stand(settings(vec![later, only_at(1, now)])).await;
    // An hour ahead: not measured yet.
    standing.sink.measured_from(Time::from_offset(AGES * 180));
    let mut peer = standing.greeted().await;
    let lines = [&mail(0)[..], &rcpt(0, 0, "a.test"), &rcpt(0, 1, "b.test")];
    assert_eq!(peer.ask_all(&lines).await, [250, 250, 450]);
    standing.sink.measured_from(Time::ZERO);
    assert_eq!(peer.ask(&rcpt(0, 2, "a.test")).await, 451);
}

#[tokio::test]
async fn preflight_and_bounces_are_exempt() {
    let everywhere = Stage::ALL[5..].iter().map(|stage| rule(*stage, defer("450 4.7.1 no")));
    let standing = stand(settings(everywhere.collect())).await;
    let mut peer = standing.greeted().await;
    let to = format!("RCPT TO:<b+run.0@{}>", BOUNCE_DOMAIN);
    assert_eq!(peer.ask_all(&["MAIL FROM:<>", &to, "DATA", "."]).await, [250, 250, 354, 250]);
    assert_eq!(peer.send(PREFLIGHT.0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(peer.ask(&mail(0)).await, 450);
}

#[tokio::test]
async fn no_session_is_struck_before_the_load_begins() {
    let away = rule(Stage::Connect, defer("421 4.3.2 closed"));
    let standing = start(settings(vec![away])).await;
    let mut early = standing.greeted().await;
    assert_eq!(early.send(PREFLIGHT.0, "a.test").await, [250, 250, 354, 250]);
    assert_eq!(standing.connect().await.code().await, 220);
    // The first mail of the run tells that it has begun.
    assert_eq!(early.ask(&mail(0)).await, 250);
    assert_eq!(standing.connect().await.code().await, 421);
}

#[tokio::test]
async fn a_sink_stopped_in_a_stall_records_what_it_withheld() {
    let stall = rule(Stage::EndOfData, Action::Stall(Stall(AGES * 10)));
    let standing = stand(settings(vec![stall])).await;
    let mut peer = standing.greeted().await;
    peer.ask_all(&[&mail(0), &rcpt(0, 0, "a.test"), "DATA"]).await;
    peer.say(&stuffed(&text(0))).await;
    let silence = tokio::time::timeout(Duration::from_millis(100), peer.hear()).await;
    assert!(silence.is_err());
    let events = standing.events().await;
    let withheld = (0, 1, Stage::EndOfData, AttemptOutcome::Withheld, Some(0));
    assert_eq!(outcomes(&events), [withheld]);
    assert_eq!(endings(&events), [(Stage::EndOfData, Ending::Shutdown)]);
}
