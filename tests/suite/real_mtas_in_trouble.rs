//! Every kind of target that can be killed and held back is: what it accepted arrives all the same,
//! and a slow destination keeps its trouble to itself. Short forms of `crash-recovery` and
//! `isolation`; the retry schedule is in `real_mtas`.

use serde_json::Value;

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, RELAY, is_here};
use crate::support::Lab;

/// Killed in the middle of the load.
const CRASH: &str = r#"
name = "crash"
seed = 7
[target.retry]
schedule = "fixed"
first = "1s"
give_up_after = "10m"
[load]
warm_up = "0s"
arrival = "constant"
rate = "40/s"
duration = "4s"
drain = "40s"
sessions = 5
[message]
size = "2KiB"
[[destination]]
domain = "one.test"
[[destination]]
domain = "two.test"
[[chaos]]
at = "1s"
kill = { restart_after = "300ms" }
"#;

/// One destination takes its time over every recipient for a while.
const SICK: &str = r#"
name = "sick"
seed = 7
[target.delivery]
concurrency = 80
per_destination = 40
[load]
warm_up = "0s"
arrival = "constant"
rate = "16/s"
duration = "4s"
drain = "40s"
sessions = 5
[message]
size = "2KiB"
[[destination]]
domain = "sick.test"
[[destination]]
domain = "well.test"
[[fault]]
name = "slow"
destination = "sick.test"
stage = "rcpt-to"
during = "1s..4s"
delay = "4s"
"#;

/// Nothing that was accepted is lost by a SIGKILL of every process, and mail flows again.
fn survives(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let ran = Lab::new(CRASH).set("target.kind", promise.kind).run();
    ran.assert_code(0);
    let report = ran.report();
    assert_eq!(report["queue"]["proved_empty"], true, "{ran}");
    let ends = ["delivered", "ambiguous_only"].map(|class| ran.count(class));
    assert_eq!(ends.iter().sum::<u64>(), ran.count("accepted"), "{ran}");
    assert!(ran.count("accepted") >= 50, "{ran}");
    let strike = &report["chaos"][0];
    let seconds = |what: &str| strike[what].as_f64().filter(|seconds| *seconds > 0.0);
    let down = seconds("down_s").expect("it was down");
    assert!(seconds("first_delivery_s").is_some(), "{strike}");
    // On a slow machine the load is over before it is back.
    assert!(down > 2.0 || seconds("first_accept_s").is_some(), "{strike}");
}

/// Mail to the healthy destination does not wait for the sick one's.
fn isolates(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let ran = Lab::new(SICK).set("target.kind", promise.kind).run();
    ran.assert_code(0);
    let report = ran.report();
    assert_eq!(ran.count("delivered"), 64, "{ran}");
    let [sick, well] = ["sick.test", "well.test"].map(|domain| median_us(&report, domain));
    assert!(well * 1.5 < sick, "well {well} us, sick {sick} us\n{ran}");
}

fn median_us(report: &Value, domain: &str) -> f64 {
    let all = report["destinations"].as_array().expect("destinations");
    let one = all.iter().find(|one| one["domain"] == domain).expect("the destination");
    one["latency"]["e2e_response"]["p50"].as_f64().expect("a median")
}

#[test]
fn the_relay_survives_a_crash() {
    survives(&RELAY);
}

#[test]
fn the_relay_keeps_trouble_where_it_is() {
    isolates(&RELAY);
}

#[test]
fn postfix_survives_a_crash() {
    survives(&POSTFIX);
}

#[test]
fn postfix_keeps_trouble_where_it_is() {
    isolates(&POSTFIX);
}

#[test]
fn exim_survives_a_crash() {
    survives(&EXIM);
}

#[test]
fn exim_keeps_trouble_where_it_is() {
    isolates(&EXIM);
}

#[test]
fn opensmtpd_survives_a_crash() {
    survives(&OPENSMTPD);
}

#[test]
fn opensmtpd_keeps_trouble_where_it_is() {
    isolates(&OPENSMTPD);
}

#[test]
fn haraka_survives_a_crash() {
    survives(&HARAKA);
}

#[test]
fn haraka_keeps_trouble_where_it_is() {
    isolates(&HARAKA);
}
