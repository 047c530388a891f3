//! The counts of a report over some set of probes, and the sums they must satisfy.

use std::collections::BTreeMap;

use crate::ledger::class::{Class, Judgement};
use crate::ledger::disposition::Duplicates;
use crate::ledger::history::{History, ProbeView};
use crate::measure::queue::ordering::OutOfOrder;

/// What the target answered, in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accepted,
    Refused,
    Indeterminate,
    NotSent,
}

const ANSWERS: [Answer; 4] =
    [Answer::Accepted, Answer::Refused, Answer::Indeterminate, Answer::NotSent];

/// Counts over a set of probes.
#[derive(Clone, Debug, Default)]
pub struct ProbeCounts {
    offered: u64,
    /// By answer, then class.
    classes: [[u64; Class::ALL.len()]; ANSWERS.len()],
    answers: [u64; ANSWERS.len()],
    /// Ambiguous without a 250 on the wire.
    pub doubtful: u64,
    deferred: u64,
    receptions: u64,
    ambiguous_receptions: u64,
    unexcused: u64,
    withheld: u64,
    unconfirmed: u64,
    indeterminate: u64,
    kill: u64,
    expired_without_dsn: u64,
    dsn_malformed: u64,
    dsn_nonstandard: u64,
    readdressed: u64,
    addressed_amiss: u64,
    copied: u64,
    copied_amiss: u64,
}

/// What fails a run beside the classes of probes: its name, and that of the count of violations.
pub const FLAGS: [(&str, &str); 5] = [
    ("phantom", "phantom"),
    ("outside_connections", "outside_connections"),
    ("readdressed", "readdressed_violations"),
    ("copied", "copied_violations"),
    ("dsn_non_null_sender", "dsn_non_null_sender"),
];

/// Counts of a whole run that belong to no probe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unowned {
    /// Receptions of no probe of any run.
    pub phantoms: u64,
    /// Mail of other runs.
    pub foreign: u64,
    /// DSN blocks and notices that name no probe.
    pub dsn_unmatched: u64,
    /// Notifications from a sender that is not null.
    pub dsn_non_null_sender: u64,
    /// Automatic answers of recipients.
    pub auto_replies: u64,
    /// Addresses beyond this machine to which the target was connected.
    pub outside_connections: u64,
}

impl Unowned {
    /// Those of a history.
    #[must_use]
    pub fn of(history: &History) -> Unowned {
        Unowned {
            phantoms: history.phantom_count(),
            foreign: history.foreign(),
            dsn_unmatched: history.unmatched_dsns(),
            dsn_non_null_sender: history.dsns_with_sender(),
            auto_replies: history.auto_replies(),
            outside_connections: history.course().outside().count() as u64,
        }
    }

    /// Adds them to counts by name.
    pub fn enter(self, counts: &mut BTreeMap<String, u64>) {
        for (name, count) in [
            ("phantom", self.phantoms),
            ("foreign", self.foreign),
            ("dsn_unmatched", self.dsn_unmatched),
            ("dsn_non_null_sender", self.dsn_non_null_sender),
            ("auto_replies", self.auto_replies),
            ("outside_connections", self.outside_connections),
        ] {
            counts.insert(name.to_owned(), count);
        }
    }
}

impl ProbeCounts {
    /// Adds one probe.
    pub fn add(&mut self, probe: &ProbeView) {
        let (history, disposition) = (&probe.history, &probe.disposition);
        let answer = answer(probe);
        let class = disposition.class;
        self.offered += 1;
        self.answers[answer as usize] += 1;
        self.classes[answer as usize][class as usize] += 1;
        let doubtful = class == Class::Unconfirmed && disposition.judgement == Judgement::Unknown;
        self.doubtful += u64::from(doubtful);
        self.deferred += u64::from(probe.deferrals);
        self.receptions += u64::from(history.received());
        self.ambiguous_receptions += u64::from(history.withheld + history.unconfirmed);
        self.add_duplicates(&disposition.duplicates);
        self.expired_without_dsn += u64::from(disposition.expired_without_dsn);
        self.dsn_malformed += u64::from(disposition.dsn_malformed);
        self.dsn_nonstandard += u64::from(history.dsn_nonstandard);
        self.readdressed += u64::from(history.readdressed);
        self.addressed_amiss += u64::from(history.addressed_amiss);
        self.copied += u64::from(history.copies);
        self.copied_amiss += u64::from(history.copies_amiss);
    }

    fn add_duplicates(&mut self, duplicates: &Duplicates) {
        self.unexcused += u64::from(duplicates.unexcused);
        self.withheld += u64::from(duplicates.withheld);
        self.unconfirmed += u64::from(duplicates.unconfirmed);
        self.indeterminate += u64::from(duplicates.indeterminate);
        self.kill += u64::from(duplicates.kill);
    }

    /// Probes the target accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.answers[Answer::Accepted as usize]
    }

    /// Copies that nothing excuses.
    #[must_use]
    pub fn unexcused(&self) -> u64 {
        self.unexcused
    }

    /// Probes whose envelope was changed in a way that is neither declared nor standard practice.
    #[must_use]
    pub fn addressed_amiss(&self) -> u64 {
        self.addressed_amiss
    }

    /// Copies for recipients that are not declared.
    #[must_use]
    pub fn copied_amiss(&self) -> u64 {
        self.copied_amiss
    }

    /// Probes of one class, whatever the target answered.
    #[must_use]
    pub fn class(&self, class: Class) -> u64 {
        self.classes.iter().map(|by_class| by_class[class as usize]).sum()
    }

    /// What is wrong or undecided, by name, where there is any: violations, unexcused duplicates,
    /// and mail whose end is not known.
    #[must_use]
    pub fn wrong(&self) -> BTreeMap<String, u64> {
        let open = |class: &Class| matches!(class, Class::Pending | Class::Unaccounted);
        let classes = Class::ALL.into_iter().filter(|class| class.is_violation() || open(class));
        let counts = classes.map(|class| (class.name(), self.class(class)));
        let all = counts.chain([
            ("duplicates_unexcused", self.unexcused),
            ("readdressed_violations", self.addressed_amiss),
            ("copied_violations", self.copied_amiss),
            (Class::Unconfirmed.name(), self.doubtful),
        ]);
        all.filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// Sums that do not hold, in words. There are none unless the rules are broken.
    #[must_use]
    pub fn imbalances(&self) -> Vec<String> {
        let mut found = Vec::new();
        let answered: u64 = self.answers.iter().sum();
        if self.offered != answered {
            found.push(format!("{} offered, {answered} answered or not", self.offered));
        }
        for answer in ANSWERS {
            let allowed = |class: &Class| class.is_violation() || fits(answer, *class);
            let classes = Class::ALL.into_iter().filter(allowed);
            let sum: u64 = classes.map(|class| self.classes[answer as usize][class as usize]).sum();
            let expected = self.answers[answer as usize];
            if sum != expected {
                found.push(format!("{answer:?}: {expected} probes, {sum} of its classes"));
            }
        }
        found
    }

    /// Every count by name.
    #[must_use]
    pub fn into_counts(self, order: OutOfOrder) -> BTreeMap<String, u64> {
        let excused = self.withheld + self.unconfirmed + self.indeterminate + self.kill;
        let classes = Class::ALL.into_iter().map(|class| (class.name(), self.class(class)));
        let mut counts: BTreeMap<&str, u64> = classes.collect();
        // What the target answered; the classes of the same name are part of it.
        counts.extend([
            ("offered", self.offered),
            ("accepted", self.accepted()),
            ("refused", self.answers[Answer::Refused as usize]),
            ("indeterminate", self.answers[Answer::Indeterminate as usize]),
            ("not_sent", self.answers[Answer::NotSent as usize]),
        ]);
        counts.extend([
            ("deferred", self.deferred),
            ("receptions", self.receptions),
            ("ambiguous_receptions", self.ambiguous_receptions),
            ("duplicates", self.unexcused + excused),
            ("duplicates_excused", excused),
            ("duplicates_unexcused", self.unexcused),
            ("duplicates_withheld", self.withheld),
            ("duplicates_unconfirmed", self.unconfirmed),
            ("duplicates_indeterminate", self.indeterminate),
            ("duplicates_kill", self.kill),
            ("reordered", order.overtaken),
            ("overtaking", order.overtaking),
            ("expired_without_dsn", self.expired_without_dsn),
            ("dsn_malformed", self.dsn_malformed),
            ("dsn_nonstandard", self.dsn_nonstandard),
            ("readdressed", self.readdressed),
            ("readdressed_violations", self.addressed_amiss),
            ("copied", self.copied),
            ("copied_violations", self.copied_amiss),
        ]);
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

fn answer(probe: &ProbeView) -> Answer {
    let history = &probe.history;
    if history.accepted > 0 {
        Answer::Accepted
    } else if history.indeterminate > 0 {
        Answer::Indeterminate
    } else if history.refused + history.broken > 0 {
        Answer::Refused
    } else {
        Answer::NotSent
    }
}

/// Which classes that are no violation an answer allows.
fn fits(answer: Answer, class: Class) -> bool {
    let fitting: &[Class] = match answer {
        Answer::Accepted => &[
            Class::Delivered,
            Class::Unconfirmed,
            Class::Bounced,
            Class::Pending,
            Class::Unaccounted,
            Class::NullSenderDiscarded,
        ],
        Answer::Indeterminate => &[
            Class::IndeterminateDelivered,
            Class::IndeterminateNotDelivered,
            Class::Bounced,
            Class::Pending,
        ],
        Answer::Refused => &[Class::Refused, Class::Bounced],
        Answer::NotSent => &[Class::NotSent, Class::Bounced],
    };
    fitting.contains(&class)
}
