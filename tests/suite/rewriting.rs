//! An MTA of the tests that does to each message what a function says: it hands on what that makes of
//! it before it answers, so that its queue is always empty. What its next hop rejects comes back as
//! another function says.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let taken = AtomicUsize::new(0);
    let rewriter = Arc::new(Rewriter { next_hop, act, give_back, taken });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let rewriter = Arc::clone(&rewriter);
            std::thread::spawn(move || rewriter.serve(stream.expect("a connection")));
        }
    });
    address
}

impl Rewriter {
    /// One session; ends with the client.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
        stream.write_all(b"220 rewriting.test\r\n").ok()?;
        let (mut sender, mut recipients) = (String::new(), Vec::new());
        while let Some(line) = lines.next() {
            if let Some(path) = line.strip_prefix("MAIL FROM:") {
                sender = bare(path);
            } else if let Some(path) = line.strip_prefix("RCPT TO:") {
                recipients.push(bare(path));
            } else if line == "DATA" {
                stream.write_all(b"354 go on\r\n").ok()?;
                let text: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                let text = text.join("\r\n") + "\r\n";
                let recipients = std::mem::take(&mut recipients);
                self.take(Mail { sender: sender.clone(), recipients, text });
            }
            stream.write_all(b"250 2.0.0 ok\r\n").ok()?;
        }
        Some(())
    }

    fn take(&self, mail: Mail) {
        let number = self.taken.fetch_add(1, Ordering::SeqCst);
        for mail in (self.act)(number, mail) {
            if let Some(reply) = self.hand_on(&mail)
                && let Some(returned) = (self.give_back)(number, &mail, &reply)
            {
                assert_eq!(self.hand_on(&returned), None, "what comes back is taken");
            }
        }
    }

    /// Gives one message to the next hop; the reply by which it did not take it.
    fn hand_on(&self, mail: &Mail) -> Option<String> {
        let mut stream = TcpStream::connect(self.next_hop).expect("the sink");
        let mut replies = BufReader::new(stream.try_clone().expect("a clone")).lines();
        let mut next = || replies.next().expect("a reply").expect("read");
        assert!(next().starts_with("220"));
        let mut say = |command: &str| {
            stream.write_all(format!("{command}\r\n").as_bytes()).expect("written");
            let reply = next();
            (!reply.starts_with(['2', '3'])).then_some(reply)
        };
        let mut refused = say("HELO rewriting.test");
        refused = refused.or_else(|| say(&format!("MAIL FROM:<{}>", mail.sender)));
        for recipient in &mail.recipients {
            refused = refused.or_else(|| say(&format!("RCPT TO:<{recipient}>")));
        }
        refused = refused.or_else(|| say("DATA")).or_else(|| say(&format!("{}.", mail.text)));
        say("QUIT");
        refused
    }
}

/// The address between the angle brackets.
fn bare(path: &str) -> String {
    let path = path.trim().trim_start_matches('<');
    path.split('>').next().unwrap_or("").to_owned()
}
