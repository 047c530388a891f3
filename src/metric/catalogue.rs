//! What can be bounded: the metrics, with the figures each has.

use super::flow::{Flow, GOODPUT};
use super::latency::LatencyMetric;

/// What a threshold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A latency metric.
    Latency(LatencyMetric),
    /// A count, by the name it has in `counts` of the report.
    Count(&'static str),
    /// Accepted less delivered less bounced.
    Backlog,
    /// The queue as the target reports it.
    QueueLength,
    /// Probes of the measured period delivered, over the period and the drain they needed.
    Goodput,
    /// Last fault healed or load stopped to backlog 0.
    DrainTime,
    /// End of a fault window or a chaos event to the backlog as before.
    RecoveryTime,
    /// Connections that the target tried to open to destinations.
    ConnectionAttempts,
    /// Flushes of the disk under the queue for each accepted probe.
    DiskFlushes,
    /// Attempts for each delivered probe.
    AttemptsPerDelivery,
    /// Jain index over the destinations without a fault.
    Fairness,
    /// CPU of the target's processes, cores.
    TargetCpu,
    /// Resident memory of the target's processes.
    TargetRss,
    /// What the target's processes move to and from disks.
    TargetIo,
}

/// One figure of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names explain them")]
pub enum Stat {
    Min,
    Mean,
    P50,
    P75,
    P90,
    P95,
    P99,
    P999,
    P9999,
    Max,
    Count,
    Rate,
    End,
    Value,
    PerDelivery,
}

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A span of time; a bound reads `250ms`.
    Duration,
    /// A plain number.
    Number,
    /// Events a second; a bound reads `200/s`.
    Rate,
    /// A number from 0 to 1; a bound reads `0.95` or `95%`.
    Share,
    /// A size; a bound reads `200MiB`.
    Bytes,
    /// Bytes a second; a bound reads `5MiB/s`.
    ByteRate,
}

/// Counts of probes (and, `deferred`, of attempts) that have a rate as well.
const FLOWS: [&str; Flow::ALL.len()] = {
    let mut names = [""; Flow::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Flow::ALL[index].name();
        index += 1;
    }
    names
};

/// Counts that have none.
const COUNTS: [&str; 24] = [
    "pending",
    "lost",
    "unaccounted",
    "duplicates",
    "duplicates_excused",
    "duplicates_unexcused",
    "corrupted",
    "altered",
    "readdressed",
    "copied",
    "foreign",
    "phantom",
    "misrouted",
    "delivered_after_refusal",
    "delivered_before_end_of_data",
    "smuggled",
    "bounced_and_delivered",
    "false_bounce",
    "unconfirmed",
    "indeterminate_delivered",
    "indeterminate_not_delivered",
    "null_sender_discarded",
    "reordered",
    "overtaking",
];

/// Metrics that are neither latencies nor counts.
const OTHERS: [(&str, Subject); 12] = [
    (GOODPUT, Subject::Goodput),
    ("recovery_time", Subject::RecoveryTime),
    ("connection_attempts", Subject::ConnectionAttempts),
    ("backlog", Subject::Backlog),
    ("queue_length", Subject::QueueLength),
    ("drain_time", Subject::DrainTime),
    ("attempts_per_delivery", Subject::AttemptsPerDelivery),
    ("disk_flushes_per_accepted", Subject::DiskFlushes),
    ("fairness", Subject::Fairness),
    ("target_cpu", Subject::TargetCpu),
    ("target_rss", Subject::TargetRss),
    ("target_io", Subject::TargetIo),
];

impl Subject {
    /// The metric with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Subject> {
        let latency = LatencyMetric::ALL.into_iter().find(|metric| metric.name() == name);
        let count = FLOWS.into_iter().chain(COUNTS).find(|count| *count == name);
        let other = OTHERS.into_iter().find(|(other, _)| *other == name);
        latency
            .map(Subject::Latency)
            .or(count.map(Subject::Count))
            .or(other.map(|(_, subject)| subject))
    }

    /// The names of all metrics.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let latencies = LatencyMetric::ALL.into_iter().map(LatencyMetric::name);
        latencies.chain(FLOWS).chain(COUNTS).chain(OTHERS.map(|(name, _)| name))
    }

    /// The figures it has.
    #[must_use]
    pub fn stats(self) -> &'static [Stat] {
        use Stat::{Count, End, Max, Mean, PerDelivery, Rate, Value};
        match self {
            Subject::Latency(_) => &Stat::OF_LATENCY,
            Subject::Count(name) if FLOWS.contains(&name) => &[Count, Rate],
            Subject::Count(_) => &[Count],
            Subject::Backlog | Subject::QueueLength => &[Max, Mean, End],
            Subject::Goodput => &[Rate],
            Subject::DrainTime | Subject::Fairness | Subject::DiskFlushes => &[Value],
            Subject::RecoveryTime => &[Max],
            Subject::ConnectionAttempts => &[Count, PerDelivery],
            Subject::AttemptsPerDelivery
            | Subject::TargetCpu
            | Subject::TargetRss
            | Subject::TargetIo => &[Mean, Max],
        }
    }

    /// The figure that the bare name means.
    #[must_use]
    pub fn bare(self) -> Option<Stat> {
        match self {
            Subject::Count(_) | Subject::ConnectionAttempts => Some(Stat::Count),
            Subject::Goodput => Some(Stat::Rate),
            Subject::RecoveryTime => Some(Stat::Max),
            Subject::DrainTime | Subject::Fairness | Subject::DiskFlushes => Some(Stat::Value),
            _ => None,
        }
    }

    /// What one of its figures is counted in.
    #[must_use]
    pub fn unit(self, stat: Stat) -> Unit {
        match (self, stat) {
            (_, Stat::Count) => Unit::Number,
            (_, Stat::Rate) => Unit::Rate,
            (Subject::Latency(_) | Subject::DrainTime | Subject::RecoveryTime, _) => Unit::Duration,
            (Subject::Fairness, _) => Unit::Share,
            (Subject::TargetRss, _) => Unit::Bytes,
            (Subject::TargetIo, _) => Unit::ByteRate,
            _ => Unit::Number,
        }
    }

    /// Whether every destination has its own figures.
    #[must_use]
    pub fn by_destination(self) -> bool {
        match self {
            Subject::Latency(metric) => metric.by_destination(),
            Subject::Count(_) | Subject::Goodput => true,
            _ => false,
        }
    }
}

impl Stat {
    /// The figures of a latency.
    pub const OF_LATENCY: [Stat; 11] = [
        Stat::Min,
        Stat::Mean,
        Stat::P50,
        Stat::P75,
        Stat::P90,
        Stat::P95,
        Stat::P99,
        Stat::P999,
        Stat::P9999,
        Stat::Max,
        Stat::Count,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stat::Min => "min",
            Stat::Mean => "mean",
            Stat::P50 => "p50",
            Stat::P75 => "p75",
            Stat::P90 => "p90",
            Stat::P95 => "p95",
            Stat::P99 => "p99",
            Stat::P999 => "p999",
            Stat::P9999 => "p9999",
            Stat::Max => "max",
            Stat::Count => "count",
            Stat::Rate => "rate",
            Stat::End => "end",
            Stat::Value => "value",
            Stat::PerDelivery => "per_delivery",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject::from_name(name).expect(name)
    }

    #[test]
    fn each_figure_is_bounded_in_its_own_unit() {
        let cases = [
            ("e2e_response", Stat::P99, Unit::Duration),
            ("e2e_response", Stat::Count, Unit::Number),
            ("stage_rcpt_to", Stat::Mean, Unit::Duration),
            ("accepted", Stat::Count, Unit::Number),
            ("accepted", Stat::Rate, Unit::Rate),
            ("lost", Stat::Count, Unit::Number),
            ("backlog", Stat::Max, Unit::Number),
            ("queue_length", Stat::End, Unit::Number),
            ("drain_time", Stat::Value, Unit::Duration),
            ("goodput", Stat::Rate, Unit::Rate),
            ("recovery_time", Stat::Max, Unit::Duration),
            ("connection_attempts", Stat::Count, Unit::Number),
            ("connection_attempts", Stat::PerDelivery, Unit::Number),
            ("attempts_per_delivery", Stat::Mean, Unit::Number),
            ("disk_flushes_per_accepted", Stat::Value, Unit::Number),
            ("fairness", Stat::Value, Unit::Share),
            ("target_cpu", Stat::Mean, Unit::Number),
            ("target_rss", Stat::Max, Unit::Bytes),
            ("target_io", Stat::Mean, Unit::ByteRate),
        ];
        for (name, stat, unit) in cases {
            assert!(subject(name).stats().contains(&stat), "{name}.{}", stat.name());
            assert_eq!(subject(name).unit(stat), unit, "{name}.{}", stat.name());
        }
    }

    #[test]
    fn only_flows_have_a_rate_and_only_single_figures_a_bare_name() {
        for name in FLOWS {
            assert_eq!(subject(name).stats(), [Stat::Count, Stat::Rate], "{name}");
        }
        assert_eq!(subject("lost").stats(), [Stat::Count]);
        assert_eq!(subject("accepted").bare(), Some(Stat::Count));
        assert_eq!(subject("drain_time").bare(), Some(Stat::Value));
        assert_eq!(subject("goodput").bare(), Some(Stat::Rate));
        assert_eq!(subject("recovery_time").bare(), Some(Stat::Max));
        assert_eq!(subject("connection_attempts").bare(), Some(Stat::Count));
        for name in ["e2e_response", "backlog", "queue_length", "target_cpu"] {
            assert_eq!(subject(name).bare(), None, "{name}");
        }
    }

    #[test]
    fn what_belongs_to_a_destination_has_figures_by_destination() {
        for name in ["e2e_response", "queue_time", "retry_gap", "delivered", "lost", "goodput"] {
            assert!(subject(name).by_destination(), "{name}");
        }
        for name in ["schedule_lag", "stage_rcpt_to", "backlog", "fairness", "target_rss"] {
            assert!(!subject(name).by_destination(), "{name}");
        }
    }

    #[test]
    fn stat_names_are_those_of_the_report() {
        let names = Stat::OF_LATENCY.map(Stat::name);
        let expected =
            ["min", "mean", "p50", "p75", "p90", "p95", "p99", "p999", "p9999", "max", "count"];
        assert_eq!(names, expected);
        let others = [Stat::Rate, Stat::End, Stat::Value, Stat::PerDelivery].map(Stat::name);
        assert_eq!(others, ["rate", "end", "value", "per_delivery"]);
    }

    #[test]
    fn every_name_means_a_metric_with_figures() {
        assert_eq!(Subject::names().count(), 61);
        for name in Subject::names() {
            let subject = Subject::from_name(name).expect(name);
            let stats = subject.stats();
            assert!(!stats.is_empty(), "{name}");
            assert!(subject.bare().is_none_or(|bare| stats.contains(&bare)), "{name}");
        }
    }
}
