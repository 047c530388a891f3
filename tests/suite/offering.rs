//! Traffic offers the plan as it stands: due times never move, sessions keep to their bounds, and
//! every message that came due is in the ledger with its result.

use std::time::Duration;

use mailbench::clock::{Clock, Time};
use mailbench::ledger::event::{SubmitResult, Submitted};
use mailbench::plan::Plan;
use mailbench::scenario::model::{Extent, Load};
use mailbench::smtp::client::Peer;
use mailbench::smtp::stage::Stage;
use mailbench::traffic::{PreflightError, Settings, preflight};

use crate::offered::{closed, offered, offered_until, open, scenario};
use crate::receiver::{Manner, Receiver};
use crate::support::free_address;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_offered_when_the_plan_says() {
    let receiver = Receiver::start(Manner::default()).await;
    let offered = offered(open(200.0, Duration::from_secs(1)), receiver.address).await;
    let dues: Vec<_> = offered.offers.iter().map(|(message, due, _)| (*message, *due)).collect();
    let planned: Vec<_> = offered
        .plan
        .offers()
        .map(|offer| (offer.message, offered.start.plus(offer.due.expect("a due time"))))
        .collect();
    assert_eq!(planned.len(), 200);
    assert_eq!(dues, planned);
    assert!(offered.offers.iter().all(|(_, due, at)| at >= due), "offered before it was due");
    // Typical lag is some ten microseconds, and a message held back to the next would lag 5 ms;
    // the machine may be busy with other tests, so the bound is far beyond both, and far below
    // the half second by which the median would lag if offering began late or ran at half speed.
    let mut lags = offered.lags();
    lags.sort();
    assert!(lags[100] < Duration::from_millis(200), "median lag {:?}", lags[100]);
    assert_eq!(offered.accepted(), 200);
    assert_eq!(offered.summary.messages, 200);
    assert_eq!(offered.summary.unserved, 0);
    assert_eq!(offered.summary.last_due, planned[199].1);
    assert!(offered.limits.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_carry_times_and_stages() {
    let receiver = Receiver::start(Manner { wait: Duration::from_millis(30), ..Manner::default() });
    let receiver = receiver.await;
    let load = Load { sessions: 1, ..open(20.0, Duration::from_millis(500)) };
    let offered = offered(load, receiver.address).await;
    assert_eq!(offered.accepted(), 10);
    let stages = |submitted: &Submitted| -> Vec<Stage> {
        submitted.stages.iter().map(|(stage, _)| *stage).collect()
    };
    use Stage::{Banner, Connect, Content, Data, Ehlo, EndOfData, MailFrom, RcptTo};
    let transaction = [MailFrom, RcptTo, RcptTo, Data, Content, EndOfData];
    assert_eq!(stages(&offered.results[0]), [&[Connect, Banner, Ehlo], &transaction[..]].concat());
    for submitted in &offered.results {
        assert!(submitted.done.since(submitted.sent) >= Duration::from_millis(30));
        assert_eq!(submitted.session, 0);
        // Where this process had no core between the last octet and the look at the clock, the reply's
        // time counts as the content's.
        let [.., (_, content), (_, end_of_data)] = submitted.stages[..] else { panic!("stages") };
        assert!(content + end_of_data >= 30_000, "{content} µs and {end_of_data} µs");
    }
    assert_eq!(stages(&offered.results[1]), transaction);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_keep_to_their_number_and_are_replaced_after_theirs() {
    let manner = Manner { wait: Duration::from_millis(20), ..Manner::default() };
    let receiver = Receiver::start(manner).await;
    let load =
        Load { sessions: 3, messages_per_session: 4, ..open(300.0, Duration::from_millis(400)) };
    let offered = offered(load, receiver.address).await;
    assert_eq!(offered.accepted(), 120);
    let seen = receiver.seen.lock().expect("the count");
    // A session that was quit may still be open at the server when the next one comes.
    assert!((3..=6).contains(&seen.most_open), "{} sessions at once", seen.most_open);
    assert!(seen.messages.iter().all(|messages| *messages <= 4), "{:?}", seen.messages);
    assert!(seen.messages.len() <= 33, "sessions were not reused: {:?}", seen.messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_slow_session_the_lag_grows_and_due_times_stay() {
    let manner = Manner { wait: Duration::from_millis(20), ..Manner::default() };
    let receiver = Receiver::start(manner).await;
    let load = Load { sessions: 1, ..open(200.0, Duration::from_millis(500)) };
    let offered = offered(load, receiver.address).await;
    let dues: Vec<Duration> =
        offered.offers.iter().map(|(_, due, _)| due.since(offered.start)).collect();
    let planned: Vec<Duration> = offered.plan.offers().filter_map(|offer| offer.due).collect();
    assert_eq!(dues, planned);
    // 100 messages of at least 20 ms each: the last waits for 1.5 s at least.
    let lags = offered.lags();
    assert!(lags[99] >= Duration::from_millis(1400), "{:?}", lags[99]);
    assert!(lags[99] > lags[50] && lags[50] > lags[10]);
    assert_eq!(offered.accepted(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_target_closed_is_replaced() {
    let receiver = Receiver::start(Manner { hangs_up: true, ..Manner::default() }).await;
    let offered = offered(open(20.0, Duration::from_millis(500)), receiver.address).await;
    assert_eq!(offered.accepted(), 10, "{:?}", offered.results);
    assert_eq!(receiver.seen.lock().expect("the count").messages, [1; 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_sessions_think_between_messages_and_stop_after_their_number() {
    let receiver = Receiver::start(Manner::default()).await;
    let load = closed(0.05, Extent::Messages(30));
    let offered = offered(load, receiver.address).await;
    assert_eq!(offered.accepted(), 30);
    assert!(offered.lags().iter().all(Duration::is_zero), "a closed message is due when offered");
    let seen = receiver.seen.lock().expect("the count");
    assert_eq!((seen.most_open, seen.messages.len()), (3, 3));
    for session in 0..3 {
        let of_session = offered.results.iter().filter(|submitted| submitted.session == session);
        let times: Vec<(Time, Time)> = of_session.map(|s| (s.sent, s.done)).collect();
        for pair in times.windows(2) {
            let thought = pair[1].0.since(pair[0].1);
            assert!(thought >= Duration::from_millis(49), "thought for {thought:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_load_ends_with_its_time() {
    let receiver = Receiver::start(Manner::default()).await;
    let load = closed(0.01, Extent::Duration(Duration::from_millis(300)));
    let offered = offered(load, receiver.address).await;
    let end = offered.start.plus(Duration::from_millis(300));
    assert!(offered.summary.last_due < end);
    assert!(offered.accepted() >= 20, "only {} messages", offered.accepted());
    assert_eq!(offered.accepted(), offered.offers.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_offering_and_lets_transactions_finish() {
    let manner = Manner { wait: Duration::from_millis(200), ..Manner::default() };
    let receiver = Receiver::start(manner).await;
    let load = Load { sessions: 2, ..open(50.0, Duration::from_secs(60)) };
    let after = Duration::from_millis(700);
    let offered = offered_until(load, receiver.address, Some(after)).await;
    assert!(offered.summary.ended.offset() < Duration::from_secs(10), "the stop was not heard");
    assert_eq!(offered.results.len(), offered.offers.len(), "a message without a result");
    let summary = offered.summary;
    assert_eq!(offered.accepted() as u64, summary.messages, "{:?}", offered.results);
    assert_eq!(offered.offers.len() as u64, summary.messages + summary.unserved);
    // 0.6 s at 50 a second came due; two sessions of 200 ms served a few of them.
    assert!(summary.unserved >= 10, "{summary:?}");
    assert!(offered.offers.iter().all(|(_, due, at)| due <= at), "offered though never due");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_grace_time_what_is_under_way_is_indeterminate_and_what_waits_is_not_sent() {
    let manner = Manner { wait: Duration::from_secs(60), ..Manner::default() };
    let receiver = Receiver::start(manner).await;
    let load = Load {
        sessions: 2,
        drain: Duration::from_millis(300),
        ..open(50.0, Duration::from_millis(200))
    };
    let offered = offered(load, receiver.address).await;
    assert!(offered.summary.ended.offset() < Duration::from_secs(10), "the grace was not kept");
    let count = |wanted: fn(&SubmitResult) -> bool| {
        offered.results.iter().filter(|submitted| submitted.results.iter().all(wanted)).count()
    };
    let indeterminate =
        |result: &SubmitResult| matches!(result, SubmitResult::Indeterminate { .. });
    let not_sent = |result: &SubmitResult| matches!(result, SubmitResult::NotSent { .. });
    assert_eq!((count(indeterminate), count(not_sent)), (2, 8));
    assert_eq!((offered.summary.messages, offered.summary.unserved), (2, 8));
    assert_eq!(offered.offers.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_not_there_is_neither_hammered_nor_hidden() {
    let address = free_address();
    for load in [
        open(100.0, Duration::from_millis(300)),
        closed(0.0, Extent::Duration(Duration::from_millis(500))),
    ] {
        let offered = offered(load, address).await;
        assert!(!offered.results.is_empty());
        // Three closed sessions that rest for 20 ms each time, for 500 ms: 26 times each, at most.
        assert!(offered.results.len() <= 78, "{} attempts", offered.results.len());
        for submitted in &offered.results {
            for result in &submitted.results {
                let stage = match result {
                    SubmitResult::NotSent { stage, .. } => *stage,
                    other => panic!("{other:?}"),
                };
                assert_eq!(stage, Stage::Connect);
            }
        }
    }
}

#[tokio::test]
async fn the_preflight_message_must_be_accepted_for_every_recipient() {
    let scenario = scenario(open(1.0, Duration::from_secs(1)));
    let plan = Plan::new(&scenario, None);
    let clock = Clock::start();
    let checked = async |address| {
        preflight(
            &plan,
            &Settings::new(&scenario, Peer::new(address, "me.test"), Time::ZERO),
            clock,
        )
        .await
    };
    let willing = Receiver::start(Manner::default()).await;
    assert_eq!(checked(willing.address).await, Ok(()));
    assert_eq!(willing.seen.lock().expect("the count").messages, [1]);
    let greylisting = Receiver::start(Manner { greylists: 1, ..Manner::default() }).await;
    assert_eq!(checked(greylisting.address).await, Ok(()));
    let tries = greylisting.seen.lock().expect("the count").messages.clone();
    assert_eq!(tries, [1, 1], "the deferred recipient alone is tried again");
    let second_recipient = "550 5.1.1 who";
    let picky = Receiver::start(Manner { second_recipient, ..Manner::default() }).await;
    let error = checked(picky.address).await.expect_err("a refused recipient");
    assert!(error.to_string().ends_with("b.test: refused at rcpt-to: 550 5.1.1 who"), "{error}");
    let gone = free_address();
    let error = checked(gone).await.expect_err("nobody there");
    assert!(matches!(error, PreflightError::Unreachable { stage: Stage::Connect, .. }), "{error}");
}
