//! What the system does not give mailbench (file descriptors, say) makes a run invalid, with the reason
//! in words, and is said once; it is never laid at the target's door.

use std::process::{Command, Output};

use crate::support::{free_address, mailbench};

/// Sessions that stay open for long, so that many are open at a time.
const BUSY: &str = r#"
name = "busy"
question = "Does mail arrive?"
seed = 7
[load]
model = "open"
arrival = "constant"
rate = "150/s"
duration = "3s"
drain = "30s"
sessions = 120
messages_per_session = 1
[message]
size = "1KiB"
[[destination]]
domain = "one.test"
"#;

const SLOW_SINK: &str = "[[fault]]\nname = \"slow\"\nstage = \"end-of-data\"\ndelay = \"500ms\"\n";

struct Ran {
    folder: tempfile::TempDir,
    output: Output,
}

/// Runs a scenario under a limit of open files, as `ulimit` has it.
fn run(limit: &str, scenario: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scenario.toml"), scenario).expect("written");
    let script = format!("ulimit {limit} && exec \"$0\" run scenario.toml --output run");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(mailbench().get_program())
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    Ran { folder, output }
}

impl Ran {
    fn said(&self) -> String {
        let Output { status, stdout, stderr } = &self.output;
        format!(
            "{status}\n{}\n{}",
            String::from_utf8_lossy(stdout),
            String::from_utf8_lossy(stderr)
        )
    }

    fn report(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.folder.path().join("run/report.json"));
        serde_json::from_str(&text.unwrap_or_else(|_| panic!("no report: {}", self.said())))
            .expect("JSON")
    }

    /// The one check about it, which is among the reasons.
    #[track_caller]
    fn assert_short_of_descriptors(&self, place: &str) {
        assert_eq!(self.output.status.code(), Some(96), "{}", self.said());
        let report = self.report();
        let checks = report["health"]["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["id"] == "shortage");
        let advice = found.unwrap_or_else(|| panic!("{}", self.said()))["advice"].to_string();
        assert!(advice.contains("out of file descriptors"), "{advice}");
        assert!(advice.contains(place) && advice.contains("ulimit -n"), "{advice}");
        let reasons = report["verdict"]["reasons"].to_string();
        assert!(reasons.contains("out of file descriptors"), "{reasons}");
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        let lines = stderr.lines().filter(|line| line.contains("file descriptors")).count();
        assert!(lines <= 4, "{lines} lines\n{stderr}");
        assert!(stderr.contains("this scenario may need"), "{stderr}");
    }
}

#[test]
fn sessions_at_the_target_and_the_sink_that_cannot_be_opened_void_the_run() {
    let ran = run("-n 64", &format!("{BUSY}[target]\nkind = \"direct\"\n{SLOW_SINK}"));
    ran.assert_short_of_descriptors("times");
}

#[test]
fn deliveries_that_the_embedded_relay_cannot_begin_void_the_run() {
    let relay = "[target]\nkind = \"relay\"\n[target.delivery]\nconcurrency = 120\n\
                 per_destination = 120\n";
    let ran = run("-n 70", &format!("{BUSY}{relay}{SLOW_SINK}"));
    ran.assert_short_of_descriptors("times");
}

#[test]
fn a_soft_limit_is_raised_and_the_target_finds_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let note = folder.path().join("limit");
    let direct = format!("{BUSY}[target]\nkind = \"direct\"\n{SLOW_SINK}");
    let ran = run("-S -n 64", &direct);
    let said = ran.said();
    assert!(!said.contains("file descriptors"), "{said}");
    let [target, sink] = [free_address(), free_address()];
    let program = mailbench().get_program().to_string_lossy().into_owned();
    let queue = folder.path().join("queue");
    let start = format!(
        "ulimit -S -n >{}; exec {program} relay --listen {target} --relay-to {sink} --queue {}",
        note.display(),
        queue.display()
    );
    let external = format!(
        "[target]\nkind = \"external\"\naddress = \"{target}\"\nstart_command = [\"sh\", \"-c\", \
         {start:?}]\n[sink]\nlisten = \"{sink}\"\n"
    );
    let ran = run("-S -n 500", &format!("{BUSY}{external}"));
    let limit = std::fs::read_to_string(&note).unwrap_or_else(|_| panic!("{}", ran.said()));
    assert_eq!(limit.trim(), "500", "what the user's own shell has");
}
