//! In a GitHub job a run appends to the job's summary and annotates the lines of the scenario
//! whose bounds it missed.

use std::path::Path;

use crate::support::{Lab, SMALL};

const FAILING: &str = r#"
[thresholds]
lost = "== 0"
accepted = "< 1"
"#;

#[test]
fn a_missed_bound_is_annotated_at_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary");
    std::fs::write(&summary, "from an earlier step\n").expect("written");
    let lab = Lab::small(FAILING).env("GITHUB_ACTIONS", Path::new("true"));
    let ran = lab.env("GITHUB_STEP_SUMMARY", &summary).run();
    ran.assert_code(99);

    let wanted = std::fs::read_to_string(ran.path.join("summary.md")).expect("a summary");
    let told = std::fs::read_to_string(&summary).expect("text");
    assert_eq!(told, format!("from an earlier step\n{wanted}\n"));

    let scenario = format!("{}{FAILING}", SMALL);
    let line = 1 + scenario.lines().position(|line| line.starts_with("accepted")).expect("it");
    let annotations: Vec<&str> =
        ran.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    let place = format!("::error file=scenario.toml,line={line},title=mailbench threshold::");
    assert!(annotations.iter().any(|said| said.starts_with(&place)), "{annotations:?}");
    assert!(!annotations.iter().any(|said| said.contains("lost == 0")), "{annotations:?}");
}
