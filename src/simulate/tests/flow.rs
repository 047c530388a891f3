//! Simulated rates, recovery, connections and fairness.

use super::{assert_within, results};
use crate::measure::results::Results;

/// A target of 40 a second, whatever comes.
const FORTY: &str = "seed = 3\n\
    [target.delivery]\nconcurrency = 1\nper_destination = 1\n\
    [load]\narrival = \"constant\"\nrate = \"80/s\"\nwarm_up = \"5s\"\nduration = \"20s\"\n\
    drain = \"5m\"\n[simulate]\nservice = \"25ms\"\n[[destination]]\ndomain = \"a.test\"\n";

#[test]
fn a_rate_is_of_the_measured_period_and_an_overload_has_no_headroom() {
    let bounds = "[thresholds]\n\"delivered.rate\" = \"<= 40.5/s\"\ngoodput = \"<= 40.5/s\"\n\
                  \"delivered{destination=a.test}.rate\" = \"<= 40.5/s\"\n";
    let results = results(&[FORTY, bounds].concat());
    assert_eq!((results.counts["offered"], results.counts["delivered"]), (1600, 1600));
    let rate = |name: &str| results.rates[name];
    assert_within(rate("offered"), 80.0, 0.001);
    assert_within(rate("accepted"), 80.0, 0.01);
    assert_within(rate("delivered"), 40.0, 0.01);
    // 2,000 messages at 40/s, of which the first 400 are the warm-up's.
    assert_within(rate("goodput"), 1600.0 / (50.0 - 5.0), 0.01);
    assert!(results.thresholds.iter().all(|it| it.ok), "{:?}", results.thresholds);
    let sizing = results.sizing.expect("sizing");
    assert_within(sizing.delivered_per_s, 40.0, 0.01);
    assert_eq!((sizing.sustained, sizing.headroom), (false, 1.0));
}

/// Cut off after 10 s of drain: what waits of the warm-up is no mail of the period.
#[test]
fn an_undrained_run_counts_the_mail_of_its_period() {
    let results = results(&FORTY.replace("drain = \"5m\"", "drain = \"2s\""));
    let count = |name: &str| results.counts[name];
    assert_eq!((count("offered"), count("accepted")), (1600, 1600));
    assert_eq!(count("accepted"), count("delivered") + count("pending"));
    assert!(results.counts_outside_period.is_empty(), "first come, first served");
    assert_within(results.rates["offered"], 80.0, 0.001);
}

/// An hour of load; between 10 and 12 minutes nothing answers. Retries at fixed half minutes.
fn outage(first: &str) -> Results {
    let text = format!(
        "seed = 3\n[target.retry]\nschedule = \"fixed\"\nfirst = \"{first}\"\njitter = 0.5\n\
         give_up_after = \"1h\"\n\
         [target.delivery]\nconcurrency = 500\nper_destination = 500\n\
         [load]\nrate = \"5/s\"\nwarm_up = \"1m\"\nduration = \"1h\"\ndrain = \"10m\"\n\
         [simulate]\nservice = \"20ms\"\nconnect = \"1ms\"\n\
         [[destination]]\ndomain = \"a.test\"\n\
         [[fault]]\nname = \"down\"\nstage = \"connect\"\nduring = \"10m..12m\"\nrefuse = true\n\
         [thresholds]\n\"recovery_time.max\" = \"< 1m\"\nconnection_attempts = \"> 600\"\n"
    );
    results(&text)
}

#[test]
fn the_recovery_from_an_outage_is_seen_long_before_the_load_ends() {
    let results = outage("30s");
    let [recovery] = &results.queue.recovery[..] else { panic!("{:?}", results.queue.recovery) };
    assert!((600..=720).contains(&recovery.backlog_peak), "{recovery:?}");
    // The last of what waited has its retry at most 45 s after the end, and a few stragglers less.
    assert!((20.0..=46.0).contains(&recovery.recovery_time_s), "{recovery:?}");
    assert!(!recovery.at_least && recovery.band < 30, "{recovery:?}");
    assert!(results.queue.drain_time_s.is_some_and(|seconds| seconds < 1.0));
    assert!(results.thresholds.iter().all(|it| it.ok), "{:?}", results.thresholds);
}

/// The cost of a retry policy: attempts that found the port closed are connections, too.
#[test]
fn a_simulated_refusal_is_counted_as_connection_attempts() {
    let per_delivery = |first: &str| {
        let results = outage(first);
        let facts = results.queue.connection_attempts.expect("known");
        let (accepted, refused) = (facts.accepted, facts.refused.expect("known"));
        assert_eq!(facts.count, Some(accepted + refused));
        assert_eq!(facts.turned_away, 0);
        assert_eq!(results.queue.attempts_per_delivery_mean, Some(1.0), "what the sink saw");
        (refused as f64, facts.per_delivery.expect("known"))
    };
    let (patient, eager) = (per_delivery("30s"), per_delivery("3s"));
    // Two minutes at 5/s: 600 wait for a minute on average; each tries once, and each `first`.
    assert_within(eager.0, 600.0 * (1.0 + 60.0 / 3.0), 0.15);
    assert!(patient.0 < eager.0 / 4.0, "{patient:?} {eager:?}");
    assert!(patient.1 < eager.1, "{patient:?} {eager:?}");
}

#[test]
fn a_healthy_destination_that_waits_is_seen_in_fairness() {
    let text = |slots: u32| {
        format!(
            "seed = 3\n[target.delivery]\nconcurrency = 50\nper_destination = {slots}\n\
             [load]\narrival = \"constant\"\nrate = \"100/s\"\nwarm_up = \"2s\"\n\
             duration = \"30s\"\ndrain = \"5m\"\n[simulate]\nservice = \"20ms\"\n\
             [[destination]]\ndomain = \"big.test\"\nweight = 9\n\
             [[destination]]\ndomain = \"small.test\"\n"
        )
    };
    let fair = results(&text(50)).queue.fairness.expect("two destinations");
    assert!(fair > 0.99, "{fair}");
    // One slot each: 50/s, of 90/s and 10/s.
    let unfair = results(&text(1)).queue.fairness.expect("two destinations");
    assert!(unfair < 0.6, "{unfair}");
}
