//! What came back: DSNs, and what has no form for programs: failure notices in anybody's words,
//! delays, automatic answers.
//!
//! A failure notice is about the recipients that it names; one that names none, about those of its
//! message that were rejected, else those that did not arrive, else all.

use super::record::{Mark, Record};
use super::{Bounce, History, Reading};
use crate::clock::Time;
use crate::ledger::event::{Dsn, DsnAction, Notice, NoticeKind};
use crate::limits;
use crate::probe::{MessageId, PREFLIGHT, ProbeId};

impl Reading<'_> {
    pub(super) fn notice(&mut self, notice: &Notice) {
        let history = &mut self.history;
        history.course.active(notice.at);
        if notice.kind == NoticeKind::AutoReply {
            history.auto_replies += 1;
            return;
        }
        history.note_sender(notice.null_sender, (notice.at, notice.message));
        self.notices.push(notice.clone());
    }
}

/// A block of a DSN that names none of the message's recipients by the address that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unnamed {
    message: MessageId,
    action: DsnAction,
    at: Time,
    malformed: bool,
}

/// Gives every block to a recipient that it can be about: one of those that were rejected and have no
/// bounce, else one of those that did not arrive and have none.
pub(super) fn settle_unnamed(history: &mut History) {
    for block in std::mem::take(&mut history.unnamed_blocks) {
        let recipients = history.message(block.message).map_or(0, |found| found.recipients);
        let open = |history: &History, wanted: &dyn Fn(&Record) -> bool| {
            let mut probes = (0..recipients).map(|nth| block.message.probe(nth));
            probes.find(|probe| {
                !history.bounces.contains_key(&probe.0)
                    && history.record(*probe).is_some_and(wanted)
            })
        };
        let rejected = open(history, &|record| record.has(Mark::Rejected));
        match rejected.or_else(|| open(history, &|record| !record.is_received())) {
            Some(probe) => history.record_notice(probe, block.action, (block.at, block.malformed)),
            None => history.unmatched_dsns += 1,
        }
    }
}

/// Gives every notice to the probes that it is about.
pub(super) fn settle(history: &mut History, notices: &[Notice]) {
    for notice in notices.iter().filter(|it| it.message.is_none_or(|it| it < PREFLIGHT)) {
        let about = about(history, notice);
        history.unmatched_dsns += u64::from(about.is_empty());
        for probe in about {
            history.noticed(probe, notice);
        }
    }
}

fn about(history: &History, notice: &Notice) -> Vec<ProbeId> {
    let Some(message) = notice.message.filter(|message| history.message(*message).is_some()) else {
        return Vec::new();
    };
    let recipients = history.message(message).map_or(0, |found| found.recipients);
    let all: Vec<ProbeId> = (0..recipients).map(|nth| message.probe(nth)).collect();
    let those = |wanted: &dyn Fn(ProbeId) -> bool| -> Vec<ProbeId> {
        all.iter().copied().filter(|probe| wanted(*probe)).collect()
    };
    let record = |probe| history.record(probe);
    let named = those(&|probe| notice.recipients.contains(&probe));
    let rejected = those(&|probe| record(probe).is_some_and(|it| it.has(Mark::Rejected)));
    let missing = those(&|probe| record(probe).is_some_and(|it| !it.is_received()));
    let choices = [named, rejected, missing].into_iter().find(|some| !some.is_empty());
    choices.unwrap_or(all)
}

impl History {
    /// A DSN in the form of RFC 3464.
    pub(super) fn returned(&mut self, dsn: &Dsn) {
        self.course.active(dsn.at);
        self.note_sender(dsn.null_sender, (dsn.at, dsn.message));
        let malformed = !dsn.null_sender || !dsn.flaws.is_empty();
        let sole = dsn.message.filter(|message| {
            self.message(*message).is_some_and(|message| message.recipients == 1)
        });
        self.unmatched_dsns += u64::from(dsn.recipients.is_empty());
        for block in &dsn.recipients {
            let probe = block.probe.or(sole.map(|message| message.probe(0)));
            if probe.is_some_and(|probe| probe.0 >= PREFLIGHT.0) {
                continue;
            }
            match probe.filter(|probe| self.is_offered(*probe)) {
                Some(probe) => self.record_notice(probe, block.action, (dsn.at, malformed)),
                None => self.unnamed(dsn, block.action, (probe, malformed)),
            }
        }
    }

    /// One DSN block that names no probe of this run; under an address that is not ours it is
    /// about a recipient all the same.
    fn unnamed(&mut self, dsn: &Dsn, action: DsnAction, seen: (Option<ProbeId>, bool)) {
        match (dsn.message.filter(|message| self.message(*message).is_some()), seen) {
            (Some(message), (None, malformed)) => {
                self.unnamed_blocks.push(Unnamed { message, action, at: dsn.at, malformed });
            }
            _ => self.unmatched_dsns += 1,
        }
    }

    /// One DSN block about a probe of this run.
    fn record_notice(&mut self, probe: ProbeId, action: DsnAction, (at, malformed): (Time, bool)) {
        let mut repeated = false;
        if action == DsnAction::Failed {
            let bounce = self.bounces.entry(probe.0).or_insert(Bounce { first: at, blocks: 0 });
            bounce.blocks += 1;
            repeated = bounce.blocks > 1;
        }
        let Some(record) = self.record_mut(probe) else { return };
        if action == DsnAction::Failed {
            record.mark(Mark::Bounced);
        }
        // One failed block an obligation, and never one to the null sender
        // (RFC 5321 §4.5.5).
        if malformed || repeated || record.has(Mark::NullSender) {
            record.mark(Mark::DsnMalformed);
        }
    }

    /// Takes note of a notification whose sender is not null.
    fn note_sender(&mut self, is_null: bool, seen: (Time, Option<MessageId>)) {
        if is_null {
            return;
        }
        self.dsns_with_sender += 1;
        if self.dsns_with_sender_seen.len() < limits::VIOLATIONS_LISTED {
            self.dsns_with_sender_seen.push(seen);
        }
    }

    fn noticed(&mut self, probe: ProbeId, notice: &Notice) {
        let failed = notice.kind == NoticeKind::Failed;
        let mut repeated = false;
        if failed {
            let first = Bounce { first: notice.at, blocks: 0 };
            let bounce = self.bounces.entry(probe.0).or_insert(first);
            bounce.first = bounce.first.min(notice.at);
            bounce.blocks += 1;
            repeated = bounce.blocks > 1;
        }
        let Some(record) = self.record_mut(probe) else { return };
        record.mark(Mark::DsnNonstandard);
        if failed {
            record.mark(Mark::Bounced);
        }
        if repeated || !notice.null_sender || record.has(Mark::NullSender) {
            record.mark(Mark::DsnMalformed);
        }
    }
}
