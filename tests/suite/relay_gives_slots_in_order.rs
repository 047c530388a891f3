//! Concurrency limits hold, and each ordering shows at the next hop.

use std::time::Duration;

use mailbench::queue::ordering::OrderingKind;
use mailbench::scenario::model::Delivery;

use crate::relay_actors::{Client, every, settings, start};
use crate::relay_next_hop::{NextHop, accept_all};

const TEXT: &str = "Subject: t\r\n\r\nhello";

#[tokio::test]
async fn no_destination_gets_more_than_its_slots() {
    let hop = NextHop::start(accept_all, Duration::from_millis(20)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), hop.address);
    settings.delivery = Delivery { concurrency: 7, per_destination: 3, ..settings.delivery };
    let (relay, _running) = start(&settings);
    let mut client = Client::connect(relay).await.expect("a session");
    for number in 0..60 {
        let recipient = format!("r{number}@d{}.test", number % 3);
        client.send("<me@x.test>", &[&recipient], TEXT).await.expect("a reply");
    }
    hop.wait_for(60).await;
    for domain in ["d0.test", "d1.test", "d2.test"] {
        let most = hop.most_open(domain);
        assert!((2..=3).contains(&most), "{domain} had {most} at once");
    }
}

/// Feeds mail while the only slot is taken, then lets it flow: the order of arrival.
async fn order_of(ordering: OrderingKind) -> Vec<String> {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), hop.address);
    settings.delivery = Delivery { concurrency: 1, ordering, ..settings.delivery };
    let (relay, _running) = start(&settings);
    hop.gate(false);
    let mut client = Client::connect(relay).await.expect("a session");
    let urgent = "X-Priority: 1\r\nSubject: t\r\n\r\nhello";
    for (from, to, text) in [
        ("<me@x.test>", "first@y.test", TEXT),
        ("<me@x.test> MT-PRIORITY=-4", "low@y.test", TEXT),
        ("<me@x.test>", "middle@y.test", TEXT),
        ("<me@x.test> MT-PRIORITY=4", "high@y.test", TEXT),
        ("<me@x.test>", "urgent@y.test", urgent),
    ] {
        let reply = client.send(from, &[to], text).await.expect("a reply");
        assert!(reply.starts_with("250"), "{reply}");
        if to == "first@y.test" {
            hop.wait_at_gate().await;
        }
    }
    hop.gate(true);
    hop.wait_for(5).await;
    hop.recipients().iter().map(|one| one.replace("@y.test", "")).collect()
}

#[tokio::test]
async fn fifo_is_the_order_of_acceptance() {
    assert_eq!(order_of(OrderingKind::Fifo).await, ["first", "low", "middle", "high", "urgent"]);
}

#[tokio::test]
async fn priority_goes_first() {
    let order = order_of(OrderingKind::Priority).await;
    assert_eq!(order, ["first", "urgent", "high", "middle", "low"]);
}

/// Attempts a sick destination gets before most mail of a healthy one has arrived, when the sick
/// one's mail came first.
async fn attempts_of_unhealthy(ordering: OrderingKind) -> usize {
    let hop = NextHop::start(defer_unhealthy, Duration::from_millis(5)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), hop.address);
    settings.retry = every(Duration::from_secs(60), Duration::from_secs(600));
    let limits = Delivery { concurrency: 4, per_destination: 4, ..settings.delivery };
    settings.delivery = Delivery { ordering, ..limits };
    let (relay, _running) = start(&settings);
    hop.gate(false);
    let mut client = Client::connect(relay).await.expect("a session");
    for number in 0..120 {
        let domain = if number < 60 { "sick.test" } else { "well.test" };
        let recipient = format!("r{number}@{domain}");
        client.send("<me@x.test>", &[&recipient], TEXT).await.expect("a reply");
    }
    hop.gate(true);
    hop.wait_for(60).await;
    // The last few are left out: they leave slots free, which the sick may have.
    hop.taken()[49].attempts_before - 50
}

fn defer_unhealthy(recipient: &str, _: usize) -> &'static str {
    if recipient.ends_with("@sick.test") { "451 4.3.2 overloaded" } else { "250 2.1.5 ok" }
}

#[tokio::test]
async fn load_aware_lets_the_healthy_go_first() {
    let fifo = attempts_of_unhealthy(OrderingKind::Fifo).await;
    let load_aware = attempts_of_unhealthy(OrderingKind::LoadAware).await;
    assert!(fifo >= 56, "in order of acceptance the sick are all tried first, not {fifo}");
    // Four before it is known, then one in nine slots: 4 + 50 / 8, and what is under way.
    assert!((4..=30).contains(&load_aware), "{load_aware} with load-aware, {fifo} with fifo");
}
