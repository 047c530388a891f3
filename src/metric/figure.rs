//! The figures by which runs are compared: their names, and which of them decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// Figures that decide, unless the user names others. Few, since each further question asked of
/// the same runs makes every answer weaker.
pub const GATED: [&str; 4] =
    ["e2e_response.p50", "e2e_response.p99", "submit_response.p99", "delivered.rate"];

/// Most figures that may decide.
pub const GATED_MOST: usize = 4;

/// Latency figures of a whole run.
pub const LATENCIES: [(&str, &[&str]); 4] = [
    ("e2e_response", &["p50", "p90", "p99"]),
    ("submit_response", &["p50", "p99"]),
    ("submit_service", &["p50", "p99"]),
    ("relay_latency", &["p50", "p99"]),
];

/// Rates: events inside the measured period per second of it, and goodput.
pub const RATES: [&str; 3] = ["delivered", "accepted", "goodput"];

/// The names of every figure a run may have, without those of destinations.
#[must_use]
pub fn names() -> Vec<String> {
    let latencies = LATENCIES
        .iter()
        .flat_map(|(metric, stats)| stats.iter().map(move |stat| format!("{metric}.{stat}")));
    let rates = RATES.iter().map(|rate| format!("{rate}.rate"));
    let others = OTHERS.iter().map(|(name, _)| (*name).to_owned());
    latencies.chain(rates).chain(others).collect()
}

/// The names of the figures of destinations with these domains; those of a run with one only are the
/// run's.
#[must_use]
pub fn names_by_destination(domains: &[&str]) -> Vec<String> {
    let several = domains.iter().filter(|_| domains.len() > 1);
    several
        .flat_map(|domain| OF_DESTINATION.map(|stat| format!("{}.{stat}", metric_of(domain))))
        .collect()
}

/// Figures of a destination's own end-to-end times.
pub const OF_DESTINATION: [&str; 2] = ["p50", "p99"];

/// The end-to-end times of mail to this domain.
#[must_use]
pub fn metric_of(domain: &str) -> String {
    format!("e2e_response{{destination={domain}}}")
}

/// What is neither latency nor rate, with what it is counted in; less is better.
pub const OTHERS: [(&str, &str); 8] = [
    ("drain_time", "s"),
    ("recovery_time.max", "s"),
    ("connection_attempts.per_delivery", ""),
    ("backlog.max", ""),
    ("attempts_per_delivery.mean", ""),
    ("target_cpu.mean", "cores"),
    ("target_rss.mean", "bytes"),
    ("target_io.mean", "bytes/s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_by_default_is_known() {
        let known = names();
        assert!(GATED.iter().all(|gated| known.iter().any(|name| name == gated)), "{known:?}");
        assert!(GATED.len() <= GATED_MOST);
    }

    #[test]
    fn a_lone_destination_has_no_figures_of_its_own() {
        assert!(names_by_destination(&["a.test"]).is_empty());
        let several = names_by_destination(&["a.test", "b.test"]);
        assert_eq!(several[3], "e2e_response{destination=b.test}.p99");
    }
}
