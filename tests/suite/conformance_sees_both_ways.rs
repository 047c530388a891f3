//! Every case of the conformance examination gives a good verdict to a good server and another to
//! one that has the flaw: a case that says the same of both says nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mailbench::conformance::case::Times;
use mailbench::conformance::cases;
use mailbench::conformance::finding::{Row, Verdict};
use mailbench::conformance::lab::Lab;
use mailbench::conformance::subject::Subject;
use mailbench::target::demands::Means;
use serde_json::Value;

use crate::support::mailbench as program;
use crate::vulnerable;

/// Cases whose flaw is no violation: the verdict only changes its colour.
const MILD: [&str; 4] =
    ["i8-command-64k", "i8-local-part-300", "i10-nul-in-command", "i13-received-150"];

/// The vulnerable server is told everything.
const ALL_MEANS: Means = Means { routed: true, spares: true, secured: true, strangers: true };

/// Longer than the vulnerable server's patience.
const TIMES: Times = Times {
    reply: Duration::from_secs(4),
    octet: Duration::from_millis(200),
    dawdle: Duration::from_secs(5),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flaw_is_found_at_a_server_that_has_them_all() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let all = cases::all(&TIMES);
    let many = all.len();
    let lab = Lab::open(all, anywhere, Duration::from_secs(9)).await.expect("a lab");
    let mut target = vulnerable::start(lab.routes(), lab.main()).await;
    let rows = lab.examine(&mut target, ALL_MEANS, |_| {}).await;
    assert_eq!(rows.len(), many);
    let is_blind = |row: &&Row| {
        let mild = MILD.contains(&row.id.as_str()) && row.verdict != Verdict::Conforms;
        !row.verdict.is_bad() && !mild
    };
    let told = |row: &Row| format!("{}: {} ({})", row.id, row.verdict.name(), row.observed);
    let blind: Vec<String> = rows.iter().filter(is_blind).map(told).collect();
    assert!(blind.is_empty(), "{blind:#?}");
    for prefix in ["i1-", "i3-", "o3-"] {
        let mut of_it = rows.iter().filter(|row| row.id.starts_with(prefix));
        assert!(of_it.all(|row| row.verdict == Verdict::Vulnerable), "{prefix}");
    }
    assert!(rows.iter().all(|row| row.gates == (row.mandated && row.verdict.is_bad())));
}

/// It cannot be told what these cases ask for.
const UNTOLD_OF_THE_RELAY: [&str; 5] = [
    "i21-open-relay",
    "o15-first-host-down",
    "o9-required-454",
    "o9-required-not-offered",
    "o9-required-no-handshake",
];

/// The relay of our own is the good server; the command line and every format with it.
#[test]
fn no_flaw_is_found_at_the_relay() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/conformance.toml");
    let arguments = ["conformance", scenario, "--format", "json", "--output"];
    let output = program().args(arguments).arg(folder.path()).output().expect("mailbench runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}\n{talk}");
    let examination: Value = serde_json::from_str(&text).expect("JSON");
    let rows = examination["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), cases::all(&TIMES).len());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row["verdict"].as_str().expect("a verdict")).or_default() += 1;
    }
    assert!(!counts.contains_key("violates") && !counts.contains_key("vulnerable"), "{counts:?}");
    assert!(counts["conforms"] > 60, "{counts:?}");
    let untold = rows.iter().filter(|row| row["verdict"] == "untold");
    let untold: Vec<&str> = untold.map(|row| row["id"].as_str().expect("a name")).collect();
    assert_eq!(untold, UNTOLD_OF_THE_RELAY);
    let injected = rows.iter().find(|row| row["id"] == "i3-starttls-injection");
    assert_eq!(injected.expect("a row")["verdict"], "conforms", "it offers STARTTLS");

    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a file");
    let sarif: Value = serde_json::from_str(&read("conformance.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), rows.len());
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(results.iter().all(|result| result["level"] == "none"));
    let junit = read("conformance.xml");
    assert_eq!(junit.matches("<testcase ").count(), rows.len());
    assert!(junit.contains("failures=\"0\""));
    assert!(read("conformance.md").contains("| i1-lf-dot-lf |"));
}

#[test]
fn it_stays_on_this_machine_and_says_what_it_cannot_examine() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/conformance.toml");
    let said = |arguments: &[&str]| {
        let output = program().args(["conformance", scenario]).args(arguments).output();
        let output = output.expect("mailbench runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().expect("a code"), text)
    };
    let far = said(&["--set", "target.kind=external", "--set", "target.address=192.0.2.1:25"]);
    assert!(far.0 == 106 && far.1.contains("loopback only"), "{far:?}");
    let none = said(&["--set", "target.kind=direct"]);
    assert!(none.0 == 104 && none.1.contains("no target"), "{none:?}");
    let unknown = said(&["--case", "i99"]);
    assert!(unknown.0 == 2 && unknown.1.contains("`i99`"), "{unknown:?}");
}

#[test]
fn the_committed_conformance_schema_is_current() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("schema/conformance.schema.json");
    let current = mailbench::conformance::finding::schema();
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &current).expect("the schema folder is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "run MAILBENCH_BLESS=1 cargo test --test suite schema");
}

/// A target that is found dead when it is asked for the last of these times.
struct Mortal {
    address: SocketAddr,
    lives: usize,
}

impl Subject for Mortal {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn ended(&mut self) -> Option<String> {
        self.lives = self.lives.wrapping_sub(1);
        (self.lives == 0).then(|| "signal: 6 (SIGABRT)".to_owned())
    }

    async fn queued(&self) -> Option<u64> {
        Some(3)
    }

    async fn start_again(&mut self) -> String {
        "started again".to_owned()
    }
}

/// The rows of these cases, played with a target that dies after so many.
async fn rows_of_mortal(cases: &[&str], lives: usize) -> Vec<Row> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let all = cases::all(&TIMES).into_iter();
    let some = all.filter(|case| cases.contains(&case.id.as_str()));
    let lab = Lab::open(some.collect(), anywhere, Duration::from_secs(1)).await.expect("a lab");
    let address = vulnerable::start(lab.routes(), lab.main()).await;
    lab.examine(&mut Mortal { address, lives }, ALL_MEANS, |_| {}).await
}

fn ended(rows: &[Row]) -> Vec<(&str, Verdict)> {
    let words = "the target ended: signal: 6 (SIGABRT); started again";
    let ended = rows.iter().filter(|row| row.observed == words);
    ended.map(|row| (row.id.as_str(), row.verdict)).collect()
}

#[tokio::test]
async fn a_target_that_ends_in_a_case_is_found_in_violation_of_it_alone() {
    // Servers come first.
    let rows = rows_of_mortal(&["i17-vrfy", "o9-454", "o9-expired"], 1).await;
    assert_eq!(ended(&rows), [("o9-expired", Verdict::Violates)], "{rows:#?}");
    let rows = rows_of_mortal(&["i17-vrfy", "i22-mail-in-mail"], 2).await;
    assert_eq!(ended(&rows), [("i17-vrfy", Verdict::Violates)], "{rows:#?}");
    // What a server did just now is the likelier cause.
    let rows = rows_of_mortal(&["i17-vrfy", "o9-454"], 2).await;
    assert_eq!(ended(&rows), [("o9-454", Verdict::Violates)], "{rows:#?}");
}

/// The vulnerable server takes a `600` for a success; were it in its queue, it might yet be tried.
#[tokio::test]
async fn what_is_still_queued_is_not_found_lost() {
    let rows = rows_of_mortal(&["o2-code-600"], usize::MAX).await;
    assert_eq!(rows[0].verdict, Verdict::Untold, "{rows:#?}");
    assert!(rows[0].observed.ends_with("its queue holds 3"), "{rows:#?}");
}

#[test]
fn patience_is_tried_for_seconds_or_for_minutes() {
    let listed = |arguments: &[&str]| {
        let output = program().args(["conformance", "--list"]).args(arguments).output();
        String::from_utf8_lossy(&output.expect("mailbench runs").stdout).into_owned()
    };
    assert!(listed(&[]).contains("the reply to the dot comes after 20 s"));
    assert!(listed(&["--full"]).contains("the reply to the dot comes after 595 s"));
}

/// The sink offers TLS as well as the relay, and drops what came before it.
#[tokio::test]
async fn a_server_that_drops_what_came_before_tls_conforms() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let injection =
        cases::all(&TIMES).into_iter().filter(|case| case.id == "i3-starttls-injection");
    let lab = Lab::open(injection.collect(), anywhere, Duration::from_secs(1)).await;
    let extensions = Some(vec![mailbench::smtp::dialogue::Extension::StartTls]);
    let settings = crate::sink_side::settings(Vec::new());
    let sink = mailbench::sink::Settings { extensions, ..settings };
    let standing = crate::sink_side::stand(sink).await;
    let mut target = standing.sink.address();
    let rows = lab
        .expect("a lab")
        .examine(&mut target, Means { routed: false, ..ALL_MEANS }, |_| {})
        .await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].verdict, Verdict::Conforms, "{}", rows[0].observed);
}
