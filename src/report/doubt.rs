//! What the instrument itself may have done to the figures, in lines that every human format
//! shares: when it stood still, what it waited for, and between what the figures in doubt lie.

use super::human;
use crate::measure::results::Results;

/// Hiccups from this length on are listed, microseconds: shorter ones are a busy machine's.
const HICCUP: u64 = 10_000;

/// Waits from this length on, microseconds a message.
const WAIT: u64 = 1_000;

/// The figures that are listed.
const METRICS: [&str; 3] = ["submit_response", "submit_service", "e2e_response"];
const STATS: [&str; 5] = ["p50", "p90", "p99", "p999", "max"];

/// Hiccups listed; the rest is in `report.json`.
const LISTED: usize = 3;

/// A name and what is to be said; none where all is well.
pub(super) fn lines(results: &Results) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut add = |name: &str, said: Vec<String>| {
        if !said.is_empty() {
            lines.push((name.to_owned(), said.join(", ")));
        }
    };
    add("longest pauses", hiccups(results));
    add("waits", waits(results));
    lines.extend(figures(results));
    lines
}

fn hiccups(results: &Results) -> Vec<String> {
    let long = results.health.hiccups.iter().filter(|one| one.length_us >= HICCUP);
    long.take(LISTED)
        .map(|one| format!("{} at {:.1}s", human::duration_us(one.length_us), one.at_s))
        .collect()
}

fn waits(results: &Results) -> Vec<String> {
    let Some(waits) = results.health.contention else { return Vec::new() };
    let each = [
        (waits.wait_per_message_us, "mailbench for a processor"),
        (waits.target_wait_per_message_us, "the target for a processor that others held"),
        (waits.sink_per_message_us, "the sink from final dot to reply"),
    ];
    let long = each.iter().filter(|(us, _)| *us >= WAIT);
    long.map(|(us, who)| format!("{who} {} a message", human::duration_us(*us))).collect()
}

/// What the headline figures in doubt lie between; those of other metrics are in `report.json`.
fn figures(results: &Results) -> Vec<(String, String)> {
    let metrics = METRICS.iter().filter_map(|metric| Some((metric, results.latency.get(*metric)?)));
    let of_metric = metrics.map(|(metric, latency)| {
        let shown = latency.doubtful.iter().filter(|one| STATS.contains(&one.stat.as_str()));
        let each = shown.map(|one| {
            let [least, most] = [one.least, one.most].map(human::duration_us);
            format!("{} {least} to {most}", one.stat)
        });
        (format!("{metric} in doubt"), each.collect::<Vec<_>>().join(", "))
    });
    of_metric.filter(|(_, said)| !said.is_empty()).collect()
}
