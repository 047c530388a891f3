//! Chaos is enacted when the scenario says, recorded, and told apart from the target's own failures.

use serde_json::Value;

use crate::support::{Lab, Ran};

fn seconds(strike: &Value, key: &str) -> f64 {
    strike[key].as_f64().unwrap_or_else(|| panic!("no `{key}` in {strike}"))
}

/// The one strike of a run.
#[track_caller]
fn strike(ran: &Ran, what: &str) -> Value {
    let report = ran.report();
    let strikes = report["chaos"].as_array().expect("a list");
    assert_eq!(strikes.len(), 1, "{}\n{ran}", report["chaos"]);
    assert_eq!(strikes[0]["what"], what);
    strikes[0].clone()
}

/// When the target came back, and that mail flowed only then.
#[track_caller]
fn assert_recovered(strike: &Value, least_s: f64) {
    assert!(seconds(strike, "down_s") >= least_s, "{strike}");
    assert!(seconds(strike, "first_accept_s") >= least_s, "{strike}");
    assert!(seconds(strike, "first_delivery_s") >= least_s, "{strike}");
}

#[track_caller]
fn assert_nothing_lost(ran: &Ran) {
    for class in ["lost", "pending", "unaccounted", "duplicates_unexcused", "phantom", "corrupted"]
    {
        assert_eq!(ran.count(class), 0, "{class}\n{ran}");
    }
    let ended = ran.count("delivered") + ran.count("unconfirmed");
    assert_eq!(ran.count("accepted"), ended, "{ran}");
}

/// Of each second in which this lasted, whether the queue was sampled.
fn sampled(ran: &Ran, chaos: &str) -> Vec<bool> {
    let series = std::fs::read_to_string(ran.path.join("timeseries.csv")).expect("the series");
    let mut rows = series.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = rows.next().expect("a head");
    let place = |name: &str| names.iter().position(|one| *one == name).expect("a column");
    let (queue, faults) = (place("queue_length"), place("faults"));
    rows.filter(|row| row[faults] == chaos).map(|row| !row[queue].is_empty()).collect()
}

#[test]
fn accepted_mail_survives_a_kill_in_mid_load() {
    let ran = Lab::shipped("crash-recovery.toml")
        .set("load.warm_up", "500ms")
        .set("load.duration", "8s")
        .set("chaos.0.at", "1500ms")
        .set("chaos.0.kill.restart_after", "1s")
        .run();
    ran.assert_code(0);
    let kill = strike(&ran, "kill");
    assert!(seconds(&kill, "at_s") >= 1.5, "{kill}");
    assert_recovered(&kill, 1.0);
    assert_nothing_lost(&ran);
    assert!(ran.count("not_sent") > 0, "offering went on while it was down\n{ran}");
    let report = ran.report();
    assert!(report["queue"]["drain_time_s"].is_f64(), "{}", report["queue"]);
    let log = std::fs::read_to_string(ran.path.join("target.log")).expect("its log");
    let addresses: Vec<&str> =
        log.lines().filter(|line| line.starts_with("listening on ")).collect();
    assert_eq!(addresses.len(), 2, "two lives: {log}");
    assert_eq!(addresses[0], addresses[1], "at one address");
    assert!(!sampled(&ran, "kill").is_empty(), "the series names it");
}

#[test]
fn a_pause_shows_in_times_and_not_as_loss() {
    let ran = Lab::small("[[chaos]]\nat = \"500ms\"\npause = \"1200ms\"\n")
        .set("load.sessions", "100")
        .set("load.duration", "3s")
        .run();
    ran.assert_code(0);
    assert_recovered(&strike(&ran, "pause"), 1.2);
    assert_nothing_lost(&ran);
    assert_eq!(ran.count("duplicates"), 0);
    assert_eq!(ran.count("offered"), ran.count("delivered"), "{ran}");
    let report = ran.report();
    let longest = report["latency"]["e2e_response"]["max"].as_u64().expect("a time");
    assert!(longest >= 1_000_000, "mail due early in the pause waited for its end: {longest} us");
    let saturated = report["health"]["checks"].as_array().expect("checks").iter();
    let mut saturated = saturated.filter(|check| check["id"] == "sessions_saturated");
    assert!(saturated.all(|check| check["status"] == "valid"), "{ran}");
}

/// Its queue lies on disk: that it stands still is no reason not to count.
#[test]
fn the_queue_is_sampled_while_the_target_is_down() {
    let ran = Lab::small("[[chaos]]\nat = \"300ms\"\npause = \"4500ms\"\n")
        .set("load.sessions", "500")
        .set("load.duration", "5s")
        .run();
    let sampled = sampled(&ran, "pause").into_iter().filter(|seen| *seen).count();
    // In its first and in its last second a sample may have come before or after it.
    assert!(sampled >= 3, "{sampled}");
}

#[test]
fn a_restart_loses_and_doubles_nothing() {
    let ran = Lab::small("[[chaos]]\nat = \"1s\"\nrestart = {}\n").set("load.duration", "3s").run();
    ran.assert_code(0);
    assert_recovered(&strike(&ran, "restart"), 0.0);
    assert_nothing_lost(&ran);
}

#[test]
fn a_command_is_run_at_its_time_and_its_outcome_kept() {
    let hook = "[[chaos]]\nat = \"1s\"\nrun = [\"sh\", \"-c\", \"echo struck >&2; exit 3\"]\n";
    let ran = Lab::small(hook).run();
    ran.assert_code(0);
    let run = strike(&ran, "run");
    assert!(seconds(&run, "at_s") >= 1.0, "{run}");
    assert!(run["detail"].as_str().expect("words").ends_with("exit status: 3"), "{run}");
    let log = std::fs::read_to_string(ran.path.join("target.log")).expect("its log");
    assert!(log.lines().any(|line| line == "struck"), "{log}");
}

#[test]
fn a_command_that_cannot_be_run_says_so() {
    let hook = "[[chaos]]\nat = \"500ms\"\nrun = [\"./no-such-hook\"]\n";
    let run = strike(&Lab::small(hook).run(), "run");
    assert!(run["detail"].as_str().expect("words").contains("not run: "), "{run}");
}

#[test]
fn one_killed_for_good_is_no_target_that_died() {
    let ran = Lab::small("[[chaos]]\nat = \"1s\"\nkill = {}\n").set("load.drain", "1s").run();
    let kill = strike(&ran, "kill");
    assert!(kill["down_s"].is_null() && kill["first_accept_s"].is_null(), "{kill}");
    assert_eq!(ran.count("offered"), 120, "offering went on to its end\n{ran}");
    assert!(ran.count("not_sent") > 30, "{ran}");
}

#[test]
fn strikes_come_again_and_again_to_the_end_of_the_measured_period() {
    let chaos = "[[chaos]]\nat = { every = \"500ms\", jitter = \"100ms\" }\nrun = [\"true\"]\n";
    let ran = Lab::small(chaos).run();
    let report = ran.report();
    let strikes = report["chaos"].as_array().expect("a list");
    let at: Vec<f64> = strikes.iter().map(|strike| seconds(strike, "at_s")).collect();
    assert!((3..=4).contains(&at.len()), "{at:?}");
    for (nth, at) in (1_u32..).zip(at) {
        assert!(at >= f64::from(nth) * 0.5 - 0.1, "{nth}: {at}");
    }
}

#[test]
fn chaos_beyond_the_measured_period_is_warned_of() {
    let ran = Lab::small("[[chaos]]\nat = \"1h\"\nkill = {}\n").run();
    let report = ran.report();
    assert_eq!(report["chaos"], serde_json::json!([]));
    let warnings = report["warnings"].as_array().expect("a list");
    assert!(warnings.iter().any(|warning| warning["id"] == "idle-chaos"), "{warnings:?}");
}

#[test]
fn what_the_target_uses_is_measured_and_can_be_bounded() {
    let bounds = "[thresholds]\n\"target_rss.max\" = \"> 1MiB\"\n\"target_cpu.mean\" = \"< 64\"\n\
                  \"target_rss.mean\" = \"< 1KiB\"\n\"target_io.max\" = \">= 0B/s\"\n";
    let ran = Lab::small(bounds).set("load.duration", "4s").run();
    ran.assert_code(99);
    let report = ran.report();
    let met: Vec<bool> = report["thresholds"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|threshold| threshold["ok"].as_bool().expect("a grade"))
        .collect();
    assert_eq!(met, [true, true, false, true], "{}", report["thresholds"]);
    let used = &report["resources"]["target"];
    assert_eq!(used["processes_max"], 1, "{used}");
    assert!(used["open_files_max"].as_u64().is_some_and(|files| files > 3), "{used}");
    let direct = Lab::small("").set("target.kind", "direct").run();
    assert!(direct.report()["resources"]["target"].is_null(), "there is no target");
}
