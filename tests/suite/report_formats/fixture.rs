//! Two handmade findings: one run in which everything went wrong that a report can show, and one
//! without a blemish. Texts from peers are hostile.

use std::collections::BTreeMap;
use std::time::Duration;

use mailbench::measure::latency::summarise;
use mailbench::measure::results::{
    AttemptRow, Correctness, DestinationFacts, FaultFacts, Findings, Health, HealthCheck,
    HealthStatus, Interval, Latency, LedgerVerdict, LoadFacts, QueueFacts, Reason, ReplyCount,
    Resources, Results, RetryPoint, Run, SCHEMA_VERSION, SeriesRow, TargetFacts, ThresholdResult,
    ThresholdStatus, Tool, Verdict, Violation, Warning,
};
use mailbench::measure::samples::Samples;

/// What a hostile peer would say.
pub(super) const HOSTILE: &str =
    "451 4.7.1 \x1b[31mwait\x1b[0m\r\n::error::pwned </script>]]> |a`b| @all";

/// A run in which everything went wrong.
pub(super) fn rich() -> Findings {
    Findings {
        results: Results {
            thresholds: rich_thresholds(),
            correctness: Correctness {
                verdict: LedgerVerdict::Invalid,
                violations: rich_violations(),
            },
            warnings: rich_warnings(),
            verdict: rich_verdict(),
            health: rich_health(),
            faults: rich_faults(),
            counts: rich_counts(),
            rates: rates(&[("offered", 998.7), ("accepted", 995.4), ("delivered", 992.1)]),
            latency: rich_latency(),
            queue: rich_queue(),
            destinations: rich_destinations(),
            retry_curve: rich_retries(),
            replies: vec![ReplyCount {
                by: "sink".to_owned(),
                stage: "rcpt-to".to_owned(),
                code: 451,
                count: 812,
                example: HOSTILE.to_owned(),
            }],
            ..clean().results
        },
        series: series(true),
        attempts: vec![attempt("deferred", HOSTILE), attempt("taken", "250 2.0.0 ok")],
        intervals: intervals(),
    }
}

/// A run without a blemish.
pub(super) fn clean() -> Findings {
    Findings {
        results: clean_results(),
        series: series(false),
        attempts: vec![],
        intervals: intervals(),
    }
}

fn clean_results() -> Results {
    Results {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "mailbench".to_owned(), version: "0.1.0".to_owned() },
        run: run(),
        environment: [("os".to_owned(), "Linux 6.12".to_owned())].into(),
        target: TargetFacts {
            kind: "relay".to_owned(),
            version: "0.1.0".to_owned(),
            address: "127.0.0.1:40123".to_owned(),
        },
        health: Health { status: HealthStatus::Valid, checks: vec![lag_check(210.0)] },
        load: LoadFacts {
            model: "open".to_owned(),
            arrival: "poisson".to_owned(),
            planned_per_s: Some(1000.0),
            offered_per_s: 998.7,
            planned_messages: Some(30_000),
            offered_messages: 29_961,
            sessions: 50,
        },
        counts: counts(&[
            ("offered", 29_961),
            ("accepted", 29_961),
            ("delivered", 29_961),
            ("lost", 0),
        ]),
        rates: rates(&[("offered", 998.7), ("accepted", 998.7), ("delivered", 998.7)]),
        latency: [
            ("submit_response".to_owned(), latency(29_961, 1.0, 0)),
            ("submit_service".to_owned(), latency(29_961, 0.9, 0)),
            ("e2e_response".to_owned(), latency(29_961, 8.0, 0)),
        ]
        .into(),
        queue: clean_queue(),
        destinations: vec![destination(
            "yahoo.test",
            &[("accepted", 29_961), ("delivered", 29_961)],
            8.0,
        )],
        faults: vec![],
        retry_curve: vec![],
        replies: vec![],
        correctness: Correctness { verdict: LedgerVerdict::Valid, violations: vec![] },
        thresholds: vec![threshold("lost == 0", ThresholdStatus::Met, Some("0"), 40)],
        resources: Resources { cpu_s: 4.2, cpu_share: 0.11, rss_max_bytes: 41 << 20, cores: 4 },
        warnings: vec![],
        verdict: Verdict { status: "pass".to_owned(), exit_code: 0, reasons: vec![] },
    }
}

fn run() -> Run {
    Run {
        id: "k3f9".to_owned(),
        name: "deferral-storm".to_owned(),
        question: "Does anything get lost, or does healthy mail wait, while one of three \
                   destinations defers everything for ten seconds?"
            .to_owned(),
        started_at: "2026-11-24T18:30:00Z".to_owned(),
        duration_s: 52.4,
        measured_from_s: 5.0,
        measured_to_s: 35.0,
        seed: 42,
        scenario_sha256: "ab".repeat(32),
        command: "mailbench run scenarios/deferral-storm.toml --seed 42".to_owned(),
        interrupted: false,
        complete: true,
        labels: BTreeMap::new(),
    }
}

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn rates(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect()
}

fn rich_counts() -> BTreeMap<String, u64> {
    counts(&[
        ("offered", 29_961),
        ("accepted", 29_801),
        ("refused", 129),
        ("indeterminate", 31),
        ("delivered", 29_780),
        ("bounced", 8),
        ("pending", 10),
        ("lost", 3),
        ("recovered", 30),
        ("never_happened", 1),
        ("duplicates", 2),
        ("duplicates_excused", 2),
        ("duplicates_withheld", 2),
        ("duplicates_unexcused", 0),
        ("receptions", 29_812),
        ("corrupted", 1),
        ("phantom", 0),
        ("deferred", 10_240),
        ("a_class_of_tomorrow", 5),
    ])
}

/// A spread of durations that looks like a service time: most near `scale` ms, a long tail.
fn latency(count: u32, scale: f64, censored: u32) -> Latency {
    let mut samples = Samples::default();
    for n in 0..count {
        let share = (f64::from(n) + 0.5) / f64::from(count);
        samples.record(Duration::from_secs_f64(scale / 1e3 * (1.0 - (1.0 - share).ln())));
    }
    (0..censored).for_each(|n| samples.censor(Duration::from_secs(30 + u64::from(n))));
    summarise(&samples)
}

fn rich_latency() -> BTreeMap<String, Latency> {
    [
        ("submit_response".to_owned(), latency(29_801, 3.1, 0)),
        ("submit_service".to_owned(), latency(29_801, 3.0, 0)),
        ("queue_time".to_owned(), latency(29_790, 12.0, 0)),
        ("relay_latency".to_owned(), latency(29_780, 300.0, 13)),
        ("e2e_response".to_owned(), latency(29_780, 310.0, 400)),
        ("retry_gap".to_owned(), latency(300, 2000.0, 0)),
        ("stage_rcpt_to".to_owned(), latency(29_961, 0.4, 0)),
    ]
    .into()
}

fn clean_queue() -> QueueFacts {
    QueueFacts {
        backlog_max: 14,
        backlog_max_at_s: 12.0,
        backlog_mean: 4.2,
        backlog_end: 0,
        length_max: Some(16),
        length_mean: Some(4.4),
        length_end: Some(0),
        proved_empty: true,
        drain_time_s: Some(0.04),
        attempts_per_delivery_mean: Some(1.0),
        attempts_per_delivery_max: Some(1),
        fairness: None,
    }
}

fn rich_queue() -> QueueFacts {
    QueueFacts {
        backlog_max: 4_121,
        backlog_max_at_s: 19.0,
        backlog_mean: 1_310.4,
        backlog_end: 10,
        length_max: None,
        length_mean: None,
        length_end: None,
        proved_empty: false,
        drain_time_s: None,
        attempts_per_delivery_mean: Some(1.34),
        attempts_per_delivery_max: Some(5),
        fairness: Some(0.9987),
    }
}

fn destination(domain: &str, of: &[(&str, u64)], scale: f64) -> DestinationFacts {
    let delivered = u32::try_from(of[1].1).expect("a small count");
    DestinationFacts {
        domain: domain.to_owned(),
        faulty: domain == "gmail.test",
        counts: counts(of),
        latency: [("e2e_response".to_owned(), latency(delivered, scale, 0))].into(),
        attempts_per_delivery_mean: Some(if domain == "gmail.test" { 1.81 } else { 1.0 }),
    }
}

fn rich_destinations() -> Vec<DestinationFacts> {
    let gmail = [
        ("accepted", 14_900),
        ("delivered", 14_879),
        ("deferred", 10_240),
        ("bounced", 8),
        ("lost", 3),
    ];
    vec![
        destination("gmail.test", &gmail, 900.0),
        destination("yahoo.test", &[("accepted", 14_871), ("delivered", 14_871)], 8.0),
        destination("tiny.test", &[("accepted", 30), ("delivered", 30)], 8.0),
    ]
}

fn rich_faults() -> Vec<FaultFacts> {
    vec![
        FaultFacts {
            name: "storm".to_owned(),
            stage: "rcpt-to".to_owned(),
            destination: Some("gmail.test".to_owned()),
            action: "defer: 451 4.7.1 Greylisted, please try again later".to_owned(),
            during_s: Some((10.0, 20.0)),
            struck: 10_240,
        },
        FaultFacts {
            name: "cut".to_owned(),
            stage: "end-of-data".to_owned(),
            destination: None,
            action: "disconnect: fin".to_owned(),
            during_s: None,
            struck: 0,
        },
    ]
}

fn rich_retries() -> Vec<RetryPoint> {
    let point = |attempt: u32, configured_s: f64, count| RetryPoint {
        attempt,
        configured_s,
        count,
        p5_s: configured_s * 0.91,
        p50_s: configured_s * 1.01,
        p95_s: configured_s * 1.12,
        early: u64::from(attempt == 2),
        missed: u64::from(attempt == 3) * 10,
    };
    vec![point(1, 2.0, 8_003), point(2, 4.0, 1_912), point(3, 8.0, 0)]
}

fn rich_violations() -> Vec<Violation> {
    let violation = |class: &str, probe: u64| Violation {
        class: class.to_owned(),
        probe: Some(probe),
        recipient: Some(format!("mb+{probe}@gmail.test")),
        evidence: vec![
            "3.001s accepted by the target: 250 2.0.0 queued as 7F3".to_owned(),
            format!("3.207s attempt 1 deferred at rcpt-to: {HOSTILE}"),
            "52.400s queue proved empty, no DSN".to_owned(),
        ],
    };
    let mut violations: Vec<Violation> = (0..3).map(|n| violation("lost", 1200 + n)).collect();
    violations.push(violation("corrupted", 77));
    violations.extend((0..3).map(|n| Violation { evidence: vec![], ..violation("corrupted", n) }));
    violations
}

fn threshold(
    expr: &str,
    status: ThresholdStatus,
    actual: Option<&str>,
    line: u32,
) -> ThresholdResult {
    ThresholdResult {
        expr: expr.to_owned(),
        ok: status == ThresholdStatus::Met,
        actual: actual.map(str::to_owned),
        status,
        line,
    }
}

fn rich_thresholds() -> Vec<ThresholdResult> {
    vec![
        threshold(
            "e2e_response{destination=yahoo.test}.p99 < 1s",
            ThresholdStatus::Met,
            Some("45ms"),
            40,
        ),
        threshold("lost == 0", ThresholdStatus::Missed, Some("3"), 41),
        threshold("e2e_response.p99 < 2s", ThresholdStatus::Missed, Some("at least 30.2s"), 42),
        threshold("retry_gap.p9999 < 1m", ThresholdStatus::NoData, None, 43),
    ]
}

fn lag_check(us: f64) -> HealthCheck {
    HealthCheck {
        id: "schedule_lag_p99".to_owned(),
        status: HealthStatus::Valid,
        value: us,
        warn: 1000.0,
        invalid: 10_000.0,
        unit: "us".to_owned(),
        advice: String::new(),
    }
}

fn rich_health() -> Health {
    let check = |id: &str, status, value, (warn, invalid), unit: &str, advice: &str| HealthCheck {
        id: id.to_owned(),
        status,
        value,
        warn,
        invalid,
        unit: unit.to_owned(),
        advice: advice.to_owned(),
    };
    let cpu = "mailbench itself was short of CPU, so its own times are too long: use a lower rate \
               or a faster machine";
    let hiccup = "the machine paused mailbench: look for other load";
    Health {
        status: HealthStatus::Invalid,
        checks: vec![
            lag_check(210.0),
            check("sessions_waiting", HealthStatus::Valid, 3.0, (100.0, 1000.0), "messages", ""),
            check("cpu_share", HealthStatus::Invalid, 0.97, (0.7, 0.9), "share", cpu),
            check("hiccup_max", HealthStatus::Warn, 31_000.0, (20_000.0, 200_000.0), "us", hiccup),
        ],
    }
}

fn rich_warnings() -> Vec<Warning> {
    vec![
        Warning {
            id: "too-few-samples".to_owned(),
            message: "retry_gap has 300 samples: p99 and beyond are not stated; run longer or \
                      offer more"
                .to_owned(),
        },
        Warning {
            id: "fault-never-struck".to_owned(),
            message: format!("fault cut never struck; a peer said {HOSTILE}"),
        },
    ]
}

fn rich_verdict() -> Verdict {
    let reason = |class: &str, exit_code, message: &str| Reason {
        class: class.to_owned(),
        exit_code,
        message: message.to_owned(),
    };
    Verdict {
        status: "fail".to_owned(),
        exit_code: 97,
        reasons: vec![
            reason("lost", 97, "3 accepted probes were lost"),
            reason("corrupted", 97, "1 probe arrived corrupted"),
            reason("threshold", 99, "e2e_response.p99 < 2s: at least 30.2s"),
            reason("invalid", 96, "the instrument was short of CPU"),
        ],
    }
}

/// A backlog that rises during the storm and falls after it, or stays low.
fn series(stormy: bool) -> Vec<SeriesRow> {
    (0..52).map(|t_s| second(t_s, stormy)).collect()
}

fn second(t_s: u64, stormy: bool) -> SeriesRow {
    let (period, rate) = match t_s {
        0..5 => ("warm-up", 500),
        5..35 => ("measured", 1000),
        _ => ("drain", 0),
    };
    let storm = stormy && (15..25).contains(&t_s);
    let backlog = match t_s {
        15..25 if stormy => (t_s - 14) * 410,
        25..50 if stormy => (50 - t_s) * 160,
        5..35 => 4 + t_s % 11,
        _ => 0,
    };
    SeriesRow {
        t_s,
        period: period.to_owned(),
        offered: rate,
        accepted: rate,
        delivered: if storm { rate / 2 } else { rate },
        deferred: if storm { 400 } else { 0 },
        backlog,
        queue_length: (!stormy).then_some(backlog + 2),
        conns: 50,
        e2e_p99_us: (rate > 0).then_some(45_000),
        cpu_pct: 12.5,
        rss_bytes: 41 << 20,
        faults: if storm { "storm".to_owned() } else { String::new() },
        ..SeriesRow::default()
    }
}

fn attempt(outcome: &str, text: &str) -> AttemptRow {
    AttemptRow {
        started_s: 3.206,
        ended_s: 3.207,
        probe: 1200,
        destination: "gmail.test".to_owned(),
        attempt: 1,
        session: 7,
        stage: "rcpt-to".to_owned(),
        outcome: outcome.to_owned(),
        code: Some(451),
        enhanced: "4.7.1".to_owned(),
        text: text.to_owned(),
        fault: "storm".to_owned(),
        confirmed: false,
        damage: String::new(),
    }
}

fn intervals() -> Vec<Interval> {
    let interval = |metric: &str, second: u32| Interval {
        metric: metric.to_owned(),
        start_s: f64::from(second),
        length_s: 1.0,
        values_us: (1..=20).map(|n| n * 1000 * (second + 1)).collect(),
    };
    vec![
        interval("submit_response", 5),
        interval("e2e_response", 5),
        interval("submit_response", 6),
        interval("e2e_response", 6),
    ]
}
