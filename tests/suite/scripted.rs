//! A server that says its lines whatever it hears, and a client of ours to play against it.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use mailbench::clock::Clock;
use mailbench::smtp::client::{
    Cause, Connection, Content, Mail, Opened, Options, Outcome, Peer, Timeouts, Transacted,
    connect, stuffed,
};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One act of a script.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Writes this, in one write.
    Say(&'static str),
    /// Writes this byte by byte, each in its own segment.
    Dribble(&'static str),
    /// Reads one line that begins so.
    Hear(&'static str),
    /// Reads up to and including the final dot.
    HearContent,
    /// Reads this many bytes and no more.
    HearBytes(usize),
    /// Nothing may come for this many milliseconds.
    Silence(u64),
    /// Does nothing for this many milliseconds.
    Sleep(u64),
    /// Breaks the connection.
    Reset,
}

/// Banner and EHLO without extensions.
pub(crate) const GREETING: [Act; 3] =
    [Act::Say("220 a.test\r\n"), Act::Hear("EHLO me.test"), Act::Say("250 a.test\r\n")];

/// An envelope of one recipient, all taken.
pub(crate) const ENVELOPE: [Act; 6] = [
    Act::Hear("MAIL FROM:<b@me.test>\r\n"),
    Act::Say("250 2.1.0 ok\r\n"),
    Act::Hear("RCPT TO:<r0@a.test>\r\n"),
    Act::Say("250 2.1.5 ok\r\n"),
    Act::Hear("DATA\r\n"),
    Act::Say("354 go on\r\n"),
];

/// Plays a script on the first connection, then closes it. The handle yields what was heard.
pub(crate) async fn play(acts: Vec<Act>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let played = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let (mut received, mut inbox) = (Vec::new(), VecDeque::new());
        for act in acts {
            perform(&act, &mut stream, (&mut received, &mut inbox)).await;
            if matches!(act, Act::Reset) {
                stream.set_zero_linger().expect("no linger");
                break;
            }
        }
        String::from_utf8_lossy(&received).into_owned()
    });
    (address, played)
}

async fn perform(
    act: &Act,
    stream: &mut TcpStream,
    (received, inbox): (&mut Vec<u8>, &mut VecDeque<u8>),
) {
    match act {
        Act::Say(text) => stream.write_all(text.as_bytes()).await.expect("to be heard"),
        Act::Dribble(text) => {
            for byte in text.as_bytes() {
                stream.write_all(&[*byte]).await.expect("to be heard");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Act::Hear(start) => {
            let from = received.len();
            hear_until(stream, (received, inbox), |received| received[from..].ends_with(b"\r\n"))
                .await;
            let line = String::from_utf8_lossy(&received[from..]).into_owned();
            assert!(line.starts_with(start), "{line:?} where {start:?} was due");
        }
        Act::HearContent => {
            let from = received.len() - 2;
            hear_until(stream, (received, inbox), |received| {
                received[from..].ends_with(b"\r\n.\r\n")
            })
            .await;
        }
        Act::HearBytes(count) => {
            let until = received.len() + count;
            hear_until(stream, (received, inbox), |received| received.len() == until).await;
        }
        Act::Silence(millis) => {
            tokio::time::sleep(Duration::from_millis(*millis)).await;
            let early = stream.try_read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(early, Err(ErrorKind::WouldBlock), "something came too early");
            assert!(inbox.is_empty(), "something came too early");
        }
        Act::Sleep(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
        Act::Reset => {}
    }
}

/// Reads byte by byte from what came, so that nothing beyond is heard, though more may be read.
async fn hear_until(
    stream: &mut TcpStream,
    (received, inbox): (&mut Vec<u8>, &mut VecDeque<u8>),
    whole: impl Fn(&[u8]) -> bool,
) {
    while !whole(received) {
        if inbox.is_empty() {
            let mut room = [0; 4096];
            let read = stream.read(&mut room).await.expect("more to hear");
            assert!(read > 0, "more to hear");
            inbox.extend(&room[..read]);
        }
        received.extend(inbox.pop_front());
    }
}

/// How long a client waits that is to find silence; a script sleeps three times as long for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps silent until an impatient client has given up.
pub(crate) const SILENCE: Act = Act::Sleep(3_000);

/// A client that waits long enough for any reply that comes, on a slow machine too.
pub(crate) fn peer(address: SocketAddr) -> Peer {
    waiting(address, Duration::from_secs(30))
}

/// A client that gives up after [`PATIENCE`].
pub(crate) fn impatient(address: SocketAddr) -> Peer {
    waiting(address, PATIENCE)
}

fn waiting(address: SocketAddr, patience: Duration) -> Peer {
    let timeouts = Timeouts {
        connect: Duration::from_secs(30),
        banner: patience,
        reply: patience,
        data: patience,
        content: patience,
        end_of_data: patience,
    };
    Peer { timeouts, ..Peer::new(address, "me.test") }
}

pub(crate) async fn connection(address: SocketAddr) -> Box<Connection> {
    opened(&peer(address)).await
}

pub(crate) async fn opened(peer: &Peer) -> Box<Connection> {
    match connect(peer, Clock::start()).await.opened {
        Opened::Ready(connection) => connection,
        Opened::Refused { stage, reply } => panic!("refused at {stage}: {reply}"),
        Opened::Failed { stage, cause } => panic!("failed at {stage}: {cause}"),
    }
}

pub(crate) async fn submit(
    connection: &mut Connection,
    recipients: usize,
    text: &[u8],
) -> Transacted {
    let recipients: Vec<String> = (0..recipients).map(|n| format!("r{n}@a.test")).collect();
    let content = stuffed(text);
    let mail = Mail {
        reverse_path: "b@me.test",
        recipients: &recipients,
        options: Options { eight_bit: true, ..Options::default() },
        content: Content::Stuffed(&content),
    };
    connection.transact(&mail).await
}

/// Plays the greeting and then `acts`; what became of one short mail to so many recipients.
pub(crate) async fn outcomes(acts: &[Act], recipients: usize) -> Vec<Outcome> {
    outcomes_of(acts, recipients, b"Subject: x\r\n\r\n.hello\r\n").await
}

pub(crate) async fn outcomes_of(acts: &[Act], recipients: usize, text: &[u8]) -> Vec<Outcome> {
    let (address, played) = play([&GREETING, acts].concat()).await;
    let mut connection = connection(address).await;
    let transacted = submit(&mut connection, recipients, text).await;
    drop(connection);
    played.await.expect("a script played to its end");
    transacted.outcomes
}

pub(crate) fn refused(stage: Stage, reply: &str) -> Outcome {
    Outcome::Refused { stage, reply: reply.parse().expect("a reply") }
}

pub(crate) fn unexpected(code: u16, text: &str) -> Cause {
    Cause::Unexpected(Reply::new(code, None, text))
}
