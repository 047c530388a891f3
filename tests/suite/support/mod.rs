//! The lab: runs the built program on a scenario in a folder of its own and reads what it left.

mod addresses;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

pub(crate) use addresses::{free_address, free_port};

/// A scenario about to be run.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, PathBuf)>,
    strict: bool,
}

/// A run that has ended.
pub(crate) struct Ran {
    _folder: tempfile::TempDir,
    /// The run's folder.
    pub(crate) path: PathBuf,
    /// Exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it said meanwhile.
    pub(crate) stderr: String,
}

/// A scenario small enough for a test: two destinations, short periods, quick retries.
pub(crate) const SMALL: &str = r#"
name = "small"
question = "Does mail arrive?"
seed = 7
[target]
kind = "relay"
[target.retry]
schedule = "fixed"
first = "500ms"
jitter = 0.0
give_up_after = "10m"
[load]
model = "open"
arrival = "constant"
rate = "60/s"
warm_up = "500ms"
duration = "2s"
drain = "20s"
sessions = 10
[message]
size = "2KiB"
[[destination]]
domain = "one.test"
[[destination]]
domain = "two.test"
"#;

/// Does this with every item, so many at the same time, and collects what it gives, in any order. For
/// work that mostly waits.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    at_once: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let left = Mutex::new(items.into_iter().collect::<Vec<T>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some(item) = left.lock().expect("a list").pop() else { return };
                    let result = work(&item);
                    done.lock().expect("a list").push(result);
                }
            });
        }
    });
    done.into_inner().expect("a list")
}

impl Lab {
    /// A lab with this scenario.
    pub(crate) fn new(scenario: &str) -> Lab {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("scenario.toml"), scenario).expect("written");
        Lab { folder, arguments: Vec::new(), environment: Vec::new(), strict: false }
    }

    /// The small scenario with this appended.
    pub(crate) fn small(more: &str) -> Lab {
        Lab::new(&format!("{SMALL}{more}"))
    }

    /// A shipped scenario.
    pub(crate) fn shipped(name: &str) -> Lab {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        Lab::new(&std::fs::read_to_string(path).expect("a scenario"))
    }

    /// Judged by the instrument's health too. Other tests run beside each other on few cores:
    /// there the instrument is rightly called spoiled, which is not what they ask about.
    pub(crate) fn strict(mut self) -> Lab {
        self.strict = true;
        self
    }

    /// A further word on the command line.
    pub(crate) fn arg(mut self, argument: &str) -> Lab {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A variable of its environment, such as one that names a folder.
    pub(crate) fn env(mut self, name: &str, folder: &Path) -> Lab {
        self.environment.push((name.to_owned(), folder.to_owned()));
        self
    }

    /// `--set key=value`.
    pub(crate) fn set(self, key: &str, value: &str) -> Lab {
        self.arg("--set").arg(&format!("{key}={value}"))
    }

    fn command(&self) -> Command {
        let mut command = mailbench();
        command.args(["run", "scenario.toml", "--output", "run"]).args(&self.arguments);
        if !self.strict {
            command.args(["--allow", "health"]);
        }
        self.prepare(command)
    }

    /// A command in the lab's folder and environment.
    pub(crate) fn prepare(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path());
        command.env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_ACTIONS");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        let output = self.command().output().expect("mailbench runs");
        self.ended(&output)
    }

    /// Runs it to its end as the last words of another command, which makes its surroundings.
    pub(crate) fn run_within(self, outer: &mut Command) -> Ran {
        let inner = self.command();
        outer.arg(inner.get_program()).args(inner.get_args());
        outer.current_dir(self.folder.path());
        let variables = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let output = outer.envs(variables).output().expect("it runs");
        self.ended(&output)
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Child {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("mailbench starts")
    }

    /// What a started run came to.
    pub(crate) fn finish(self, child: Child) -> Ran {
        let output = child.wait_with_output().expect("it ends");
        self.ended(&output)
    }

    /// Waits for a started run to end, and keeps the lab.
    pub(crate) fn finish_keeping(&self, mut child: Child) -> Option<i32> {
        child.wait().expect("it ends").code()
    }

    /// Where its scenario lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The run's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn ended(self, output: &Output) -> Ran {
        Ran {
            path: self.path(),
            _folder: self.folder,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// `report.json`.
    pub(crate) fn report(&self) -> Value {
        let text = std::fs::read_to_string(self.path.join("report.json"));
        let text = text.unwrap_or_else(|error| panic!("no report ({error})\n{self}"));
        serde_json::from_str(&text).expect("JSON")
    }

    /// One of the counts.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let report = self.report();
        let count = report["counts"][name].as_u64();
        count.unwrap_or_else(|| panic!("no count `{name}` in {}", report["counts"]))
    }

    /// How many samples a latency has; none where there is no such metric.
    pub(crate) fn timed(&self, metric: &str) -> u64 {
        self.report()["latency"][metric]["count"].as_u64().unwrap_or_default()
    }

    /// Asserts that a secret stands in no file of the run's folder.
    #[track_caller]
    pub(crate) fn assert_hides(&self, secret: &str) {
        for file in std::fs::read_dir(&self.path).expect("the run's folder").flatten() {
            let text = std::fs::read(file.path()).unwrap_or_default();
            let shown = memchr::memmem::find(&text, secret.as_bytes()).is_some();
            assert!(!shown, "the password stands in {}", file.path().display());
        }
    }

    /// Asserts the exit code, showing what was said if it is another.
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{self}");
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Passes over what is not on this machine; where `MAILBENCH_REQUIRE_CLIENTS=1`, that is a failure.
#[track_caller]
pub(crate) fn skip(what: &str, why: &str) {
    let required = std::env::var("MAILBENCH_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
    assert!(!required, "{what} is required: {why}");
    pass_over(what, why);
}

/// Says in one line what is passed over and why; `tests/all` counts these lines.
pub(crate) fn pass_over(what: &str, why: &str) {
    let line = format!("skipped: {what}: {why}\n");
    eprint!("{line}");
    if let Some(file) = std::env::var_os("MAILBENCH_SKIPPED") {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(file).expect("a list");
        // One write a line: tests run beside each other.
        file.write_all(line.as_bytes()).expect("a line");
    }
}

/// The built program.
pub(crate) fn mailbench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailbench"))
}

/// Looks every 10 ms, for 15 s at the most.
#[track_caller]
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    assert!(comes_true(Duration::from_secs(15), done), "{what}");
}

/// Looks every 10 ms, for so long at the most, whether it is so.
#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
pub(crate) fn comes_true(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    (0..within.as_millis() / 10).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        done()
    })
}

/// Below which packages were unpacked (`tests/mtas/install`).
pub(crate) fn prefix() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mtas");
    std::env::var_os("MAILBENCH_MTA_PREFIX").map_or(here, PathBuf::from)
}
