//! Before the load: a message to every destination must arrive at our own sink, so that no load ever
//! goes to a target that is connected to somewhere else. What its envelopes went through is said,
//! with the setting that declares it; so is mail that the target still had.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::RunError;
use super::setup::Stand;
use crate::clock::Time;
use crate::measure::correctness::declarations;
use crate::measure::correctness::declarations::Declaration;
use crate::plan::{Envelope, Plan};
use crate::probe::address::is_same;
use crate::probe::rewriting::{RecipientForm, recipient_form, sender_form};
use crate::probe::{MessageId, ProbeId};
use crate::scenario::model::{Changes, TargetKind};
use crate::sink::PreflightArrival;
use crate::smtp::envelope::domain_of;
use crate::{limits, traffic};

/// Time between two questions to a target's queue.
const LOOK: Duration = Duration::from_millis(100);

/// Sends the preflight and waits until it has arrived for every destination.
pub(super) async fn preflight(stand: &Stand) -> Result<(), RunError> {
    let failed = RunError::Preflight;
    let settings = stand.traffic(Time::ZERO);
    traffic::preflight(&stand.plan, &settings, stand.clock)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let wanted = stand.scenario.destinations.len();
    let within =
        limits::PREFLIGHT + limits::PREFLIGHT_EACH * u32::try_from(wanted).unwrap_or(u32::MAX);
    let mut arrived = stand.sink.preflight_arrived();
    let all = arrived.wait_for(|arrived| *arrived >= wanted);
    if tokio::time::timeout(within, all).await.is_err() {
        let arrived = *stand.sink.preflight_arrived().borrow();
        let returned = stand.sink.preflight_returned();
        let returned = returned.map_or_else(String::new, |says| {
            format!("; the target returned it, saying \"{}\"", says.escape_debug())
        });
        return Err(failed(format!(
            "the target accepted the preflight, but it arrived at the sink ({}) for {arrived} of \
             {wanted} destinations within {} s{returned}; check that the target relays every destination there \
             (`mailbench doctor target` says which does not arrive)",
            stand.sink.address(),
            within.as_secs()
        )));
    }
    let arrivals = stand.sink.preflight_arrivals();
    for change in changes(&stand.plan, &arrivals, &stand.scenario.target.changes) {
        tracing::warn!("preflight: {change}");
    }
    Ok(())
}

/// Says that an external target was not empty: what it had will arrive during the run.
pub(super) async fn warn_of_leftovers(stand: &Stand) {
    if !matches!(stand.scenario.target.kind, TargetKind::External(_)) {
        return;
    }
    let Some(queue) = stand.target.take().await.queue() else { return };
    let start = stand.clock.now();
    // The preflight itself may still be there for a moment.
    while let Ok(length) = queue.ask().await {
        if length.total == 0 {
            return;
        }
        if stand.clock.now().since(start) >= limits::LEFTOVER_WAIT {
            tracing::warn!(
                "the target's queue holds {} messages from before this run: what of them reaches the \
                 sink is counted as foreign and takes the target's time; empty its queue first",
                length.total
            );
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was done to the envelopes on their way, each once.
fn changes(
    plan: &Plan,
    arrivals: &[PreflightArrival],
    declared: &Changes,
) -> BTreeSet<Declaration> {
    let mut by_probe: BTreeMap<ProbeId, Vec<&PreflightArrival>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for arrival in arrivals {
        match arrival.probe {
            Some(probe) => by_probe.entry(probe).or_default().push(arrival),
            None => found.extend(declarations::copy(&arrival.recipient, declared)),
        }
    }
    let sent: BTreeMap<ProbeId, (MessageId, Envelope, usize)> = plan
        .preflights()
        .flat_map(|offer| {
            let envelope = plan.envelope(&offer);
            (0..offer.recipients.len()).map(move |nth| {
                (offer.message.probe(nth as u16), (offer.message, envelope.clone(), nth))
            })
        })
        .collect();
    for (probe, arrivals) in by_probe {
        let Some((message, envelope, nth)) = sent.get(&probe) else { continue };
        let form =
            |it: &&&PreflightArrival| recipient_form(probe, &it.recipient) != RecipientForm::Alias;
        let own = arrivals.iter().find(form).unwrap_or(&arrivals[0]);
        let others = arrivals.iter().filter(|other| !is_same(&other.recipient, &own.recipient));
        found.extend(others.filter_map(|other| declarations::copy(&other.recipient, declared)));
        let form = sender_form(*message, probe, false, &own.reverse_path);
        let (was, is) = (&envelope.reverse_path, &own.reverse_path);
        found.extend(declarations::sender(form, (was, is), declared.sender));
        let (was, is) = (&envelope.recipients[*nth], &own.recipient);
        let at_home = domain_of(was) == domain_of(is);
        let form = recipient_form(probe, is);
        found.extend(declarations::recipient((form, at_home), (was, is), declared.recipient));
    }
    found
}
