//! What an obedient server replies to each command, in each state.

use super::auth::{self, Step};
use super::{Dialogue, Extension, State};
use crate::smtp::command::{Auth, Command, Flaw};
use crate::smtp::envelope::{Body, Mail, Rcpt};
use crate::smtp::mechanism::Mechanism;
use crate::smtp::reply::{EnhancedStatus, Reply};

impl Dialogue {
    pub(super) fn answer_command(&self, command: &Command) -> Reply {
        match command {
            Command::Quit => reply(221, (2, 0, 0), "Bye"),
            _ if self.state == State::Refusing => reply(503, (5, 5, 1), "No service here"),
            Command::Ehlo(_) | Command::Helo(_) if self.terms.lmtp => not_offered(),
            // Its reply carries no enhanced code (RFC 2034 §3).
            Command::Ehlo(_) => Reply::new(250, None, self.terms.offer(&self.withheld)),
            Command::Lhlo(_) if self.terms.lmtp => {
                Reply::new(250, None, self.terms.offer(&self.withheld))
            }
            Command::Helo(_) => Reply::new(250, None, self.terms.name.clone()),
            Command::Bdat { .. } if !self.offers(Extension::Chunking) => not_offered(),
            Command::Mail(_) | Command::Rcpt(_) | Command::Data | Command::Bdat { .. } => {
                self.answer_transaction(command)
            }
            Command::Rset | Command::Noop => reply(250, (2, 0, 0), "Ok"),
            Command::Vrfy => reply(252, (2, 1, 5), "Send some mail, it will be tried"),
            Command::Help => reply(214, (2, 0, 0), "See RFC 5321"),
            Command::Starttls if self.offers(Extension::StartTls) => {
                reply(220, (2, 0, 0), "Go ahead")
            }
            Command::Auth(auth) if self.offers(Extension::Auth) => self.answer_auth(auth),
            Command::Lhlo(_) | Command::Expn | Command::Starttls | Command::Auth(_) => {
                not_offered()
            }
            Command::Unknown => reply(500, (5, 5, 1), "Command not recognized"),
            Command::Malformed(flaw) => self.answer_flaw(flaw),
        }
    }

    /// The order RFC 5321 §4.1.4 wants, and the bounds of the terms.
    fn answer_transaction(&self, command: &Command) -> Reply {
        match (command, &self.envelope) {
            _ if self.state == State::AwaitingHello => reply(503, (5, 5, 1), "EHLO first"),
            (Command::Bdat { .. }, _) | (_, None) => self.answer_begun(command),
            _ if self.chunked => reply(503, (5, 5, 1), "BDAT was begun"),
            (Command::Mail(_), Some(_)) => reply(503, (5, 5, 1), "MAIL was already given"),
            (Command::Rcpt(_), Some(envelope))
                if envelope.recipients.len() >= self.terms.recipients =>
            {
                reply(452, (4, 5, 3), "Too many recipients")
            }
            (Command::Rcpt(rcpt), Some(_)) => match self.unsupported_in_rcpt(rcpt) {
                Some(parameter) => parameter_not_offered(parameter),
                None if self.needs_smtputf8(&rcpt.forward_path) => address_not_ascii(),
                None => reply(250, (2, 1, 5), "Recipient ok"),
            },
            (_, Some(envelope)) if envelope.recipients.is_empty() => self.no_valid_recipients(),
            (_, Some(_)) => Reply::new(354, None, "Go on, end with <CRLF>.<CRLF>"),
        }
    }

    /// MAIL, and what must not come before it; BDAT, which has no reply of its own before content.
    fn answer_begun(&self, command: &Command) -> Reply {
        match (command, &self.envelope) {
            // RFC 4954 §6.
            (Command::Mail(_), _) if self.terms.known.user.is_some() && !self.authenticated => {
                reply(530, (5, 7, 0), "Log in first")
            }
            (Command::Mail(mail), _) => match self.unsupported_in_mail(mail) {
                Some(parameter) => parameter_not_offered(parameter),
                None if mail.size > Some(self.terms.size) => too_large(),
                None if self.needs_smtputf8(&mail.reverse_path) => address_not_ascii(),
                None => reply(250, (2, 1, 0), "Sender ok"),
            },
            (_, None) => reply(503, (5, 5, 1), "MAIL first"),
            (_, Some(envelope)) if envelope.recipients.is_empty() => self.no_valid_recipients(),
            (_, Some(_)) => reply(250, (2, 0, 0), "Octets taken"),
        }
    }

    /// RFC 2033 §4.2 has another code for it than RFC 5321 §3.3.
    fn no_valid_recipients(&self) -> Reply {
        match self.terms.lmtp {
            true => reply(503, (5, 5, 1), "No valid recipients"),
            false => reply(554, (5, 5, 1), "No valid recipients"),
        }
    }

    /// The parameter of MAIL that belongs to an extension that is not offered.
    fn unsupported_in_mail(&self, mail: &Mail) -> Option<&'static str> {
        let dsn = mail.ret.is_some() || mail.envid.is_some();
        let said = [
            (Extension::Size, mail.size.is_some(), "SIZE"),
            (Extension::EightBitMime, mail.body.is_some(), "BODY"),
            (Extension::SmtpUtf8, mail.smtputf8, "SMTPUTF8"),
            (Extension::Dsn, dsn, "RET and ENVID"),
            (Extension::MtPriority, mail.mt_priority.is_some(), "MT-PRIORITY"),
            (Extension::Auth, mail.auth.is_some(), "AUTH"),
        ];
        let strange = |(of, said, _): &(_, bool, _)| *said && !self.takes_parameters_of(*of);
        match said.into_iter().find(strange) {
            Some((.., name)) => Some(name),
            // RFC 3030 §3: an extension of its own, which is offered nowhere here.
            None => (mail.body == Some(Body::BinaryMime)).then_some("BINARYMIME"),
        }
    }

    /// An address in UTF-8 is understood where SMTPUTF8 is offered, also without the word that
    /// says so: some servers leave it out of the bounces that we depend on.
    fn needs_smtputf8(&self, address: &str) -> bool {
        !address.is_ascii() && !self.offers(Extension::SmtpUtf8)
    }

    fn unsupported_in_rcpt(&self, rcpt: &Rcpt) -> Option<&'static str> {
        let said = rcpt.notify.is_some() || rcpt.orcpt.is_some();
        (said && !self.takes_parameters_of(Extension::Dsn)).then_some("NOTIFY and ORCPT")
    }

    /// The value of a parameter is judged where its extension is offered; elsewhere it is one that is
    /// not implemented (RFC 5321 §4.1.1.11), whatever its value.
    fn answer_flaw(&self, flaw: &Flaw) -> Reply {
        match flaw {
            Flaw::Value(name) if !self.implements(name) => parameter_not_offered(name),
            flaw => answer_flaw(flaw),
        }
    }

    fn implements(&self, parameter: &str) -> bool {
        let of = match parameter {
            "SIZE" => Extension::Size,
            "BODY" => Extension::EightBitMime,
            "SMTPUTF8" => Extension::SmtpUtf8,
            "RET" | "ENVID" | "NOTIFY" | "ORCPT" => Extension::Dsn,
            "AUTH" => Extension::Auth,
            "MT-PRIORITY" => Extension::MtPriority,
            _ => return false,
        };
        self.takes_parameters_of(of)
    }

    /// Order as RFC 4954 §4 wants it.
    fn answer_auth(&self, Auth { mechanism, initial }: &Auth) -> Reply {
        let out_of_order =
            self.state == State::AwaitingHello || self.authenticated || self.envelope.is_some();
        match mechanism {
            _ if out_of_order => reply(503, (5, 5, 1), "Not now"),
            None => reply(504, (5, 5, 4), "Mechanism not known here"),
            Some(Mechanism::ScramSha256) if self.terms.known.scram.is_none() => {
                reply(504, (5, 5, 4), "No password is known here")
            }
            Some(mechanism) => answer_step(&auth::begin(*mechanism, initial, &self.terms.known)),
        }
    }
}

pub(super) fn answer_step(step: &Step) -> Reply {
    match step {
        Step::Ask(text, _) => Reply::new(334, None, text.clone()),
        Step::Taken => reply(235, (2, 7, 0), "Welcome"),
        Step::Malformed => reply(501, (5, 5, 2), "Malformed AUTH response"),
        Step::Wrong => reply(535, (5, 7, 8), "These are not the credentials"),
        Step::Cancelled => reply(501, (5, 7, 0), "Cancelled"),
    }
}

fn parameter_not_offered(name: &str) -> Reply {
    reply(555, (5, 5, 4), &format!("{name} not offered here"))
}

/// RFC 6531 §3.5.
fn address_not_ascii() -> Reply {
    reply(553, (5, 6, 7), "An address must be ASCII here")
}

pub(super) fn not_offered() -> Reply {
    reply(502, (5, 5, 1), "Not offered here")
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

pub(super) fn too_large() -> Reply {
    reply(552, (5, 3, 4), "Message too large")
}

pub(super) fn reply(code: u16, (class, subject, detail): (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, Some(EnhancedStatus { class, subject, detail }), text)
}
