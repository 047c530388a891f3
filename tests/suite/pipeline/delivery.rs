//! The side that hands mail on.

use std::net::TcpStream;

use super::client::Client;
use super::mail::Mail;
use super::notice::{self, Refused};
use super::wire::Wire;
use super::{ATTEMPTS, Job, Shared};

/// An open session, and what the next hop offers.
struct Session {
    wire: Wire,
    offered: String,
}

impl Session {
    fn offers(&self, extension: &str) -> bool {
        self.offered.lines().any(|line| line.split(' ').next() == Some(extension))
    }
}

/// What became of the recipients of one attempt.
#[derive(Default)]
struct Outcome {
    deferred: Vec<String>,
    refused: Vec<Refused>,
}

impl Outcome {
    /// All of these had the same reply.
    fn of(recipients: &[String], reply: &(u16, String)) -> Outcome {
        let mut outcome = Outcome::default();
        recipients.iter().for_each(|recipient| outcome.add(recipient, reply));
        outcome
    }

    fn add(&mut self, recipient: &str, (code, text): &(u16, String)) {
        match code {
            200..=399 => {}
            500..=599 => self.refused.push(Refused {
                recipient: recipient.to_owned(),
                reply: format!("{code} {}", text.trim_end()),
            }),
            _ => self.deferred.push(recipient.to_owned()),
        }
    }
}

impl Shared {
    /// Tries each once. What is left: notices, and what was deferred.
    pub(super) fn attempt(&self, jobs: Vec<Job>) -> Vec<Job> {
        let mut open = None;
        let mut left = Vec::new();
        for job in jobs {
            if let Some(client) = self.behaviour.style.client {
                left.extend(self.hand_on(client, job));
                continue;
            }
            let mut session = open.take().or_else(|| self.open());
            if self.behaviour.style.hesitates && job.attempts == 0 {
                if let Some(session) = session {
                    let _ = self.hesitate(session, &job.mail);
                }
                left.push(Job { attempts: 1, ..job });
                continue;
            }
            let sent = session.as_mut().and_then(|session| self.transact(session, &job.mail));
            let lost = (451, "the connection was lost".to_owned());
            let outcome = sent.unwrap_or_else(|| {
                session = None;
                Outcome::of(&job.mail.recipients, &lost)
            });
            left.extend(self.settle(job, outcome));
            if self.behaviour.style.reuses {
                open = session;
            } else if let Some(session) = session {
                let _ = self.end(session);
            }
        }
        if let Some(session) = open {
            let _ = self.end(session);
        }
        left
    }

    /// By a real client, to each recipient.
    fn hand_on(&self, client: Client, job: Job) -> Vec<Job> {
        let folder = self.length.parent().expect("a folder");
        let later = (451, "the client failed".to_owned());
        let mut outcome = Outcome::default();
        for recipient in &job.mail.recipients {
            if !client.hands(&job.mail, recipient, self.next_hop, folder) {
                outcome.add(recipient, &later);
            }
        }
        self.settle(job, outcome)
    }

    fn open(&self) -> Option<Session> {
        let mut wire = Wire::new(TcpStream::connect(self.next_hop).ok()?)?;
        (wire.reply()?.0 == 220).then_some(())?;
        if self.behaviour.style.helo {
            (wire.ask("HELO pipeline.test")?.0 == 250).then_some(())?;
            return Some(Session { wire, offered: String::new() });
        }
        let (_, offered) = wire.ask("EHLO pipeline.test")?;
        let mut session = Session { wire, offered };
        if let Some(keys) = self.tls.as_ref().filter(|_| session.offers("STARTTLS")) {
            (session.wire.ask("STARTTLS")?.0 == 220).then_some(())?;
            session.wire.secure_as_client(keys)?;
            session.offered = session.wire.ask("EHLO pipeline.test")?.1;
        }
        Some(session)
    }

    fn end(&self, mut session: Session) -> Option<()> {
        if !self.behaviour.style.hangs_up {
            session.wire.ask("QUIT")?;
        }
        session.wire.close();
        Some(())
    }

    /// Goes as far as RCPT, and leaves without a word.
    fn hesitate(&self, mut session: Session, mail: &Mail) -> Option<()> {
        session.wire.ask(&self.mail_command(&session, mail))?;
        session.wire.ask(&format!("RCPT TO:<{}>", mail.recipients.first()?))?;
        session.wire.close();
        Some(())
    }

    fn mail_command(&self, session: &Session, mail: &Mail) -> String {
        let mut command = format!("MAIL FROM:<{}>", mail.sender);
        let eight_bit = !mail.text.is_ascii() && session.offers("8BITMIME");
        if eight_bit || (self.behaviour.style.parameters && session.offers("8BITMIME")) {
            command += if eight_bit { " BODY=8BITMIME" } else { " BODY=7BIT" };
        }
        if self.behaviour.style.parameters {
            command += &format!(" SIZE={}", mail.text.len());
            if !mail.envelope_id.is_empty() {
                command += &format!(" RET=HDRS ENVID={}", mail.envelope_id);
            }
        }
        command
    }

    fn rcpt_command(&self, recipient: &str) -> String {
        let mut command = format!("RCPT TO:<{recipient}>");
        if self.behaviour.style.parameters {
            command += &format!(" NOTIFY=FAILURE ORCPT=rfc822;{}", recipient.replace('+', "+2B"));
        }
        command
    }

    /// One transaction; `None`: the connection was lost.
    fn transact(&self, session: &mut Session, mail: &Mail) -> Option<Outcome> {
        let command = self.mail_command(session, mail);
        let reply = session.wire.ask(&command)?;
        if reply.0 != 250 {
            session.wire.ask("RSET")?;
            return Some(Outcome::of(&mail.recipients, &reply));
        }
        let (mut outcome, mut taken) = (Outcome::default(), Vec::new());
        for recipient in &mail.recipients {
            let reply = session.wire.ask(&self.rcpt_command(recipient))?;
            outcome.add(recipient, &reply);
            if reply.0 / 100 == 2 {
                taken.push(recipient.clone());
            }
        }
        if taken.is_empty() {
            session.wire.ask("RSET")?;
            return Some(outcome);
        }
        let Outcome { deferred, refused } = Outcome::of(&taken, &self.content(session, mail)?);
        outcome.deferred.extend(deferred);
        outcome.refused.extend(refused);
        Some(outcome)
    }

    /// Sends content; the reply to it.
    fn content(&self, session: &mut Session, mail: &Mail) -> Option<(u16, String)> {
        if self.behaviour.style.bdat && session.offers("CHUNKING") {
            let (first, last) = mail.text.split_at(mail.text.len() / 2);
            session.wire.send(format!("BDAT {}\r\n", first.len()).as_bytes())?;
            session.wire.send(first)?;
            let reply = session.wire.reply()?;
            if reply.0 != 250 {
                return Some(reply);
            }
            session.wire.send(format!("BDAT {} LAST\r\n", last.len()).as_bytes())?;
            session.wire.send(last)?;
            return session.wire.reply();
        }
        let reply = session.wire.ask("DATA")?;
        if reply.0 != 354 {
            return Some(reply);
        }
        session.wire.send(&mail.stuffed())?;
        session.wire.reply()
    }

    /// What is left to do after an attempt.
    fn settle(&self, job: Job, outcome: Outcome) -> Vec<Job> {
        let Outcome { deferred, mut refused } = outcome;
        let attempts = job.attempts + 1;
        let mut left = Vec::new();
        let given_up = attempts >= ATTEMPTS;
        if given_up {
            let reply = "451 4.4.7 given up".to_owned();
            refused.extend(
                deferred.into_iter().map(|recipient| Refused { recipient, reply: reply.clone() }),
            );
        } else if !deferred.is_empty() {
            if let (1, Some(notice)) = (attempts, self.behaviour.delayed) {
                let waiting = deferred.iter().map(|recipient| Refused {
                    recipient: recipient.clone(),
                    reply: "451 4.7.1 later".to_owned(),
                });
                left.extend(notice::about(notice, &job.mail, &waiting.collect::<Vec<Refused>>()));
            }
            let mail = Mail { recipients: deferred, ..job.mail.clone() };
            left.push(Job { mail, attempts });
        }
        if let (false, Some(notice)) = (refused.is_empty(), self.behaviour.returns) {
            left.extend(notice::about(notice, &job.mail, &refused));
        }
        left
    }
}
