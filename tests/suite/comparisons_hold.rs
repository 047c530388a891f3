//! A comparison stays quiet where nothing differs and speaks where something does.
//!
//! Counts over many made-up comparisons: runs whose figures vary by a log-normal few percent, as
//! those of a machine do, judged as real ones are, the extension included.

use std::path::Path;

use mailbench::measure::comparison::Terms;
use mailbench::measure::comparison::paired::{self, Made, Plan};
use mailbench::measure::comparison::results::{Comparison, Outcome};
use mailbench::measure::results::{Findings, Results};
use mailbench::report::comparison::render;
use mailbench::report::forms::Format;
use mailbench::report::view::View;
use mailbench::seed::{Key, Purpose, Seed};
use rand_distr::{Distribution as _, Normal};

use crate::made_up_runs::{Run, ms, steady};
use crate::support::mailbench;
use mailbench::ledger::event::{AttemptOutcome, SubmitResult};
use mailbench::smtp::reply::Reply;

/// A made-up run of 400 messages, each `slow` milliseconds at the target.
fn findings(slow: u64) -> Findings {
    let mut run = Run::new(steady(40, 10, ""));
    let ok = || SubmitResult::Accepted { reply: Reply::new(250, None, "ok") };
    for id in 0..400 {
        let due = id * 25;
        let done = due + slow + id % 7;
        run.submit(id, [ms(due), ms(due), ms(due), ms(done)], ok());
        run.attempt(id, 1, ms(done + slow), AttemptOutcome::Taken);
    }
    run.pulses(10, 0);
    run.end(10_000, 11_000, 0);
    run.judge()
}

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
    if !paired::is_inconclusive(&first) {
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
    let base = findings(5);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, results: &Results| {
        let text = serde_json::to_string(results).expect("JSON");
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("base.json", &base.results);
    let mut again = findings(5).results;
    again.run.id = "another".to_owned();
    write("again.json", &again);
    let mut slow = findings(50).results;
    slow.run.id = "slow".to_owned();
    write("slow.json", &slow);

    let (code, said) = compare(folder.path(), &["base.json", "again.json"]);
    assert_eq!(code, 0, "{said}");
    // 10 % of each run: a margin of 5 %, and 2.50 + 0.84 errors of 0.1414, as four figures decide.
    assert!(said.contains("INCONCLUSIVE") && said.contains("68%"), "{said}");
    assert!(said.contains("taken for granted"), "{said}");
    let (code, said) = compare(folder.path(), &["base.json", "slow.json"]);
    assert_eq!(code, 98, "{said}");
    assert!(said.contains("REGRESSION"), "{said}");
    let (code, said) = compare(folder.path(), &["slow.json", "base.json"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("IMPROVED") && !said.contains("REGRESSION"), "{said}");
    let (code, said) = compare(folder.path(), &["base.json", "base.json"]);
    assert_eq!((code, said.contains("NO DIFFERENCE SHOWN")), (0, true), "{said}");
    let (code, _) =
        compare(folder.path(), &["base.json", "slow.json", "--allow", "regression", "-q"]);
    assert_eq!(code, 0);
    let (code, said) =
        compare(folder.path(), &["base.json", "slow.json", "again.json", "--format", "json"]);
    let parsed: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(code, 98);
    assert_eq!(parsed["contrasts"][0]["verdict"], "regression");
    assert_eq!(parsed["contrasts"][1]["verdict"], "inconclusive");
}

#[test]
fn what_is_not_comparable_is_refused_by_name_unless_forced() {
    let base = findings(5).results;
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, change: &dyn Fn(&mut Results)| {
        let mut results = base.clone();
        results.run.id = name.to_owned();
        change(&mut results);
        let text = serde_json::to_string(&results).expect("JSON");
        std::fs::write(folder.path().join(name), text).expect("written");
    };
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
        let (code, said) = compare(folder.path(), &["base", name]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(named) && said.contains("--force"), "{said}");
        let (code, said) = compare(folder.path(), &["base", name, "--force"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("compared by force"), "{said}");
    }
    assert_eq!(compare(folder.path(), &["base", "version"]).0, 0, "that is what it is for");
    let (code, said) = compare(folder.path(), &["base", "spoiled"]);
    assert_eq!(code, 96, "{said}");
    let (code, said) = compare(folder.path(), &["base", "lossy"]);
    assert!(code == 98 && said.contains("lost"), "{said}");
    let (code, said) = compare(folder.path(), &["base", "base", "--gate", "e2e_response.p98"]);
    assert!(code == 2 && said.contains("did you mean"), "{said}");
    assert_eq!(compare(folder.path(), &["base", "nowhere"]).0, 2);
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

fn compare(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = mailbench()
        .current_dir(folder)
        .arg("compare")
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("LANG", "C.UTF-8")
        .output()
        .expect("mailbench starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
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
        let again = render(Format::Json, &judged, &view).expect("JSON");
        assert!(again == stored, "{}", folder.display());
        seen += 1;
    }
    assert!(seen > 0, "a comparison is committed");
}
