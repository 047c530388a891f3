//! A server that takes whatever it is sent, slowly if asked to, and counts what it saw.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it takes mail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Before the reply to the final dot.
    pub(crate) wait: Duration,
    /// Before this reply of a session to a final dot it waits longer.
    pub(crate) stall: Option<(u32, Duration)>,
    /// The reply to RCPT for the second recipient.
    pub(crate) second_recipient: &'static str,
    /// Closes after each message, without a word.
    pub(crate) hangs_up: bool,
    /// Defers the second recipient of so many sessions, as greylisting does.
    pub(crate) greylists: usize,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            wait: Duration::ZERO,
            stall: None,
            second_recipient: "250 2.1.5 ok",
            hangs_up: false,
            greylists: 0,
        }
    }
}

/// What it saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Messages of each session, in the order of connection.
    pub(crate) messages: Vec<u32>,
    pub(crate) open: usize,
    pub(crate) most_open: usize,
}

/// A running server; it ends with the test.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Seen>>,
    listening: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let listening = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(session(stream, manner, Arc::clone(&shared)));
            }
        });
        Receiver { address, seen, listening }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn session(stream: TcpStream, manner: Manner, seen: Arc<Mutex<Seen>>) {
    stream.set_nodelay(true).expect("no delay");
    let number = {
        let mut seen = seen.lock().expect("the count");
        seen.messages.push(0);
        seen.open += 1;
        seen.most_open = seen.most_open.max(seen.open);
        seen.messages.len() - 1
    };
    let took = || {
        let messages = &mut seen.lock().expect("the count").messages[number];
        *messages += 1;
        *messages
    };
    let manner = match number < manner.greylists {
        true => Manner { second_recipient: "451 4.7.1 greylisted", ..manner },
        false => manner,
    };
    let _ = converse(stream, manner, took).await;
    seen.lock().expect("the count").open -= 1;
}

async fn converse(
    stream: TcpStream,
    manner: Manner,
    took: impl Fn() -> u32,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut recipients, mut in_content) = (Vec::new(), 0, false);
    stream.write_all(b"220 a.test\r\n").await?;
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let reply = match (in_content, line.get(..4)) {
            (true, _) if line != b".\r\n" => continue,
            (true, _) => {
                in_content = false;
                let number = took();
                let stall = manner.stall.filter(|(stalled, _)| *stalled == number);
                tokio::time::sleep(stall.map_or(manner.wait, |(_, length)| length)).await;
                "250 2.0.0 ok"
            }
            (_, Some(b"EHLO")) => "250-a.test\r\n250 PIPELINING",
            (_, Some(b"MAIL")) => {
                recipients = 0;
                "250 2.1.0 ok"
            }
            (_, Some(b"RCPT")) => {
                recipients += 1;
                if recipients == 2 { manner.second_recipient } else { "250 2.1.5 ok" }
            }
            (_, Some(b"DATA")) => {
                in_content = true;
                "354 go on"
            }
            (_, Some(b"QUIT")) => "221 2.0.0 bye",
            _ => "250 2.0.0 ok",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if reply.starts_with("221") || (manner.hangs_up && reply == "250 2.0.0 ok") {
            return Ok(());
        }
    }
}
