//! One turn of the dialogue: a command or the banner, up to its reply.

use std::ops::ControlFlow;

use super::enact::Answer;
use super::{Ended, OPENING, Session};
use crate::fault::rule::TlsFault;
use crate::ledger::event::{AttemptOutcome, Ending};
use crate::limits;
use crate::probe::address;
use crate::sink::addressee::{Addressee, Origin, unknown_pair};
use crate::sink::record::Conclusion;
use crate::sink::transaction::{Recipient, Transaction};
use crate::smtp::command::Command;
use crate::smtp::dialogue::{Extension, Next, Turn};
use crate::smtp::envelope::{Mail, Rcpt};
use crate::smtp::reply::Reply;

impl Session {
    /// Dialogue, judge, enact, record.
    pub(super) async fn turn(&mut self, turn: Turn) -> ControlFlow<Ended, Next> {
        self.stage = turn.stage().unwrap_or(self.stage);
        let ordinary = self.dialogue.answer(&turn);
        // What is out of order has nothing to do with any probe.
        let in_order = ordinary.code != 503;
        if in_order {
            self.open(&turn);
        }
        let verdict = self.judge_turn(&turn, &ordinary);
        let Answer { mut reply, rule, garbled, tls } = self.enact(verdict, ordinary).await?;
        if tls == Some(TlsFault::NotOffered) {
            self.dialogue.withhold(Extension::StartTls);
            reply = self.dialogue.answer(&turn);
        }
        self.tls_fault = tls;
        if in_order {
            self.conclude(&turn, &reply, rule);
        }
        if let (Some((form, rule)), Some(open)) = (garbled, &mut self.transaction)
            && !form.is_plain()
        {
            open.unclear = Some(rule);
        }
        self.say(&reply, garbled).await?;
        match self.dialogue.settle(turn, &reply) {
            Next::Close if reply.code == 221 => ControlFlow::Break(Ended::by_us(Ending::Quit)),
            Next::Close => ControlFlow::Break(Ended::by_us(Ending::Fault)),
            next => ControlFlow::Continue(next),
        }
    }

    /// Takes note of what a command begins before anything can break it off.
    fn open(&mut self, turn: &Turn) {
        match turn {
            Turn::Command(Command::Mail(mail)) => self.open_transaction(mail),
            Turn::Command(Command::Rcpt(rcpt)) => self.open_attempt(rcpt),
            _ => {}
        }
    }

    fn open_transaction(&mut self, mail: &Mail) {
        let origin = self.shared.directory.origin(&mail.reverse_path);
        if let Origin::Run(message) | Origin::Rewritten(message) = origin {
            self.shared.begin();
            let (number, now) = (self.shared.attempts.next(message.0), self.shared.clock.now());
            self.opening = Some(Recipient::before_rcpt(message, number, now));
        }
        let reverse_path = mail.reverse_path.clone();
        self.transaction =
            Some(Transaction { origin, reverse_path, recipients: Vec::new(), unclear: None });
    }

    fn open_attempt(&mut self, rcpt: &Rcpt) {
        let Some(transaction) = &mut self.transaction else { return };
        let address = rcpt.forward_path.clone();
        let addressee = self.shared.directory.addressee(transaction.origin, &address);
        if self.shared.directory.vouches(transaction.origin)
            && matches!(addressee, Addressee::Probe(..))
        {
            self.shared.begin();
        }
        let subject = match addressee {
            Addressee::Probe(probe, _) => probe.0,
            _ => unknown_pair(&transaction.reverse_path, &address),
        };
        let counted = match addressee.is_exempt() {
            true => Some(1),
            false => self.shared.attempts.count(subject),
        };
        if counted.is_none() {
            self.recorder.limit("ATTEMPT_COUNTERS", limits::ATTEMPT_COUNTERS as u64);
        }
        let (attempt, started) = (counted.unwrap_or(1), self.shared.clock.now());
        let named = rcpt.orcpt.as_deref().and_then(address::parse_recipient);
        let original = named.map(|(probe, _)| probe);
        let recipient = Recipient { addressee, address, subject, attempt, started, original };
        transaction.recipients.push(recipient);
    }

    /// Records what a reply concludes.
    fn conclude(&mut self, turn: &Turn, reply: &Reply, rule: Option<u16>) {
        let Turn::Command(command) = turn else { return };
        match command {
            Command::Mail(_) => self.conclude_mail(reply, rule),
            Command::Rcpt(_) if !reply.is_positive() => self.refuse_latest(reply, rule),
            Command::Data if reply.code != 354 => self.refuse_all(reply, rule),
            Command::Ehlo(_)
            | Command::Helo(_)
            | Command::Lhlo(_)
            | Command::Rset
            | Command::Quit
                if reply.is_positive() =>
            {
                self.abandon(self.fault);
            }
            _ => {}
        }
    }

    fn conclude_mail(&mut self, reply: &Reply, rule: Option<u16>) {
        let opening = self.opening.take();
        if reply.is_positive() {
            return;
        }
        if let Some(recipient) = opening {
            self.shared.attempts.count(recipient.subject);
            self.recorder.attempt((OPENING, ""), &recipient, &self.refusal(reply, rule));
        }
        self.end_transaction();
    }

    fn refuse_latest(&mut self, reply: &Reply, rule: Option<u16>) {
        let refusal = self.refusal(reply, rule);
        if let Some(open) = &mut self.transaction
            && let Some(recipient) = open.recipients.pop()
        {
            self.recorder.attempt(open.sender(), &recipient, &refusal);
        }
        let (taken, most) = (self.open_recipients(), limits::RECIPIENTS);
        if taken >= most {
            self.recorder.limit("RECIPIENTS", most as u64);
        }
    }

    fn open_recipients(&self) -> usize {
        self.transaction.as_ref().map_or(0, |open| open.recipients.len())
    }

    pub(super) fn refuse_all(&mut self, reply: &Reply, rule: Option<u16>) {
        let refusal = self.refusal(reply, rule);
        self.conclude_all(&refusal);
        self.end_transaction();
    }

    fn refusal(&self, reply: &Reply, fault: Option<u16>) -> Conclusion {
        let now = self.shared.clock.now();
        Conclusion { fault, ..Conclusion::by_reply(now, self.stage, reply) }
    }

    /// The client went on without the recipients it had named.
    pub(super) fn abandon(&mut self, fault: Option<u16>) {
        let now = self.shared.clock.now();
        let mut abandoned = Conclusion::silent(now, self.stage, AttemptOutcome::Abandoned);
        abandoned.fault = fault;
        self.conclude_all(&abandoned);
        self.end_transaction();
    }

    fn conclude_all(&self, conclusion: &Conclusion) {
        let Some(open) = &self.transaction else { return };
        for recipient in &open.recipients {
            self.recorder.attempt(open.sender(), recipient, conclusion);
        }
    }
}
