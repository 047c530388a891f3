//! By POP3.

use mailbench::limits;
use mailbench::mailbox::{Doubt, MailboxError, Reading, pop3};

use super::{ACCOUNT, WITHIN, clock, intact, own, read_from, stored};

/// A message as RETR sends it.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).expect("UTF-8").replace("\r\n.", "\r\n..");
    format!("+OK\r\n{text}.\r\n").into_bytes()
}

/// A server with messages 1 and 2.
fn answer(line: &str) -> Vec<u8> {
    match line {
        "USER anna" | "PASS se\"cret" | "QUIT" => b"+OK\r\n".to_vec(),
        "STAT" => b"+OK 2 2000\r\n".to_vec(),
        "UIDL" => b"+OK\r\n1 one\r\n2 two\r\n.\r\n".to_vec(),
        "RETR 1" => stuffed(&stored(1)),
        "RETR 2" => stuffed(&stored(2)),
        other => panic!("not read by this: {other}"),
    }
}

/// Its answers, but for this command.
async fn read_where(command: &'static str, reply: Vec<u8>) -> Result<Reading, MailboxError> {
    let (own, clock) = (own(), clock());
    let read = |stream| async { pop3::read(stream, ACCOUNT, &own, &clock, WITHIN).await };
    let answer = move |line: &str| Some(if line == command { reply.clone() } else { answer(line) });
    read_from("+OK ready\r\n", answer, read).await
}

#[tokio::test]
async fn all_messages_are_read_to_the_byte() {
    let reading = read_where("QUIT", b"+OK\r\n".to_vec()).await.expect("read");
    assert!(reading.is_complete());
    assert_eq!(intact(&reading), [1, 2]);
    assert_eq!(reading.copies[1].uid, "two");
    assert_eq!(reading.copies[0].content.digest, *blake3::hash(&stored(1)).as_bytes());
}

/// Servers stuff dots after CRLF only, so that one after a bare LF is content.
#[tokio::test]
async fn a_dot_after_a_bare_lf_is_content() {
    let text = b"Subject: x\r\n\r\na\n.\nb\n.c\r\n";
    let reading = read_where("RETR 1", stuffed(text)).await.expect("read");
    assert_eq!(reading.copies[0].content.digest, *blake3::hash(text).as_bytes());
}

#[tokio::test]
async fn what_is_announced_and_not_shown_is_a_doubt() {
    let cases: [(&str, &[u8]); 4] = [
        ("STAT", b"+OK 3 2000\r\n"),
        ("UIDL", b"+OK\r\n1 one\r\n.\r\n"),
        ("UIDL", b"+OK\r\n1 one\r\n2 one\r\n.\r\n"),
        ("RETR 1", b"-ERR locked\r\n"),
    ];
    for (command, reply) in cases {
        let reading = read_where(command, reply.to_vec()).await.expect("read");
        assert!(!reading.is_complete(), "{command}");
    }
    let reading = read_where("RETR 1", b"-ERR locked\r\n".to_vec()).await.expect("read");
    let folder = "INBOX".to_owned();
    assert_eq!(reading.doubts[1], Doubt::CountDiffers { folder, announced: 2, read: 1 });
}

#[tokio::test]
async fn nonsense_is_an_error_that_says_what() {
    let long = vec![b'x'; limits::MAILBOX_LINE + 1];
    let cases: [(&str, &[u8], &str); 6] = [
        ("STAT", b"+OK many\r\n", "without a count"),
        ("UIDL", b"+OK\r\none\r\n.\r\n", "number and UID"),
        ("UIDL", b"+OK\r\n1 \r\n.\r\n", "number and UID"),
        ("PASS se\"cret", b"-ERR no\r\n", "refused PASS"),
        ("RETR 1", b"* OK\r\n", "neither +OK nor -ERR"),
        ("STAT", &long, "a line of more than 8192"),
    ];
    for (command, reply, words) in cases {
        let error = read_where(command, reply.to_vec()).await.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_close_in_mid_message_is_an_error() {
    let (own, clock) = (own(), clock());
    let read = |stream| async { pop3::read(stream, ACCOUNT, &own, &clock, WITHIN).await };
    let answer = |line: &str| Some(answer(line)).filter(|_| line != "RETR 2");
    let error = read_from("+OK ready\r\n", answer, read).await.expect_err("closed");
    assert!(matches!(error, MailboxError::Closed("RETR")), "{error}");
}
