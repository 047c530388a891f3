//! The relay as its users start it: ready line, orderly stop, queue count, refusals.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::relay_actors::{Client, RelayProcess, count};
use crate::relay_next_hop::{NextHop, accept_all};
use crate::support::mailbench;

const TEXT: &str = "Subject: t\r\n\r\nhello";

#[tokio::test]
async fn it_stops_in_order_and_takes_up_what_was_left() {
    let hop = NextHop::start(defer_first, Duration::from_millis(200)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let slow = "[retry]\nschedule = \"fixed\"\nfirst = \"3s\"\ngive_up_after = \"10m\"\n";
    let relay = RelayProcess::start(folder.path(), hop.address, slow);
    let mut client = Client::connect(relay.address).await.expect("a session");
    client.send("<me@x.test>", &["deferred@y.test"], TEXT).await.expect("a reply");
    client.send("<me@x.test>", &["under-way@z.test"], TEXT).await.expect("a reply");
    while hop.attempts_at("under-way@z.test").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let address = relay.address;
    let stopped = tokio::task::spawn_blocking(|| relay.terminate()).await.expect("ended");
    assert_eq!(stopped, Some(0));
    assert!(client.rest().await.starts_with("421 4.3.2"), "sessions are told");
    assert!(Client::dial(address).await.is_none(), "nobody listens any more");
    assert_eq!(hop.recipients(), ["under-way@z.test"], "the delivery under way ended");
    let left = serde_json::json!({"total": 1, "active": 0, "deferred": 1});
    assert_eq!(count(folder.path()), left);

    let relay = RelayProcess::start(folder.path(), hop.address, slow);
    hop.wait_for(2).await;
    assert_eq!(hop.recipients(), ["under-way@z.test", "deferred@y.test"], "once each");
    drop(relay);
}

fn defer_first(recipient: &str, attempt: usize) -> &'static str {
    if recipient.starts_with("deferred") && attempt == 1 { "451 later" } else { "250 ok" }
}

#[tokio::test]
async fn the_queue_is_counted_while_it_runs_and_after_a_kill() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    hop.gate(false);
    let folder = tempfile::tempdir().expect("a folder");
    let relay = RelayProcess::start(folder.path(), hop.address, "");
    let mut client = Client::connect(relay.address).await.expect("a session");
    client.send("<me@x.test>", &["a@y.test", "b@y.test", "c@z.test"], TEXT).await.expect("taken");
    let held = serde_json::json!({"total": 3, "active": 3, "deferred": 0});
    assert_eq!(count(folder.path()), held);
    relay.kill();
    assert_eq!(count(folder.path()), held);
}

#[tokio::test]
async fn the_count_can_be_watched() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let _relay = RelayProcess::start(folder.path(), hop.address, "");
    let mut watch = mailbench()
        .args(["relay", "--count", "--every", "50ms", "--queue"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = std::io::BufReader::new(watch.stdout.take().expect("piped"));
    for _ in 0..3 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).expect("a line");
        assert_eq!(line, "{\"total\":0,\"active\":0,\"deferred\":0}\n");
    }
    drop(lines);
    let ended = tokio::task::spawn_blocking(move || watch.wait().expect("ended"));
    let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
    assert!(ended.expect("ends when nobody reads").expect("waited").success());
}

#[tokio::test]
async fn two_relays_do_not_share_a_queue() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let _first = RelayProcess::start(folder.path(), hop.address, "");
    let (code, said) = refusal(
        mailbench().args(["relay", "--relay-to", "127.0.0.1:9", "--queue"]).arg(folder.path()),
    );
    assert_eq!(code, Some(106), "{said}");
    assert!(said.contains("in use by another relay"), "{said}");
}

#[test]
fn it_goes_nowhere_but_loopback() {
    let folder = tempfile::tempdir().expect("a folder");
    for (listen, relay_to) in [("0.0.0.0:0", "127.0.0.1:9"), ("127.0.0.1:0", "192.0.2.1:25")] {
        let args = ["relay", "--listen", listen, "--relay-to", relay_to, "--queue"];
        let (code, said) = refusal(mailbench().args(args).arg(folder.path()));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("not loopback"), "{said}");
    }
    for (route, wrong) in
        [("a.test=192.0.2.1:25", "not loopback"), ("a.test", "DOMAIN=ADDR"), ("a=b", "`b`")]
    {
        let args = ["relay", "--relay-to", "127.0.0.1:9", "--route", route, "--queue"];
        let (code, said) = refusal(mailbench().args(args).arg(folder.path()));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(wrong), "{said}");
    }
}

#[test]
fn bad_settings_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[retry]\nschedul = \"fixed\"\n").expect("written");
    let args = ["relay", "--relay-to", "127.0.0.1:9", "--queue", "q", "--settings"];
    let (code, said) = refusal(mailbench().args(args).arg(&file));
    assert_eq!(code, Some(104), "{said}");
    assert!(said.contains("schedule"), "says what would be right: {said}");
}

fn refusal(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("ran");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
