//! Bad clients come as the scenario says, never leave mail behind, and what the target made of
//! them and honest senders felt is told.

use serde_json::Value;

use crate::support::{Lab, SMALL};

const ABUSE: &str = r#"
[[abuse]]
kind = "slowloris"
sessions = 4
interval = "20ms"
during = "1s..2s"
[[abuse]]
kind = "idle"
sessions = 5
during = "1s..2s"
[[abuse]]
kind = "early-talker"
sessions = 2
during = "1s..2s"
[[abuse]]
kind = "unauthorised-pipelining"
sessions = 2
during = "1s..2s"
[[abuse]]
name = "leavers"
kind = "disconnect"
sessions = 2
pause = "10ms"
during = "1s..2s"
[[abuse]]
kind = "oversized-line"
sessions = 2
during = "1s..2s"
[[abuse]]
kind = "lying-size"
sessions = 2
bytes = "256KiB"
during = "1s..2s"
"#;

fn profile<'a>(report: &'a Value, name: &str) -> &'a Value {
    let profiles = report["abuse"]["profiles"].as_array().expect("profiles");
    profiles.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn count(profile: &Value, name: &str) -> u64 {
    profile[name].as_u64().unwrap_or_else(|| panic!("no {name} in {profile}"))
}

#[test]
fn the_relay_survives_every_kind_and_legitimate_mail_arrives() {
    let ran = Lab::new(&format!("{SMALL}{ABUSE}")).run();
    ran.assert_code(0);
    assert_eq!((ran.count("phantom"), ran.count("lost"), ran.count("delivered")), (0, 0, 120));
    let report = ran.report();
    for name in ["slowloris", "idle"] {
        let held = profile(&report, name);
        assert_eq!(count(held, "sessions"), count(held, "at_once"), "{held}");
        assert_eq!(count(held, "tolerated"), count(held, "at_once"), "{held}");
        assert!(count(held, "held_max_us") > 700_000, "{held}");
    }
    for name in
        ["early-talker", "unauthorised-pipelining", "leavers", "oversized-line", "lying-size"]
    {
        let busy = profile(&report, name);
        assert!(count(busy, "sessions") > count(busy, "at_once"), "they come again: {busy}");
        assert_eq!(count(busy, "unconnected"), 0, "{busy}");
    }
    let long = profile(&report, "oversized-line");
    assert!(count(long, "refused") + 2 >= count(long, "sessions"), "500 each: {long}");
    let leavers = profile(&report, "leavers");
    assert_eq!(count(leavers, "tolerated"), count(leavers, "sessions"), "{leavers}");
    assert!(count(leavers, "sessions") >= 14, "each stage by FIN and by RST: {leavers}");
    let honest = &report["abuse"]["honest"];
    assert_eq!(honest["before_unaccepted"], 0.0, "{honest}");
    assert!(honest["during_p50_us"].is_u64(), "{honest}");
    assert!(ran.stdout.contains("ABUSE") && ran.stdout.contains("legitimate clients"), "{ran}");
}

#[test]
fn bad_clients_that_are_turned_away_are_counted_as_such() {
    let deaf =
        "[[fault]]\nstage = \"banner\"\nduring = \"1s..2s\"\ndefer = \"421 4.3.2 not now\"\n";
    let idle = "[[abuse]]\nkind = \"idle\"\nsessions = 3\nduring = \"1s..2s\"\n";
    let lab = Lab::new(&format!("{SMALL}{deaf}{idle}"))
        .set("target.kind", "direct")
        .set("load.messages_per_session", "1")
        .arg("--allow")
        .arg("invalid");
    let report = lab.run().report();
    let idle = profile(&report, "idle");
    assert!(count(idle, "sessions") > 3 && count(idle, "tolerated") == 0, "{idle}");
    assert_eq!(count(idle, "refused"), count(idle, "sessions"), "{idle}");
    let honest = &report["abuse"]["honest"];
    // A session may open a moment after its message was due.
    assert!(honest["before_unaccepted"].as_f64() < Some(0.1), "{honest}");
    assert!(honest["during_unaccepted"].as_f64() > Some(0.5), "honest mail is turned away too");
}
