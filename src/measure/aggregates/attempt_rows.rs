//! Attempts as rows of `attempts.csv`.

use crate::ledger::event::{Attempt, AttemptOutcome, Change};
use crate::measure::results::AttemptRow;
use crate::probe::change::Level;
use crate::scenario::model::Scenario;

/// An attempt as a row; whether its reply was read is known only when all is read.
#[must_use]
pub fn row(attempt: &Attempt, scenario: &Scenario) -> AttemptRow {
    let domain = attempt.destination.and_then(|id| scenario.destinations.get(usize::from(id.0)));
    let rule = attempt.fault.and_then(|number| scenario.faults.get(usize::from(number)));
    let reply = attempt.reply.as_ref();
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
        damage: changes(attempt, |level| level == Level::Corrupted),
        changes: changes(attempt, |level| level != Level::Corrupted),
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

/// The changes of an attempt's content at such levels, joined by `;`.
fn changes(attempt: &Attempt, is_wanted: impl Fn(Level) -> bool) -> String {
    let all = attempt.content.as_ref().map_or(&[][..], |content| &content.changes);
    let wanted = all.iter().filter(|change| is_wanted(change.level()));
    wanted.map(|change| Change::name(*change)).collect::<Vec<_>>().join(";")
}
