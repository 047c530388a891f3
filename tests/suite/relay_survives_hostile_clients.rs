//! Whatever a client sends, it gets a reply or a close, and others are served meanwhile.

use std::time::Duration;

use crate::relay_actors::{Client, settings, start};
use crate::relay_next_hop::{NextHop, accept_all};

const TEXT: &str = "Subject: t\r\n\r\nhello";

#[tokio::test]
async fn every_hostile_line_gets_a_reply_or_a_close() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let long = format!("EHLO {}", "x".repeat(64 * 1024));
    for (line, code) in [
        (long.as_str(), "500"),
        ("NOOP \0\0", "500"),
        ("MAIL FROM:<a@b@c>", "501"),
        ("RCPT TO:<a@b.test>", "503"),
        ("DATA", "503"),
        ("BDAT 99999999999999999999 LAST", "50"),
        ("\u{fc}\u{fc}\u{fc}", "500"),
        ("", "500"),
        ("NOOP", "250"),
    ] {
        let mut client = Client::connect(relay).await.expect("a session");
        let reply = client.say(line).await.expect("a reply");
        assert!(reply.starts_with(code), "{:?} got {reply}", &line[..line.len().min(20)]);
        let after = client.send("<me@x.test>", &["a@y.test"], TEXT).await.expect("served on");
        assert!(after.starts_with("250"), "{after}");
    }
    let mut endless = Client::connect(relay).await.expect("a session");
    let block = vec![b'x'; 64 * 1024];
    while endless.write(&block).await.is_some() {}
    let mut other = Client::connect(relay).await.expect("a session");
    assert!(other.say("NOOP").await.expect("a reply").starts_with("250"));
}

#[tokio::test]
async fn pipelined_nonsense_gets_a_reply_each() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    let group = "MAIL FROM:<a@x.test>\r\nRCPT TO:<>\r\nRCPT TO:<b@y.test>\r\nXYZZY\r\nDATA\r\n";
    client.write(group.as_bytes()).await.expect("written");
    for code in ["250", "501", "250", "500", "354"] {
        assert!(client.reply().await.expect("a reply").starts_with(code));
    }
    // A dot after a bare line feed ends nothing: no second mail is smuggled in, and what cannot be
    // passed on is not taken.
    let text = "Subject: t\r\n\r\nx\n.\nMAIL FROM:<evil@x.test>\r\n.\r\nQUIT\r\n";
    client.write(text.as_bytes()).await.expect("written");
    let rest = client.rest().await;
    assert!(rest.starts_with("554 5.6.0") && rest.lines().count() == 2, "{rest}");
    assert!(hop.taken().is_empty());
}

#[tokio::test]
async fn endless_headers_and_nul_pass_as_they_are() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    let text = format!("X: {}\r\n{}\0\0", "y".repeat(1 << 20), "Z: \0\r\n".repeat(10_000));
    let reply = client.send("<me@x.test>", &["a@y.test"], &text).await.expect("a reply");
    assert!(reply.starts_with("250"), "{reply}");
    hop.wait_for(1).await;
    assert!(hop.taken()[0].content.ends_with(format!("{text}\r\n").as_bytes()));
}

#[tokio::test]
async fn a_loop_is_stopped() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    for (hops, code) in [(99, "250"), (100, "554 5.4.6")] {
        let text = "Received: from a by b\r\n".repeat(hops) + TEXT;
        let reply = client.send("<me@x.test>", &["a@y.test"], &text).await.expect("a reply");
        assert!(reply.starts_with(code), "{hops} hops: {reply}");
    }
}

#[tokio::test]
async fn a_client_that_vanishes_in_mid_content_leaves_nothing() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    for line in ["MAIL FROM:<me@x.test>", "RCPT TO:<gone@y.test>", "DATA"] {
        client.say(line).await.expect("a reply");
    }
    client.write(b"Subject: t\r\n\r\nhalf\r\n").await.expect("written");
    drop(client);
    let mut other = Client::connect(relay).await.expect("a session");
    other.send("<me@x.test>", &["there@y.test"], TEXT).await.expect("a reply");
    hop.wait_for(1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(hop.recipients(), ["there@y.test"]);
}

#[tokio::test]
async fn many_sessions_are_served_at_once() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(Client::connect(relay).await.expect("a session"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let recipient = format!("r{number}@y.test");
        let reply = client.send("<me@x.test>", &[&recipient], TEXT).await.expect("a reply");
        assert!(reply.starts_with("250"), "{reply}");
    }
    hop.wait_for(200).await;
}

#[tokio::test]
async fn a_full_queue_says_so_and_recovers() {
    let hop = NextHop::start(accept_all, Duration::ZERO).await;
    hop.gate(false);
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), hop.address);
    settings.capacity = 3;
    let (relay, _running) = start(&settings);
    let mut client = Client::connect(relay).await.expect("a session");
    for recipient in ["a@y.test", "b@y.test", "c@y.test"] {
        let reply = client.send("<me@x.test>", &[recipient], TEXT).await.expect("a reply");
        assert!(reply.starts_with("250"), "{reply}");
    }
    let reply = client.send("<me@x.test>", &["d@y.test"], TEXT).await.expect("a reply");
    assert!(reply.starts_with("452 4.3.1"), "{reply}");
    let mut turned_away = Client::dial(relay).await.expect("a connection");
    assert!(turned_away.rest().await.starts_with("421 4.3.1"));
    hop.gate(true);
    hop.wait_for(3).await;
    let recovered = async {
        while !client
            .send("<me@x.test>", &["d@y.test"], TEXT)
            .await
            .expect("a reply")
            .starts_with("250")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), recovered).await.expect("room again");
    hop.wait_for(4).await;
}
