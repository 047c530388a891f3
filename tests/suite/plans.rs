//! The plan of a scenario is the same bytes each time and on every machine; golden files under
//! `fixtures/plan` hold one for each law of arrivals.
//!
//! After a change that is meant: `mailbench plan X.toml --format csv > X.csv`, and the digests
//! that the test prints.

use std::fs;
use std::path::{Path, PathBuf};

use mailbench::plan::Plan;
use mailbench::scenario;

use crate::support::mailbench;

/// BLAKE3 over the first twenty texts of each golden plan.
const TEXTS: [(&str, &str); 4] = [
    ("closed", "ac2bde5d619a0f0b1276d2b57223d00779ee97298f647099630a1445cbef9ab8"),
    ("constant-ramp", "e6fb04baa059376422b792e3e69e325aca7bb79b9f326e7f76d875fef563a110"),
    ("on-off", "e305db735266843942a4cc8821044225478c4ff1d055bbda1842f6ffd1963ff7"),
    ("poisson", "2709759fae2e69ad122869b60809fab1a7173aca3f7730cf65bdab1ea92f30f4"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plan")
}

/// What `mailbench plan` prints.
fn printed(name: &str, arguments: &[&str]) -> String {
    let mut command = mailbench();
    command.arg("plan").arg(folder().join(name).with_extension("toml")).args(arguments);
    let output = command.output().expect("mailbench starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn plans_are_as_they_were() {
    for (name, _) in TEXTS {
        let golden = fs::read_to_string(folder().join(name).with_extension("csv")).expect("a plan");
        assert_eq!(printed(name, &["--format", "csv"]), golden, "{name}");
    }
}

#[test]
fn texts_are_as_they_were() {
    let digest = |(name, _): (&'static str, &str)| {
        let path = folder().join(name).with_extension("toml");
        let plan = Plan::new(&scenario::load(&path, &[]).expect("valid").scenario, None);
        let mut digest = blake3::Hasher::new();
        for offer in plan.offers().take(20) {
            digest.update(&plan.text(&offer));
        }
        (name, digest.finalize().to_hex().to_string())
    };
    let digests = TEXTS.map(digest);
    assert_eq!(digests, TEXTS.map(|(name, digest)| (name, digest.to_owned())));
}

#[test]
fn another_seed_is_another_plan() {
    let plain = printed("poisson", &["--format", "json"]);
    assert_eq!(plain, printed("poisson", &["--format", "json", "--seed", "7"]));
    assert_ne!(plain, printed("poisson", &["--format", "json", "--seed", "8"]));
    assert_ne!(plain, printed("poisson", &["--format", "json", "--set", "load.rate=20/s"]));
}

#[test]
fn json_says_the_same_as_csv() {
    let json = printed("poisson", &["--format", "json"]);
    let csv = printed("poisson", &["--format", "csv"]);
    assert_eq!(json.lines().count(), csv.lines().count() - 1);
    for (object, record) in json.lines().zip(csv.lines().skip(1)) {
        let object: serde_json::Value = serde_json::from_str(object).expect("JSON");
        let fields: Vec<&str> = record.split(',').collect();
        assert_eq!(object["due_s"].as_f64(), fields[0].parse().ok());
        assert_eq!(object["message"].as_u64(), fields[1].parse().ok());
        assert_eq!(object["size_bytes"].as_u64(), fields[2].parse().ok());
        assert_eq!(object["sender"], fields[3]);
        let recipients: Vec<&str> = fields[4].split(' ').collect();
        assert_eq!(object["recipients"], serde_json::json!(recipients));
    }
}

#[test]
fn the_table_sums_up_and_a_limit_is_named() {
    let whole = printed("constant-ramp", &[]);
    assert_eq!(whole.lines().count(), 38);
    let last = whole.lines().last().expect("a summary");
    assert!(
        last.starts_with("36 messages, 36 recipients, 73728 bytes, the last at 2.950 s."),
        "{last}"
    );
    let cut = printed("constant-ramp", &["--limit", "3"]);
    assert!(cut.contains("3 messages") && cut.contains("there are more"), "{cut}");
    assert!(!whole.contains("there are more"));
}

#[test]
fn a_plan_without_end_is_cut() {
    let endless = printed("closed", &["--set", "load.duration=5s"]);
    assert!(endless.contains("100 messages") && endless.contains("there are more"), "{endless}");
    assert!(endless.lines().nth(1).is_some_and(|line| line.trim().starts_with('-')));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for format in ["table", "csv", "json"] {
        let mut child = mailbench()
            .arg("plan")
            .arg(folder().join("poisson.toml"))
            .args(["--set", "load.messages=20000", "--format", format])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("started");
        drop(child.stdout.take());
        assert!(child.wait().expect("ended").success(), "{format}");
    }
}
