//! What a simulated run says of itself: its id, its target, where its times come from.

use std::collections::BTreeMap;

use crate::scenario::{Loaded, Scenario};

/// Virtual time has no date.
pub(super) const EPOCH: &str = "1970-01-01T00:00:00Z";

/// What a simulation calls itself.
pub(super) const NAME: &str = "simulated";

/// The id of a simulated run: the same for the same scenario and seed.
pub(super) fn id(loaded: &Loaded) -> String {
    let digest: String = loaded.sha256.chars().take(8).collect();
    format!("{NAME}-{digest}-{}", loaded.scenario.seed.0)
}

/// The kind of target whose model it is.
pub(super) fn kind(scenario: &Scenario) -> String {
    format!("{NAME} {}", scenario.target.kind.name())
}

pub(super) fn environment(source: String) -> BTreeMap<String, String> {
    [("simulated".to_owned(), "yes".to_owned()), ("times from".to_owned(), source)].into()
}
