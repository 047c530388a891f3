//! The server side of the SMTP dialogue as a state machine (RFC 5321 §4.1.4).
//!
//! Two steps a turn. [`Dialogue::answer`] says what an obedient server replies and changes
//! nothing; [`Dialogue::settle`] is told the reply that is really sent and moves on by its code.
//! So whoever overrides a reply (a fault, a full queue) need not know any state: a recipient that
//! was answered 4yz is not in the envelope, because it was not taken. No socket, no clock.

mod terms;

use std::sync::Arc;

pub use terms::{Extension, Terms};

use super::command::{Command, Flaw};
use super::envelope::{Body, Envelope};
use super::reply::{EnhancedStatus, Reply};
use super::stage::Stage;

/// What a reply is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The connection: the reply is the banner.
    Greeting,
    /// A command.
    Command(Command),
    /// The final dot, after so many bytes of content.
    EndOfData { size: u64 },
}

/// What the server does after a reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Reads the next command.
    Command,
    /// Reads content up to the final dot, then takes [`Turn::EndOfData`].
    Content,
    /// Closes the connection.
    Close,
}

/// One session's state.
#[derive(Clone, Debug)]
pub struct Dialogue {
    terms: Arc<Terms>,
    state: State,
    envelope: Option<Envelope>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The banner was not positive: only QUIT is served (RFC 5321 §3.1).
    Refusing,
    /// No EHLO or HELO yet.
    Strange,
    /// Greeted.
    Ready,
}

impl Turn {
    /// The stage this turn belongs to; `None`: none that a scenario can name.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Turn::Greeting => Some(Stage::Banner),
            Turn::EndOfData { .. } => Some(Stage::EndOfData),
            Turn::Command(command) => match command {
                Command::Ehlo(_) | Command::Helo(_) | Command::Lhlo(_) => Some(Stage::Ehlo),
                Command::Starttls => Some(Stage::Starttls),
                Command::Auth => Some(Stage::Auth),
                Command::Mail(_) => Some(Stage::MailFrom),
                Command::Rcpt(_) => Some(Stage::RcptTo),
                Command::Data => Some(Stage::Data),
                Command::Quit => Some(Stage::Quit),
                _ => None,
            },
        }
    }
}

impl Dialogue {
    /// A session that begins.
    #[must_use]
    pub fn new(terms: Arc<Terms>) -> Dialogue {
        Dialogue { terms, state: State::Strange, envelope: None }
    }

    /// The transaction under way, if MAIL was accepted.
    #[must_use]
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// What an obedient server replies.
    #[must_use]
    pub fn answer(&self, turn: &Turn) -> Reply {
        match turn {
            Turn::Greeting => Reply::new(220, None, format!("{} ESMTP mailbench", self.terms.name)),
            Turn::EndOfData { size } if *size > self.terms.size => too_large(),
            Turn::EndOfData { .. } => reply(250, (2, 0, 0), "Taken"),
            Turn::Command(command) => self.answer_command(command),
        }
    }

    /// Moves on by the reply that is really sent.
    pub fn settle(&mut self, turn: Turn, reply: &Reply) -> Next {
        if reply.code == 421 {
            return Next::Close;
        }
        match turn {
            Turn::Greeting if !reply.is_positive() => self.state = State::Refusing,
            Turn::Greeting => {}
            Turn::EndOfData { .. } => self.envelope = None,
            Turn::Command(Command::Data) if reply.code == 354 => return Next::Content,
            // Nothing can come of it any more, and its owner has told each recipient's end.
            Turn::Command(Command::Data) => self.envelope = None,
            Turn::Command(Command::Quit) if reply.code == 221 => return Next::Close,
            Turn::Command(command) if reply.is_positive() => self.take(command),
            Turn::Command(_) => {}
        }
        Next::Command
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Ehlo(_) | Command::Helo(_) => {
                self.state = State::Ready;
                self.envelope = None;
            }
            Command::Rset => self.envelope = None,
            Command::Mail(mail) => self.envelope = Some(Envelope { mail, recipients: Vec::new() }),
            Command::Rcpt(rcpt) => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.recipients.push(rcpt);
                }
            }
            _ => {}
        }
    }

    fn answer_command(&self, command: &Command) -> Reply {
        match command {
            Command::Quit => reply(221, (2, 0, 0), "Bye"),
            _ if self.state == State::Refusing => reply(503, (5, 5, 1), "No service here"),
            // Its reply carries no enhanced code (RFC 2034 §3).
            Command::Ehlo(_) => Reply::new(250, None, self.terms.offer()),
            Command::Helo(_) => Reply::new(250, None, self.terms.name.clone()),
            Command::Mail(_) | Command::Rcpt(_) | Command::Data => self.answer_transaction(command),
            Command::Rset | Command::Noop => reply(250, (2, 0, 0), "Ok"),
            Command::Vrfy => reply(252, (2, 1, 5), "Send some mail, it will be tried"),
            Command::Help => reply(214, (2, 0, 0), "See RFC 5321"),
            Command::Lhlo(_)
            | Command::Bdat { .. }
            | Command::Expn
            | Command::Starttls
            | Command::Auth => reply(502, (5, 5, 1), "Not offered here"),
            Command::Unknown => reply(500, (5, 5, 1), "Command not recognized"),
            Command::Malformed(flaw) => answer_flaw(flaw),
        }
    }

    /// The order RFC 5321 §4.1.4 wants, and the bounds of the terms.
    fn answer_transaction(&self, command: &Command) -> Reply {
        match (command, &self.envelope) {
            _ if self.state == State::Strange => reply(503, (5, 5, 1), "EHLO first"),
            (Command::Mail(_), Some(_)) => reply(503, (5, 5, 1), "MAIL was already given"),
            (Command::Mail(mail), None) if mail.size > self.terms.size => too_large(),
            (Command::Mail(mail), None) if mail.body == Some(Body::BinaryMime) => {
                reply(555, (5, 5, 4), "BINARYMIME is not offered here")
            }
            (Command::Mail(_), None) => reply(250, (2, 1, 0), "Sender ok"),
            (_, None) => reply(503, (5, 5, 1), "MAIL first"),
            (Command::Rcpt(_), Some(envelope))
                if envelope.recipients.len() >= self.terms.recipients =>
            {
                reply(452, (4, 5, 3), "Too many recipients")
            }
            (Command::Rcpt(_), Some(_)) => reply(250, (2, 1, 5), "Recipient ok"),
            (_, Some(envelope)) if envelope.recipients.is_empty() => {
                reply(554, (5, 5, 1), "No valid recipients")
            }
            (_, Some(_)) => Reply::new(354, None, "Go on, end with <CRLF>.<CRLF>"),
        }
    }
}

fn answer_flaw(flaw: &Flaw) -> Reply {
    match flaw {
        Flaw::TooLong => reply(500, (5, 5, 6), "Line too long"),
        Flaw::NotText => reply(500, (5, 5, 2), "NUL, bare CR or bytes that are not UTF-8"),
        Flaw::Syntax(form) => reply(501, (5, 5, 4), &format!("Expected {form}")),
        Flaw::ReversePath => reply(501, (5, 1, 7), "Bad reverse-path"),
        Flaw::ForwardPath => reply(501, (5, 1, 3), "Bad forward-path"),
        Flaw::Value(name) => reply(501, (5, 5, 4), &format!("Bad value for {name}")),
        Flaw::Parameter(_) => reply(555, (5, 5, 4), "Parameter not known here"),
    }
}

fn too_large() -> Reply {
    reply(552, (5, 3, 4), "Message too large")
}

fn reply(code: u16, (class, subject, detail): (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, Some(EnhancedStatus { class, subject, detail }), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

    fn dialogue() -> Dialogue {
        let extensions = vec![Extension::Pipelining, Extension::Size];
        let terms = Terms { name: "mx.test".to_owned(), extensions, size: 1000, recipients: 2 };
        Dialogue::new(Arc::new(terms))
    }

    /// Plays `lines`; a line `=CODE LINE` is a command whose reply is overridden. Codes of all
    /// replies, and what comes last.
    fn play(dialogue: &mut Dialogue, lines: &[&str]) -> (Vec<u16>, Next) {
        let mut next = Next::Command;
        let mut turn = |line: &&str| {
            let (code, line) = match line.strip_prefix('=') {
                Some(rest) => (rest[..3].parse().ok(), &rest[4..]),
                None => (None, *line),
            };
            let turn = match line {
                "." => Turn::EndOfData { size: 10 },
                "banner" => Turn::Greeting,
                _ => Turn::Command(Command::parse(line.as_bytes())),
            };
            let mut reply = dialogue.answer(&turn);
            reply.code = code.unwrap_or(reply.code);
            next = dialogue.settle(turn, &reply);
            reply.code
        };
        (lines.iter().map(&mut turn).collect(), next)
    }

    fn codes(lines: &[&str]) -> Vec<u16> {
        play(&mut dialogue(), lines).0
    }

    const MAIL: &str = "MAIL FROM:<a@b.test>";
    const RCPT: &str = "RCPT TO:<c@d.test>";

    #[test]
    fn two_messages_in_one_session() {
        let lines =
            ["banner", "EHLO x", MAIL, RCPT, "DATA", ".", MAIL, RCPT, RCPT, "DATA", ".", "QUIT"];
        let (codes, next) = play(&mut dialogue(), &lines);
        assert_eq!(codes, [220, 250, 250, 250, 354, 250, 250, 250, 250, 354, 250, 221]);
        assert_eq!(next, Next::Close);
    }

    #[test]
    fn commands_out_of_order_are_503() {
        assert_eq!(codes(&[MAIL, "DATA"]), [503, 503]);
        assert_eq!(codes(&["EHLO x", RCPT, "DATA"]), [250, 503, 503]);
        assert_eq!(codes(&["EHLO x", MAIL, MAIL, "DATA"]), [250, 250, 503, 554]);
        for reset in ["RSET", "EHLO y", "HELO y"] {
            assert_eq!(codes(&["EHLO x", MAIL, RCPT, reset, RCPT])[3..], [250, 503], "{reset}");
        }
        assert_eq!(codes(&["=554 banner", "EHLO x", "NOOP", "QUIT"]), [554, 503, 503, 221]);
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(codes(&["EHLO x", MAIL, RCPT, RCPT, RCPT])[4], 452);
        assert_eq!(codes(&["EHLO x", "MAIL FROM:<a@b.test> SIZE=1001", RCPT]), [250, 552, 503]);
        assert_eq!(dialogue().answer(&Turn::EndOfData { size: 1001 }).code, 552);
    }

    #[test]
    fn the_state_follows_the_reply_that_was_sent() {
        let mut dialogue = dialogue();
        let (codes, next) =
            play(&mut dialogue, &["EHLO x", MAIL, "=451 RCPT TO:<no@d.test>", RCPT]);
        assert_eq!((codes, next), (vec![250, 250, 451, 250], Next::Command));
        let taken: Vec<_> = dialogue.envelope().iter().flat_map(|e| &e.recipients).collect();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].forward_path, "c@d.test");

        let (codes, next) = play(&mut dialogue, &["DATA", "=452 ."]);
        assert_eq!((codes, next), (vec![354, 452], Next::Command));
        assert!(dialogue.envelope().is_none(), "a refused message ends its transaction");

        let (codes, _) = play(&mut dialogue, &[MAIL, RCPT, "=451 DATA", "DATA", MAIL]);
        assert_eq!(codes, [250, 250, 451, 503, 250], "and so does a refused DATA");
        play(&mut dialogue, &["RSET"]);

        let (codes, next) = play(&mut dialogue, &["=450 MAIL FROM:<a@b.test>", RCPT, "=421 NOOP"]);
        assert_eq!((codes, next), (vec![450, 503, 421], Next::Close));
    }

    #[test]
    fn all_recipients_refused_leaves_nothing_to_send_data_to() {
        assert_eq!(codes(&["EHLO x", MAIL, "=550 RCPT TO:<c@d.test>", "DATA"])[3], 554);
    }

    #[test]
    fn ehlo_lists_the_extensions() {
        let reply = dialogue().answer(&Turn::Command(Command::parse(b"EHLO x")));
        assert_eq!(reply.text, "mx.test\nPIPELINING\nSIZE 1000");
        assert_eq!(reply.enhanced, None);
    }

    fn any_line() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "banner",
                "EHLO x",
                "HELO x",
                MAIL,
                RCPT,
                "DATA",
                ".",
                "RSET",
                "NOOP",
                "LHLO x",
                "BDAT 5 LAST",
                "STARTTLS",
                "AUTH PLAIN",
                "VRFY x",
                "",
                "\0",
                "MAIL FROM:<",
            ])
            .prop_map(str::to_owned),
            Just("=421 NOOP".to_owned()),
            (
                prop::sample::select(vec!["450", "550"]),
                prop::sample::select(vec![MAIL, RCPT, "DATA"])
            )
                .prop_map(|(code, line)| format!("={code} {line}")),
        ]
    }

    proptest! {
        /// Whatever is said in whatever order: no panic, a code each, an envelope within bounds,
        /// and content only where there is someone to take it for.
        #[test]
        fn any_order_is_borne(lines in prop::collection::vec(any_line(), 0..60)) {
            let mut dialogue = dialogue();
            for line in &lines {
                let (codes, next) = play(&mut dialogue, &[line.as_str()]);
                assert!((200..600).contains(&codes[0]));
                let recipients = dialogue.envelope().map_or(0, |envelope| envelope.recipients.len());
                assert!(recipients <= 2);
                assert_eq!(next == Next::Content, codes[0] == 354);
                assert!(next != Next::Content || recipients > 0);
            }
        }
    }
}
