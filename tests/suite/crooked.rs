//! A crooked MTA to load: it hands each message to its next hop before it answers for it, so that
//! its queue is always empty, and does one thing wrong with one of them.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it does wrong, to the message numbered [`VICTIM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crime {
    /// Nothing.
    None,
    /// Takes it and drops it.
    Lose,
    /// Hands it on twice.
    Duplicate,
    /// Loses it, and hands the next one on twice.
    LoseAndDuplicate,
    /// Changes one byte of its text.
    Flip,
    /// Folds its subject, and adds a trace field in the midst of its fields.
    Fold,
    /// Tags its subject.
    TagSubject,
    /// Adds a footer to it.
    AddFooter,
    /// Drops the second half of its text.
    Truncate,
    /// Gives it the next one's recipients, and that its.
    Swap,
    /// Hands it to the same recipient in the other domain.
    OtherDomain,
    /// Refuses it, and hands it on all the same.
    DeliverRefused,
    /// Hands on a message of its own beside it.
    Invent,
    /// Returns it as undeliverable, which nobody called it.
    Bounce,
    /// Returns it, and hands it on.
    BounceAndDeliver,
}

/// The message that is dealt with: after the preflight and the warm-up, in mid-run.
const VICTIM: usize = 60;

#[derive(Clone)]
struct Mail {
    sender: String,
    recipients: Vec<String>,
    text: String,
}

struct Crooked {
    crime: Crime,
    next_hop: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    held: Option<Mail>,
}

/// Starts one; it serves as long as the process lives. Its address.
pub(crate) fn start(crime: Crime, next_hop: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let crooked = Arc::new(Crooked { crime, next_hop, state: Mutex::default() });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let crooked = crooked.clone();
            std::thread::spawn(move || crooked.serve(stream.expect("a connection")));
        }
    });
    address
}

impl Crooked {
    /// One session; ends with the client.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
        stream.write_all(b"220 crooked.test\r\n").ok()?;
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
                let mail = Mail { sender: sender.clone(), recipients, text };
                reply = self.take(mail);
            }
            stream.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
        }
        Some(())
    }

    /// Deals with a message and says what to answer for it.
    fn take(&self, mail: Mail) -> &'static str {
        let mut state = self.state.lock().expect("one session at a time");
        state.taken += 1;
        let mut reply = "250 2.0.0 taken";
        match state.taken {
            VICTIM => {
                if self.crime == Crime::DeliverRefused {
                    reply = "554 5.6.0 not wanted";
                }
                self.commit(mail, &mut state);
            }
            next if next == VICTIM + 1 => self.commit_on_next(mail, &mut state),
            _ => self.hand_on(&mail),
        }
        reply
    }

    fn commit(&self, mut mail: Mail, state: &mut State) {
        match self.crime {
            Crime::None | Crime::DeliverRefused => {}
            Crime::Lose | Crime::LoseAndDuplicate => return,
            Crime::Swap => return state.held = Some(mail),
            Crime::Bounce => return self.hand_on(&bounce_of(&mail)),
            Crime::BounceAndDeliver => self.hand_on(&bounce_of(&mail)),
            Crime::Duplicate => self.hand_on(&mail),
            Crime::Invent => self.hand_on(&invented()),
            Crime::Flip => flip(&mut mail.text),
            Crime::Fold => {
                let folded = "\r\nReceived: from crooked.test\r\nSubject:\r\n\tmailbench";
                mail.text = mail.text.replacen("\r\nSubject: mailbench", folded, 1);
            }
            Crime::TagSubject => {
                mail.text = mail.text.replacen("\r\nSubject: ", "\r\nSubject: [list] ", 1);
            }
            Crime::AddFooter => mail.text += "-- \r\nsent by way of crooked.test\r\n",
            Crime::Truncate => mail.text.truncate(half(&mail.text)),
            Crime::OtherDomain => {
                mail.recipients.iter_mut().for_each(in_the_other_domain);
            }
        }
        self.hand_on(&mail);
    }

    fn commit_on_next(&self, mut mail: Mail, state: &mut State) {
        if let Some(mut held) = state.held.take() {
            std::mem::swap(&mut held.recipients, &mut mail.recipients);
            self.hand_on(&held);
        }
        if self.crime == Crime::LoseAndDuplicate {
            self.hand_on(&mail);
        }
        self.hand_on(&mail);
    }

    /// Gives one message to the next hop, which takes everything in these runs.
    fn hand_on(&self, mail: &Mail) {
        let mut stream = TcpStream::connect(self.next_hop).expect("the sink");
        let mut replies = BufReader::new(stream.try_clone().expect("a clone")).lines();
        assert_eq!(code(&mut replies), 220);
        let mut say = |command: &str, due: u16| {
            stream.write_all(format!("{command}\r\n").as_bytes()).expect("written");
            assert_eq!(code(&mut replies), due, "after {}", command.lines().next().unwrap_or(""));
        };
        say("HELO crooked.test", 250);
        say(&format!("MAIL FROM:<{}>", mail.sender), 250);
        mail.recipients.iter().for_each(|recipient| say(&format!("RCPT TO:<{recipient}>"), 250));
        say("DATA", 354);
        say(&format!("{}.", mail.text), 250);
        say("QUIT", 221);
    }
}

fn code(replies: &mut impl Iterator<Item = std::io::Result<String>>) -> u16 {
    let line = replies.next().expect("a reply").expect("read");
    line.get(..3).and_then(|code| code.parse().ok()).expect("a code")
}

/// The address between the angle brackets.
fn bare(path: &str) -> String {
    let path = path.trim().trim_start_matches('<');
    path.split('>').next().unwrap_or("").to_owned()
}

/// Changes one letter in the middle of the body.
fn flip(text: &mut String) {
    let at = half(text);
    let letter = text[at..].find(|c: char| c.is_ascii_lowercase()).expect("a letter") + at;
    text.replace_range(letter..=letter, "Z");
}

/// Where the line in the middle begins.
fn half(text: &str) -> usize {
    let middle = text.len() / 2;
    middle + text[middle..].find("\r\n").expect("a line end") + 2
}

fn in_the_other_domain(recipient: &mut String) {
    *recipient = match recipient.strip_suffix("one.test") {
        Some(local) => format!("{local}two.test"),
        None => recipient.replace("two.test", "one.test"),
    };
}

fn invented() -> Mail {
    Mail {
        sender: "someone@crooked.test".to_owned(),
        recipients: vec!["somebody@one.test".to_owned()],
        text: "Subject: not yours\r\n\r\nhello\r\n".to_owned(),
    }
}

/// A report that it could not be delivered (RFC 3464).
fn bounce_of(mail: &Mail) -> Mail {
    let text = format!(
        "From: <>\r\nTo: <{}>\r\nSubject: Undeliverable\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_b\"\r\n\r\n\
         --=_b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n\
         --=_b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; crooked.test\r\n\r\n\
         Final-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--=_b--\r\n",
        mail.sender, mail.recipients[0]
    );
    Mail { sender: String::new(), recipients: vec![mail.sender.clone()], text }
}
