//! A comparison stays quiet where nothing differs and speaks where something does.
//!
//! Counts over many made-up comparisons: runs whose figures vary by a log-normal few percent, as
//! those of a machine do, judged as real ones are, the extension included.

use std::path::Path;

use mailbench::measure::comparison::Terms;
use mailbench::measure::comparison::paired::{self, Made, Plan};
use mailbench::measure::comparison::results::{Comparison, Outcome};
use mailbench::measure::results::Results;
use mailbench::report::comparison::render;
use mailbench::report::forms::Format;
use mailbench::report::view::View;
use mailbench::seed::{Key, Purpose, Seed};
use rand_distr::{Distribution as _, Normal};

use crate::comparisons_are_judged::findings;
use crate::support::mailbench;

/// The same run with every time multiplied and every rate divided, and its own id.
fn scaled(results: &Results, times: f64, id: usize) -> Results {
    let mut scaled = results.clone();
    scaled.run.id = format!("run-{id}");
    for latency in scaled.latency.values_mut() {
        latency.hdr.clear();
        for stat in [&mut latency.p50, &mut latency.p90, &mut latency.p99] {
            *stat = stat.map(|us| (us as f64 * 1000.0 * times).round() as u64);
        }
    }
    scaled.rates.values_mut().for_each(|rate| *rate /= times);
    scaled
}

/// One comparison of ten pairs, extended once where the first look is inconclusive: the new side
/// is `effect` times as slow, and every figure of every run varies by `noise`.
fn compared(base: &Results, repetition: u64, noise: f64, effect: f64) -> Comparison {
    let variants = ["a".to_owned(), "b".to_owned()];
    let key = Key { subject: repetition, ..Key::default() };
    let mut random = Seed(5).stream(Purpose::ThinkTime, key);
    let law = Normal::new(0.0, noise).expect("a law");
    let mut made = Vec::new();
    let mut draw = |pair: u32, made: &mut Vec<Made>| {
        // The machine drifts from pair to pair; both of a pair feel it.
        let drift = 0.3 * f64::from(pair % 5);
        for variant in 0..2 {
            let slower = if variant == 1 { effect } else { 1.0 };
            let times = (drift + law.sample(&mut random)).exp() * slower;
            let results = scaled(base, times, made.len());
            made.push(Made {
                pair,
                variant,
                attempt: 1,
                folder: String::new(),
                counted: true,
                results,
            });
        }
    };
    let plan = Plan { variants: &variants, pairs: 10, may_extend: true, extended: false };
    (1..=10).for_each(|pair| draw(pair, &mut made));
    let first = paired::compare(&made, &plan, &Terms::default());
    if !paired::more_pairs_could_decide(&first, &made, &plan, &Terms::default()) {
        return first;
    }
    (11..=20).for_each(|pair| draw(pair, &mut made));
    paired::compare(&made, &Plan { extended: true, ..plan }, &Terms::default())
}

fn count(base: &Results, noise: f64, effect: f64, wanted: Outcome) -> usize {
    let verdicts = (0..REPETITIONS).map(|n| compared(base, n, noise, effect).contrasts[0].verdict);
    verdicts.filter(|verdict| *verdict == wanted).count()
}

const REPETITIONS: u64 = 200;

#[test]
fn a_against_a_stays_quiet_and_a_planted_difference_is_found() {
    let base = findings(5).results;
    for noise in [0.02, 0.03, 0.05] {
        let false_alarms = count(&base, noise, 1.0, Outcome::Regression);
        assert!(false_alarms <= 4, "{false_alarms} of {REPETITIONS} at a noise of {noise}");
        let found = count(&base, noise, 1.15, Outcome::Regression);
        assert!(found >= 190, "{found} of {REPETITIONS} at a noise of {noise}");
        let improved = count(&base, noise, 1.0 / 1.15, Outcome::Improved);
        assert!(improved >= 190, "{improved} of {REPETITIONS} at a noise of {noise}");
        println!(
            "noise {noise}: of {REPETITIONS}, A/A alarms {false_alarms}, +15 % found {found}, \
             -13 % found {improved}"
        );
    }
    // Exactly at the margin (of rates) an alarm is false too, and as rare as was promised.
    let at_margin = count(&base, 0.03, 1.03, Outcome::Regression);
    assert!(at_margin <= 10, "{at_margin} of {REPETITIONS} at the margin");
    // Quiet is more than silent: at a small noise the data do say that nothing is worse.
    let quiet = count(&base, 0.02, 1.0, Outcome::NoDifferenceShown);
    assert!(quiet >= 190, "{quiet} of {REPETITIONS} say so");
}

#[test]
fn looking_at_one_run_a_side_finds_only_what_is_large() {
    let stored = Stored::new();
    stored.write("base.json", &|_| {});
    stored.write("again.json", &|_| {});
    stored.write("slow.json", &|run| {
        let id = run.run.id.clone();
        *run = findings(50).results;
        run.run.id = id;
    });

    let (code, said) = stored.compare(&["base.json", "again.json"]);
    assert_eq!(code, 0, "{said}");
    // 10 % of each run: a margin of 5 %, and 2.50 + 0.84 errors of 0.1414, as four figures decide.
    assert!(said.contains("INCONCLUSIVE") && said.contains("68%"), "{said}");
    assert!(said.contains("assumed to be 10%"), "{said}");
    let (code, said) = stored.compare(&["base.json", "slow.json"]);
    assert_eq!(code, 98, "{said}");
    assert!(said.contains("REGRESSION"), "{said}");
    let (code, said) = stored.compare(&["slow.json", "base.json"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("IMPROVED") && !said.contains("REGRESSION"), "{said}");
    let (code, said) = stored.compare(&["base.json", "base.json"]);
    assert_eq!((code, said.contains("NO DIFFERENCE SHOWN")), (0, true), "{said}");
    let (code, _) = stored.compare(&["base.json", "slow.json", "--allow", "regression", "-q"]);
    assert_eq!(code, 0);
    let (code, said) =
        stored.compare(&["base.json", "slow.json", "again.json", "--format", "json"]);
    let parsed: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(code, 98);
    assert_eq!(parsed["contrasts"][0]["verdict"], "regression");
    assert_eq!(parsed["contrasts"][1]["verdict"], "inconclusive");
}

/// The gated figure is missing, or only a lower bound, on either side: that is exit 96 with its
/// reason, and a lower bound of the new side that is far worse is still a regression.
#[test]
fn a_gate_without_data_is_never_met() {
    let stored = Stored::new();
    let write = |name: &str, change: &dyn Fn(&mut Results)| stored.write(name, change);
    let e2e = |results: &mut Results, times: u64, p99: bool, at_least: bool| {
        let latency = results.latency.get_mut("e2e_response").expect("the metric");
        latency.hdr.clear();
        latency.p99 = latency.p99.map(|us| us * times).filter(|_| p99);
        if at_least {
            latency.at_least = vec!["p99".to_owned()];
        }
    };
    write("base", &|_| {});
    write("few", &|run| e2e(run, 18, false, false));
    write("few-too", &|run| e2e(run, 1, false, false));
    write("slow", &|run| e2e(run, 18, true, false));
    write("bound", &|run| e2e(run, 18, true, true));
    write("low-bound", &|run| e2e(run, 1, true, true));
    let gated = |base: &str, new: &str| stored.compare(&[base, new, "--gate", "e2e_response.p99"]);
    for (base, new, code, reason) in [
        ("base", "slow", 98, "e2e_response.p99 (18"),
        ("base", "few", 96, "few has no such figure (400 samples"),
        ("few", "base", 96, "few has no such figure"),
        ("few", "few-too", 96, "few-too has no such figure"),
        ("base", "bound", 98, ">="),
        ("base", "low-bound", 96, "a lower bound"),
        ("bound", "base", 0, "IMPROVED"),
        ("low-bound", "slow", 96, "a lower bound"),
        ("low-bound", "bound", 96, "a lower bound"),
    ] {
        let (found, said) = gated(base, new);
        assert!(found == code && said.contains(reason), "{base} {new}: {found}\n{said}");
    }
    // By default it decides, too.
    assert_eq!(stored.compare(&["few", "few-too"]).0, 96);
    let more = ["few", "few-too", "--allow", "invalid"];
    assert_eq!(stored.compare(&more).0, 0);
}

#[test]
fn an_invalid_run_decides_nothing_and_zero_is_a_value() {
    let stored = Stored::new();
    let write = |name: &str, change: &dyn Fn(&mut Results)| stored.write(name, change);
    write("base", &|run| run.queue.drain_time_s = Some(0.0));
    write("again", &|run| run.queue.drain_time_s = Some(0.0));
    write("drains", &|run| run.queue.drain_time_s = Some(4.0));
    write("stuck", &|run| {
        run.rates.insert("delivered".to_owned(), 0.0);
    });
    write("spoiled", &|run| {
        run.run.interrupted = true;
        run.rates.insert("delivered".to_owned(), 0.0);
    });
    let gated = |new: &str, gate: &str| stored.compare(&["base", new, "--gate", gate]);
    assert_eq!(gated("drains", "drain_time").0, 98);
    assert_eq!(gated("again", "drain_time").0, 0);
    assert_eq!(gated("stuck", "delivered.rate").0, 98, "nothing was delivered");
    let (code, said) = gated("spoiled", "delivered.rate");
    assert!(code == 96 && said.contains("it was interrupted"), "{said}");
}

#[test]
fn what_is_not_comparable_is_refused_by_name_unless_forced() {
    let stored = Stored::new();
    let write = |name: &str, change: &dyn Fn(&mut Results)| stored.write(name, change);
    write("base", &|_| {});
    write("kind", &|run| run.target.kind = "postfix".to_owned());
    write("digest", &|run| run.run.scenario_sha256 = "abc".to_owned());
    write("machine", &|run| {
        run.environment.insert("cpu".to_owned(), "another".to_owned());
    });
    write("version", &|run| run.target.version = "99".to_owned());
    write("spoiled", &|run| run.run.complete = false);
    write("lossy", &|run| {
        run.counts.insert("lost".to_owned(), 3);
    });
    for (name, named) in [
        ("kind", "target kind: `relay` and `postfix`"),
        ("digest", "scenario digest"),
        ("machine", "environment, cpu"),
    ] {
        let (code, said) = stored.compare(&["base", name]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(named) && said.contains("--force"), "{said}");
        let (code, said) = stored.compare(&["base", name, "--force"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("compared by force"), "{said}");
    }
    assert_eq!(stored.compare(&["base", "version"]).0, 0, "that is what it is for");
    let (code, said) = stored.compare(&["base", "spoiled"]);
    assert_eq!(code, 96, "{said}");
    let (code, said) = stored.compare(&["base", "lossy"]);
    assert!(code == 98 && said.contains("lost"), "{said}");
    let (code, said) = stored.compare(&["base", "base", "--gate", "e2e_response.p98"]);
    assert!(code == 2 && said.contains("did you mean"), "{said}");
    let gate = ["--gate", "e2e_response.p99"].repeat(2);
    let (code, said) = stored.compare(&[&["base", "version"], &gate[..]].concat());
    assert!(code == 2 && said.contains("`e2e_response.p99` is named twice"), "{said}");
    assert_eq!(stored.compare(&["base", "nowhere"]).0, 2);
}

#[test]
fn the_committed_comparison_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/comparison.schema.json");
    let current = mailbench::measure::comparison::results::schema();
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &current).expect("the schema folder is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "run MAILBENCH_BLESS=1 cargo test --test suite schema");
}

/// Reports of runs in a folder, as `mailbench compare` finds them.
struct Stored {
    folder: tempfile::TempDir,
    base: Results,
}

impl Stored {
    fn new() -> Stored {
        let folder = tempfile::tempdir().expect("a folder");
        Stored { folder, base: findings(5).results }
    }

    /// The report of a run of its own, with a change.
    fn write(&self, name: &str, change: &dyn Fn(&mut Results)) {
        let mut results = self.base.clone();
        results.run.id = name.to_owned();
        change(&mut results);
        let text = serde_json::to_string(&results).expect("JSON");
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn compare(&self, arguments: &[&str]) -> (i32, String) {
        let output = mailbench()
            .current_dir(self.folder.path())
            .arg("compare")
            .args(arguments)
            .env("NO_COLOR", "1")
            .env("LANG", "C.UTF-8")
            .output()
            .expect("mailbench starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }
}

/// What is committed is what this version makes of the runs beside it.
#[test]
fn committed_comparisons_judge_to_the_same_bytes() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let mut seen = 0;
    for folder in std::fs::read_dir(reports).expect("reports").flatten() {
        let folder = folder.path().join("example");
        let Ok(stored) = std::fs::read_to_string(folder.join("comparison.json")) else { continue };
        let judged = mailbench::run::comparison::judge(&folder).expect("its runs");
        let view = View::plain(80);
        if std::env::var_os("MAILBENCH_BLESS").is_some() {
            bless(&judged, &folder);
            continue;
        }
        let again = render(Format::Json, &judged, &view).expect("JSON");
        assert!(again == stored, "{}", folder.display());
        seen += 1;
    }
    let blessed = std::env::var_os("MAILBENCH_BLESS").is_some();
    assert!(blessed || seen > 0, "a comparison is committed");
}

/// Writes again what is committed of a comparison.
fn bless(judged: &Comparison, folder: &Path) {
    let view = View { folder: None, ..View::plain(80) };
    let files = Format::ALL.into_iter().map(|format| match format {
        Format::Terminal => (format, Some("summary.txt".to_owned())),
        other => (other, other.file("comparison")),
    });
    for (format, file) in files {
        let Some(path) = file.map(|file| folder.join(file)).filter(|path| path.exists()) else {
            continue;
        };
        let text = render(format, judged, &view).expect("text");
        std::fs::write(path, text).expect("the folder is writable");
    }
}
