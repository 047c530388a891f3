//! What should not be compared, and why, in words that name the difference.

use crate::measure::results::{HealthStatus, Results};

/// Everything that keeps two runs from being compared: another scenario, kind of target or
/// machine. A different version of the target is what comparisons are for.
#[must_use]
pub fn differences(base: &Results, new: &Results) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |what: &str, base: &str, new: &str| {
        if base != new {
            found.push(format!("{what}: {} and {}", named(base), named(new)));
        }
    };
    look("scenario", &base.run.name, &new.run.name);
    let digest = |run: &Results| run.run.scenario_sha256.chars().take(12).collect::<String>();
    look("scenario digest", &digest(base), &digest(new));
    look("target kind", &base.target.kind, &new.target.kind);
    let keys = base.environment.keys().chain(new.environment.keys());
    for key in keys.collect::<std::collections::BTreeSet<_>>() {
        let of = |run: &Results| run.environment.get(key).cloned().unwrap_or_default();
        look(&format!("environment, {key}"), &of(base), &of(new));
    }
    found
}

fn named(value: &str) -> String {
    if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") }
}

/// Why a run proves nothing, if so: what it measured is not to be held against another.
/// `allowed`: classes that the user lets pass.
#[must_use]
pub fn flaw(run: &Results, allowed: &[String]) -> Option<String> {
    let forgiven = allowed.iter().any(|class| class == "health" || class == "invalid");
    let spoiled = run.health.checks.iter().filter(|check| check.status == HealthStatus::Invalid);
    let ids: Vec<&str> = spoiled.map(|check| check.id.as_str()).collect();
    if !run.run.complete {
        return Some("its record ends before the run was closed".to_owned());
    }
    if run.run.interrupted {
        return Some("it was interrupted".to_owned());
    }
    if run.counts.get("accepted").is_none_or(|accepted| *accepted == 0) {
        return Some("nothing was accepted".to_owned());
    }
    (!ids.is_empty() && !forgiven)
        .then(|| format!("the instrument spoiled it ({})", ids.join(", ")))
}
