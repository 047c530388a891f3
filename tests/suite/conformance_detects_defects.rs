//! Every conformance case gives a good verdict on a compliant server and another on a server with the
//! defect it looks for: a case that gives both the same verdict is useless.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mailbench::conformance::case::Times;
use mailbench::conformance::cases;
use mailbench::conformance::finding::{Row, Verdict};
use mailbench::conformance::lab::Lab;
use mailbench::conformance::subject::Subject;
use mailbench::targets::conformance::Capabilities;
use serde_json::Value;

use crate::support::mailbench as program;
use crate::vulnerable;

/// Cases whose defect is not a violation: the verdict only must not be `conforms`.
const MINOR: [&str; 4] =
    ["i8-command-64k", "i8-local-part-300", "i10-nul-in-command", "i13-received-150"];

/// Everything can be configured in the vulnerable server.
const ALL_MEANS: Capabilities =
    Capabilities { routed: true, spares: true, secured: true, unknown_clients: true };

/// Longer than the timeouts of the vulnerable server.
const TIMES: Times = Times {
    reply_delay: Duration::from_secs(4),
    octet_interval: Duration::from_millis(200),
    endless_reply: Duration::from_secs(5),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vulnerable_server_fails_every_case() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let all = cases::all(&TIMES);
    let many = all.len();
    let lab = Lab::open(all, anywhere, Duration::from_secs(9)).await.expect("a lab");
    let mut target = vulnerable::start(lab.routes(), lab.main()).await;
    let rows = lab.examine(&mut target, ALL_MEANS, |_| {}).await;
    assert_eq!(rows.len(), many);
    let is_missed = |row: &&Row| {
        let minor = MINOR.contains(&row.id.as_str()) && row.verdict != Verdict::Conforms;
        !row.verdict.is_bad() && !minor
    };
    let shown = |row: &Row| format!("{}: {} ({})", row.id, row.verdict.name(), row.observed);
    let missed: Vec<String> = rows.iter().filter(is_missed).map(shown).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    for prefix in ["i1-", "i3-", "o3-"] {
        let mut of_it = rows.iter().filter(|row| row.id.starts_with(prefix));
        assert!(of_it.all(|row| row.verdict == Verdict::Vulnerable), "{prefix}");
    }
    assert!(rows.iter().all(|row| row.gates == (row.mandated && row.verdict.is_bad())));
}

/// What these cases require cannot be configured in the relay.
const SKIPPED_FOR_THE_RELAY: [&str; 5] = [
    "i21-open-relay",
    "o15-first-host-down",
    "o9-required-454",
    "o9-required-not-offered",
    "o9-required-no-handshake",
];

/// The embedded relay is the compliant server; the test covers the command and every format.
#[test]
fn embedded_relay_passes_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/conformance.toml");
    let arguments = ["conformance", scenario, "--format", "json", "--output"];
    let output = program().args(arguments).arg(folder.path()).output().expect("mailbench runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let diagnostics = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}\n{diagnostics}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), cases::all(&TIMES).len());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row["verdict"].as_str().expect("a verdict")).or_default() += 1;
    }
    assert!(!counts.contains_key("violates") && !counts.contains_key("vulnerable"), "{counts:?}");
    assert!(counts["conforms"] > 60, "{counts:?}");
    let skipped = rows.iter().filter(|row| row["verdict"] == "skipped");
    let skipped: Vec<&str> = skipped.map(|row| row["id"].as_str().expect("a name")).collect();
    assert_eq!(skipped, SKIPPED_FOR_THE_RELAY);
    assert!(!counts.contains_key("inconclusive"), "{counts:?}");
    assert_eq!(report["schema_version"], 2);
    let injected = rows.iter().find(|row| row["id"] == "i3-starttls-injection");
    assert_eq!(injected.expect("a row")["verdict"], "conforms", "it offers STARTTLS");

    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a file");
    let sarif: Value = serde_json::from_str(&read("conformance.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), rows.len());
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(results.iter().all(|result| result["level"] == "none"));
    let not_applicable = results.iter().filter(|result| result["kind"] == "notApplicable");
    assert_eq!(not_applicable.count(), SKIPPED_FOR_THE_RELAY.len());
    let junit = read("conformance.xml");
    assert_eq!(junit.matches("<testcase ").count(), rows.len());
    assert!(junit.contains("failures=\"0\" errors=\"0\" skipped=\"5\""));
    assert_eq!(junit.matches("<skipped message=\"skipped: ").count(), 5);
    assert!(read("conformance.md").contains("| i1-lf-dot-lf |"));
}

#[test]
fn only_a_target_on_loopback_is_tested() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/conformance.toml");
    let refused = |arguments: &[&str]| {
        let output = program().args(["conformance", scenario]).args(arguments).output();
        let output = output.expect("mailbench runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().expect("a code"), text)
    };
    let far = refused(&["--set", "target.kind=external", "--set", "target.address=192.0.2.1:25"]);
    assert!(far.0 == 106 && far.1.contains("loopback only"), "{far:?}");
    let none = refused(&["--set", "target.kind=direct"]);
    assert!(none.0 == 104 && none.1.contains("no target"), "{none:?}");
    let unknown = refused(&["--case", "i99"]);
    assert!(unknown.0 == 2 && unknown.1.contains("`i99`"), "{unknown:?}");
    let former = refused(&["--case", "o11-three-fates"]);
    let now = "`o11-mixed-recipient-replies`";
    assert!(former.0 == 2 && former.1.contains(now), "{former:?}");
}

#[test]
fn committed_conformance_schema_is_current() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("schema/conformance.schema.json");
    let current = mailbench::conformance::finding::schema();
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &current).expect("the schema folder is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "run MAILBENCH_BLESS=1 cargo test --test suite schema");
}

/// A target that has exited when it is asked for the last of these times.
struct DyingTarget {
    address: SocketAddr,
    checks: usize,
}

impl Subject for DyingTarget {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn exited(&mut self) -> Option<String> {
        self.checks = self.checks.wrapping_sub(1);
        (self.checks == 0).then(|| "signal: 6 (SIGABRT)".to_owned())
    }

    async fn queue_length(&self) -> Option<u64> {
        Some(3)
    }

    async fn restart(&mut self) -> String {
        "restarted".to_owned()
    }
}

/// The rows of these cases with a target that exits at this check.
async fn rows_of_dying_target(cases: &[&str], checks: usize) -> Vec<Row> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let all = cases::all(&TIMES).into_iter();
    let some = all.filter(|case| cases.contains(&case.id.as_str()));
    let lab = Lab::open(some.collect(), anywhere, Duration::from_secs(1)).await.expect("a lab");
    let address = vulnerable::start(lab.routes(), lab.main()).await;
    lab.examine(&mut DyingTarget { address, checks }, ALL_MEANS, |_| {}).await
}

fn exits(rows: &[Row]) -> Vec<(&str, Verdict)> {
    let observed = "the target exited: signal: 6 (SIGABRT); restarted";
    let exits = rows.iter().filter(|row| row.observed == observed);
    exits.map(|row| (row.id.as_str(), row.verdict)).collect()
}

#[tokio::test]
async fn target_exit_violates_the_case_that_caused_it() {
    // Cases of a server are run first.
    let rows = rows_of_dying_target(&["i17-vrfy", "o9-454", "o9-expired"], 1).await;
    assert_eq!(exits(&rows), [("o9-expired", Verdict::Violates)], "{rows:#?}");
    let rows = rows_of_dying_target(&["i17-vrfy", "i22-mail-in-mail"], 2).await;
    assert_eq!(exits(&rows), [("i17-vrfy", Verdict::Violates)], "{rows:#?}");
    // A server that misbehaved recently is the likelier cause than the case under way.
    let rows = rows_of_dying_target(&["i17-vrfy", "o9-454"], 2).await;
    assert_eq!(exits(&rows), [("o9-454", Verdict::Violates)], "{rows:#?}");
}

/// The vulnerable server treats `600` as success. A message that is still queued may yet be retried.
#[tokio::test]
async fn queued_mail_is_inconclusive() {
    let rows = rows_of_dying_target(&["o2-code-600"], usize::MAX).await;
    assert_eq!(rows[0].verdict, Verdict::Inconclusive, "{rows:#?}");
    assert!(rows[0].observed.ends_with("the target's queue still holds 3 messages"), "{rows:#?}");
}

#[test]
fn timeouts_are_tested_for_seconds_or_minutes() {
    let listed = |arguments: &[&str]| {
        let output = program().args(["conformance", "--list"]).args(arguments).output();
        String::from_utf8_lossy(&output.expect("mailbench runs").stdout).into_owned()
    };
    assert!(listed(&[]).contains("the reply to the end of data comes after 20 s"));
    assert!(listed(&["--full"]).contains("the reply to the end of data comes after 595 s"));
}

/// The sink discards what came before the TLS handshake, as the relay does.
#[tokio::test]
async fn sink_discards_plaintext_before_tls() {
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
        .examine(&mut target, Capabilities { routed: false, ..ALL_MEANS }, |_| {})
        .await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].verdict, Verdict::Conforms, "{}", rows[0].observed);
}
