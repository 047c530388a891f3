//! A target that retries at a closed port pays in connections, which its log tells of; and how long
//! the queue is not as before is a figure of the outage, not of the end of the load.

use crate::real_mtas::{EXIM, HARAKA, OPENSMTPD, POSTFIX, Promise, is_here};
use crate::support::Lab;

#[test]
fn refused_connections_and_recovery_are_figures_of_an_outage() {
    let fault = "[[fault]]\nname = \"down\"\ndestination = \"two.test\"\nstage = \"connect\"\n\
                 during = \"1s..3s\"\nrefuse = true\n[thresholds]\n\
                 connection_attempts = \"> 20\"\n\"recovery_time{fault=down}.max\" = \"< 30s\"\n";
    let ran = Lab::small(fault)
        .set("load.rate", "50/s")
        .set("load.duration", "6s")
        .set("target.retry.first", "500ms")
        .run();
    let report = ran.report();
    let queue = &report["queue"];
    let facts = &queue["connection_attempts"];
    let of = |name: &str| facts[name].as_u64().unwrap_or_else(|| panic!("no {name}: {facts}"));
    // Some 50 messages to it wait for a second on average and try each half second.
    assert!(of("refused") > 20, "{facts}");
    assert_eq!(of("count"), of("refused") + of("accepted") + of("turned_away"));
    let recovery = &queue["recovery"][0];
    assert_eq!((&recovery["name"], &recovery["kind"]), (&"down".into(), &"fault".into()));
    assert!(recovery["recovery_time_s"].as_f64().is_some_and(|s| s < 3.0), "{recovery}");
    assert!(recovery["backlog_peak"].as_u64() > recovery["band"].as_u64(), "{recovery}");
    let thresholds = report["thresholds"].as_array().expect("thresholds");
    assert!(thresholds.iter().all(|it| it["ok"] == true), "{thresholds:?}");
    for file in ["report.html", "summary.md", "metrics.txt"] {
        let text = std::fs::read_to_string(ran.path.join(file)).expect(file);
        assert!(text.contains("down") && text.contains("refused"), "{file}");
    }
}

/// A destination's port is closed for most of a run; the MTA's own log shows what it tried.
fn refusals_are_counted(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let fault = "[[fault]]\nname = \"down\"\ndestination = \"two.test\"\nstage = \"connect\"\n\
                 during = \"1s..7s\"\nrefuse = true\n";
    let ran = Lab::small(fault)
        .set("target.kind", promise.kind)
        .set("target.retry.first", "1s")
        .set("load.rate", "5/s")
        .set("load.duration", "8s")
        .set("load.drain", "20s")
        .run();
    let facts = &ran.report()["queue"]["connection_attempts"];
    assert!(facts["refused"].as_u64().is_some_and(|refused| refused > 0), "{facts}\n{ran}");
    assert!(facts["count"].as_u64() > facts["refused"].as_u64(), "{facts}");
}

#[test]
fn postfix_logs_what_a_closed_port_refuses() {
    refusals_are_counted(&POSTFIX);
}

#[test]
fn exim_logs_what_a_closed_port_refuses() {
    refusals_are_counted(&EXIM);
}

#[test]
fn opensmtpd_logs_what_a_closed_port_refuses() {
    refusals_are_counted(&OPENSMTPD);
}

#[test]
fn haraka_logs_what_a_closed_port_refuses() {
    refusals_are_counted(&HARAKA);
}
