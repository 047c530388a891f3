//! How many file descriptors a scenario may need, known before any load.

use crate::limits;
use crate::scenario::model::{Scenario, TargetKind};
use crate::shortage;

/// Descriptors of the program itself: standard streams, journal, runtimes, pipes to the target, looks
/// at `/proc`.
const OWN: u64 = 64;

/// Says what a scenario may need when the system gives less. The run is not refused: fewer sessions
/// may be enough, and a run that used up its descriptors is found to be invalid.
pub(super) fn check(scenario: &Scenario) {
    let needed = needed(scenario);
    let Some(limit) = shortage::descriptor_limit().filter(|limit| *limit < needed) else { return };
    tracing::warn!(
        "this scenario may need {needed} file descriptors at a time, and the limit is {limit}: raise \
         it (ulimit -n {needed}) or lower load.sessions or target.delivery.concurrency; a run that \
         uses them up is invalid"
    );
}

/// One for each session at the target and at the sink, and for each port of the sink. Who delivers to
/// the sink directly has as many sessions there as the load.
fn needed(scenario: &Scenario) -> u64 {
    let traffic: u64 = std::iter::once(scenario.load.sessions)
        .chain(scenario.abuse.iter().map(|profile| profile.sessions))
        .map(u64::from)
        .sum();
    let (ports, sink) = match &scenario.target.kind {
        TargetKind::Direct => (1, u64::from(scenario.load.sessions)),
        kind => {
            let destinations = scenario.destinations.len();
            let routed = if kind.is_routed(destinations) { destinations as u64 } else { 0 };
            (1 + routed, u64::from(scenario.target.delivery.concurrency))
        }
    };
    OWN + traffic + ports + sink.min(limits::SINK_SESSIONS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> u64 {
        let text = format!(
            "name = \"x\"\nquestion = \"?\"\n[load]\nmodel = \"open\"\nrate = \"9/s\"\nduration = \
             \"9s\"\nsessions = 30\n[[destination]]\ndomain = \"a.test\"\n{more}"
        );
        let loaded = crate::scenario::parse("x.toml", &text, &[]).expect("a scenario");
        needed(&loaded.scenario)
    }

    #[test]
    fn every_session_and_every_port_counts() {
        let direct = "[target]\nkind = \"direct\"\n";
        assert_eq!(of(direct), OWN + 30 + 1 + 30);
        let relay = "[target]\nkind = \"relay\"\n[target.delivery]\nconcurrency = 7\n";
        assert_eq!(of(relay), OWN + 30 + 2 + 7);
        let abuse = "[[abuse]]\nkind = \"idle\"\nsessions = 12\n";
        assert_eq!(of(&format!("{direct}{abuse}")), OWN + 42 + 1 + 30);
    }
}
