//! Every kind of target keeps the trouble of a slow destination where it is: a short form of
//! `isolation`. Crashes are in `chaos_strikes_real_mtas`, the retry schedule in `real_mtas`.

use serde_json::Value;

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, RELAY, is_here};
use crate::support::Lab;

/// One destination takes its time over every recipient for a while.
const UNHEALTHY: &str = r#"
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

/// Mail to the healthy destination does not wait for the sick one's.
fn isolates(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let ran = Lab::new(UNHEALTHY).set("target.kind", promise.kind).run();
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
fn the_relay_keeps_trouble_where_it_is() {
    isolates(&RELAY);
}

#[test]
fn postfix_keeps_trouble_where_it_is() {
    isolates(&POSTFIX);
}

#[test]
fn exim_keeps_trouble_where_it_is() {
    isolates(&EXIM);
}

#[test]
fn opensmtpd_keeps_trouble_where_it_is() {
    isolates(&OPENSMTPD);
}

#[test]
fn haraka_keeps_trouble_where_it_is() {
    isolates(&HARAKA);
}
