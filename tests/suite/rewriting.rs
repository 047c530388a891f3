//! An MTA of the tests that does to each message what a function says: it hands on what that makes of
//! it before it answers, so that its queue is always empty. What its next hop rejects comes back as
//! another function says.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As what it speaks.
const NAME: &str = "rewriting.test";

/// One message with its envelope.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) text: String,
}

/// What is handed on instead of the message numbered so; the preflight is number 0.
pub(crate) type Act = dyn Fn(usize, Mail) -> Vec<Mail> + Send + Sync;

/// What is sent back of a rejected message.
pub(crate) type Return = dyn Fn(usize, &Mail, &str) -> Option<Mail> + Send + Sync;

struct Rewriter {
    next_hop: SocketAddr,
    act: Box<Act>,
    give_back: Box<Return>,
    taken: AtomicUsize,
}

/// Starts one; it serves as long as the process lives. Its address.
pub(crate) fn start(next_hop: SocketAddr, act: Box<Act>, give_back: Box<Return>) -> SocketAddr {
    let rewriter = Rewriter { next_hop, act, give_back, taken: AtomicUsize::new(0) };
    listen(NAME, move |mail| {
        rewriter.take(mail);
        "250 2.0.0 ok"
    })
}

/// Takes mail as the host `name`, one message after the other; `take` says what is answered to each.
pub(crate) fn listen(
    name: &'static str,
    take: impl Fn(Mail) -> &'static str + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let take = Arc::new(take);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let take = Arc::clone(&take);
            std::thread::spawn(move || serve(stream.expect("a connection"), name, &*take));
        }
    });
    address
}

/// One session; ends with the client.
fn serve(mut stream: TcpStream, name: &str, take: &dyn Fn(Mail) -> &'static str) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    stream.write_all(format!("220 {name}\r\n").as_bytes()).ok()?;
    let (mut sender, mut recipients) = (String::new(), Vec::new());
    while let Some(line) = lines.next() {
        let mut reply = "250 2.0.0 ok";
        if let Some(path) = line.strip_prefix("MAIL FROM:") {
            sender = bare(path);
        } else if let Some(path) = line.strip_prefix("RCPT TO:") {
            recipients.push(bare(path));
        } else if line == "DATA" {
            stream.write_all(b"354 go on\r\n").ok()?;
            let text: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
            let text = text.join("\r\n") + "\r\n";
            let recipients = std::mem::take(&mut recipients);
            reply = take(Mail { sender: sender.clone(), recipients, text });
        }
        stream.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
    }
    Some(())
}

impl Rewriter {
    fn take(&self, mail: Mail) {
        let number = self.taken.fetch_add(1, Ordering::SeqCst);
        for mail in (self.act)(number, mail) {
            if let Some(reply) = hand_on(self.next_hop, NAME, &mail)
                && let Some(returned) = (self.give_back)(number, &mail, &reply)
            {
                assert_eq!(
                    hand_on(self.next_hop, NAME, &returned),
                    None,
                    "what comes back is taken"
                );
            }
        }
    }
}

/// Gives one message to the next hop; the reply by which it did not take it.
pub(crate) fn hand_on(next_hop: SocketAddr, name: &str, mail: &Mail) -> Option<String> {
    let mut stream = TcpStream::connect(next_hop).expect("the sink");
    let mut replies = BufReader::new(stream.try_clone().expect("a clone")).lines();
    let mut next = || replies.next().expect("a reply").expect("read");
    assert!(next().starts_with("220"));
    let mut say = |command: &str, due: &str| {
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("written");
        let reply = next();
        (!reply.starts_with(due)).then_some(reply)
    };
    let mut refused = say(&format!("HELO {name}"), "250");
    refused = refused.or_else(|| say(&format!("MAIL FROM:<{}>", mail.sender), "250"));
    for recipient in &mail.recipients {
        refused = refused.or_else(|| say(&format!("RCPT TO:<{recipient}>"), "250"));
    }
    refused = refused.or_else(|| say("DATA", "354"));
    refused = refused.or_else(|| say(&format!("{}.", mail.text), "250"));
    assert_eq!(say("QUIT", "221"), None);
    refused
}

/// The address between the angle brackets.
fn bare(path: &str) -> String {
    let path = path.trim().trim_start_matches('<');
    path.split('>').next().unwrap_or("").to_owned()
}
