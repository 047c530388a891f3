//! Every scenario in `scenarios/` runs in a short form, and its ledger is clean.

use std::path::Path;

use crate::support::{Lab, mailbench};

fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    names
}

#[test]
fn all_pass_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = shipped().into_iter().map(|name| root.join("scenarios").join(name));
    let output = mailbench().arg("check").args(paths).output().expect("mailbench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A short run may have too few samples for a percentile (96) or miss a bound meant for the full
/// form (99); what it may not do is fail to run, or break the ledger.
#[test]
fn all_run_short_with_a_clean_ledger() {
    for name in shipped() {
        let ran = Lab::shipped(&name)
            .set("load.warm_up", "500ms")
            .set("load.duration", "3s")
            .set("load.drain", "30s")
            .run();
        assert!([0, 96, 99].contains(&ran.code), "{name}: {ran}");
        assert!(ran.count("accepted") > 0, "{name}: {ran}");
        for class in ["lost", "corrupted", "phantom", "misrouted", "duplicates_unexcused"] {
            assert_eq!(ran.count(class), 0, "{name}: {class}\n{ran}");
        }
    }
}
