//! What was done to the target, how it came back, and what its processes used.

use super::exposition::Exposition;
use crate::measure::results::{ChaosFacts, Results, TargetResources};

/// The families.
pub(super) fn target(out: &mut Exposition, results: &Results) {
    if !results.chaos.is_empty() {
        chaos(out, &results.chaos);
    }
    if let Some(used) = &results.resources.target {
        resources(out, used);
    }
}

/// Where a strike has no value the target never came back, or nothing was to come back.
fn chaos(out: &mut Exposition, strikes: &[ChaosFacts]) {
    type Value = fn(&ChaosFacts) -> Option<f64>;
    let families: [(&str, &str, Value); 4] = [
        ("at", "Into the measured period.", |strike| Some(strike.at_s)),
        ("down", "From the strike until the target greeted again.", |strike| strike.down_s),
        ("first_accept", "From the strike to the first message accepted once it was back.", |it| {
            it.first_accept_s
        }),
        ("first_delivery", "From the strike to the first delivery once it was back.", |it| {
            it.first_delivery_s
        }),
    ];
    for (what, help, value) in families {
        let name = format!("mailbench_chaos_{what}_seconds");
        out.family((&name, "gauge", "seconds"), help);
        for (number, strike) in strikes.iter().enumerate() {
            if let Some(value) = value(strike) {
                let number = number.to_string();
                let labels = [("chaos", strike.what.as_str()), ("number", &number)];
                out.sample(&name, &labels, value);
            }
        }
    }
}

fn resources(out: &mut Exposition, used: &TargetResources) {
    let cpu = "mailbench_target_cpu_cores";
    out.family((cpu, "gauge", "cores"), "CPU of the target's processes.");
    out.sample(cpu, &[("stat", "mean")], used.cpu_mean_cores);
    out.sample(cpu, &[("stat", "max")], used.cpu_max_cores);
    let memory = "mailbench_target_resident_memory_bytes";
    out.family((memory, "gauge", "bytes"), "Memory of the target's processes.");
    out.sample(memory, &[("stat", "mean")], used.rss_mean_bytes);
    out.sample(memory, &[("stat", "max")], used.rss_max_bytes);
    if let Some((mean, max)) = used.io_mean_bytes_per_s.zip(used.io_max_bytes_per_s) {
        let disk = "mailbench_target_io_bytes_per_second";
        out.family((disk, "gauge", ""), "To and from disks.");
        out.sample(disk, &[("stat", "mean")], mean);
        out.sample(disk, &[("stat", "max")], max);
    }
}
