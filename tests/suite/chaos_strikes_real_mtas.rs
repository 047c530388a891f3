//! Real MTAs are killed and paused in the middle of a load: what they had accepted arrives, and the
//! ledger can say so. A kind that is not on this machine is passed over with a line that says so.

use serde_json::Value;

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, is_here};
use crate::support::{Lab, Ran};

/// Four seconds of mail that nobody refuses: a retry of OpenSMTPD's takes minutes.
const STEADY: &str = r#"
name = "struck"
seed = 7
[target.retry]
schedule = "fixed"
first = "5s"
jitter = 0.0
give_up_after = "10m"
[load]
warm_up = "0s"
arrival = "constant"
rate = "40/s"
duration = "1s"
drain = "60s"
sessions = 100
[message]
size = "2KiB"
[[destination]]
domain = "one.test"
[[destination]]
domain = "two.test"
[[chaos]]
at = "1500ms"
"#;

/// Runs a kind with one act of chaos; `None`: it is not here.
fn struck(promise: &Promise, act: &str, duration: &str) -> Option<Ran> {
    is_here(promise).then(|| {
        let lab = Lab::new(&format!("{STEADY}{act}\n")).set("load.duration", duration);
        lab.set("target.kind", promise.kind).run()
    })
}

fn seconds(strike: &Value, key: &str) -> f64 {
    strike[key].as_f64().unwrap_or_else(|| panic!("no `{key}` in {strike}"))
}

/// All that was accepted is accounted for, with proof, and mail flowed again after the strike.
#[track_caller]
fn assert_survived(ran: &Ran, what: &str, least_s: f64) {
    ran.assert_code(0);
    for class in ["lost", "pending", "unaccounted", "duplicates_unexcused", "corrupted", "phantom"]
    {
        assert_eq!(ran.count(class), 0, "{class}\n{ran}");
    }
    assert_eq!(ran.count("accepted"), ran.count("delivered") + ran.count("unconfirmed"));
    let report = ran.report();
    assert_eq!(report["queue"]["proved_empty"], true, "{}", report["queue"]);
    let strike = &report["chaos"][0];
    assert_eq!(strike["what"], what, "{strike}");
    for key in ["down_s", "first_accept_s", "first_delivery_s"] {
        assert!(seconds(strike, key) >= least_s, "{key}: {strike}");
    }
}

/// Every process of it dies; it comes back on the same queue.
fn survives_a_kill(promise: &Promise) {
    // On a busy machine an MTA takes seconds to start.
    let Some(ran) = struck(promise, "kill = { restart_after = \"500ms\" }", "9s") else { return };
    assert_survived(&ran, "kill", 0.5);
    assert!(ran.count("accepted") >= 60, "before and after it was away\n{ran}");
    assert!(ran.count("not_sent") > 0, "while it was away\n{ran}");
}

/// Every process of it stands still for a while.
fn survives_a_pause(promise: &Promise) {
    let Some(ran) = struck(promise, "pause = \"1s\"", "4s") else { return };
    assert_survived(&ran, "pause", 1.0);
    assert_eq!(ran.count("duplicates"), 0, "{ran}");
    assert_eq!(ran.count("accepted"), 160, "mail waited, none was turned away\n{ran}");
    let longest = ran.report()["latency"]["e2e_response"]["max"].as_u64().expect("a time");
    assert!(longest >= 800_000, "mail waited for the end of the pause: {longest} us");
}

#[test]
fn postfix_survives_a_kill() {
    survives_a_kill(&POSTFIX);
}

#[test]
fn postfix_survives_a_pause() {
    survives_a_pause(&POSTFIX);
}

#[test]
fn exim_survives_a_kill() {
    survives_a_kill(&EXIM);
}

#[test]
fn exim_survives_a_pause() {
    survives_a_pause(&EXIM);
}

#[test]
fn opensmtpd_survives_a_kill() {
    survives_a_kill(&OPENSMTPD);
}

#[test]
fn opensmtpd_survives_a_pause() {
    survives_a_pause(&OPENSMTPD);
}

#[test]
fn haraka_survives_a_kill() {
    survives_a_kill(&HARAKA);
}

#[test]
fn haraka_survives_a_pause() {
    survives_a_pause(&HARAKA);
}
