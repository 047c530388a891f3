//! The server side of the SMTP dialogue as a state machine (RFC 5321 §4.1.4).
//!
//! Two steps a turn. [`Dialogue::answer`] says what an obedient server replies and changes
//! nothing; [`Dialogue::settle`] gets the reply that is really sent and moves on by its code.
//! So code that overrides a reply (a fault, a full queue) need not know any state: a recipient that
//! was answered 4yz is not in the envelope, because it was not taken. No socket, no clock.

mod answer;
mod auth;
mod terms;
mod user;

use std::sync::Arc;

pub use terms::{Extension, Terms};
pub use user::{Known, User};

use super::command::{Auth, Command};
use super::envelope::Envelope;
use super::reply::Reply;
use super::stage::Stage;
use answer::{answer_step, not_offered, reply, too_large};
use auth::{Exchange, Step};

/// What a reply is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The connection: the reply is the banner.
    Greeting,
    /// A command.
    Command(Command),
    /// The final dot, after so many bytes of content.
    EndOfData { size: u64 },
    /// A line of an AUTH exchange.
    Answer(Vec<u8>),
}

/// What the server does after a reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Reads the next command.
    Command,
    /// Reads content up to the final dot, then takes [`Turn::EndOfData`].
    Content,
    /// Begins the TLS handshake, then calls [`Dialogue::secure`].
    Handshake,
    /// Reads a line of an AUTH exchange, then takes [`Turn::Answer`].
    Answer,
    /// Closes the connection.
    Close,
}

/// One session's state.
#[derive(Clone, Debug)]
pub struct Dialogue {
    terms: Arc<Terms>,
    state: State,
    envelope: Option<Envelope>,
    /// BDAT was taken in this transaction: nothing but more of it may follow (RFC 3030 §2).
    chunked: bool,
    exchange: Option<Exchange>,
    authenticated: bool,
    /// What this session is not offered, though the terms have it.
    withheld: Vec<Extension>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The banner was not positive: only QUIT is served (RFC 5321 §3.1).
    Refusing,
    /// No EHLO or HELO yet.
    AwaitingHello,
    /// Greeted by HELO: no extension was offered (RFC 5321 §4.1.1.1).
    Plain,
    /// Greeted by EHLO or LHLO.
    Ready,
}

impl Turn {
    /// The stage this turn belongs to; `None`: none that a scenario can name.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Turn::Greeting => Some(Stage::Banner),
            Turn::EndOfData { .. } => Some(Stage::EndOfData),
            Turn::Answer(_) => Some(Stage::Auth),
            Turn::Command(command) => match command {
                Command::Ehlo(_) | Command::Helo(_) | Command::Lhlo(_) => Some(Stage::Ehlo),
                Command::Starttls => Some(Stage::Starttls),
                Command::Auth(_) => Some(Stage::Auth),
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
        Dialogue {
            terms,
            state: State::AwaitingHello,
            envelope: None,
            chunked: false,
            exchange: None,
            authenticated: false,
            withheld: Vec::new(),
        }
    }

    /// The connection is under TLS now: what was said before counts for nothing, and STARTTLS is
    /// not offered again (RFC 3207 §4.2).
    pub fn secure(&mut self) {
        *self = Dialogue::new(Arc::clone(&self.terms));
        self.withhold(Extension::StartTls);
    }

    /// From here on this session is not offered this.
    pub fn withhold(&mut self, extension: Extension) {
        self.withheld.push(extension);
    }

    /// Whether the client has logged in.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Whether LMTP is spoken.
    #[must_use]
    pub fn is_lmtp(&self) -> bool {
        self.terms.lmtp
    }

    fn offers(&self, extension: Extension) -> bool {
        self.terms.offers(extension) && !self.withheld.contains(&extension)
    }

    /// Whether parameters of this may be given: it was offered in reply to EHLO.
    fn takes_parameters_of(&self, extension: Extension) -> bool {
        self.state != State::Plain && self.offers(extension)
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
            Turn::Greeting => Reply::new(220, None, self.greeting()),
            Turn::EndOfData { size } if *size > self.terms.size => too_large(),
            Turn::EndOfData { .. } => reply(250, (2, 0, 0), "Taken"),
            Turn::Command(command) => self.answer_command(command),
            Turn::Answer(line) => self.exchange.as_ref().map_or_else(not_offered, |exchange| {
                answer_step(&auth::step(exchange, line, &self.terms.known))
            }),
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
            Turn::EndOfData { .. } => self.end_transaction(),
            Turn::Answer(line) => {
                return self.go_on(|exchange, known| auth::step(exchange, &line, known), reply);
            }
            Turn::Command(Command::Auth(auth)) => return self.log_in(&auth, reply),
            Turn::Command(Command::Starttls) if reply.code == 220 => return Next::Handshake,
            Turn::Command(Command::Data) if reply.code == 354 => return Next::Content,
            // Nothing can come of it any more, and its owner has reported each recipient's outcome.
            Turn::Command(Command::Data) if !self.chunked => self.end_transaction(),
            Turn::Command(Command::Bdat { .. }) if !reply.is_positive() => self.end_transaction(),
            Turn::Command(Command::Bdat { .. }) => self.chunked = true,
            Turn::Command(Command::Quit) if reply.code == 221 => return Next::Close,
            Turn::Command(command) if reply.is_positive() => self.take(command),
            Turn::Command(_) => {}
        }
        Next::Command
    }

    fn greeting(&self) -> String {
        let protocol = if self.terms.lmtp { "LMTP" } else { "ESMTP" };
        format!("{} {protocol} mailbench", self.terms.name)
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Ehlo(_) | Command::Lhlo(_) => self.greeted(State::Ready),
            Command::Helo(_) => self.greeted(State::Plain),
            Command::Rset => self.end_transaction(),
            Command::Mail(mail) => self.envelope = Some(Envelope { mail, recipients: Vec::new() }),
            Command::Rcpt(rcpt) => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.recipients.push(rcpt);
                }
            }
            _ => {}
        }
    }

    fn greeted(&mut self, state: State) {
        self.state = state;
        self.end_transaction();
    }

    fn end_transaction(&mut self) {
        (self.envelope, self.chunked) = (None, false);
    }

    fn log_in(&mut self, Auth { mechanism, initial }: &Auth, reply: &Reply) -> Next {
        let Some(mechanism) = *mechanism else { return Next::Command };
        self.exchange = Some(Exchange::Whole(mechanism));
        self.go_on(|_, known| auth::begin(mechanism, initial, known), reply)
    }

    /// The exchange goes on with what `step` says, if that is what was replied.
    fn go_on(&mut self, step: impl FnOnce(&Exchange, &Known) -> Step, reply: &Reply) -> Next {
        let Some(exchange) = self.exchange.take() else { return Next::Command };
        match step(&exchange, &self.terms.known) {
            Step::Ask(_, next) if reply.code == 334 => {
                self.exchange = Some(next);
                Next::Answer
            }
            _ => {
                self.authenticated |= reply.code == 235;
                Next::Command
            }
        }
    }
}

#[cfg(test)]
mod tests;
