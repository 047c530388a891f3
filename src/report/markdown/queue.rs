//! The queue in the Markdown summary: backlog, recovery, connections, what an outage does.

use std::fmt::Write as _;

use super::{EVENTS, more};
use crate::measure::results::{QueueFacts, Results};
use crate::report::escape::markdown as prose;
use crate::report::{figures, human, recovery};

pub(super) fn queue(results: &Results) -> String {
    let queue = &results.queue;
    let drained = match queue.drain_time_s {
        _ if queue.backlog_max == 0 => "nothing to drain".to_owned(),
        Some(seconds) => format!("drained in {}", human::duration_s(seconds)),
        None => "did not drain".to_owned(),
    };
    let attempts = queue
        .attempts_per_delivery_mean
        .map_or_else(String::new, |mean| format!(", {mean:.2} attempts per delivery"));
    format!(
        "Backlog: peak {} at {}, {drained}{attempts}.\n\n{}{}{}",
        human::count(queue.backlog_max),
        human::moment(queue.backlog_max_at_s),
        connections(queue),
        recovered(queue),
        patterns(queue)
    )
}

fn connections(queue: &QueueFacts) -> String {
    let Some(facts) = &queue.connection_attempts else { return String::new() };
    let mut said = recovery::connections(facts).join(", ");
    said.extend(facts.not_known.iter().map(|why| format!(": {why}")));
    format!("Connections of the target: {}.\n\n", prose(&said))
}

/// How long after each fault and act of chaos the backlog was as before.
fn recovered(queue: &QueueFacts) -> String {
    if queue.recovery.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "| recovery after | from | to | band before | peak | recovered in |\n\
         |:---|---:|---:|---:|---:|---:|\n",
    );
    for it in queue.recovery.iter().take(EVENTS) {
        let _infallible = writeln!(
            text,
            "| {} {} | {} | {} | {} | {} | {} |",
            prose(&it.kind),
            prose(&it.name),
            human::moment(it.from_s),
            it.to_s.map_or("the end".to_owned(), human::moment),
            human::count(it.band),
            human::count(it.backlog_peak),
            prose(&recovery::time(it))
        );
    }
    text + &more(queue.recovery.len(), EVENTS)
}

/// What an outage does to the rest, and what comes after it.
fn patterns(queue: &QueueFacts) -> String {
    let mut text = String::new();
    if let Some(herd) = &queue.herd {
        let _infallible = writeln!(
            text,
            "Thundering herd after the outage: {}.\n",
            recovery::herd(herd).join(", ")
        );
    }
    if let Some(isolation) = &queue.isolation {
        let _infallible = writeln!(
            text,
            "Isolation: p99 of healthy destinations {} while another was faulty, {} before: \
             {}.\n",
            prose(&figures::duration(Some(isolation.during()))),
            prose(&figures::duration(Some(isolation.before()))),
            prose(&figures::times(isolation.inflation()))
        );
    }
    text
}
