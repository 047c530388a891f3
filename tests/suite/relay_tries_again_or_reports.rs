//! Deferred recipients are tried again by the schedule, and only they; what fails for good, or
//! for too long, is reported to the sender, unless there is none.

use std::time::Duration;

use mail_parser::MessageParser;
use mailbench::queue::schedule::{Growth, RetrySchedule};

use crate::relay_actors::{Client, every, settings, start};
use crate::relay_next_hop::{NextHop, Taken};

const TEXT: &str = "X-Mailbench: id=5\r\nSubject: t\r\n\r\nhello";

const NEVER: Duration = Duration::from_secs(600);

#[tokio::test]
async fn retries_follow_the_schedule() {
    let hop = NextHop::start(defer_twice, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), hop.address);
    let delays = [200, 400].map(Duration::from_millis);
    let kind = Growth::Steps { delays: delays.into() };
    settings.retry = RetrySchedule { kind, jitter: 0.0, give_up_after: NEVER };
    let (relay, _running) = start(&settings);
    let mut client = Client::connect(relay).await.expect("a session");
    client.send("<me@x.test>", &["a@y.test"], TEXT).await.expect("a reply");
    hop.wait_for(1).await;
    let times = hop.attempts_at("a@y.test");
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert_eq!(gaps.len(), 2);
    for (gap, delay) in gaps.iter().zip(delays) {
        // Never early; how late is the machine's business, but not by another step.
        assert!(*gap >= delay && *gap < delay + Duration::from_secs(5), "{gaps:?}");
    }
}

fn defer_twice(_: &str, attempt: usize) -> &'static str {
    if attempt <= 2 { "451 4.7.1 later" } else { "250 2.1.5 ok" }
}

#[tokio::test]
async fn each_recipient_of_a_mail_has_its_own_fate() {
    let hop = NextHop::start(by_name, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    let recipients = ["good@y.test", "late@y.test", "bad@y.test", "worse@y.test"];
    client.send("<b+1@bounce.test>", &recipients, TEXT).await.expect("a reply");
    hop.wait_for(3).await;
    // Nothing more may come: wait for several retry delays.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut taken = hop.recipients();
    taken.sort();
    assert_eq!(taken, ["b+1@bounce.test", "good@y.test", "late@y.test"]);
    assert_eq!(hop.attempts_at("good@y.test").len(), 1, "who is done is not tried again");
    assert_eq!(hop.attempts_at("late@y.test").len(), 2);
    assert_eq!(hop.attempts_at("bad@y.test").len(), 1);
    let report = report_in(&hop.taken());
    assert!(report.contains("Final-Recipient: rfc822; bad@y.test\r\nAction: failed\r\n"));
    assert!(report.contains("Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 nobody"));
    assert!(report.contains("Final-Recipient: rfc822; worse@y.test"), "one report for both");
}

fn by_name(recipient: &str, attempt: usize) -> &'static str {
    match recipient.split('@').next() {
        Some("bad") => "550 5.1.1 nobody",
        Some("worse") => "553 no",
        Some("late") if attempt == 1 => "450 4.2.1 busy",
        _ => "250 2.1.5 ok",
    }
}

/// The delivery-status part of the one report, read by another program.
fn report_in(taken: &[Taken]) -> String {
    let reports: Vec<_> = taken.iter().filter(|one| one.reverse_path.is_empty()).collect();
    assert_eq!(reports.len(), 1, "one report");
    let message = MessageParser::default().parse(&reports[0].content).expect("a message");
    assert_eq!(message.parts.len(), 4, "a report of three parts");
    let returned = String::from_utf8_lossy(message.parts[3].contents()).into_owned();
    assert!(returned.contains("X-Mailbench: id=5\r\n"), "the header comes back: {returned}");
    String::from_utf8_lossy(message.parts[2].contents()).into_owned()
}

#[tokio::test]
async fn what_is_deferred_for_too_long_is_reported() {
    let hop = NextHop::start(defer_all_but_reports, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), hop.address);
    settings.retry = every(Duration::from_millis(200), Duration::from_millis(700));
    let (relay, _running) = start(&settings);
    let mut client = Client::connect(relay).await.expect("a session");
    let before = hop.now();
    client.send("<b+1@bounce.test>", &["a@y.test"], TEXT).await.expect("a reply");
    hop.wait_for(1).await;
    let attempts = hop.attempts_at("a@y.test").len();
    assert!((1..=4).contains(&attempts), "{attempts} attempts in 700 ms, one each 200 ms");
    let report = report_in(&hop.taken());
    assert!(report.contains("Status: 5.4.7\r\n"), "expired: {report}");
    assert!(report.contains("Diagnostic-Code: smtp; 451 4.7.1 later"), "{report}");
    let reported = hop.attempts_at("b+1@bounce.test")[0];
    let age = reported.since(before);
    assert!(age >= Duration::from_millis(700), "not before its time: {age:?}");
}

fn defer_all_but_reports(recipient: &str, _: usize) -> &'static str {
    if recipient.ends_with("@bounce.test") { "250 ok" } else { "451 4.7.1 later" }
}

#[tokio::test]
async fn there_is_no_report_on_mail_without_a_sender() {
    let hop = NextHop::start(by_name, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    client.send("<>", &["bad@y.test"], TEXT).await.expect("a reply");
    client.send("<>", &["good@y.test"], TEXT).await.expect("a reply");
    hop.wait_for(1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(hop.recipients(), ["good@y.test"]);
    assert_eq!(hop.attempts_at("bad@y.test").len(), 1);
}

#[tokio::test]
async fn content_arrives_as_it_was_sent_below_one_trace_field() {
    let hop = NextHop::start(by_name, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    let text = "Subject: \u{fc}\r\n\r\n..\r\n...x\r\n\r\nline\r\n..";
    client.send("<me@x.test>", &["a@y.test"], text).await.expect("a reply");
    hop.wait_for(1).await;
    let content = String::from_utf8(hop.taken()[0].content.clone()).expect("text");
    let (trace, rest) = content.split_once("Subject:").expect("its header");
    assert!(trace.starts_with("Received: from me.test ([127.0.0.1])\r\n"), "{trace}");
    assert_eq!(rest, " \u{fc}\r\n\r\n.\r\n..x\r\n\r\nline\r\n.\r\n");
}

#[tokio::test]
async fn eight_bit_content_is_returned_where_it_cannot_go() {
    let hop = NextHop::start_with(by_name, Duration::ZERO, false).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, _running) = start(&settings(folder.path(), hop.address));
    let mut client = Client::connect(relay).await.expect("a session");
    let text = "X-Mailbench: id=5\r\n\r\n\u{fc}";
    client.send("<b+1@bounce.test>", &["a@y.test"], text).await.expect("a reply");
    client.send("<b+1@bounce.test>", &["ascii@y.test"], TEXT).await.expect("a reply");
    hop.wait_for(2).await;
    let mut taken = hop.recipients();
    taken.sort();
    assert_eq!(taken, ["ascii@y.test", "b+1@bounce.test"]);
    assert!(report_in(&hop.taken()).contains("Status: 5.6.3\r\n"));
}
