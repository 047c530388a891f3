//! The committed JSON Schema is that of the grammar as it is.

use std::path::Path;

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    let current = mailbench::scenario::schema();
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, &current).expect("the schema folder is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "run MAILBENCH_BLESS=1 cargo test --test suite schema");
}

/// Every key the schema knows is read, and every key that is read is in the schema.
#[test]
fn schema_and_reader_know_the_same_sections() {
    let schema: serde_json::Value =
        serde_json::from_str(&mailbench::scenario::schema()).expect("JSON");
    let sections = schema["properties"].as_object().expect("properties");
    let error = mailbench::scenario::parse("x", "zzzz = 1", &[]).expect_err("an unknown key");
    let said = error.to_string();
    let known = said.split("known here: ").nth(1).expect("the list of keys").trim();
    let mut known: Vec<&str> = known.split(", ").collect();
    let mut described: Vec<&str> = sections.keys().map(String::as_str).collect();
    known.sort_unstable();
    described.sort_unstable();
    assert_eq!(known, described);
}
