//! The instrument's own ceiling and floor on this machine: measured without a target, kept for
//! later runs.
//!
//! Kept by machine, version and build: what another mailbench could do says nothing of this one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::isolation::Reach;
use super::signals::Interrupts;
use super::{Request, RunError, environment};
use crate::ledger::event::Ceiling;
use crate::measure::results::Results;
use crate::quantity::Quantity;
use crate::report::progress::Progress;
use crate::scenario::{self, Override, Scenario};
use crate::seed::{Key, Purpose, Seed};
use crate::{files, limits};

/// Version of the shape of [`Calibration`].
const SCHEMA_VERSION: u32 = 1;

/// Message sizes at which the ceiling is measured; between them it is interpolated, by the time a
/// message takes.
const SIZES: [(&str, u64); 2] = [("4KiB", 4 * 1024), ("64KiB", 64 * 1024)];

/// What is measured: full speed for the ceiling, a trickle for the floor.
const SCENARIO: &str = "name = \"calibrate\"\n\
     question = \"What can the instrument itself do on this machine?\"\n\
     seed = 1\n[target]\nkind = \"direct\"\n\
     [load]\nmodel = \"closed\"\nsessions = 20\nwarm_up = \"1s\"\nduration = \"4s\"\n\
     drain = \"20s\"\n[message]\nsize = \"4KiB\"\n[[destination]]\ndomain = \"one.test\"\n";

/// One machine's calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Version of this shape.
    pub schema_version: u32,
    /// Version of mailbench.
    pub version: String,
    /// Facts about the machine, the build among them.
    pub machine: BTreeMap<String, String>,
    /// When, RFC 3339, UTC.
    pub at: String,
    /// Sessions at the ceiling.
    pub sessions: u32,
    /// The ceiling by message size.
    pub ceiling: Vec<Point>,
    /// The floor: times of a message at 100 a second that has no target to wait for, microseconds.
    pub floor: Floor,
}

/// The ceiling at one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Bytes a message.
    pub size: u64,
    /// Messages a second.
    pub per_s: f64,
}

/// What the instrument adds to every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// `submit_response.p50`.
    pub submit_p50_us: Option<u64>,
    /// `submit_response.p99`.
    pub submit_p99_us: Option<u64>,
    /// `e2e_response.p50`.
    pub e2e_p50_us: Option<u64>,
    /// `e2e_response.p99`.
    pub e2e_p99_us: Option<u64>,
}

/// Where calibrations are kept: the user's state, by the XDG base directory specification.
#[must_use]
pub fn file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("mailbench/calibration.json"))
}

/// Measures this machine.
///
/// # Errors
/// When a run could not be carried out.
pub async fn calibrate(
    folder: &Path,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Calibration, RunError> {
    let mut ceiling = Vec::new();
    let mut started_at = String::new();
    for (name, size) in SIZES {
        progress.announce(&format!("ceiling: messages of {name} at full speed"));
        let results = run(folder, name, &[("message.size", name)], interrupts, progress).await?;
        started_at = results.run.started_at.clone();
        let per_s = results.rates.get("delivered").copied().unwrap_or(0.0);
        ceiling.push(Point { size, per_s });
    }
    progress.announce("floor: 100 messages a second");
    let open = [("load.model", "open"), ("load.arrival", "constant"), ("load.rate", "100/s")];
    let results = run(folder, "floor", &open, interrupts, progress).await?;
    let of = |metric: &str| results.latency.get(metric).cloned().unwrap_or_default();
    let (submit, e2e) = (of("submit_response"), of("e2e_response"));
    Ok(Calibration {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: environment::facts().into_iter().collect(),
        at: started_at,
        sessions: results.load.sessions,
        ceiling,
        floor: Floor {
            submit_p50_us: submit.p50,
            submit_p99_us: submit.p99,
            e2e_p50_us: e2e.p50,
            e2e_p99_us: e2e.p99,
        },
    })
}

async fn run(
    folder: &Path,
    name: &str,
    set: &[(&str, &str)],
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Results, RunError> {
    let set: Vec<Override> = set.iter().map(|(key, value)| Override::new(*key, *value)).collect();
    let loaded = scenario::parse("calibrate.toml", SCENARIO, &set).map_err(RunError::Stored)?;
    let request = Request {
        loaded,
        output: Some(folder.join(name)),
        command: "mailbench calibrate".to_owned(),
        allowed_targets: Vec::new(),
        reach: Reach::Host,
        empty_first: None,
        preflight: true,
    };
    let outcome = super::experiment(&request, interrupts, progress).await?;
    if outcome.findings.results.run.interrupted {
        return Err(RunError::Aborted);
    }
    Ok(outcome.findings.results)
}

/// Keeps a calibration, in the place of an older one of the same machine, version and build.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(file: &Path, calibration: &Calibration) -> io::Result<()> {
    let mut kept = read(file);
    kept.retain(|old| !is_same(old, &calibration.version, &calibration.machine));
    kept.push(calibration.clone());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = file.with_added_extension("tmp");
    std::fs::write(&beside, serde_json::to_string_pretty(&kept)? + "\n")?;
    std::fs::rename(&beside, file)
}

/// What is kept; nothing where there is no file, or not one that we wrote.
fn read(file: &Path) -> Vec<Calibration> {
    let text = files::read_text(file, limits::RESULT_BYTES).unwrap_or_default();
    let kept: Vec<Calibration> = serde_json::from_str(&text).unwrap_or_default();
    kept.into_iter().filter(|one| one.schema_version == SCHEMA_VERSION).collect()
}

fn is_same(one: &Calibration, version: &str, machine: &BTreeMap<String, String>) -> bool {
    one.version == version && one.machine == *machine
}

/// The ceiling for a scenario on this machine, as far as one is kept.
#[must_use]
pub fn ceiling_for(scenario: &Scenario, file: Option<&Path>) -> Ceiling {
    let machine: BTreeMap<String, String> = environment::facts().into_iter().collect();
    let kept = file.map(read).unwrap_or_default();
    let own = kept.iter().find(|one| is_same(one, env!("CARGO_PKG_VERSION"), &machine));
    let size = typical(&scenario.message.size);
    Ceiling {
        per_s: own.and_then(|own| at_size(&own.ceiling, size)),
        calibrated_at: own.map(|own| own.at.clone()).unwrap_or_default(),
        floor_e2e_p50_us: own.and_then(|own| own.floor.e2e_p50_us),
    }
}

/// Draws whose mean stands for a quantity.
const DRAWS: u32 = 1000;

/// The mean size of a scenario's messages, near enough.
fn typical(size: &Quantity) -> f64 {
    let mut random = Seed(0).stream(Purpose::Size, Key::default());
    (0..DRAWS).map(|_| size.sample(&mut random)).sum::<f64>() / f64::from(DRAWS)
}

/// Messages a second at a size: the time a message takes lies on a line through the two points.
/// A size below the least is taken for the least.
fn at_size(points: &[Point], size: f64) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    if first.per_s <= 0.0 || last.per_s <= 0.0 {
        return None;
    }
    let (from, to) = (first.size as f64, last.size as f64);
    let (fast, slow) = (1.0 / first.per_s, 1.0 / last.per_s);
    let share = ((size - from) / (to - from).max(1.0)).max(0.0);
    Some(1.0 / (fast + share * (slow - fast)).max(fast.min(slow)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(per_s: f64) -> Calibration {
        Calibration {
            schema_version: SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: environment::facts().into_iter().collect(),
            at: "now".to_owned(),
            sessions: 20,
            ceiling: vec![Point { size: 4096, per_s }, Point { size: 65536, per_s: per_s / 4.0 }],
            floor: Floor { e2e_p50_us: Some(500), ..Floor::default() },
        }
    }

    fn scenario(size: &str) -> Scenario {
        let set = [Override::new("message.size", size)];
        scenario::parse("c.toml", SCENARIO, &set).expect("a scenario").scenario
    }

    #[test]
    fn a_newer_calibration_takes_the_place_of_the_older() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("state/calibration.json");
        assert_eq!(ceiling_for(&scenario("4KiB"), Some(&file)).per_s, None);
        let mut other = calibration(1.0);
        other.version = "0.0.1".to_owned();
        for one in [&other, &calibration(4000.0), &calibration(8000.0)] {
            keep(&file, one).expect("kept");
        }
        assert_eq!(read(&file).len(), 2);
        let ceiling = ceiling_for(&scenario("4KiB"), Some(&file));
        assert_eq!(ceiling.per_s, Some(8000.0));
        assert_eq!(ceiling.floor_e2e_p50_us, Some(500));
        std::fs::write(&file, "rubbish").expect("written");
        assert_eq!(ceiling_for(&scenario("4KiB"), Some(&file)).per_s, None);
    }

    #[test]
    fn between_two_sizes_time_is_interpolated() {
        let points = calibration(8000.0).ceiling;
        assert_eq!(at_size(&points, 1024.0), Some(8000.0));
        assert_eq!(at_size(&points, 65536.0), Some(2000.0));
        let middle = at_size(&points, (4096.0 + 65536.0) / 2.0).expect("a rate");
        assert!((middle - 3200.0).abs() < 1.0, "the mean of 125 us and 500 us: {middle}");
        let beyond = at_size(&points, 131_072.0).expect("a rate");
        assert!((beyond - 1111.1).abs() < 0.1, "500 us and 400 us more: {beyond}");
    }
}
