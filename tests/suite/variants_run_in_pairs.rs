//! `[compare]`: variants run in interleaved pairs, and what comes of it, end to end.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Lab, Ran, mailbench};

/// Two variants of a run of half a second on no target at all.
fn scenario(pairs: u32, slow: &str) -> String {
    format!(
        "name = \"pairs\"\nquestion = \"Is the new one slower?\"\nseed = 7\n\
         [target]\nkind = \"direct\"\n\
         [load]\nmodel = \"open\"\narrival = \"constant\"\nrate = \"100/s\"\n\
         warm_up = \"0s\"\nduration = \"500ms\"\ndrain = \"10s\"\nsessions = 50\n\
         [[destination]]\ndomain = \"one.test\"\n\
         [[fault]]\nname = \"work\"\nstage = \"end-of-data\"\ndelay = \"20ms\"\n\
         [compare]\npairs = {pairs}\ncool_down = \"0s\"\nextend = false\n\
         gate = [\"e2e_response.p50\"]\n\
         [[compare.variant]]\nname = \"old\"\n\
         [[compare.variant]]\nname = \"new one\"\nset = {{ \"fault.work.delay\" = \"{slow}\" }}\n"
    )
}

fn comparison(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.path.join("comparison.json"));
    let text = text.unwrap_or_else(|error| panic!("no comparison ({error})\n{ran}"));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_planted_delay_is_found_with_every_run_kept() {
    let ran = Lab::new(&scenario(6, "200ms")).run();
    ran.assert_code(98);
    let found = comparison(&ran);
    assert_eq!(found["verdict"]["status"], "regression");
    let rows = found["contrasts"][0]["figures"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["metric"] == "e2e_response.p50").expect("the row");
    let (low, ratio) = (row["low"].as_f64().expect("low"), row["ratio"].as_f64().expect("ratio"));
    assert!(row["pairs"] == 6 && low > 1.05 && low <= ratio, "{row}");
    assert!(row["detectable"].as_f64().is_some_and(|effect| effect > 0.0), "{row}");
    let trials = found["trials"].as_array().expect("trials");
    let counted = trials.iter().filter(|trial| trial["counted"] == true);
    assert_eq!(counted.count(), 12, "{trials:?}");
    for trial in trials {
        let folder = ran.path.join(trial["folder"].as_str().expect("a folder"));
        for file in ["report.json", "journal.bin", "scenario.toml", "summary.md"] {
            assert!(folder.join(file).exists(), "{} {file}", folder.display());
        }
    }
    let firsts = trials.iter().step_by(2).map(|trial| trial["variant"].as_str());
    assert_eq!(firsts.collect::<std::collections::BTreeSet<_>>().len(), 2, "both go first");
    for pair in trials.chunks(2) {
        assert_eq!((&pair[0]["pair"], &pair[0]["seed"]), (&pair[1]["pair"], &pair[1]["seed"]));
    }
    for file in ["comparison.csv", "summary.md", "scenario.toml"] {
        assert!(ran.path.join(file).exists(), "{file}");
    }
    let resolved = std::fs::read_to_string(ran.path.join("scenario.toml")).expect("a scenario");
    assert!(resolved.contains("[[compare.variant]]"), "{resolved}");
    for (format, file) in
        [("json", "comparison.json"), ("csv", "comparison.csv"), ("markdown", "summary.md")]
    {
        let again = mailbench()
            .args(["report", "--format", format])
            .arg(&ran.path)
            .output()
            .expect("mailbench starts");
        assert_eq!(again.status.code(), Some(98), "{format}");
        let stored = std::fs::read(ran.path.join(file)).expect("the file");
        assert!(again.stdout == stored, "{file} judges to the same bytes");
    }
    assert!(ran.stdout.contains("REGRESSION") && ran.stdout.contains("could show"), "{ran}");
    assert!(ran.stderr.contains("pair 1 of 6"), "{ran}");
}

/// Alike, and too few to say so: neither an alarm nor a clean bill.
#[test]
fn too_few_pairs_are_inconclusive_and_so_it_is_said() {
    let ran = Lab::new(&scenario(6, "20ms")).arg("--pairs").arg("2").run();
    ran.assert_code(96);
    assert!(ran.stdout.contains("2 pairs cannot show a regression"), "{ran}");
    assert_eq!(comparison(&ran)["trials"].as_array().map(Vec::len), Some(4));
    let ran = Lab::new(&scenario(6, "20ms")).arg("--pairs=1").arg("--allow=inconclusive").run();
    ran.assert_code(0);
}

/// Ten times slower, but no run has enough messages for the figure that decides.
#[test]
fn a_gate_without_data_is_inconclusive() {
    let text = scenario(2, "200ms").replace("e2e_response.p50", "e2e_response.p99");
    let ran = Lab::new(&text).run();
    ran.assert_code(96);
    let found = comparison(&ran);
    assert_eq!(found["verdict"]["status"], "inconclusive");
    let rows = found["contrasts"][0]["figures"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["metric"] == "e2e_response.p99").expect("the row");
    assert!(row["gated"] == true && row["lacks_data"] == true && row["pairs"] == 0, "{row}");
    assert!(ran.stdout.contains("no pair has it (old: 50 samples, p99 needs 368)"), "{ran}");
}

#[test]
fn an_interrupt_keeps_the_pairs_until_then() {
    let lab = Lab::new(&scenario(50, "20ms"));
    let child = lab.start();
    let file = lab.path().join("comparison.json");
    wait_for(&file);
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("sent");
    let ran = lab.finish(child);
    ran.assert_code(105);
    let trials = comparison(&ran)["trials"].as_array().map_or(0, Vec::len);
    assert!((2..100).contains(&trials), "{trials}");
}

fn wait_for(file: &Path) {
    for _ in 0..600 {
        if file.exists() {
            return;
        }
        rest(Duration::from_millis(100));
    }
    panic!("{} never came", file.display());
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn rest(time: Duration) {
    std::thread::sleep(time);
}

/// A mistake in a variant is one of the scenario, and is shown where it stands.
#[test]
fn a_variant_that_means_nothing_is_refused_before_anything_is_sent() {
    for (wrong, said) in [
        ("\"target.knd\" = \"relay\"", "unknown key `knd`"),
        ("\"load.rate\" = \"fast\"", "`fast`"),
        ("\"destination.0.domain\" = \"mx.corp.de\"", "real domain"),
        ("\"compare.pairs\" = 3", "cannot differ between variants"),
        ("\"thresholds.lst\" = \"== 0\"", "`lost`"),
    ] {
        let text = scenario(2, "20ms").replace("\"fault.work.delay\" = \"20ms\"", wrong);
        let ran = Lab::new(&text).run();
        ran.assert_code(104);
        assert!(ran.stderr.contains(said) && !ran.path.exists(), "{said}: {ran}");
    }
    let text = scenario(2, "20ms").replace("e2e_response.p50", "e2e_response.p51");
    let ran = Lab::new(&text).run();
    ran.assert_code(104);
    assert!(ran.stderr.contains("did you mean `e2e_response.p50`"), "{ran}");
}
