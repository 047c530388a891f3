//! A run at a constant rate is a good trial of a capacity search only if its bounds held, little
//! was refused, its backlog did not grow, its queue ran empty and the instrument was well.

use mailbench::ledger::event::{AttemptOutcome, Event, Period, SubmitResult};
use mailbench::measure::capacity::trial::{self, Judged};
use mailbench::smtp::reply::Reply;
use mailbench::smtp::stage::Stage;

use crate::made_up_runs::{Run, accepted, ms, steady};

/// Messages a second.
const RATE: u64 = 100;

/// Mail that is all accepted in 2 ms; `delivered` says when each message is, by its number.
fn run(seconds: u64, delivered: impl Fn(u64) -> u64) -> Run {
    let mut run = Run::new(steady(RATE as u32, seconds as u32, ""));
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
    trial::judge(&run.judge(), 0.01, true)
}

fn only(judged: &Judged) -> &str {
    let [reason] = &judged.reasons[..] else { panic!("one reason: {judged:?}") };
    assert!(!judged.generator, "{judged:?}");
    reason
}

#[test]
fn mail_that_flows_through_is_a_good_trial() {
    let judged = judged(swift(10), 10, 10_500, 0);
    assert_eq!(judged, Judged { reasons: Vec::new(), generator: false });
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
fn a_backlog_that_grows_is_a_bad_trial_though_it_drains() {
    let halved = |id: u64| id * 2000 / RATE + 5;
    let judged_after = |seconds| judged(run(seconds, halved), seconds, seconds * 2000 + 500, 0);
    let grown = judged_after(10);
    assert!(only(&grown).contains("grew by 50 a second, to 500"), "{grown:?}");
    // In two seconds to a hundred: not beyond twice the first look and a hundred.
    assert!(judged_after(2).reasons.is_empty(), "{:?}", judged_after(2));
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
fn a_spoiled_instrument_counts_unless_told_and_is_no_fault_of_the_target() {
    let spoiled = |health_counts| {
        let mut run = swift(10);
        run.pulses(10, 50);
        run.end(10_000, 10_500, 0);
        trial::judge(&run.judge(), 0.01, health_counts)
    };
    let judged = spoiled(true);
    assert!(judged.generator, "{judged:?}");
    assert!(judged.reasons[0].contains("bottleneck: sessions_saturated"), "{judged:?}");
    assert_eq!(spoiled(false), Judged { reasons: Vec::new(), generator: false });
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
    assert!(judged.reasons[0].contains("is inconclusive"), "{judged:?}");
}
