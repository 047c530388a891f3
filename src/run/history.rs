//! `history.jsonl` on disk: appended to, a line a run, never rewritten.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::measure::history::{Entry, SCHEMA_VERSION};

/// Name of the file in the folder of a scenario's runs.
pub const FILE: &str = "history.jsonl";

/// Appends the line of a run, in one write, so that two runs that end at once do not mix.
///
/// # Errors
/// When the file cannot be written.
pub fn append(path: &Path, entry: &Entry) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let line = serde_json::to_string(entry)? + "\n";
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(line.as_bytes())
}

/// Reads a history; a last line cut short by a crash is left out.
///
/// # Errors
/// When it cannot be read, or a line before the last is none of ours.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path)?;
    let count = text.lines().count();
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) if entry.schema_version == SCHEMA_VERSION => entries.push(entry),
            Err(_) if number == count && !text.ends_with('\n') => {}
            _ => {
                let what = format!("{}:{number}: not a line of a history", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
    }
    Ok(entries)
}

/// What is being tested, where a CI server says it.
#[must_use]
pub fn commit() -> Option<String> {
    let names = ["GITHUB_SHA", "CI_COMMIT_SHA"];
    names.into_iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_a_torn_last_one_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deeper/history.jsonl");
        let entry: Entry = serde_json::from_value(serde_json::json!({
            "schema_version": 1, "run": "a", "started_at": "", "commit": null, "scenario": "s",
            "scenario_sha256": "x", "target_kind": "relay", "target_version": "1",
            "tool_version": "1", "environment": {}, "exit_code": 0, "counted": true,
            "figures": {"e2e_response.p50": 1.5}
        }))
        .expect("an entry");
        append(&path, &entry).expect("appended");
        append(&path, &entry).expect("appended");
        assert_eq!(read(&path).expect("read"), [entry.clone(), entry.clone()]);
        let mut text = std::fs::read_to_string(&path).expect("text");
        text.push_str("{\"schema_ver");
        std::fs::write(&path, &text).expect("written");
        assert_eq!(read(&path).expect("read").len(), 2);
        std::fs::write(&path, text + "\n").expect("written");
        assert!(read(&path).is_err(), "a whole line that is none of ours");
    }
}
