//! A comparison from start to end: the variants of a scenario, run in randomised interleaved
//! pairs, each run on a target of its own with a fresh queue.
//!
//! What is known is written after every pair, so that nothing is lost with a crash.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::seq::SliceRandom as _;

use super::folder::Folder;
use super::signals::Interrupts;
use super::{Request, RunError, SCENARIO};
use crate::clock::{Clock, Time};
use crate::measure::comparison::paired::{self, Made, Plan};
use crate::measure::comparison::results::Comparison;
use crate::measure::comparison::{Terms, comparable};
use crate::measure::results::Results;
use crate::report::comparison as report;
use crate::report::human;
use crate::report::progress::Progress;
use crate::scenario::model::{Compare, Extent, Load};
use crate::seed::{Key, Purpose, Seed};
use crate::{files, limits};

/// The folder of the runs in a comparison's folder.
const RUNS: &str = "runs";

/// Name of the results in a comparison's folder.
pub const FILE: &str = "comparison.json";

/// A comparison that was judged.
#[derive(Debug)]
pub struct Compared {
    /// What was found.
    pub comparison: Comparison,
    /// Where everything lies.
    pub folder: PathBuf,
    /// Whether the user ended it early.
    pub interrupted: bool,
    /// Why it ended early: what was found could not be written.
    pub failure: Option<RunError>,
}

/// Carries out a comparison and judges it. `allow`: classes that make no run invalid.
///
/// # Errors
/// When a run could not be carried out.
pub async fn compare(
    request: &Request,
    terms: &Terms,
    allow: &[String],
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Compared, RunError> {
    let Some(compare) = &request.loaded.scenario.compare else {
        return Err(RunError::Folder(Error::other("the scenario has no [compare]")));
    };
    let place = create(request)?;
    let names: Vec<String> = compare.variants.iter().map(|one| one.name.clone()).collect();
    let mut series = Series {
        request,
        compare,
        plan: Plan {
            variants: &names,
            pairs: compare.pairs,
            may_extend: compare.extend,
            extended: false,
        },
        terms,
        allow,
        interrupts,
        folder: place.path.clone(),
        failure: None,
        made: Vec::new(),
        clock: Clock::start(),
    };
    let mut comparison = series.pairs(1..=compare.pairs, progress).await?;
    if compare.extend && !series.is_over() && series.more_pairs_could_decide(&comparison) {
        let text = format!("inconclusive after {} pairs: as many again", compare.pairs);
        progress.announce(&text);
        series.plan.extended = true;
        comparison = series.pairs(compare.pairs + 1..=2 * compare.pairs, progress).await?;
    }
    let interrupted = interrupts.stop.is_cancelled();
    let Series { folder, failure, .. } = series;
    drop(place);
    Ok(Compared { comparison, folder, interrupted, failure })
}

/// Judges a stored comparison again: a function of its scenario and its runs' results.
///
/// # Errors
/// When one of them cannot be read.
pub fn judge(folder: &Path) -> Result<Comparison, RunError> {
    let failed = |what: String| RunError::Folder(Error::new(ErrorKind::InvalidData, what));
    let loaded = crate::scenario::load(&folder.join(SCENARIO), &[]).map_err(RunError::Stored)?;
    let Some(compare) = &loaded.scenario.compare else {
        return Err(failed(format!("{}: its scenario compares nothing", folder.display())));
    };
    let terms = crate::measure::comparison::Terms::from(compare);
    let stored: Comparison = read(&folder.join(FILE))?;
    super::check_scenario(folder, &stored.scenario_sha256)?;
    let names: Vec<String> = compare.variants.iter().map(|one| one.name.clone()).collect();
    let mut made = Vec::new();
    for trial in &stored.trials {
        let results: Results = read(&folder.join(&trial.folder).join("report.json"))?;
        super::check_scenario(&folder.join(&trial.folder), &results.run.scenario_sha256)?;
        let variant = names.iter().position(|name| *name == trial.variant);
        let variant = variant.ok_or_else(|| failed(format!("no variant `{}`", trial.variant)))?;
        made.push(Made {
            pair: trial.pair,
            variant,
            attempt: trial.attempt,
            folder: trial.folder.clone(),
            counted: trial.counted,
            results,
        });
    }
    let plan = Plan {
        variants: &names,
        pairs: compare.pairs,
        may_extend: compare.extend,
        extended: stored.method.extended,
    };
    let scenario_sha256 = stored.scenario_sha256;
    Ok(Comparison { scenario_sha256, ..paired::compare(&made, &plan, &terms) })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let failed = |error: &dyn std::fmt::Display| {
        RunError::Folder(Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display())))
    };
    let text = files::read_text(path, limits::RESULT_BYTES).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}

/// The folder, with the scenario as resolved.
fn create(request: &Request) -> Result<Folder, RunError> {
    let name = &request.loaded.scenario.name;
    let folder = Folder::create(name, request.output.as_deref(), &Clock::start());
    let folder = folder.map_err(RunError::Folder)?;
    if folder.file(FILE).exists() {
        let path = folder.path.display();
        let what = format!("{path}: it holds a comparison already; name another");
        return Err(RunError::Folder(Error::new(ErrorKind::AlreadyExists, what)));
    }
    crate::files::write(&folder.file(SCENARIO), &request.loaded.resolved)
        .map_err(RunError::Folder)?;
    Ok(folder)
}

/// Runs, one after another.
struct Series<'a> {
    request: &'a Request,
    compare: &'a Compare,
    plan: Plan<'a>,
    terms: &'a Terms,
    allow: &'a [String],
    interrupts: &'a Interrupts,
    folder: PathBuf,
    /// The disk does not take what is found: there is no use in going on.
    failure: Option<RunError>,
    made: Vec<Made>,
    clock: Clock,
}

impl Series<'_> {
    /// Runs some pairs, and judges all that were run so far.
    async fn pairs(
        &mut self,
        pairs: std::ops::RangeInclusive<u32>,
        progress: &mut Progress,
    ) -> Result<Comparison, RunError> {
        let last = *pairs.end();
        let mut comparison = self.judged();
        for pair in pairs {
            for variant in order(self.request.loaded.scenario.seed, pair, self.plan.variants.len())
            {
                self.valid_run(pair, variant, last, progress).await?;
                if self.is_over() {
                    break;
                }
            }
            comparison = self.judged();
            if let Err(error) = report::write_all(&comparison, &self.folder) {
                self.failure.get_or_insert(RunError::Folder(error));
            }
            if self.is_over() {
                break;
            }
        }
        Ok(comparison)
    }

    /// All that were run so far.
    fn judged(&self) -> Comparison {
        let comparison = paired::compare(&self.made, &self.plan, self.terms);
        Comparison { scenario_sha256: self.request.loaded.sha256.clone(), ..comparison }
    }

    /// One run of one variant; again when it was invalid, a few times.
    async fn valid_run(
        &mut self,
        pair: u32,
        variant: usize,
        last: u32,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        for attempt in 1..=1 + limits::COMPARE_REPEATS {
            self.rest().await;
            if self.is_over() {
                return Ok(());
            }
            progress.announce(&self.line(pair, variant, attempt, last));
            let made = match self.run(pair, variant, attempt, progress).await {
                Ok(Some(made)) => made,
                Ok(None) => return Ok(()),
                Err(error) if error.is_of_the_disk() && !self.made.is_empty() => {
                    self.failure = Some(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let counted = made.counted;
            self.made.push(made);
            if counted {
                return Ok(());
            }
        }
        Ok(())
    }

    /// `None`: ended by the user before there was anything to report.
    async fn run(
        &self,
        pair: u32,
        variant: usize,
        attempt: u32,
        progress: &mut Progress,
    ) -> Result<Option<Made>, RunError> {
        let (name, loaded) = &self.request.loaded.variants[variant];
        let below = Path::new(RUNS).join(folder_name(pair, name, attempt));
        let request = Request {
            loaded: loaded.with_seed(seed_of(loaded.scenario.seed, pair)),
            output: Some(self.folder.join(&below)),
            command: self.request.command.clone(),
            allowed_targets: self.request.allowed_targets.clone(),
            reach: self.request.reach.clone(),
            empty_first: None,
            preflight: true,
        };
        let results = match super::experiment(&request, self.interrupts, progress).await {
            Ok(outcome) => outcome.whole()?.findings.results,
            Err(RunError::Aborted) if !self.interrupts.abort.is_cancelled() => return Ok(None),
            Err(error) => return Err(error),
        };
        let counted = comparable::flaw(&results, self.allow).is_none();
        let folder = below.display().to_string();
        Ok(Some(Made { pair, variant, attempt, folder, counted, results }))
    }

    /// Lets the machine cool down between two runs.
    async fn rest(&self) {
        if self.made.is_empty() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(self.compare.cool_down) => {}
            () = self.interrupts.stop.cancelled() => {}
        }
    }

    fn more_pairs_could_decide(&self, comparison: &Comparison) -> bool {
        paired::more_pairs_could_decide(comparison, &self.made, &self.plan, self.terms)
    }

    fn is_over(&self) -> bool {
        self.interrupts.stop.is_cancelled() || self.failure.is_some()
    }

    /// Which run begins, and how long all of them will take.
    fn line(&self, pair: u32, variant: usize, attempt: u32, last: u32) -> String {
        let variants = self.plan.variants.len() as u32;
        let done = self.made.iter().filter(|made| made.counted).count() as u32;
        let remaining = (last * variants).saturating_sub(done);
        let each = match self.made.len() {
            0 => expected(&self.request.loaded.scenario.load) + self.compare.cool_down,
            made => self.clock.now().since(Time::ZERO) / made as u32,
        };
        let left = human::moment((each * remaining).as_secs_f64().round());
        let again = if attempt > 1 { ", again, the last was invalid" } else { "" };
        let name = &self.plan.variants[variant];
        format!("pair {pair} of {last}: {name}{again}; about {left} left")
    }
}

/// How long a run takes that drains at once.
fn expected(load: &Load) -> Duration {
    let measured = match load.extent {
        Extent::Duration(duration) => duration,
        Extent::Messages(_) => Duration::ZERO,
    };
    load.warm_up + measured
}

/// The variants of a pair in random order.
fn order(seed: Seed, pair: u32, variants: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..variants).collect();
    let key = Key { subject: u64::from(pair), ..Key::default() };
    order.shuffle(&mut seed.stream(Purpose::PairOrder, key));
    order
}

/// Both of a pair are offered the same mail; every pair other mail, so that a difference is not
/// that of one sequence of arrivals. A seed is at most what TOML can say.
fn seed_of(seed: Seed, pair: u32) -> Seed {
    Seed(seed.0.wrapping_add(u64::from(pair) - 1) & i64::MAX.unsigned_abs())
}

fn folder_name(pair: u32, variant: &str, attempt: u32) -> String {
    let variant = variant.replace(' ', "-");
    let again = if attempt > 1 { format!(".{attempt}") } else { String::new() };
    format!("{pair:03}-{variant}{again}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_occur_and_each_pair_has_its_own_mail() {
        let orders: Vec<Vec<usize>> = (1..=20).map(|pair| order(Seed(7), pair, 2)).collect();
        let first = orders.iter().filter(|order| order[0] == 0).count();
        assert!((4..=16).contains(&first), "{first} of 20");
        assert_eq!(order(Seed(7), 3, 2), order(Seed(7), 3, 2), "the seed decides");
        assert_eq!([seed_of(Seed(7), 1), seed_of(Seed(7), 2)], [Seed(7), Seed(8)]);
        let greatest = i64::MAX.unsigned_abs();
        assert!(seed_of(Seed(greatest), 2).0 <= greatest);
    }

    #[test]
    fn folders_tell_pair_variant_and_attempt() {
        assert_eq!(folder_name(3, "load aware", 1), "003-load-aware");
        assert_eq!(folder_name(12, "fifo", 2), "012-fifo.2");
    }
}
