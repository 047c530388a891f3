//! What came back in no form for programs: failure notices in anybody's words, delays, automatic
//! answers.
//!
//! A failure notice is about the recipients that it names; one that names none, about those of its
//! message that were rejected, else those that did not arrive, else all.

use super::record::Mark;
use super::{Bounce, History, Reading};
use crate::ledger::event::{Notice, NoticeKind};
use crate::probe::{PREFLIGHT, ProbeId};

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
