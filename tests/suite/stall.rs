//! A stall of the target is seen by every message that was due while it lasted, not only by the
//! one that happened to be under way.

use std::time::Duration;

use mailbench::scenario::model::Load;

use crate::offered::{offered, open};
use crate::receiver::{Manner, Receiver};

/// 300 messages at 100 a second over one session; the target stalls once, for 0.7 s, and answers
/// within a millisecond else. Of the 70 messages due meanwhile the third slowest waited for about
/// 0.68 s, which is the 99th percentile; only one message was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn response_time_shows_the_stall_and_service_time_does_not() {
    let stall = Some((100, Duration::from_millis(700)));
    let receiver = Receiver::start(Manner { stall, ..Manner::default() }).await;
    let load =
        Load { sessions: 1, messages_per_session: 1000, ..open(100.0, Duration::from_secs(3)) };
    let offered = offered(load, receiver.address).await;
    assert_eq!(offered.accepted(), 300);
    let p99 = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() - 3]
    };
    let service = p99(offered.results.iter().map(|s| s.done.since(s.sent)).collect());
    let due = |number: usize| offered.offers[number].1;
    let response =
        p99(offered.results.iter().enumerate().map(|(n, s)| s.done.since(due(n))).collect());
    assert!(response >= Duration::from_millis(500), "response time p99 {response:?}");
    assert!(service <= Duration::from_millis(250), "service time p99 {service:?}");
}
