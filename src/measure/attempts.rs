//! Attempts as rows of `attempts.csv`.

use super::results::AttemptRow;
use crate::ledger::event::{Attempt, AttemptOutcome, Damage};
use crate::scenario::model::Scenario;

/// An attempt as a row; whether its reply was read is known only when all is read.
#[must_use]
pub fn row(attempt: &Attempt, scenario: &Scenario) -> AttemptRow {
    let domain = attempt.destination.and_then(|id| scenario.destinations.get(usize::from(id.0)));
    let rule = attempt.fault.and_then(|number| scenario.faults.get(usize::from(number)));
    let reply = attempt.reply.as_ref();
    let damage = attempt.content.as_ref().map(|content| content.damage.as_slice());
    let damage: Vec<&str> =
        damage.unwrap_or_default().iter().map(|damage| damage_name(*damage)).collect();
    AttemptRow {
        started_s: attempt.started.seconds(),
        ended_s: attempt.ended.seconds(),
        probe: attempt.probe.0,
        destination: domain.map(|it| it.domain.clone()).unwrap_or_default(),
        attempt: attempt.number,
        session: attempt.session,
        stage: attempt.stage.name().to_owned(),
        outcome: outcome_name(attempt.outcome).to_owned(),
        code: reply.map(|reply| reply.code),
        enhanced: reply
            .and_then(|reply| reply.enhanced)
            .map(|enhanced| enhanced.to_string())
            .unwrap_or_default(),
        text: reply.map(|reply| reply.text.clone()).unwrap_or_default(),
        fault: rule.map(|rule| rule.name.clone()).unwrap_or_default(),
        confirmed: false,
        damage: damage.join(";"),
    }
}

fn outcome_name(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Taken => "taken",
        AttemptOutcome::Withheld => "withheld",
        AttemptOutcome::Deferred => "deferred",
        AttemptOutcome::Rejected => "rejected",
        AttemptOutcome::Broken => "broken",
        AttemptOutcome::Abandoned => "abandoned",
    }
}

fn damage_name(damage: Damage) -> &'static str {
    match damage {
        Damage::HeaderLost => "header-lost",
        Damage::Truncated => "truncated",
        Damage::Extended => "extended",
        Damage::DotStuffing => "dot-stuffing",
        Damage::LineEnds => "line-ends",
        Damage::EightBit => "eight-bit",
        Damage::HeadersChanged => "headers-changed",
        Damage::Merged => "merged",
        Damage::Altered => "altered",
    }
}
