//! Faults and chaos on the run's timeline, and what the target's processes used.

use super::exposition::Exposition;
use crate::measure::results::Results;

/// The families.
pub(super) fn target(out: &mut Exposition, results: &Results) {
    if let Some(died) = &results.target.died {
        let name = "mailbench_target_died_seconds";
        let help = "When the target ended by itself, from the measured period on.";
        out.family((name, "gauge", "seconds"), help);
        out.sample(name, &[("status", died.status.as_str())], died.at_s);
    }
    timeline(out, results);
    resources(out, results);
}

fn timeline(out: &mut Exposition, results: &Results) {
    let windows = || results.faults.iter().filter_map(|fault| Some((fault, fault.during_s?)));
    if windows().next().is_some() {
        let name = "mailbench_fault_window_seconds";
        out.family((name, "gauge", "seconds"), "A fault's window, from the measured period on.");
        for (fault, (start, end)) in windows() {
            out.sample(name, &[("fault", fault.name.as_str()), ("edge", "start")], start);
            out.sample(name, &[("fault", fault.name.as_str()), ("edge", "end")], end);
        }
    }
    if results.chaos.is_empty() {
        return;
    }
    let name = "mailbench_chaos_seconds";
    let help = "When chaos was injected, from the measured period on; and from then to its end (down), \
                the first message accepted and the first probe delivered again.";
    out.family((name, "gauge", "seconds"), help);
    for (nth, strike) in (1_u32..).zip(&results.chaos) {
        let nth = nth.to_string();
        let figures = [
            ("at", Some(strike.at_s)),
            ("down", strike.down_s),
            ("first_accept", strike.first_accept_s),
            ("first_delivery", strike.first_delivery_s),
        ];
        for (stat, value) in figures {
            let Some(value) = value else { continue };
            let labels = [("chaos", strike.what.as_str()), ("strike", &nth), ("stat", stat)];
            out.sample(name, &labels, value);
        }
    }
}

/// What the target's processes used.
fn resources(out: &mut Exposition, results: &Results) {
    let Some(used) = &results.resources.target else { return };
    let name = "mailbench_target_cpu_cores";
    out.family((name, "gauge", "cores"), "Cores used by the target's processes.");
    out.sample(name, &[("stat", "mean")], used.cpu_mean_cores);
    out.sample(name, &[("stat", "max")], used.cpu_max_cores);
    let name = "mailbench_target_memory_bytes";
    out.family((name, "gauge", "bytes"), "Resident memory of the target's processes.");
    out.sample(name, &[("stat", "mean")], used.rss_mean_bytes);
    out.sample(name, &[("stat", "max")], used.rss_max_bytes);
    if let Some((mean, max)) = used.io_mean_bytes_per_s.zip(used.io_max_bytes_per_s) {
        let name = "mailbench_target_io_bytes";
        out.family((name, "gauge", "bytes"), "Bytes a second to and from disks.");
        out.sample(name, &[("stat", "mean")], mean);
        out.sample(name, &[("stat", "max")], max);
    }
}
