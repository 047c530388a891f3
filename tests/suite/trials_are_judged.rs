//! A run at a constant rate is a good trial of a capacity search only if its bounds held, little
//! was refused, as much was delivered as offered, its queue ran empty and the instrument was well.
//! One whose threshold has no data decides nothing.

use mailbench::ledger::event::{AttemptOutcome, Event, Period, SubmitResult};
use mailbench::measure::capacity::trial::{self, Judged, Terms};
use mailbench::measure::results::{Findings, LedgerVerdict, Results, TargetResources};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

use crate::made_up_runs::{Run, accepted, ms, steady};

/// Messages a second.
const RATE: u64 = 100;

/// Mail that is all accepted in 2 ms; `delivered` says when each message is, by its number.
fn run(seconds: u64, delivered: impl Fn(u64) -> u64) -> Run {
    run_with(seconds, "", delivered)
}

fn run_with(seconds: u64, more: &str, delivered: impl Fn(u64) -> u64) -> Run {
    let mut run = Run::new(steady(RATE as u32, seconds as u32, more));
    for id in 0..seconds * RATE {
        let due = id * 1000 / RATE;
        run.submit(id, [due, due, due, due + 2].map(ms), accepted());
        run.attempt(id, 1, ms(delivered(id)), AttemptOutcome::Taken);
    }
    run
}

/// The same, delivered a moment after it was due.
fn swift(seconds: u64) -> Run {
    run(seconds, |id| id * 1000 / RATE + 5)
}

/// Ends it, and judges it with a loss of one in a hundred allowed.
fn judged(mut run: Run, seconds: u64, close: u64, queued: u64) -> Judged {
    run.pulses(seconds, 0);
    run.end(seconds * 1000, close, queued);
    trial::judge(&run.judge(), &terms(true))
}

fn terms(health_counts: bool) -> Terms {
    let rate = RATE as f64;
    Terms { rate, loss: 0.01, tolerance: 0.01, drain_s: 60.0, health_counts }
}

fn only(judged: &Judged) -> &str {
    let [reason] = &judged.reasons[..] else { panic!("one reason: {judged:?}") };
    assert!(!judged.generator, "{judged:?}");
    reason
}

#[test]
fn mail_that_flows_through_is_a_good_trial() {
    let judged = judged(swift(10), 10, 10_500, 0);
    assert!(judged.reasons.is_empty() && judged.without_data.is_empty(), "{judged:?}");
    assert!(!judged.generator && judged.throughput.is_some(), "{judged:?}");
}

#[test]
fn a_threshold_without_data_decides_nothing() {
    let bound = "[thresholds]\n\"e2e_response.p999\" = \"< 1s\"\n";
    let judged = judged(run_with(10, bound, |id| id * 1000 / RATE + 5), 10, 10_500, 0);
    assert!(judged.reasons.is_empty(), "{judged:?}");
    let [why] = &judged.without_data[..] else { panic!("{judged:?}") };
    assert!(why.contains("e2e_response.p999") && why.contains("inconclusive"), "{why}");
    assert!(!why.contains("no data"), "the reason is that of the threshold: {why}");
}

#[test]
fn a_queue_that_drains_later_than_allowed_is_a_bad_trial() {
    let mut run = swift(10);
    run.submit(1000, [9_999, 9_999, 9_999, 10_001].map(ms), accepted());
    run.attempt(1000, 1, ms(75_000), AttemptOutcome::Taken);
    let judged = judged(run, 10, 75_500, 0);
    assert!(
        only(&judged).contains("65.0 s to drain, longer than load.drain (60.0 s)"),
        "{judged:?}"
    );
}

#[test]
fn a_queue_that_does_not_run_empty_is_a_bad_trial() {
    let mut run = swift(10);
    run.submit(1000, [9_999, 9_999, 9_999, 10_001].map(ms), accepted());
    let judged = judged(run, 10, 40_000, 1);
    assert!(only(&judged).contains("did not drain: 1 pending"), "{judged:?}");
}

/// Of 1,000 messages ten more are refused, which is less than one in a hundred; then two more.
#[test]
fn more_refused_than_may_be_is_a_bad_trial() {
    let refused = |count: u64| {
        let mut run = swift(10);
        for id in 1000..1000 + count {
            let reply = Reply::new(452, None, "full");
            let result = SubmitResult::Refused { stage: Stage::MailFrom, reply };
            run.submit(id, [9_999, 9_999, 9_999, 10_000].map(ms), result);
        }
        judged(run, 10, 10_500, 0)
    };
    assert!(refused(10).reasons.is_empty(), "{:?}", refused(10));
    let judged = refused(12);
    assert!(only(&judged).contains("12 of 1012 refused"), "{judged:?}");
}

/// Deliveries at half the rate: the backlog grows by 50 a second, and drains when the load ends.
#[test]
fn less_delivered_than_offered_is_a_bad_trial_though_it_drains() {
    let halved = |id: u64| id * 2000 / RATE + 5;
    for seconds in [2, 10] {
        let judged = judged(run(seconds, halved), seconds, seconds * 2000 + 500, 0);
        let reason = only(&judged);
        assert!(reason.contains("a second of 100.0 offered"), "{judged:?}");
        let per_s = judged.throughput.map_or(0.0, |seen| seen.mean_per_s);
        assert!((per_s - 50.0).abs() < 0.5, "{judged:?}");
        assert!(reason.contains(&format!("to {}", seconds * 50)), "{judged:?}");
    }
}

/// Two in a hundred more than is delivered: a backlog of 20 after ten seconds.
#[test]
fn a_backlog_that_grows_little_is_seen() {
    let slowed = |id: u64| id * 1020 / RATE + 5;
    let judged = judged(run(10, slowed), 10, 11_000, 0);
    assert!(only(&judged).contains("delivered 98.0 a second of 100.0"), "{judged:?}");
}

/// Three seconds' worth waits all the time, once the warm-up has filled the queue.
#[test]
fn a_backlog_that_is_high_and_stays_so_is_no_growth() {
    let mut late = run(10, |id| id * 1000 / RATE + 3_000);
    late.events[1] = Event::Period { at: ms(0), period: Period::WarmUp };
    late.period(4_000, Period::Measured);
    let judged = judged(late, 10, 13_500, 0);
    assert!(judged.reasons.is_empty(), "{judged:?}");
}

#[test]
fn a_spoiled_instrument_counts_unless_allowed_and_is_no_fault_of_the_target() {
    let spoiled = |health_counts| {
        let mut run = swift(10);
        run.pulses(10, 50);
        run.end(10_000, 10_500, 0);
        trial::judge(&run.judge(), &terms(health_counts))
    };
    let judged = spoiled(true);
    assert!(judged.generator, "{judged:?}");
    assert!(judged.reasons[0].contains("bottleneck: sessions_saturated"), "{judged:?}");
    let told = spoiled(false);
    assert!(told.reasons.is_empty() && !told.generator, "{told:?}");
}

/// Half a second late every time: of the bound, all but 2 ms is the generator's.
#[test]
fn a_trial_whose_threshold_hangs_on_the_generators_lag_says_nothing_of_the_target() {
    let bound = "[thresholds]\n\"submit_response.p99\" = \"< 100ms\"\n";
    let mut run = Run::new(steady(RATE as u32, 10, bound));
    for id in 0..10 * RATE {
        let (due, sent) = (id * 1000 / RATE, id * 1000 / RATE + 500);
        run.submit(id, [due, sent, sent, sent + 2].map(ms), accepted());
        run.attempt(id, 1, ms(sent + 5), AttemptOutcome::Taken);
    }
    let judged = judged(run, 10, 11_000, 0);
    assert!(judged.generator, "{judged:?}");
    let why = judged.without_data.first().expect("a reason");
    assert!(why.contains("inconclusive") && why.contains("schedule lag"), "{judged:?}");
}

/// The findings of a run in which all went well, with a change.
fn changed(change: impl FnOnce(&mut Results)) -> Findings {
    let mut run = swift(10);
    run.pulses(10, 0);
    run.end(10_000, 10_500, 0);
    let mut findings = run.judge();
    change(&mut findings.results);
    findings
}

#[test]
fn no_loss_at_all_may_be_asked_for() {
    let none = Terms { loss: 0.0, ..terms(true) };
    assert!(trial::judge(&changed(|_| {}), &none).reasons.is_empty());
    let lost = changed(|results| _ = results.counts.insert("unaccounted".to_owned(), 1));
    let judged = trial::judge(&lost, &none);
    assert!(only(&judged).contains("1 of 1000 refused or without an answer"), "{judged:?}");
}

#[test]
fn what_is_pending_did_not_drain_however_long_it_took() {
    let judged = trial::judge(
        &changed(|results| {
            results.counts.insert("pending".to_owned(), 2);
            results.queue.drain_time_s = Some(70.0);
        }),
        &terms(true),
    );
    assert!(only(&judged).contains("did not drain: 2 pending"), "{judged:?}");
}

/// Only that less was delivered than offered: other trials at the rate may outweigh it.
#[test]
fn overload_alone_is_distinguished_from_overload_and_more() {
    let halved = |more: &str| judged(run_with(10, more, |id| id * 2000 / RATE + 5), 10, 20_500, 0);
    assert!(halved("").only_overload, "{:?}", halved(""));
    let missed = halved("[thresholds]\n\"e2e_response.p50\" = \"< 1ms\"\n");
    assert!(!missed.only_overload && missed.reasons.len() == 2, "{missed:?}");
    assert!(!judged(swift(10), 10, 10_500, 0).only_overload);
    let lost = trial::judge(&changed(|run| run.queue.drain_time_s = None), &terms(true));
    assert!(!lost.only_overload && lost.reasons.len() == 1, "{lost:?}");
}

/// Two probes a message: a hundred messages a second are two hundred deliveries.
#[test]
fn a_rate_is_of_messages_whatever_their_recipients() {
    let mean = |messages: u64| {
        let findings = changed(|results| results.load.offered_messages = messages);
        trial::judge(&findings, &terms(true)).throughput.map_or(0.0, |seen| seen.mean_per_s)
    };
    assert!((mean(1000) - 100.0).abs() < 1.0, "{}", mean(1000));
    assert!((mean(500) - 50.0).abs() < 0.5, "{}", mean(500));
    assert!((mean(0) - 100.0).abs() < 1.0, "{}", mean(0));
}

/// Mail of an earlier trial decides nothing; what violates the ledger is the target's doing.
#[test]
fn mail_of_an_earlier_trial_decides_nothing() {
    let with = |foreign: u64, verdict: LedgerVerdict| {
        let findings = changed(|results| {
            results.counts.insert("foreign".to_owned(), foreign);
            results.correctness.verdict = verdict;
        });
        trial::judge(&findings, &terms(true))
    };
    let earlier = with(3, LedgerVerdict::Valid);
    assert!(earlier.reasons.is_empty(), "{earlier:?}");
    assert_eq!(earlier.without_data, ["3 messages of an earlier trial or run arrived"]);
    let violated = with(0, LedgerVerdict::Invalid);
    assert_eq!(only(&violated), "the ledger is violated");
    assert!(violated.without_data.is_empty(), "{violated:?}");
}

#[test]
fn the_figures_of_a_trial_are_those_of_its_run() {
    let findings = changed(|results| {
        let e2e = results.latency.get_mut("e2e_response").expect("the metric");
        (e2e.p50, e2e.p99, e2e.at_least) = (Some(7), Some(9), vec!["p99".to_owned()]);
    });
    let seen = trial::seen(&findings, None);
    assert_eq!((seen.e2e_p50_us, seen.e2e_p99_us), (Some(7), Some(9)));
    assert_eq!(seen.at_least, ["e2e_p99_us"]);
    assert_eq!(seen.goodput_per_s, findings.results.rates["goodput"]);
    assert_eq!((seen.offered_per_s, seen.throughput), (100.0, None));
}

/// Half a core of two for a hundred deliveries a second: two hundred for each core.
#[test]
fn resources_are_shares_of_the_machine() {
    let used = |cpu_mean_cores: Option<f64>| {
        let findings = changed(|results| {
            (results.sizing, results.resources.cores) = (None, 2);
            results.resources.cpu_share = 0.1;
            results.resources.target = cpu_mean_cores.map(|cpu_mean_cores| TargetResources {
                cpu_mean_cores,
                ..TargetResources::default()
            });
            results.rates.insert("delivered".to_owned(), 100.0);
        });
        let (uses, per_core) = trial::resources(&findings.results);
        (uses.iter().map(|it| it.used).collect::<Vec<f64>>(), per_core)
    };
    assert_eq!(used(Some(0.5)), (vec![0.25, 0.1], Some(200.0)));
    assert_eq!(used(Some(0.0)), (vec![0.0, 0.1], None));
    assert_eq!(used(None), (Vec::new(), None));
}
