//! By IMAP.

use std::time::Duration;

use mailbench::limits;
use mailbench::mailbox::{Account, Doubt, MailboxError, Reading, imap};
use mailbench::probe::change::Change;
use mailbench::probe::recognition::Belongs;
use tokio::io::AsyncWriteExt;

use super::{ACCOUNT, WITHIN, clock, intact, own, read_from, stored};

/// A server with two folders, each with the same messages, and what it does wrong.
#[derive(Clone)]
struct Server {
    messages: Vec<Vec<u8>>,
    /// What EXAMINE announces beyond the messages.
    announced_beyond: usize,
    /// Added to UIDVALIDITY at each EXAMINE.
    renumbers_by: u32,
    examined: u32,
}

fn server(messages: Vec<Vec<u8>>) -> Server {
    Server { messages, announced_beyond: 0, renumbers_by: 0, examined: 0 }
}

impl Server {
    fn answer(&mut self, line: &str) -> Vec<u8> {
        let (tag, command) = line.split_once(' ').expect("a tag");
        let untagged = match command.split(' ').next().expect("a command") {
            "LIST" => b"* LIST (\\Noselect) \"/\" top\r\n* LIST () \"/\" \"INBOX\"\r\n\
                * LIST (\\HasNoChildren) \"/\" {11}\r\nJunk \"mail\"\r\n"
                .to_vec(),
            "EXAMINE" => self.examine(),
            "UID" => {
                assert!(command.contains("BODY.PEEK[]"), "\\Seen is not set: {command}");
                self.messages
                    .iter()
                    .enumerate()
                    .flat_map(|(n, text)| fetched(n + 1, text))
                    .collect()
            }
            "LOGIN" => {
                assert_eq!(command, "LOGIN \"anna\" \"se\\\"cret\"");
                Vec::new()
            }
            _ => Vec::new(),
        };
        [untagged, format!("{tag} OK done\r\n").into_bytes()].concat()
    }

    fn examine(&mut self) -> Vec<u8> {
        self.examined += 1;
        let exists = self.messages.len() + self.announced_beyond;
        let validity = 7 + self.renumbers_by * self.examined;
        format!("* {exists} EXISTS\r\n* OK [UIDVALIDITY {validity}] valid\r\n").into_bytes()
    }
}

/// A FETCH response, its items in either order.
fn fetched(number: usize, text: &[u8]) -> Vec<u8> {
    let uid = number + 10;
    let (before, after) = match number % 2 {
        0 => (format!("UID {uid} "), String::new()),
        _ => (String::new(), format!(" FLAGS (\\Seen \")\") UID {uid}")),
    };
    let head = format!("* {number} FETCH ({before}BODY[] {{{}}}\r\n", text.len());
    [head.as_bytes(), text, after.as_bytes(), b")\r\n"].concat()
}

async fn read(mut server: Server) -> Result<Reading, MailboxError> {
    read_with(WITHIN, move |line| Some(server.answer(line))).await
}

async fn read_with(
    within: Duration,
    answer: impl FnMut(&str) -> Option<Vec<u8>> + Send + 'static,
) -> Result<Reading, MailboxError> {
    let (own, clock) = (own(), clock());
    let read = |stream| async { imap::read(stream, ACCOUNT, &own, &clock, within).await };
    read_from("* OK ready\r\n", answer, read).await
}

/// The answers of a whole server, but for commands that begin like this.
async fn read_where(command: &'static str, reply: &'static str) -> Result<Reading, MailboxError> {
    let mut honest = server(vec![stored(1), stored(2)]);
    read_with(WITHIN, move |line| {
        let is_it = line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(command));
        let reply = reply.replace("TAG", line.split(' ').next().unwrap_or_default());
        if is_it { Some(reply.into_bytes()) } else { Some(honest.answer(line)) }
    })
    .await
}

#[tokio::test]
async fn every_folder_is_read_to_the_byte() {
    let flipped = String::from_utf8(stored(3)).expect("UTF-8").replace("text", "texT");
    let other = b"Subject: of another sender\r\n\r\nhello\r\n".to_vec();
    let messages = vec![stored(1), stored(2), flipped.into_bytes(), other, Vec::new()];
    let reading = read(server(messages)).await.expect("read");
    assert!(reading.is_complete(), "{:?}", reading.doubts);
    assert_eq!(intact(&reading), [1, 2, 1, 2]);
    let named: Vec<_> = reading.copies.iter().take(5).map(|copy| copy.uid.as_str()).collect();
    assert_eq!(named, ["11", "12", "13", "14", "15"]);
    assert!(reading.copies.iter().all(|copy| copy.uid_validity == Some(7)));
    assert_eq!(reading.copies[0].folder, "INBOX");
    assert_eq!(reading.copies[5].folder, "Junk \"mail\"");
    assert_eq!(reading.copies[0].content.digest, *blake3::hash(&stored(1)).as_bytes());
    assert_eq!(reading.copies[2].content.check.changes, [Change::BytesChanged]);
    assert_eq!(reading.copies[3].content.belongs, Belongs::Unknown);
}

#[tokio::test]
async fn exists_that_is_not_true_is_a_doubt() {
    for announced_beyond in [1, usize::try_from(u32::MAX).expect("64 bits")] {
        let lies = Server { announced_beyond, ..server(vec![stored(1)]) };
        let reading = read(lies).await.expect("read");
        let announced = 1 + announced_beyond as u64;
        let folder = "INBOX".to_owned();
        assert_eq!(intact(&reading), [1, 1]);
        assert_eq!(reading.doubts[0], Doubt::CountDiffers { folder, announced, read: 1 });
    }
}

#[tokio::test]
async fn a_message_that_comes_or_goes_meanwhile_is_a_doubt() {
    let mut grows = server(vec![stored(1)]);
    let reading = read_with(WITHIN, move |line| {
        let answer = grows.answer(line);
        if line.contains("UID FETCH") {
            grows.announced_beyond += 1;
        }
        Some(answer)
    });
    assert!(!reading.await.expect("read").is_complete());
}

#[tokio::test]
async fn a_changed_uidvalidity_is_a_doubt() {
    let renumbers = Server { renumbers_by: 1, ..server(vec![stored(1)]) };
    let reading = read(renumbers).await.expect("read");
    let folder = "INBOX".to_owned();
    assert_eq!(reading.doubts[0], Doubt::UidValidityChanged { folder, before: 8, after: 9 });
}

#[tokio::test]
async fn a_repeated_uid_is_a_doubt_and_no_second_copy() {
    let mut repeats = server(vec![stored(1)]);
    let reading = read_with(WITHIN, move |line| {
        let answer = repeats.answer(line);
        let fetch = line.contains("UID FETCH");
        Some(if fetch { [fetched(1, &stored(1)), answer].concat() } else { answer })
    });
    let reading = reading.await.expect("read");
    assert_eq!(reading.copies.len(), 2, "one in each folder");
    assert!(matches!(&reading.doubts[0], Doubt::UidRepeated { uid, .. } if uid == "11"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_opened_is_a_doubt() {
    let reading = read_where("EXAMINE \"Junk", "TAG NO no permission\r\n").await.expect("read");
    assert_eq!(intact(&reading), [1, 2]);
    assert!(matches!(&reading.doubts[..], [Doubt::Unreadable { folder, reason }]
        if folder == "Junk \"mail\"" && reason.contains("no permission")));
}

#[tokio::test]
async fn nonsense_is_an_error_that_says_what() {
    let cases = [
        ("UID", "* 1 FETCH (BODY[] {3}\r\nabc)\r\nTAG OK\r\n", "without UID"),
        ("UID", "* 1 FETCH (UID 0 BODY[] {3}\r\nabc)\r\nTAG OK\r\n", "without UID"),
        ("UID", "* 1 FETCH (UID 5 BODY[] (a b))\r\nTAG OK\r\n", "without UID or content"),
        ("UID", "* OK BODY[] {3}\r\nabc\r\nTAG OK\r\n", "content outside FETCH"),
        ("UID", "* 1 FETCH (UID 5 BODY[] {1}\r\na BODY[] {1}\r\nb)\r\nTAG OK\r\n", "two contents"),
        ("UID", "* 1 FETCH (UID 5 \0)\r\nTAG OK\r\n", "NUL"),
        ("UID", "other OK\r\n", "neither untagged"),
        ("LIST", "TAG WHAT\r\n", "not OK, NO or BAD"),
        ("LIST", "* LIST () \"/\" {2}\r\n\n\n\r\nTAG OK\r\n", "folder name"),
        ("EXAMINE", "* 1 EXISTS\r\nTAG OK\r\n", "UIDVALIDITY"),
        ("EXAMINE", "* OK [UIDVALIDITY 99999999999]\r\n* 1 EXISTS\r\nTAG OK\r\n", "UIDVALIDITY"),
        ("EXAMINE", "* -1 EXISTS\r\n* OK [UIDVALIDITY 1]\r\nTAG OK\r\n", "EXISTS"),
        ("LOGIN", "TAG NO [AUTHENTICATIONFAILED] no\r\n", "refused LOGIN"),
        ("UID", "* BYE going down\r\n", "during UID FETCH"),
        ("UID", "* 1 FETCH (UID 5 BODY[] {99999999999999999999}\r\n", "a literal of more than"),
        ("UID", "* 1 FETCH (UID 5 BODY[] {999999999999}\r\n", "a literal of more than"),
        ("UID", "* 1 FETCH (UID 5 ENVELOPE {8193}\r\n", "a literal of more than 8192"),
    ];
    for (command, reply, words) in cases {
        let error = read_where(command, reply).await.expect_err(reply).to_string();
        assert!(error.contains(words), "{reply:?}: {error}");
    }
}

#[tokio::test]
async fn an_endless_line_or_response_ends_at_its_bound() {
    let long = "x".repeat(limits::MAILBOX_LINE + 1);
    let pieces = "{1}\r\nx".repeat(limits::MAILBOX_LINE);
    for reply in [format!("* {long}"), format!("* {pieces}")] {
        let mut honest = server(Vec::new());
        let reading = read_with(WITHIN, move |line| {
            Some(if line.contains("LIST") { reply.clone().into() } else { honest.answer(line) })
        });
        assert!(matches!(reading.await, Err(MailboxError::TooMuch { .. })));
    }
}

#[tokio::test]
async fn responses_without_end_end_at_a_bound() {
    let reading = read_with(WITHIN, |line| {
        let lines = limits::MAILBOX_TEXT / limits::MAILBOX_LINE_COST;
        Some(if line.contains("LOGIN") { b"* \n".repeat(lines) } else { Vec::new() })
    });
    assert!(matches!(reading.await, Err(MailboxError::TooMuch { what: "text", .. })));
}

#[tokio::test]
async fn a_close_in_mid_literal_is_an_error() {
    let (client, mut server) = tokio::io::duplex(4096);
    let preauth = b"* PREAUTH\r\nm1 OK\r\n* 1 EXISTS\r\n* OK [UIDVALIDITY 1]\r\nm2 OK\r\n\
        * 1 FETCH (UID 1 BODY[] {5000}\r\nhalf";
    server.write_all(preauth).await.expect("written");
    server.shutdown().await.expect("closed");
    let (own, clock) = (own(), clock());
    let error = imap::read(client, ACCOUNT, &own, &clock, WITHIN).await.expect_err("closed");
    assert!(matches!(error, MailboxError::Closed("UID FETCH")), "{error}");
}

#[tokio::test]
async fn silence_ends_with_the_time_given() {
    let within = Duration::from_millis(50);
    let reading = read_with(within, |_| Some(Vec::new())).await;
    assert!(matches!(reading, Err(MailboxError::Timeout(_))));
}

#[tokio::test]
async fn a_name_cannot_carry_a_second_command() {
    let (client, _server) = tokio::io::duplex(64);
    let account = Account { user: "anna\r\nm1 DELETE INBOX", password: "" };
    let (own, clock) = (own(), clock());
    let error = imap::read(client, account, &own, &clock, WITHIN).await.expect_err("refused");
    assert!(matches!(error, MailboxError::Credentials));
}
