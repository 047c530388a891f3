//! The queue: what waited, what the target said of it, and how long it took to empty.

use super::chart::Form;
use super::table::{Tile, table, tiles, toned};
use super::timeline::{Column, Fold, Timeline};
use crate::measure::results::{Findings, QueueFacts, RecoveryFacts};
use crate::report::escape::xml;
use crate::report::human;
use crate::report::recovery;

/// The section.
pub(super) fn backlog(findings: &Findings) -> String {
    let chart = Timeline::of(findings).map_or_else(String::new, |timeline| {
        let mut columns = vec![
            Column {
                name: "backlog (accepted, not yet delivered or bounced)",
                colour: "sent",
                form: Form::Area,
                value: |row| Some(row.backlog as f64),
                fold: Fold::Level,
                said: String::new(),
            },
            Column {
                name: "queue length, as the target says",
                colour: "queue",
                form: Form::Dashed,
                value: |row| row.queue_length.map(|length| length as f64),
                fold: Fold::Most,
                said: String::new(),
            },
        ];
        if findings.results.queue.deferred_max.is_some() {
            columns.push(Column {
                name: "of it deferred",
                colour: "deferred",
                form: Form::Dashed,
                value: |row| row.queue_deferred.map(|deferred| deferred as f64),
                fold: Fold::Most,
                said: String::new(),
            });
        }
        timeline.chart("Probes waiting", columns).figure()
    });
    let queue = &findings.results.queue;
    tiles(&facts(queue)) + &chart + &recovered(queue) + &connections(queue)
}

/// How long after each fault and act of chaos the backlog was as before.
fn recovered(queue: &QueueFacts) -> String {
    let row = |it: &RecoveryFacts| {
        let tone = if it.at_least { "doubt" } else { "" };
        vec![
            xml(&it.name),
            xml(&it.kind),
            human::moment(it.from_s),
            it.to_s.map_or("the end".to_owned(), human::moment),
            human::count(it.band),
            human::count(it.backlog_peak),
            toned(tone, &recovery::time(it)),
        ]
    };
    let titles =
        ["recovery", "=kind", "#from", "#to", "#band before", "#backlog, peak", "#recovered in"];
    let rows: Vec<Vec<String>> = queue.recovery.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&titles, rows) + &format!("<p class=\"faint\">{}</p>\n", recovery::MEANING)
}

fn connections(queue: &QueueFacts) -> String {
    let Some(facts) = &queue.connection_attempts else { return String::new() };
    let mut said = recovery::connections(facts).join(", ");
    said.extend(facts.not_known.iter().map(|why| format!(": {why}")));
    format!("<p>Connections of the target: {}</p>\n", xml(&said))
}

fn facts(queue: &QueueFacts) -> Vec<Tile> {
    let drained = match queue.drain_time_s {
        _ if queue.backlog_max == 0 => "nothing to drain".to_owned(),
        Some(seconds) if seconds < 1e-3 => "at once".to_owned(),
        Some(seconds) => human::duration_s(seconds),
        None => "did not drain".to_owned(),
    };
    let number = |value: Option<f64>| value.map_or_else(String::new, human::number);
    let at = format!("at {}", human::moment(queue.backlog_max_at_s));
    let length = queue.length_max.map_or_else(String::new, human::count);
    let states = [("deferred", queue.deferred_max), ("frozen", queue.frozen_max)];
    let states =
        states.into_iter().filter_map(|(state, most)| Some((state, most.filter(|n| *n > 0)?)));
    let states: Vec<String> =
        states.map(|(state, most)| format!("{} {state} at most", human::count(most))).collect();
    let attempts =
        queue.attempts_per_delivery_max.map_or_else(String::new, |most| format!("most {most}"));
    let proof = if queue.proved_empty { "yes" } else { "no" };
    vec![
        Tile("backlog, peak", human::count(queue.backlog_max), at),
        Tile("mean", human::number(queue.backlog_mean), String::new()),
        Tile("at the close", human::count(queue.backlog_end), String::new()),
        Tile("drained", drained, String::new()),
        Tile("target's queue, peak", length, states.join(", ")),
        Tile("proved empty", proof.to_owned(), String::new()),
        Tile("attempts per delivery", number(queue.attempts_per_delivery_mean), attempts),
    ]
}
