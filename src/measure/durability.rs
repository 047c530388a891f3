//! A campaign of power cuts: what of the mail that a target acknowledged is lost with its power, and
//! how much less may be lost than was seen. Pure: what the runs showed goes in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

use super::results::{Results, Tool};
use super::verdict::{CORRECTNESS, INVALID};
use crate::disk::{Filesystem, Keep};

/// Confidence of the upper bounds.
const CONFIDENCE: f64 = 0.95;

/// What a run of some cuts showed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CutRun {
    /// Its file system.
    pub filesystem: Filesystem,
    /// What of unflushed writes survived.
    pub keep: Keep,
    /// Its seed.
    pub seed: u64,
    /// Its folder, within that of the campaign.
    pub folder: String,
    /// Power cuts.
    pub cuts: u64,
    /// Of these, those that lost mail.
    pub cuts_losing: u64,
    /// Recipients accepted before the last cut.
    pub acknowledged: u64,
    /// Recipients accepted and neither delivered nor returned, summed over the cuts.
    pub open: u64,
    /// Recipients that were lost: as the ledger proves, and those missing by the count of the queue.
    pub lost: u64,
    /// Of these, missing by the count of the queue: at the close it held fewer than were neither
    /// delivered nor returned.
    pub missing: u64,
    /// Recipients of which it is not known: still queued at the close, or without proof that they are
    /// lost.
    pub undecided: u64,
    /// Further copies that a cut excuses, and other excused ones.
    pub duplicates_excused: u64,
    /// Flushes of the disk.
    pub flushes: u64,
    /// Recipients accepted in the whole run.
    pub accepted: u64,
    /// What the disk did that it must not; such a run counts for nothing.
    pub flaws: Vec<String>,
}

/// How many recipients a message has in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One each, so that a queue's messages are its recipients.
    One,
    /// Several.
    Several,
}

/// How many of those that are open at the close cannot be in a queue of this length.
fn missing(open: u64, queue: Option<u64>, recipients: Recipients) -> u64 {
    match (queue, recipients) {
        (Some(queue), Recipients::One) => open.saturating_sub(queue),
        _ => 0,
    }
}

/// All runs with one file system and one way in which unflushed writes survive.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Campaign {
    /// Its file system.
    pub filesystem: Filesystem,
    /// What of unflushed writes survived.
    pub keep: Keep,
    /// What the cuts came to.
    #[serde(flatten)]
    pub outcome: CutOutcome,
}

/// What some power cuts came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CutOutcome {
    /// Recipients accepted before a cut.
    pub acknowledged: u64,
    /// Of these, lost.
    pub lost: u64,
    /// Recipients of which it is not known.
    pub undecided: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Of these, those that lost mail.
    pub cuts_losing: u64,
    /// The probability that an acknowledged message is lost is at most this, with 95 % (Clopper and
    /// Pearson 1934), were the messages independent of one another.
    pub upper_bound_95: f64,
    /// The probability that a cut loses mail is at most this, with 95 %: cuts are independent.
    pub upper_bound_95_per_cut: f64,
    /// Flushes of the disk for each accepted recipient; null without any.
    pub flushes_per_accepted: Option<f64>,
    /// Further copies that are excused.
    pub duplicates_excused: u64,
}

/// The shape of `durability.json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Durability {
    /// What made it.
    pub tool: Tool,
    /// The scenario's name.
    pub name: String,
    /// Its question.
    pub question: String,
    /// Digest of the scenario.
    pub scenario_sha256: String,
    /// The target: kind and version.
    pub target: String,
    /// The command that repeats or goes on with it.
    pub command: String,
    /// File systems, in words.
    pub filesystem: String,
    /// What survived, in words.
    pub keep: String,
    /// What all cuts came to.
    #[serde(flatten)]
    pub outcome: CutOutcome,
    /// By file system and survivors.
    pub campaigns: Vec<Campaign>,
    /// What the disk did that it must not, and other reasons why it is not known.
    pub reasons: Vec<String>,
    /// 0: nothing was lost; 97: mail was lost; 96: not known.
    pub exit_code: u8,
    /// Each run.
    pub runs: Vec<CutRun>,
}

impl CutRun {
    /// What a run's report shows.
    #[must_use]
    pub fn of(
        results: &Results,
        (filesystem, keep): (Filesystem, Keep),
        folder: String,
        recipients: Recipients,
    ) -> CutRun {
        let count = |name: &str| results.count_anywhere(name);
        let disk = results.disk.as_ref();
        let cuts = disk.map(|disk| disk.cuts.as_slice()).unwrap_or_default();
        let sum = |of: fn(&super::results::PowerCutFacts) -> u64| cuts.iter().map(of).sum::<u64>();
        let lost = sum(|cut| cut.lost).max(count("lost"));
        let open = count("pending") + count("unaccounted");
        let missing = missing(open, results.queue.length_end, recipients);
        let losing = cuts.iter().filter(|cut| cut.lost > 0).count() as u64;
        CutRun {
            filesystem,
            keep,
            seed: results.run.seed,
            folder,
            cuts: cuts.len() as u64,
            cuts_losing: losing.max(u64::from(missing > 0 && !cuts.is_empty())),
            acknowledged: sum(|cut| cut.acknowledged),
            open: sum(|cut| cut.open),
            lost: lost + missing,
            missing,
            undecided: open - missing,
            duplicates_excused: count("duplicates_excused"),
            flushes: disk.map_or(0, |disk| disk.flushes),
            accepted: count("accepted"),
            flaws: disk.map(|disk| disk.flaws.clone()).unwrap_or_default(),
        }
    }
}

impl Durability {
    /// Draws the conclusion from the runs.
    pub fn conclude(&mut self) {
        let valid = |run: &&CutRun| run.flaws.is_empty();
        self.outcome = outcome(self.runs.iter().filter(valid));
        let mut kinds: Vec<(Filesystem, Keep)> = Vec::new();
        for run in &self.runs {
            if !kinds.contains(&(run.filesystem, run.keep)) {
                kinds.push((run.filesystem, run.keep));
            }
        }
        let campaign = |(filesystem, keep): (Filesystem, Keep)| {
            let own = |run: &&CutRun| run.filesystem == filesystem && run.keep == keep;
            let outcome = outcome(self.runs.iter().filter(valid).filter(own));
            Campaign { filesystem, keep, outcome }
        };
        self.campaigns = kinds.into_iter().map(campaign).collect();
        self.reasons = self.runs.iter().flat_map(|run| run.flaws.iter().cloned()).collect();
        self.reasons.dedup();
        if self.outcome.undecided > 0 {
            let many = self.outcome.undecided;
            self.reasons.push(format!("{many} recipients were still queued or without proof"));
        }
        if self.outcome.cuts == 0 {
            self.reasons.push("no power cut was made".to_owned());
        }
        self.exit_code = match (self.outcome.lost, self.reasons.is_empty()) {
            (0, true) => 0,
            (0, false) => INVALID,
            _ => CORRECTNESS,
        };
    }
}

fn outcome<'a>(runs: impl Iterator<Item = &'a CutRun>) -> CutOutcome {
    let mut all = CutOutcome::default();
    let (mut flushes, mut accepted) = (0, 0);
    for run in runs {
        all.acknowledged += run.acknowledged;
        all.lost += run.lost;
        all.undecided += run.undecided;
        all.cuts += run.cuts;
        all.cuts_losing += run.cuts_losing;
        all.duplicates_excused += run.duplicates_excused;
        (flushes, accepted) = (flushes + run.flushes, accepted + run.accepted);
    }
    all.upper_bound_95 = upper_bound(all.lost, all.acknowledged);
    all.upper_bound_95_per_cut = upper_bound(all.cuts_losing, all.cuts);
    all.flushes_per_accepted = (accepted > 0).then(|| flushes as f64 / accepted as f64);
    all
}

/// The largest probability with which so few of so many are seen in 5 % of all cases (Clopper and
/// Pearson 1934, one-sided).
#[must_use]
pub fn upper_bound(seen: u64, of: u64) -> f64 {
    if seen >= of {
        return 1.0;
    }
    Beta::new(seen as f64 + 1.0, (of - seen) as f64)
        .map_or(1.0, |beta| beta.inverse_cdf(CONFIDENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(keep: Keep, (acknowledged, lost): (u64, u64), undecided: u64) -> CutRun {
        CutRun {
            filesystem: Filesystem::Ext4,
            keep,
            seed: 1,
            folder: "x".to_owned(),
            cuts: 10,
            cuts_losing: u64::from(lost > 0),
            acknowledged,
            open: 5,
            lost,
            missing: 0,
            undecided,
            duplicates_excused: 2,
            flushes: 500,
            accepted: 1000,
            flaws: Vec::new(),
        }
    }

    fn concluded(runs: Vec<CutRun>) -> Durability {
        let mut all = Durability {
            tool: Tool { name: "mailbench".to_owned(), version: "1".to_owned() },
            name: String::new(),
            question: String::new(),
            scenario_sha256: String::new(),
            target: String::new(),
            command: String::new(),
            filesystem: String::new(),
            keep: String::new(),
            outcome: CutOutcome::default(),
            campaigns: Vec::new(),
            reasons: Vec::new(),
            exit_code: 1,
            runs,
        };
        all.conclude();
        all
    }

    /// Nothing of n: 1 − 0.05^(1/n). 3 of 50: 0.1478 (tables of Clopper and Pearson).
    #[test]
    fn the_bound_is_that_of_clopper_and_pearson() {
        for n in [1_u32, 50, 12_345] {
            let exact = 1.0 - 0.05_f64.powf(1.0 / f64::from(n));
            let bound = upper_bound(0, n.into());
            assert!((bound / exact - 1.0).abs() < 1e-6, "{n}: {bound} {exact}");
        }
        assert!((upper_bound(3, 50) - 0.1478).abs() < 5e-4, "{}", upper_bound(3, 50));
        assert!((upper_bound(0, 0) - 1.0).abs() < 1e-12 && (upper_bound(7, 7) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn lost_mail_decides_and_what_is_not_known_is_no_pass() {
        let clean = concluded(vec![run(Keep::None, (900, 0), 0), run(Keep::Torn, (800, 0), 0)]);
        assert_eq!((clean.exit_code, clean.campaigns.len(), clean.outcome.cuts), (0, 2, 20));
        assert_eq!(
            (clean.outcome.acknowledged, clean.campaigns[1].outcome.acknowledged),
            (1700, 800)
        );
        assert_eq!(concluded(vec![run(Keep::None, (900, 2), 7)]).exit_code, 97);
        assert_eq!(concluded(vec![run(Keep::None, (900, 0), 7)]).exit_code, 96);
        assert_eq!(concluded(Vec::new()).exit_code, 96);
    }

    /// A queue that holds 68 cannot hold 263; what is not counted one by one proves nothing.
    #[test]
    fn what_a_queue_is_too_short_for_is_missing() {
        assert_eq!(missing(263, Some(68), Recipients::One), 195);
        assert_eq!(missing(60, Some(68), Recipients::One), 0);
        assert_eq!(missing(263, Some(68), Recipients::Several), 0);
        assert_eq!(missing(263, None, Recipients::One), 0);
    }

    #[test]
    fn a_run_on_a_disk_that_lies_counts_for_nothing() {
        let flawed = CutRun { flaws: vec!["lies".to_owned()], ..run(Keep::None, (900, 3), 0) };
        let all = concluded(vec![flawed, run(Keep::None, (100, 0), 0)]);
        assert_eq!((all.outcome.lost, all.outcome.acknowledged, all.exit_code), (0, 100, 96));
    }
}
