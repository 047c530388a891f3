//! `mailbench run` as a contestant.

use std::path::Path;

use serde_json::Value;

use crate::contest::Turn;
use crate::process;

/// What a run is to be; the rest as the table has it: closed, 4 KiB, full ledger.
pub(crate) struct Shape {
    /// The `[target]` table.
    pub(crate) target: String,
    pub(crate) messages: u64,
    pub(crate) sessions: u32,
    /// Messages a session.
    pub(crate) reuse: u32,
    pub(crate) pipelining: bool,
    /// By BDAT, with the envelope in one write.
    pub(crate) chunking: bool,
    pub(crate) destinations: u32,
}

impl Shape {
    pub(crate) fn direct(messages: u64) -> Shape {
        let target = "kind = \"direct\"".to_owned();
        let (sessions, reuse, destinations) = (20, 1_000_000, 1);
        Shape { target, messages, sessions, reuse, pipelining: true, chunking: true, destinations }
    }

    /// Its scenario file.
    pub(crate) fn scenario(&self) -> String {
        let Shape { target, messages, sessions, reuse, pipelining, chunking, .. } = self;
        let domains = (0..self.destinations)
            .map(|number| format!("[[destination]]\ndomain = \"d{number}.test\"\n"));
        // A sink offers BDAT where it is told to.
        let offer = if self.chunking { OFFER } else { "" };
        format!(
            "name = \"peers\"\nseed = 7\n[target]\n{target}\n[load]\nmodel = \"closed\"\n\
             warm_up = \"0s\"\ndrain = \"60s\"\nmessages = {messages}\nsessions = {sessions}\n\
             messages_per_session = {reuse}\n[smtp]\npipelining = {pipelining}\nchunking = {chunking}\n{offer}\
             [message]\nsize = \"4KiB\"\n{}",
            domains.collect::<String>()
        )
    }

    /// Runs it; its report, and the CPU of its process from start to end in seconds.
    pub(crate) fn run(&self) -> Ran {
        run(&self.scenario())
    }
}

/// Everything that makes mail cheap to take.
const OFFER: &str = "[sink]\nextensions = [\"PIPELINING\", \"SIZE\", \"8BITMIME\", \
    \"ENHANCEDSTATUSCODES\", \"CHUNKING\"]\n";

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) report: Value,
    /// CPU of mailbench and the target it started, reports included. Seconds.
    pub(crate) cpu: f64,
}

/// Runs a scenario.
pub(crate) fn run(scenario: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, scenario).expect("written");
    let output = folder.path().join("run");
    let mut command = process::mailbench();
    command.arg("run").arg(&file).arg("--output").arg(&output).arg("--quiet");
    // How the instrument felt is in the figures; what counts here is that all mail arrived.
    let cost = process::run(command.args(["--allow", "health", "--allow", "invalid"]));
    Ran { report: report_in(&output), cpu: cost.cpu }
}

fn report_in(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

impl Ran {
    /// A figure of the report.
    pub(crate) fn figure(&self, pointer: &str) -> f64 {
        let figure = self.report.pointer(pointer).and_then(Value::as_f64);
        figure.unwrap_or_else(|| panic!("no {pointer} in the report"))
    }

    /// The rate at which mail was delivered; CPU by `resources`, which leaves judging and reports
    /// out, or of the whole process.
    pub(crate) fn turn(&self, messages: u64) -> Turn {
        let delivered = self.figure("/counts/delivered");
        assert_eq!(delivered, messages as f64, "not all mail arrived");
        let cpu = self.figure("/resources/cpu_s") / delivered * 1e6;
        Turn { rate: self.figure("/rates/delivered"), cpu }
    }
}
