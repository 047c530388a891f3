//! A finished history, read: probe by probe with its disposition, message by message, and the
//! run as a whole.

use std::time::Duration;

use super::receptions::{Reception, copies_after_kills};
use super::record::{Mark, Message, NEVER, Record};
use super::{Bounce, Course, History, Phantom};
use crate::clock::Time;
use crate::ledger::class::Class;
use crate::ledger::disposition::{Disposition, ProbeHistory, Queued, classify};
use crate::ledger::event::{Change, NoAnswer};
use crate::probe::{DestinationId, MessageId, ProbeId};

/// One offered probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeView {
    /// Which.
    pub probe: ProbeId,
    /// Its message.
    pub message: MessageId,
    /// Where it was to go; `None`: not in the plan.
    pub destination: Option<DestinationId>,
    /// When the plan wanted it sent.
    pub due: Time,
    /// When it was handed to a session.
    pub offered: Time,
    /// When the session began to work on it; `None`: no end of its transaction was recorded.
    pub sent: Option<Time>,
    /// When its submission ended.
    pub submitted: Option<Time>,
    /// Why the target did not answer its message, where it did not; `None` also while the
    /// submission goes on.
    pub no_answer: Option<NoAnswer>,
    /// When the target took responsibility.
    pub accepted: Option<Time>,
    /// Start of the first attempt seen by the sink.
    pub first_attempt: Option<Time>,
    /// End of the first reception answered `250`.
    pub taken: Option<Time>,
    /// First DSN that called it failed.
    pub bounced: Option<Time>,
    /// End of its last attempt, where it was dropped after that and had no sender for a DSN.
    pub dropped: Option<Time>,
    /// Attempts answered 4yz.
    pub deferrals: u32,
    /// What the rules ask about it, attempts included.
    pub history: ProbeHistory,
    /// What became of it.
    pub disposition: Disposition,
}

impl ProbeView {
    /// When the target was done with it without an arrival.
    #[must_use]
    pub fn given_up(&self) -> Option<Time> {
        self.bounced.or(self.dropped)
    }
}

/// One offered message.
#[derive(Clone, Copy, Debug)]
pub struct MessageView {
    /// Which.
    pub message: MessageId,
    /// Recipients.
    pub recipients: u16,
    /// When the plan wanted it sent.
    pub due: Time,
    /// When it was handed to a session.
    pub offered: Time,
    /// When its submission ended.
    pub done: Option<Time>,
}

impl History {
    /// The run as a whole.
    #[must_use]
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// Every offered probe, in order of its number.
    pub fn probes(&self) -> impl Iterator<Item = ProbeView> + '_ {
        let queued = self.course.queued();
        self.probes
            .iter()
            .filter(|(_, record)| record.is_offered())
            .map(move |(number, record)| self.view(ProbeId(number), record, queued))
    }

    /// One probe, if it was offered.
    #[must_use]
    pub fn probe(&self, probe: ProbeId) -> Option<ProbeView> {
        let record = self.record(probe)?;
        Some(self.view(probe, record, self.course.queued()))
    }

    /// Every offered message, in the order in which they were offered.
    pub fn messages(&self) -> impl Iterator<Item = MessageView> + '_ {
        self.messages.iter().map(|message| MessageView {
            message: message.id,
            recipients: message.recipients,
            due: message.due,
            offered: message.offered,
            done: came(message.done),
        })
    }

    /// Whether the target is known to have read the `250` to a reception.
    #[must_use]
    pub fn is_confirmed(&self, reception: u64) -> bool {
        self.confirmations.contains(reception)
    }

    /// The first receptions of no probe of this run; [`History::phantom_count`] is complete.
    #[must_use]
    pub fn phantoms(&self) -> &[Phantom] {
        &self.phantoms
    }

    /// Receptions of no probe of this run.
    #[must_use]
    pub fn phantom_count(&self) -> u64 {
        self.phantom_count
    }

    /// Kinds of change that receptions of this run's probes have, and how many have each.
    pub fn changes(&self) -> impl Iterator<Item = (Change, u64)> {
        self.changes.seen()
    }

    /// DSN blocks that name no probe of this run.
    #[must_use]
    pub fn unmatched_dsns(&self) -> u64 {
        self.unmatched_dsns
    }

    /// Notifications that came from a sender that is not null (RFC 5321 §6.1).
    #[must_use]
    pub fn dsns_with_sender(&self) -> u64 {
        self.dsns_with_sender
    }

    /// The first of them: when, and about which message.
    #[must_use]
    pub fn dsns_with_sender_seen(&self) -> &[(Time, Option<MessageId>)] {
        &self.dsns_with_sender_seen
    }

    /// Automatic answers of recipients (RFC 3834).
    #[must_use]
    pub fn auto_replies(&self) -> u64 {
        self.auto_replies
    }

    /// Mail of other runs that the sink took.
    #[must_use]
    pub fn foreign(&self) -> u64 {
        self.foreign
    }

    /// Events that contradict the rest of the journal: a number offered twice or out of all
    /// proportion, a result for a message that was never offered, anything about a probe after the close.
    /// More than none is a bug of the actors.
    #[must_use]
    pub fn contradictions(&self) -> u64 {
        self.contradictions
    }

    fn view(&self, probe: ProbeId, record: &Record, queued: Queued) -> ProbeView {
        let message = &self.messages[record.message as usize];
        let history = self.facts_of(probe, record, queued);
        let disposition = classify(&history);
        let dropped = match disposition.class {
            Class::NullSenderDiscarded => came(record.last_attempt_end).or(came(message.done)),
            _ => None,
        };
        ProbeView {
            probe,
            message: message.id,
            destination: record.destination(),
            due: message.due,
            offered: message.offered,
            sent: came(message.sent),
            submitted: came(message.done),
            no_answer: no_answer(message, record),
            accepted: came(message.done).filter(|_| record.accepted > 0),
            first_attempt: came(record.first_attempt),
            taken: self.first_taken(probe, record),
            bounced: self.bounce(probe, record).map(|bounce| bounce.first),
            deferrals: u32::from(record.deferrals),
            history,
            dropped,
            disposition,
        }
    }

    fn facts_of(&self, probe: ProbeId, record: &Record, queued: Queued) -> ProbeHistory {
        let message = &self.messages[record.message as usize];
        let bounce = self.bounce(probe, record);
        let mut facts = ProbeHistory {
            accepted: u32::from(record.accepted),
            // A submission whose end was never recorded is one whose outcome is not known.
            indeterminate: u32::from(record.indeterminate) + u32::from(!record.is_concluded()),
            refused: u32::from(record.refused),
            broken: u32::from(record.broken),
            bounces: bounce.map_or(0, |bounce| bounce.blocks),
            attempts: record.attempts,
            retry_owed: record.has(Mark::RetryOwed),
            rejected: record.has(Mark::Rejected)
                || record.has(Mark::Unsendable)
                || message.rejected
                || self.course.turned_away_for_good
                || self.course.unnamed_rejected,
            expired: self.has_expired(record, message, bounce),
            outlived: self.is_outlived(message, Duration::ZERO),
            smuggled: record.has(Mark::Smuggled),
            misrouted: record.has(Mark::Misrouted),
            corrupted: record.has(Mark::Corrupted),
            altered: record.has(Mark::Altered),
            null_sender: record.has(Mark::NullSender),
            readdressed: record.has(Mark::Readdressed),
            addressed_amiss: record.has(Mark::AddressedAmiss),
            dsn_malformed: record.has(Mark::DsnMalformed),
            dsn_nonstandard: record.has(Mark::DsnNonstandard),
            queued: self.queued_copy(record, message, queued),
            ..ProbeHistory::default()
        };
        if !self.copies.is_empty()
            && let Some(copies) = self.copies.get(&probe.0)
        {
            facts.copies = count(copies.len());
            facts.copies_amiss = count(copies.iter().filter(|copy| !copy.declared).count());
        }
        self.count_receptions(probe, record, &mut facts);
        facts
    }

    fn count_receptions(&self, probe: ProbeId, record: &Record, facts: &mut ProbeHistory) {
        let first = [record.first_reception()];
        let receptions: &[Reception] = match self.several(probe, record) {
            Some(several) => several,
            None if record.is_received() => &first,
            None => return,
        };
        for reception in receptions {
            *match reception.withheld {
                true => &mut facts.withheld,
                false if self.is_confirmed(reception.number) => &mut facts.confirmed,
                false => &mut facts.unconfirmed,
            } += 1;
        }
        if receptions.len() > 1 {
            let confirmed = |number| self.is_confirmed(number);
            facts.kill_copies = {
                let undone = |kill: Time| self.course.power_cuts.contains(&kill);
                copies_after_kills(receptions, confirmed, (&self.course.kills, &undone))
            };
        }
    }

    fn first_taken(&self, probe: ProbeId, record: &Record) -> Option<Time> {
        if !record.has(Mark::FirstWithheld) && !record.has(Mark::Several) {
            return came(record.received);
        }
        let several = self.several(probe, record)?;
        several
            .iter()
            .filter(|reception| !reception.withheld)
            .map(|reception| reception.ended)
            .min()
    }

    /// Whether the end of its lifetime explains a bounce, or its absence from the queue: it was
    /// put off, or could not be tried, for as long as the target tries.
    fn has_expired(&self, record: &Record, message: &Message, bounce: Option<&Bounce>) -> bool {
        let put_off =
            record.has(Mark::PutOff) || self.terms.unreachable || self.course.unnamed_put_off;
        let Some(lifetime) = self.terms.gives_up_after else { return put_off };
        // A target may give up at the last retry that fits into the lifetime.
        let slack = self.terms.longest_wait.unwrap_or_default();
        let until = bounce.map_or(self.course.end(), |bounce| bounce.first);
        put_off && came(message.done).is_some_and(|done| until.since(done) + slack >= lifetime)
    }

    /// `Q` of one probe: what the whole queue says, refined by what is known of this one.
    fn queued_copy(&self, record: &Record, message: &Message, queued: Queued) -> Queued {
        if queued != Queued::Unknown {
            return queued;
        }
        let Some(wait) = self.terms.longest_wait else { return queued };
        if self.course.is_closed() && self.is_outlived(message, wait) {
            Queued::No
        } else if record.has(Mark::RetryOwed)
            && self.course.end() < record.last_attempt_end.plus(wait)
        {
            Queued::Yes
        } else {
            Queued::Unknown
        }
    }

    /// Whether the run went on for longer after this submission than the target keeps mail.
    fn is_outlived(&self, message: &Message, margin: Duration) -> bool {
        let age = came(message.done).map(|done| self.course.end().since(done));
        self.terms.gives_up_after.zip(age).is_some_and(|(life, age)| age > life + margin)
    }

    fn bounce(&self, probe: ProbeId, record: &Record) -> Option<&Bounce> {
        record.has(Mark::Bounced).then(|| self.bounces.get(&probe.0))?
    }

    fn several(&self, probe: ProbeId, record: &Record) -> Option<&[Reception]> {
        record.has(Mark::Several).then(|| self.several.get(&probe.0))?.map(Vec::as_slice)
    }
}

/// Why the target did not answer for a probe. Journals of earlier versions do not say it: there a
/// transaction without a reply to its final dot was mostly given up at the end of the run, and any
/// other failed.
fn no_answer(message: &Message, record: &Record) -> Option<NoAnswer> {
    if record.accepted > 0 || record.refused > 0 {
        None
    } else if record.indeterminate > 0 {
        Some(message.no_answer.unwrap_or(NoAnswer::GivenUp))
    } else if record.broken > 0 || record.not_sent > 0 {
        Some(message.no_answer.unwrap_or(NoAnswer::Failed))
    } else {
        None
    }
}

fn count(some: usize) -> u32 {
    u32::try_from(some).unwrap_or(u32::MAX)
}

fn came(time: Time) -> Option<Time> {
    (time != NEVER).then_some(time)
}
