//! A run that is over, judged from its folder. That its files belong together is checked first: a
//! verdict about one scenario must not be built on the journal of another.

use std::path::Path;

use super::{JOURNAL, RunError, SCENARIO};
use crate::ledger::event::Event;
use crate::ledger::journal;
use crate::measure::results::Findings;
use crate::{measure, scenario};

/// Events at the beginning of a journal among which its `Run` stands; it is the first, but for what
/// the preflight's sessions saw before it.
const HEAD: usize = 1000;

/// Judges a run folder: a function of its `scenario.toml` and journal alone.
///
/// # Errors
/// When either cannot be read at all, or they are not of one run; a journal cut short is judged as
/// far as it goes.
pub fn judge(folder: &Path) -> Result<Findings, RunError> {
    let loaded = scenario::load_stored(&folder.join(SCENARIO)).map_err(RunError::Stored)?;
    let path = folder.join(JOURNAL);
    let failed = |error| RunError::Journal(format!("{}: {error}", path.display()));
    let mut reader = journal::open(&path).map_err(failed)?;
    let recorded = reader.by_ref().take(HEAD).find_map(|event| match event {
        Event::Run(facts) => Some(facts.scenario_sha256),
        _ => None,
    });
    if let Some(recorded) = recorded {
        check_scenario(folder, &recorded)?;
    }
    reader.rewind().map_err(failed)?;
    Ok(measure::judge(&loaded, &mut reader))
}

/// Whether the scenario in a folder is the one that was run, by its SHA-256 `wanted`. A folder
/// without one has nothing to contradict.
///
/// # Errors
/// When it is another, or cannot be read.
pub fn check_scenario(folder: &Path, wanted: &str) -> Result<(), RunError> {
    let path = folder.join(SCENARIO);
    if wanted.is_empty() || !path.exists() {
        return Ok(());
    }
    let found = scenario::sha256_of(&path).map_err(RunError::Folder)?;
    if found == wanted {
        return Ok(());
    }
    let (folder, wanted) = (folder.display().to_string(), wanted.to_owned());
    Err(RunError::Mixed { folder, found, wanted })
}
