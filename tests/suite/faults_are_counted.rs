//! Every time a fault takes effect it is counted, whatever it does and at whatever stage, so that a
//! report never says of a fault that struck that it did not.

use std::time::Duration;

use mailbench::fault::defer::Defer;
use mailbench::fault::delay::Delay;
use mailbench::fault::disconnect::Disconnect;
use mailbench::fault::rule::{Action, Hangup, Rule};
use mailbench::fault::stall::Stall;
use mailbench::fault::throttle::Throttle;
use mailbench::ledger::event::Event;
use mailbench::quantity::Quantity;
use mailbench::smtp::content::stuffed;
use mailbench::smtp::stage::Stage;

use crate::sink_side::{mail, rcpt, rule, settings, stand, text};
use crate::support::Lab;

/// How often each rule is said to have struck in one session with one message.
async fn strikes(rules: Vec<Rule>) -> Vec<usize> {
    let many = rules.len();
    let standing = stand(settings(rules)).await;
    let mut peer = standing.greeted().await;
    for line in [mail(0), rcpt(0, 0, "a.test"), rcpt(0, 0, "b.test"), "DATA".to_owned()] {
        peer.ask(&line).await;
    }
    peer.say(&stuffed(&text(0))).await;
    peer.code().await;
    peer.ask("QUIT").await;
    let events = standing.events().await;
    let of = |number: usize| {
        let its = |event: &&Event| matches!(event, Event::Struck { fault, .. } if usize::from(*fault) == number);
        events.iter().filter(its).count()
    };
    (0..many).map(of).collect()
}

#[tokio::test]
async fn delays_at_every_stage_and_slow_reading() {
    let stages = [
        Stage::Connect,
        Stage::Banner,
        Stage::Ehlo,
        Stage::MailFrom,
        Stage::RcptTo,
        Stage::Data,
        Stage::EndOfData,
        Stage::Quit,
    ];
    let delay = |stage| rule(stage, Action::Delay(Delay(Quantity::Constant(0.001))));
    let mut rules = stages.map(delay).to_vec();
    rules.push(rule(Stage::Content, Action::Throttle(Throttle { bytes_per_second: 1e6 })));
    assert_eq!(strikes(rules).await, [1, 1, 1, 1, 2, 1, 1, 1, 1], "twice at its two RCPTs");
}

#[tokio::test]
async fn two_delays_at_once_and_the_action_that_wins() {
    let delay = |seconds| rule(Stage::RcptTo, Action::Delay(Delay(Quantity::Constant(seconds))));
    let defer =
        || rule(Stage::RcptTo, Action::Defer(Defer("451 4.3.0 later".parse().expect("one"))));
    let rules = vec![delay(0.001), defer(), delay(0.002), defer()];
    assert_eq!(strikes(rules).await, [2, 2, 2, 0], "the second deferral never came to pass");
}

#[tokio::test]
async fn what_ends_a_session_outside_a_transaction() {
    let hangup = Action::Disconnect(Disconnect { how: Hangup::Fin, after_bytes: None });
    assert_eq!(strikes(vec![rule(Stage::Quit, hangup)]).await, [1]);
    let stall = Action::Stall(Stall(Duration::from_millis(10)));
    assert_eq!(strikes(vec![rule(Stage::Quit, stall)]).await, [1]);
}

#[test]
fn a_run_says_so() {
    let ran = Lab::small(
        r#"
        [[fault]]
        name = "slow"
        stage = "rcpt-to"
        delay = "5ms"
        [[fault]]
        name = "trickle"
        stage = "content"
        destination = "one.test"
        throttle = "1MiB/s"
        [[fault]]
        name = "closed"
        stage = "connect"
        during = "500ms..1s"
        refuse = true
        [[fault]]
        name = "never"
        stage = "rcpt-to"
        attempts = "900.."
        defer = "451 4.3.0 later"
        "#,
    )
    .run();
    ran.assert_code(0);
    let report = ran.report();
    let faults = report["faults"].as_array().expect("faults");
    let struck: Vec<bool> = faults.iter().map(|fault| fault["struck"] != 0).collect();
    assert_eq!(struck, [true, true, true, false], "{faults:?}");
    let warnings = report["warnings"].as_array().expect("warnings");
    let idle: Vec<_> = warnings.iter().filter(|warning| warning["id"] == "idle-fault").collect();
    assert_eq!(idle.len(), 1, "{idle:?}");
    assert!(idle[0]["message"].as_str().is_some_and(|text| text.contains("`never`")), "{idle:?}");
}
