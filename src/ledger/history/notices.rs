//! What came back: DSNs, and what has no form for programs: failure notices in anybody's words,
//! delays, automatic answers.
//!
//! A failure notice is about the recipients that it names; one that names none, about those of its
//! message that were rejected, else those that did not arrive, else all.

use super::record::Mark;
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
            let Some(probe) = probe.filter(|probe| self.is_offered(*probe)) else {
                self.unmatched_dsns += 1;
                continue;
            };
            self.told(probe, block.action, (dsn.at, malformed));
        }
    }

    /// One DSN block about a probe of this run.
    fn told(&mut self, probe: ProbeId, action: DsnAction, (at, malformed): (Time, bool)) {
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
