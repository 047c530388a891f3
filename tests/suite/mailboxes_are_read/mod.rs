//! Mailboxes are read to the byte, and a server that misbehaves is bounded and named: what it hides is
//! never taken for a lost message.

mod dovecot;
mod imap;
mod maildir;
mod pop3;

use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::mailbox::{Account, MailboxError, Reading};
use mailbench::probe::recognition::{Belongs, with_run_line};
use mailbench::probe::{Identity, MessageId, content};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// How long a reading may take that is meant to end by itself.
const WITHIN: Duration = Duration::from_secs(30);

const ACCOUNT: Account<'static> = Account { user: "anna", password: "se\"cret" };

fn own() -> Identity {
    Identity { tag: "tag".to_owned(), nonce: "nonce".to_owned() }
}

/// A message as it lies in a mailbox: behind what delivery put before it.
fn stored(number: u64) -> Vec<u8> {
    let rest = b"From: a@a.test\r\nSubject: x\r\n\r\n.\r\n..dots\r\n)\r\ntext\r\n";
    let end = content::end_line(MessageId(number), crc32fast::hash(rest));
    let sealed = content::seal("tag", MessageId(number), 1, &[rest.as_slice(), &end].concat());
    [b"Return-Path: <a@a.test>\r\n".as_slice(), &with_run_line("nonce", &sealed)].concat()
}

/// What a reader finds at a server that greets and answers each line as given; `None` closes.
async fn read_from<F>(
    greeting: &str,
    mut answer: impl FnMut(&str) -> Option<Vec<u8>> + Send + 'static,
    read: impl FnOnce(DuplexStream) -> F,
) -> Result<Reading, MailboxError>
where
    F: Future<Output = Result<Reading, MailboxError>>,
{
    let (client, server) = tokio::io::duplex(4096);
    let greeting = greeting.to_owned();
    let server = tokio::spawn(async move {
        let mut server = BufReader::new(server);
        let mut sent = server.write_all(greeting.as_bytes()).await;
        let mut line = String::new();
        while sent.is_ok() && server.read_line(&mut line).await.is_ok_and(|length| length > 0) {
            let Some(reply) = answer(line.trim_end()) else { return };
            sent = server.write_all(&reply).await;
            line.clear();
        }
    });
    let reading = read(client).await;
    server.abort();
    reading
}

/// The messages of ours that were found intact.
fn intact(reading: &Reading) -> Vec<u64> {
    let copies = reading.copies.iter().filter(|copy| copy.content.check.changes.is_empty());
    let number = |belongs| match belongs {
        Belongs::Ours(message) => Some(message.0),
        _ => None,
    };
    copies.filter_map(|copy| number(copy.content.belongs)).collect()
}

fn clock() -> Clock {
    Clock::start()
}
