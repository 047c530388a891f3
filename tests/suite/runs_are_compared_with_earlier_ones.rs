//! Baselines and history: a run against a stored one, and the long line of runs.

use std::path::Path;

use serde_json::Value;

use crate::support::{Lab, Ran, mailbench};

/// Half a second without a target: enough of a run to be compared.
const QUICK: &str = "name = \"quick\"\nquestion = \"As before?\"\nseed = 7\n\
    [target]\nkind = \"direct\"\n\
    [load]\nmodel = \"open\"\narrival = \"constant\"\nrate = \"100/s\"\nwarm_up = \"0s\"\n\
    duration = \"500ms\"\ndrain = \"10s\"\nsessions = 50\n\
    [[destination]]\ndomain = \"one.test\"\n\
    [[fault]]\nname = \"work\"\nstage = \"end-of-data\"\ndelay = \"20ms\"\n";

fn stored(ran: &Ran, name: &str, change: impl Fn(&mut Value)) -> String {
    let mut report = ran.report();
    change(&mut report);
    let path = ran.path.join(name);
    std::fs::write(&path, report.to_string()).expect("written");
    path.display().to_string()
}

#[test]
fn a_run_is_held_against_its_baseline() {
    // A busy machine may spoil a run, or make it several times as slow.
    let lab = || Lab::new(QUICK).arg("--allow=invalid");
    let before = lab().run();
    before.assert_code(0);
    let same = before.path.join("report.json").display().to_string();
    let against = |base: &str| {
        lab().arg("--baseline").arg(base).arg("--gate").arg("e2e_response.p50").arg("--noise=90%")
    };
    let ran = against(&same).run();
    ran.assert_code(0);
    assert!(ran.stdout.contains("assumed"), "{ran}");
    assert!(ran.path.join("comparison.json").exists());

    // Fifty messages have no p99: by default that decides, too, and cannot.
    let ran = Lab::new(QUICK).arg("--baseline").arg(&same).arg("--noise=90%").run();
    ran.assert_code(96);
    assert!(ran.stdout.contains("p99 needs"), "{ran}");
    let lab = lab().arg("--baseline").arg(&same).arg("--noise=90%");
    lab.arg("--allow=inconclusive").run().assert_code(0);

    let faster = stored(&before, "faster.json", |report| {
        for stat in ["p50", "p90"] {
            report["latency"]["e2e_response"][stat] = 20.into();
        }
    });
    let ran = against(&faster).run();
    // On a busy machine it is inconclusive: mailbench itself may have made a good part of it.
    let decided = ran.code == 98 && ran.stdout.contains("REGRESSION");
    assert!(decided || (ran.code == 96 && ran.stdout.contains("INCONCLUSIVE")), "{ran}");
    let ran = against(&faster).arg("--allow=regression").arg("--allow=inconclusive").run();
    ran.assert_code(0);
    let again = mailbench().arg("report").arg(&ran.path).output().expect("mailbench starts");
    // 96 where a busy machine spoilt it.
    let code = again.status.code();
    assert!(matches!(code, Some(0 | 96)), "the run itself has no part in it: {code:?}");

    let ran = against(&same).set("load.rate", "90/s").run();
    ran.assert_code(2);
    assert!(ran.stderr.contains("scenario, load.rate") && !ran.path.exists(), "{ran}");
    let lab = against(&same).set("load.rate", "90/s");
    lab.arg("--force").run().assert_code(0);
}

#[test]
fn every_run_is_a_line_of_its_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    for _ in 0..2 {
        Lab::new(QUICK).arg("--history").arg(&file.display().to_string()).run().assert_code(0);
    }
    let text = std::fs::read_to_string(&file).expect("a history");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["figures"]["e2e_response.p50"].as_f64() > Some(20_000.0), "{}", lines[0]);

    let step = folder.path().join("step.jsonl");
    let line = |n: u64, p50: f64| {
        let mut line = lines[0].clone();
        line["run"] = format!("run-{n}").into();
        line["counted"] = true.into();
        line["figures"]["e2e_response.p50"] = (p50 * (1.0 + 0.01 * (n * 7 % 5) as f64)).into();
        line.to_string() + "\n"
    };
    let worse: String =
        (0..30).map(|n| line(n, if n < 26 { 20_000.0 } else { 24_000.0 })).collect();
    std::fs::write(&step, worse).expect("written");
    let (code, said) = history(&step, &["--check"]);
    assert_eq!(code, 98, "{said}");
    assert!(said.contains("e2e_response.p50") && said.contains("from run run-26 on"), "{said}");
    let (code, said) = history(&step, &["--check", "--last", "2"]);
    assert!(code == 96 && said.contains("e2e_response.p99: none of its runs has it"), "{said}");
    let named = ["--check", "--gate", "e2e_response.p50"];
    assert_eq!(history(&step, &named).0, 98);
    assert_eq!(history(&step, &[&named[..], &["--last", "2"]].concat()).0, 0, "too long ago");
    assert_eq!(history(&step, &[]).0, 0, "nothing was to be checked");
    let (code, page) = history(&step, &["--format", "html"]);
    assert!(code == 0 && page.contains("<svg") && page.contains("at run run-26"), "{page}");
    let (_, json) = history(&step, &["--format", "json"]);
    let families: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(families[0]["runs"].as_array().map(Vec::len), Some(30));

    std::fs::write(&step, "").expect("written");
    let (code, said) = history(&step, &["--check"]);
    assert!(code == 96 && said.contains("the history has no runs"), "{said}");
    assert_eq!(history(&file, &["--check"]).0, 96, "two runs show no change");
    assert_eq!(history(&file, &["--check", "--allow", "inconclusive"]).0, 0);
    assert_eq!(history(&file, &[]).0, 0);

    std::fs::write(&step, "rubbish\n").expect("written");
    let (code, said) = history(&step, &[]);
    assert!(code == 2 && said.contains("step.jsonl:1"), "{said}");
}

fn history(file: &Path, more: &[&str]) -> (i32, String) {
    let output = mailbench()
        .arg("history")
        .arg(file)
        .args(more)
        .env("NO_COLOR", "1")
        .output()
        .expect("mailbench starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}
