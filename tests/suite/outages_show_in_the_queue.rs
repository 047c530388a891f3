//! A fault that comes and goes shows what it cost the healthy destinations, and whether what waited
//! came at once when it healed.

use crate::support::Lab;

#[test]
fn isolation_and_herd_are_measured_where_a_fault_comes_and_goes() {
    let fault = "[[fault]]\nname = \"sick\"\ndestination = \"two.test\"\nstage = \"rcpt-to\"\n\
                 during = \"2500ms..5s\"\ndefer = \"451 4.7.1 later\"\n";
    let ran = Lab::small(fault)
        .set("load.rate", "400/s")
        .set("load.sessions", "50")
        .set("load.duration", "5s")
        .set("target.retry.first", "1s")
        .run();
    let report = ran.report();
    let queue = &report["queue"];
    let figure = |pointer: &str| queue.pointer(pointer).and_then(serde_json::Value::as_f64);
    assert!(figure("/isolation/before_p99_us").is_some_and(|us| us > 0.0), "{queue}");
    assert!(figure("/isolation/inflation").is_some_and(|times| times > 0.0), "{queue}");
    assert!(figure("/herd/index").is_some_and(|index| index >= 1.0), "{queue}");
    let steady = Lab::small("").run().report();
    assert!(steady["queue"]["isolation"].is_null() && steady["queue"]["herd"].is_null());
}
