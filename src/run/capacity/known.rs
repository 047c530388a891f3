//! What a capacity search knows when it begins: nothing, or the trials of an interrupted one in the
//! same folder.

use std::io::{Error, ErrorKind};
use std::path::Path;

use super::{FILE, SearchOptions};
use crate::measure::capacity::conclude;
use crate::measure::capacity::results::{Capacity, GoalFacts};
use crate::run::{Request, RunError, SCENARIO};
use crate::{files, limits, scenario};

/// What is known already: nothing, or the trials of an earlier search in the same folder.
pub(super) fn taken_up(
    folder: &Path,
    request: &Request,
    options: &SearchOptions,
) -> Result<Capacity, RunError> {
    let fresh = fresh(request, options);
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(fresh);
    }
    let text = files::read_text(&path, limits::RESULT_BYTES).map_err(RunError::Folder)?;
    let known: Capacity = serde_json::from_str(&text)
        .map_err(|error| unfit(folder, ErrorKind::InvalidData, &error.to_string()))?;
    let same = known.scenario_sha256 == fresh.scenario_sha256
        && known.profile == fresh.profile
        && known.simulated == fresh.simulated;
    if !same {
        let what = "it holds a search of another scenario or profile; name another folder";
        return Err(unfit(folder, ErrorKind::AlreadyExists, what));
    }
    let kept = scenario::sha256_of(&folder.join(SCENARIO)).map_err(RunError::Folder)?;
    if kept != known.scenario_sha256 {
        let what = "the scenario.toml beside it does not belong together with it: it was changed \
                    after the search began; name another folder";
        return Err(unfit(folder, ErrorKind::InvalidData, what));
    }
    // A trial that was good because the state of the instrument did not count is not so any more.
    if known.health_counts != fresh.health_counts {
        let with = if fresh.health_counts { "with" } else { "without" };
        let what = format!(
            "it holds trials judged {with} `--allow health`; search as then, or name another folder"
        );
        return Err(unfit(folder, ErrorKind::AlreadyExists, &what));
    }
    // What bounds the search is how it is asked for now.
    let Capacity { target, trials, curve, ceiling_per_s, .. } = known;
    Ok(Capacity { target, trials, curve, ceiling_per_s, ..fresh })
}

/// The folder is not one in which the search can go on.
pub(super) fn unfit(folder: &Path, kind: ErrorKind, what: &str) -> RunError {
    RunError::Folder(Error::new(kind, format!("{}: {what}", folder.join(FILE).display())))
}

/// A search that knows nothing yet.
pub(super) fn fresh(request: &Request, options: &SearchOptions) -> Capacity {
    let scenario = &request.loaded.scenario;
    let goal = &options.goal;
    conclude::begun(Capacity {
        name: scenario.name.clone(),
        question: scenario.question.clone(),
        scenario_sha256: request.loaded.sha256.clone(),
        simulated: options.model.is_some(),
        profile: options.profile.to_owned(),
        goal: GoalFacts {
            final_trial_s: goal.final_s,
            duration_sum_s: goal.sum_s,
            loss_ratio: goal.loss,
            exceed_ratio: goal.exceed,
            width: goal.width,
        },
        calibrated_per_s: options.calibrated,
        health_counts: options.health_counts,
        max_rate_per_s: options.most,
        command: request.command.clone(),
        ..Capacity::default()
    })
}
