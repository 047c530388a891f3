//! Where a run stands. These sums count everything offered, warm-up too, which those of the end
//! do not; so they have names of their own.

use super::exposition::Exposition;
use crate::report::progress::Snapshot;

/// The families.
pub(super) fn standing(out: &mut Exposition, snapshot: &Snapshot) {
    let tally = &snapshot.tally;
    let elapsed = snapshot.elapsed.as_secs_f64();
    out.gauge("mailbench_live_elapsed_seconds", "seconds", elapsed, "Since the load began.");
    let left = snapshot.left().as_secs_f64();
    out.gauge("mailbench_live_left_seconds", "seconds", left, "Until the run ends, at most.");
    out.family(("mailbench_live_period", "gauge", ""), "1: the run is in this period.");
    out.sample("mailbench_live_period", &[("period", snapshot.period.name())], 1);
    out.family(("mailbench_live_probes", "counter", ""), "Probes so far, warm-up included.");
    let probes = [
        ("offered", tally.offered),
        ("accepted", tally.accepted),
        ("refused", tally.refused),
        ("indeterminate", tally.indeterminate),
        ("not_sent", tally.not_sent),
        ("delivered", tally.delivered),
        ("bounced", tally.bounced),
    ];
    for (outcome, count) in probes {
        out.sample("mailbench_live_probes_total", &[("outcome", outcome)], count);
    }
    out.family(("mailbench_live_attempts", "counter", ""), "Attempts turned down by the sink.");
    let attempts = [("deferred", tally.deferred_attempts), ("rejected", tally.rejected_attempts)];
    for (outcome, count) in attempts {
        out.sample("mailbench_live_attempts_total", &[("outcome", outcome)], count);
    }
    let help = "Accepted, not yet delivered or bounced.";
    out.gauge("mailbench_live_backlog", "", tally.backlog, help);
    let help = "Delivered in the last second, probes a second.";
    out.gauge("mailbench_live_delivery_rate", "", snapshot.rate_per_s, help);
    if let Some(p99) = snapshot.e2e_p99 {
        let help = "Due to the sink's 250, 99th percentile of the last deliveries.";
        let name = "mailbench_live_e2e_response_p99_seconds";
        out.gauge(name, "seconds", p99.as_secs_f64(), help);
    }
    out.family(("mailbench_live_fault_active", "gauge", ""), "1: this fault holds now.");
    for fault in &snapshot.faults {
        out.sample("mailbench_live_fault_active", &[("fault", fault)], 1);
    }
}
