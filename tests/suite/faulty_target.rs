//! A crooked MTA to load: it hands each message to its next hop before it answers for it, so that
//! its queue is always empty, and does one thing wrong with one of them.

use std::net::SocketAddr;
use std::sync::Mutex;

use crate::rewriting::{Mail, hand_on, listen};

/// What it does wrong, to the message numbered [`VICTIM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
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

/// As what it speaks.
const NAME: &str = "crooked.test";

struct FaultyTarget {
    defect: Defect,
    next_hop: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    held: Option<Mail>,
}

/// Starts one; it serves as long as the process lives. Its address.
pub(crate) fn start(defect: Defect, next_hop: SocketAddr) -> SocketAddr {
    let faulty_target = FaultyTarget { defect, next_hop, state: Mutex::default() };
    listen(NAME, move |mail| faulty_target.take(mail))
}

impl FaultyTarget {
    /// Deals with a message and says what to answer for it.
    fn take(&self, mail: Mail) -> &'static str {
        let mut state = self.state.lock().expect("one session at a time");
        state.taken += 1;
        let mut reply = "250 2.0.0 taken";
        match state.taken {
            VICTIM => {
                if self.defect == Defect::DeliverRefused {
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
        match self.defect {
            Defect::None | Defect::DeliverRefused => {}
            Defect::Lose | Defect::LoseAndDuplicate => return,
            Defect::Swap => return state.held = Some(mail),
            Defect::Bounce => return self.hand_on(&bounce_of(&mail)),
            Defect::BounceAndDeliver => self.hand_on(&bounce_of(&mail)),
            Defect::Duplicate => self.hand_on(&mail),
            Defect::Invent => self.hand_on(&invented()),
            Defect::Flip => flip(&mut mail.text),
            Defect::Fold => {
                let folded = "\r\nReceived: from crooked.test\r\nSubject:\r\n\tmailbench";
                mail.text = mail.text.replacen("\r\nSubject: mailbench", folded, 1);
            }
            Defect::TagSubject => {
                mail.text = mail.text.replacen("\r\nSubject: ", "\r\nSubject: [list] ", 1);
            }
            Defect::AddFooter => mail.text += "-- \r\nsent by way of crooked.test\r\n",
            Defect::Truncate => mail.text.truncate(half(&mail.text)),
            Defect::OtherDomain => {
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
        if self.defect == Defect::LoseAndDuplicate {
            self.hand_on(&mail);
        }
        self.hand_on(&mail);
    }

    /// Gives one message to the next hop, which takes everything in these runs.
    fn hand_on(&self, mail: &Mail) {
        assert_eq!(hand_on(self.next_hop, NAME, mail), None);
    }
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
         Reporting-MTA: dns; faulty_target.test\r\n\r\n\
         Final-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--=_b--\r\n",
        mail.sender, mail.recipients[0]
    );
    Mail { sender: String::new(), recipients: vec![mail.sender.clone()], text }
}
