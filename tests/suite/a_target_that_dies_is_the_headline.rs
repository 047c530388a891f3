//! A target that ends by itself is what a report says first, in every format, and never a pass. So is
//! one whose processes mailbench knows nothing of. A queue command that prints nothing proves nothing.

use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::an_external_target_is_handled_by_its_commands::Own;
use crate::nothing_outlives_mailbench::targets;
use crate::support::{Lab, Ran, SMALL, mailbench, wait_until};

/// An SMTP server of the user's that exits after some messages.
fn dying_target(own: &Own, more: &[&str]) -> Child {
    let script = format!("{}/tests/suite/forwarding.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.args([&script, &own.address, &own.sink, &own.pid_file()]).args(more);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("started");
    wait_until("it listens", || own.file("own.pid").exists());
    child
}

/// The scenario that says nothing of the server but its address.
fn unnamed(own: &Own) -> Lab {
    Lab::small("")
        .set("target.kind", "external")
        .set("target.address", &own.address)
        .set("target.queue_command", "[\"echo\", \"0\"]")
        .set("sink.listen", &own.sink)
        .set("load.rate", "20/s")
        .set("load.duration", "4s")
}

/// It stands at the head of everything that the run left.
#[track_caller]
fn assert_headline(ran: &Ran, code: i32, status: &str) {
    ran.assert_code(code);
    let report = ran.report();
    let verdict = &report["verdict"];
    assert_eq!(verdict["status"], "fail", "{verdict}");
    assert_eq!(verdict["reasons"][0]["class"], "target-died", "{verdict}");
    let died = &report["target"]["died"];
    assert!(died["status"].as_str().is_some_and(|text| text.contains(status)), "{died}");
    assert!(died["at_s"].as_f64().is_some_and(|at| (0.0..4.5).contains(&at)), "{died}");
    for file in ["summary.md", "report.html", "junit.xml"] {
        let text = std::fs::read_to_string(ran.path.join(file)).expect(file);
        assert!(text.contains("the target ended by itself"), "{file}");
    }
    let read = |file: &str| std::fs::read_to_string(ran.path.join(file)).expect(file);
    assert!(read("metrics.txt").contains("mailbench_target_died_seconds{"), "metrics.txt");
    assert!(read("timeseries.csv").contains("target-died"), "timeseries.csv");
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the target ended by itself"), "{ran}");
    let headline = verdict["reasons"][0]["message"].to_string();
    assert!(!headline.contains("offer less"), "{headline}");
}

#[test]
fn one_not_planned_that_relayed_all_mail_is_no_pass() {
    let own = Own::new();
    let mut child = dying_target(&own, &["die-after", "40"]);
    let ran = unnamed(&own).run();
    child.wait().expect("its end");
    assert_headline(&ran, 96, "which listened at");
    assert_eq!(ran.count("lost"), 0, "{ran}");
}

#[test]
fn one_that_took_its_mail_with_it_has_lost_it() {
    let own = Own::new();
    let mut child = dying_target(&own, &["die-after", "40", "swallow-later"]);
    let ran = unnamed(&own).set("target.pid_file", &own.pid_file()).run();
    child.wait().expect("its end");
    assert_headline(&ran, 97, "is gone");
    assert!(ran.count("lost") > 0, "{ran}");
}

#[test]
fn the_embedded_relay_too() {
    let place = tempfile::tempdir().expect("a folder");
    let lab = Lab::small("").set("load.duration", "4s").env("TMPDIR", place.path());
    let run = lab.start();
    let journal = lab.path().join("journal.bin");
    let offered = || std::fs::metadata(&journal).is_ok_and(|file| file.len() > 20_000);
    wait_until("mail flows", offered);
    for pid in targets(place.path()) {
        // One may have ended with another.
        let _gone = kill(Pid::from_raw(pid), Signal::SIGABRT);
    }
    let ran = lab.finish(run);
    assert_ne!(ran.code, 0, "{ran}");
    assert_headline(&ran, ran.code, "signal: 6");
}

#[test]
fn a_queue_command_that_prints_nothing_proves_nothing() {
    let own = Own::new();
    let mut child = own.started();
    let greylist = "[[fault]]\nname = \"greylist\"\nstage = \"rcpt-to\"\nattempts = \"1\"\n\
                    odds = 0.2\ndefer = \"451 4.7.1 later\"\n";
    let retry = SMALL.split("[target.retry]").nth(1).expect("a section");
    let retry = retry.split("[load]").next().expect("its end");
    let scenario = SMALL.replace(&format!("[target.retry]{retry}"), "");
    let ran = Lab::new(&format!("{scenario}{greylist}"))
        .set("target.kind", "external")
        .set("target.address", &own.address)
        .set("target.queue_command", "[\"true\"]")
        .set("sink.listen", &own.sink)
        .run();
    child.kill().expect("it was left alone");
    child.wait().expect("its end");
    let report = ran.report();
    assert_ne!(report["queue"]["proved_empty"], true, "{}", report["queue"]);
    // The first of them, and how many there were.
    assert_eq!(ran.stderr.matches("printed nothing").count(), 2, "{ran}");
    let curve = &report["retry_curve"];
    assert!(curve[0]["count"].as_u64().is_some_and(|count| count > 0), "{curve}");
    assert!(curve[0]["configured_s"].is_null(), "nobody configured it: {curve}");
}

/// What comes after it would be measured without it: the search ends, and says why.
#[test]
fn a_capacity_search_ends_with_it() {
    let own = Own::new();
    let mut child = dying_target(&own, &["die-after", "8"]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("small.toml"), SMALL).expect("written");
    let mut command = mailbench();
    command.current_dir(folder.path()).args(["capacity", "small.toml", "--output", "out"]);
    command.args(["--quick", "--trial", "2", "--no-curve", "--max-rate", "40", "--quiet"]);
    command.args(["--allow", "health", "--set", "target.kind=external"]);
    for setting in [
        format!("target.address={}", own.address),
        "target.queue_command=[\"echo\", \"0\"]".to_owned(),
        format!("sink.listen={}", own.sink),
        format!("target.pid_file={}", own.pid_file()),
    ] {
        command.args(["--set", &setting]);
    }
    let output = command.output().expect("mailbench runs");
    child.wait().expect("its end");
    assert_eq!(output.status.code(), Some(96), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("out/capacity.json")).expect("a report");
    let known: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(known["limited_by"], "inconclusive", "{known}");
    let reason = known["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("the target ended by itself in trial 1"), "{reason}");
    assert_eq!(known["trials"].as_array().map(Vec::len), Some(1), "{known}");
    let said = String::from_utf8_lossy(&output.stdout);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the target ended by itself"), "{said}");
    assert!(!words.contains("not empty"), "{said}");
}
