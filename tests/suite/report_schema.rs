//! The committed JSON Schema is that of the report as it is.

use std::path::Path;

use crate::made_up_runs::{Run, steady};

#[test]
fn the_committed_report_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
    let current = mailbench::measure::results::schema();
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &current).expect("the schema folder is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "run MAILBENCH_BLESS=1 cargo test --test suite schema");
}

/// Every key of a report is in the schema, and every key the schema demands is in a report.
#[test]
fn a_report_has_the_keys_of_its_schema() {
    let mut run = Run::new(steady(10, 5, ""));
    run.end(5_000, 5_500, 0);
    let report = serde_json::to_value(&run.judge().results).expect("JSON");
    let schema: serde_json::Value =
        serde_json::from_str(&mailbench::measure::results::schema()).expect("JSON");
    let known = schema["properties"].as_object().expect("properties");
    let written = report.as_object().expect("an object");
    assert!(written.keys().all(|key| known.contains_key(key)));
    let demanded = schema["required"].as_array().expect("required keys");
    assert!(demanded.iter().all(|key| written.contains_key(key.as_str().expect("a key"))));
    assert_eq!(report["schema_version"], 2);
}
