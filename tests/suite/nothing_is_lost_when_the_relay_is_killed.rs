//! SIGKILL at random moments under load, restart on the same queue, drain: every mail whose `250`
//! was read arrives whole, or its sender is told.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mailbench::seed::{Key, Purpose, Seed};
use rand::RngExt;

use crate::relay_actors::{Client, RelayProcess, count};
use crate::relay_next_hop::NextHop;

const SETTINGS: &str = "
[retry]
schedule = \"fixed\"
first = \"50ms\"
give_up_after = \"10m\"
[delivery]
concurrency = 8
per_destination = 4
";

const KILLS: u32 = 4;
const CLIENTS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_relay_is_killed() {
    for seed in 1..=6 {
        survives_kills(Seed(seed)).await;
    }
}

async fn survives_kills(seed: Seed) {
    let folder = tempfile::tempdir().expect("a folder");
    let hop = NextHop::start(defer_or_reject_some, Duration::from_millis(1)).await;
    let number = Arc::new(AtomicU64::new(0));
    let mut accepted = HashSet::new();
    for kill in 0..KILLS {
        let relay = RelayProcess::start(folder.path(), hop.address, SETTINGS);
        let feeders: Vec<_> =
            (0..CLIENTS).map(|_| tokio::spawn(feed(relay.address, Arc::clone(&number)))).collect();
        let key = Key { subject: u64::from(kill), attempt: 1, detail: 0 };
        let life = seed.stream(Purpose::Arrival, key).random_range(30..500);
        tokio::time::sleep(Duration::from_millis(life)).await;
        relay.kill();
        for feeder in feeders {
            accepted.extend(feeder.await.expect("fed"));
        }
    }
    assert!(accepted.len() > 20, "{seed:?}: only {} accepted, nothing is shown", accepted.len());
    let relay = RelayProcess::start(folder.path(), hop.address, SETTINGS);
    drain(&folder, &accepted, seed).await;
    assert_eq!(relay.terminate(), Some(0));
    let taken = hop.taken();
    let arrived: HashSet<String> = taken.iter().map(|taken| taken.recipient.clone()).collect();
    let lost: Vec<_> = accepted.difference(&arrived).collect();
    assert!(lost.is_empty(), "{seed:?}: {} of {} lost: {lost:?}", lost.len(), accepted.len());
    for one in taken.into_iter().filter(|one| !one.reverse_path.is_empty()) {
        let text = String::from_utf8(one.content).expect("text");
        let whole = format!("Subject: {0}\r\n\r\n{1}\r\nend {0}\r\n", one.recipient, body());
        assert!(text.ends_with(&whole), "{seed:?}: {} arrived as {text}", one.recipient);
    }
}

/// A tenth of the recipients is deferred once and a tenth rejected, so that a kill also meets
/// retries and reports.
fn defer_or_reject_some(recipient: &str, attempt: usize) -> &'static str {
    if attempt == 1 && recipient.contains("7@") {
        "451 4.7.1 later"
    } else if is_rejected(recipient) {
        "550 5.1.1 nobody"
    } else {
        "250 2.1.5 ok"
    }
}

fn is_rejected(recipient: &str) -> bool {
    recipient.contains("3@d")
}

fn body() -> String {
    "0123456789abcdef".repeat(64)
}

/// Sends one mail after the other until the relay is gone. Who must hear of those whose `250` was
/// read: the recipient, or the sender where the recipient is rejected.
async fn feed(relay: SocketAddr, number: Arc<AtomicU64>) -> Vec<String> {
    let mut accepted = Vec::new();
    let Some(mut client) = Client::connect(relay).await else { return accepted };
    loop {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let recipient = format!("r{number}@d{}.test", number % 3);
        let text = format!("Subject: {recipient}\r\n\r\n{}\r\nend {recipient}", body());
        let sender = format!("b+{number}@bounce.test");
        match client.send(&format!("<{sender}>"), &[&recipient], &text).await {
            Some(reply) if reply.starts_with("250") => {
                accepted.push(if is_rejected(&recipient) { sender } else { recipient });
            }
            Some(reply) => panic!("the relay said {reply}"),
            None => return accepted,
        }
    }
}

/// Waits until the queue says it is empty.
async fn drain(folder: &tempfile::TempDir, accepted: &HashSet<String>, seed: Seed) {
    for _ in 0..300 {
        if count(folder.path())["total"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = count(folder.path());
    panic!("{seed:?}: {left} left of {} accepted", accepted.len());
}
