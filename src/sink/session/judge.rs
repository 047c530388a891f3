//! Judge: which moments of a session are put to the rules, and what they are keyed by.
//!
//! Before MAIL a moment is about the connection's ordinal; at MAIL about the message its sender
//! names; both are of the destination whose port the session came to, if it came to one. From
//! RCPT on a moment is about the recipient. A transaction is judged once for each of its
//! destinations, by its first recipient there.

use super::Session;
use crate::fault::judge::{Moment, Verdict};
use crate::probe::DestinationId;
use crate::sink::addressee::{Origin, unknown_pair};
use crate::sink::transaction::Recipient;
use crate::smtp::command::Command;
use crate::smtp::dialogue::Turn;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

impl Session {
    /// The verdict on a turn that would be answered so. What is refused anyhow is not judged,
    /// except STARTTLS and AUTH where they are not offered: some peers try.
    pub(super) fn judge_turn(&self, turn: &Turn, ordinary: &Reply) -> Verdict {
        let Some(stage) = turn.stage() else { return Verdict::default() };
        let tried = matches!(stage, Stage::Starttls | Stage::Auth);
        if ordinary.code >= 400 && !tried {
            return Verdict::default();
        }
        match turn {
            Turn::Command(Command::Mail(_)) => self.judge_mail(),
            Turn::Command(Command::Rcpt(_)) => self.judge_rcpt(),
            Turn::Command(Command::Data) | Turn::EndOfData { .. } => self.judge_transaction(stage),
            // The exchange was judged when it began.
            Turn::Answer(_) => Verdict::default(),
            _ => self.judge_session(stage),
        }
    }

    /// A moment of the session itself.
    pub(super) fn judge_session(&self, stage: Stage) -> Verdict {
        self.judge_one(stage, self.recorder.session(), 1, self.destination)
    }

    /// The content, as one recipient's.
    pub(super) fn judge_recipient(&self, recipient: &Recipient) -> Verdict {
        let destination = recipient.addressee.destination();
        self.judge_one(Stage::EndOfData, recipient.subject, recipient.attempt, destination)
    }

    fn judge_mail(&self) -> Verdict {
        let Some(transaction) = &self.transaction else { return Verdict::default() };
        let (subject, attempt) = match (transaction.origin, &self.opening) {
            (_, Some(opening)) => (opening.subject, opening.attempt),
            (Origin::Preflight, _) => return Verdict::default(),
            // In a run the null reverse-path is that of a DSN.
            (Origin::Null, _) if self.shared.directory.in_run() => return Verdict::default(),
            _ => (unknown_pair(&transaction.reverse_path, ""), 1),
        };
        self.judge_one(Stage::MailFrom, subject, attempt, self.destination)
    }

    fn judge_rcpt(&self) -> Verdict {
        let latest = self.transaction.as_ref().and_then(|open| open.recipients.last());
        let touched = latest.filter(|recipient| !recipient.addressee.is_exempt());
        touched.map_or_else(Verdict::default, |recipient| {
            let destination = recipient.addressee.destination();
            self.judge_one(Stage::RcptTo, recipient.subject, recipient.attempt, destination)
        })
    }

    /// A moment of the whole transaction.
    pub(super) fn judge_transaction(&self, stage: Stage) -> Verdict {
        if !self.shared.bench.watches(stage) || !self.shared.has_begun() {
            return Verdict::default();
        }
        let recipients = self.transaction.iter().flat_map(|transaction| transaction.judged());
        let moments = recipients.map(|recipient: &Recipient| {
            let destination = recipient.addressee.destination();
            self.moment(stage, recipient.subject, recipient.attempt, destination)
        });
        self.shared.bench.judge(moments)
    }

    fn judge_one(
        &self,
        stage: Stage,
        subject: u64,
        attempt: u32,
        destination: Option<DestinationId>,
    ) -> Verdict {
        // What comes before the load is the preflight, under whatever envelope, or was left over.
        if !self.shared.bench.watches(stage) || !self.shared.has_begun() {
            return Verdict::default();
        }
        let moment = self.moment(stage, subject, attempt, destination);
        self.shared.bench.judge(std::iter::once(moment))
    }

    fn moment(
        &self,
        stage: Stage,
        subject: u64,
        attempt: u32,
        destination: Option<DestinationId>,
    ) -> Moment {
        let now = self.shared.clock.now();
        let (at, session) = (self.shared.measured(now), self.recorder.session());
        Moment { stage, destination, at, subject, attempt, session, now }
    }
}
