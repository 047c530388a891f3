//! `history.jsonl` on disk: appended to, a line a run, never rewritten.

use std::fs::{File, OpenOptions};
use std::io::{
    self, BufRead, BufReader, Error, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _,
};
use std::path::Path;

use crate::measure::history::{Entry, SCHEMA_VERSION};
use crate::{files, limits};

/// Name of the file in the folder of a scenario's runs.
pub const FILE: &str = "history.jsonl";

/// What every line begins with.
const BEGINNING: &[u8] = b"{\"schema_version\":";

/// Appends the line of a run: on a line of its own whatever stood last, safe on disk when this
/// returns, and never mixed with that of another run. A line that cannot be written whole is taken
/// back.
///
/// # Errors
/// When the file cannot be written.
pub fn append(path: &Path, entry: &Entry) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)?;
    }
    let is_new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // Released when the file is closed, however that happens.
    file.lock()?;
    let length = file.metadata()?.len();
    let line = serde_json::to_string(entry)? + "\n";
    let line = if ends_a_line(&mut file, length)? { line } else { format!("\n{line}") };
    if let Err(error) = file.write_all(line.as_bytes()).and_then(|()| file.sync_data()) {
        let _what_is_left_is_skipped = file.set_len(length);
        return Err(error);
    }
    if is_new {
        let _not_every_file_system_can =
            File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
    }
    Ok(())
}

fn ends_a_line(file: &mut File, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// What a history holds.
#[derive(Debug, Default)]
pub struct History {
    /// Its runs, in the order in which they were appended.
    pub entries: Vec<Entry>,
    /// Lines that are none of a history's, or cut short: number and reason. At most
    /// [`limits::PROBLEMS_SHOWN`].
    pub skipped: Vec<(u64, String)>,
    /// How many more lines there are such as these.
    pub further: u64,
}

/// Reads a history. A line that cannot be read does not hide the others.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> io::Result<History> {
    let file = files::open(path)?;
    if file.metadata()?.len() > limits::RESULT_BYTES {
        let what = format!("it is longer than {} MiB", limits::RESULT_BYTES >> 20);
        return Err(Error::new(ErrorKind::FileTooLarge, what));
    }
    read_lines(BufReader::new(file.take(limits::RESULT_BYTES)))
}

/// The lines of a history, each bounded.
///
/// # Errors
/// When the source cannot be read.
pub fn read_lines(mut source: impl BufRead) -> io::Result<History> {
    let (mut history, mut line, mut number, mut whole) = (History::default(), Vec::new(), 1, true);
    loop {
        line.clear();
        if (&mut source).take(limits::HISTORY_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(history);
        }
        let ended = line.ends_with(b"\n");
        match (whole, ended || (line.len() as u64) < limits::HISTORY_LINE) {
            (true, true) => history.line(number, line.trim_ascii(), ended),
            (true, false) => {
                history.skip(number, format!("longer than {} bytes", limits::HISTORY_LINE))
            }
            (false, _) => {}
        }
        whole = ended;
        number += u64::from(ended);
    }
}

impl History {
    fn line(&mut self, number: u64, line: &[u8], ended: bool) {
        if line.is_empty() {
            return;
        }
        match entry(line) {
            Ok(entry) => self.entries.push(entry),
            Err(reason) => {
                let cut = || "it is cut short".to_owned();
                self.skip(number, if ended { reason } else { cut() });
                // An earlier mailbench may have appended a row to one cut short.
                let row = memchr::memmem::rfind(line, BEGINNING).filter(|at| *at > 0);
                self.entries.extend(row.and_then(|at| entry(&line[at..]).ok()));
            }
        }
    }

    fn skip(&mut self, number: u64, reason: String) {
        match self.skipped.len() < limits::PROBLEMS_SHOWN {
            true => self.skipped.push((number, reason)),
            false => self.further += 1,
        }
    }

    /// What was not read, a sentence each.
    #[must_use]
    pub fn warnings(&self, path: &Path) -> Vec<String> {
        let path = path.display();
        let lines = self.skipped.iter();
        let lines = lines.map(|(number, why)| format!("{path}:{number}: line skipped: {why}"));
        let more =
            (self.further > 0).then(|| format!("{path}: {} more lines skipped", self.further));
        lines.chain(more).collect()
    }
}

/// One line; in words why it is none.
fn entry(line: &[u8]) -> Result<Entry, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema_version: u64,
    }
    let reason = |error: serde_json::Error| match error.is_eof() {
        true => "it is cut short".to_owned(),
        false => format!("it is not a line of a history ({error})"),
    };
    let version: Version = serde_json::from_slice(line).map_err(reason)?;
    if version.schema_version != u64::from(SCHEMA_VERSION) {
        let found = version.schema_version;
        return Err(format!(
            "it has schema version {found}; this mailbench reads {SCHEMA_VERSION}"
        ));
    }
    serde_json::from_slice(line).map_err(reason)
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

    fn made(run: &str) -> Entry {
        serde_json::from_value(serde_json::json!({
            "schema_version": 1, "run": run, "started_at": "", "commit": null, "scenario": "s",
            "scenario_sha256": "x", "target_kind": "relay", "target_version": "1",
            "tool_version": "1", "environment": {}, "exit_code": 0, "counted": true,
            "figures": {"e2e_response.p50": 1.5}
        }))
        .expect("an entry")
    }

    fn runs(path: &Path) -> (Vec<String>, Vec<(u64, String)>) {
        let history = read(path).expect("read");
        (history.entries.into_iter().map(|entry| entry.run).collect(), history.skipped)
    }

    #[test]
    fn a_row_after_a_torn_one_starts_on_a_line_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deeper/history.jsonl");
        append(&path, &made("a")).expect("appended");
        let whole = std::fs::read(&path).expect("bytes");
        for cut in 1..whole.len() - 1 {
            std::fs::write(&path, [&whole[..], &whole[..cut]].concat()).expect("written");
            assert_eq!(runs(&path), (vec!["a".into()], vec![(2, "it is cut short".into())]));
            append(&path, &made("b")).expect("appended");
            let (read, skipped) = runs(&path);
            assert_eq!((read, skipped.len()), (vec!["a".into(), "b".into()], 1), "cut at {cut}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).expect("written");
        append(&path, &made("b")).expect("appended");
        assert_eq!(
            runs(&path),
            (vec!["a".into(), "b".into()], vec![]),
            "only its line end was lost"
        );
    }

    #[test]
    fn unreadable_lines_are_skipped_with_their_number_and_reason() {
        let row = serde_json::to_string(&made("a")).expect("a row");
        let other = row.replace("\"schema_version\":1", "\"schema_version\":9");
        let swallowed = format!("{}{row}", &row[..40]);
        let long = "x".repeat(limits::HISTORY_LINE as usize + 9);
        let nul = "\0".repeat(50);
        let text =
            [&row, "rubbish", &other, &swallowed, "", &long, &nul, "\u{e9}", &row].join("\n");
        let history = read_lines(text.as_bytes()).expect("read");
        assert_eq!(history.entries.len(), 3, "the swallowed row is read, too");
        let skipped: Vec<u64> = history.skipped.iter().map(|(number, _)| *number).collect();
        assert_eq!(skipped, [2, 3, 4, 6, 7, 8]);
        assert!(history.skipped[1].1.contains("schema version 9"));
        let warning = &history.warnings(Path::new("h.jsonl"))[0];
        assert!(warning.starts_with("h.jsonl:2: line skipped: it is not a line"), "{warning}");
    }

    #[test]
    fn many_unreadable_lines_are_counted() {
        let history = read_lines("rubbish\n".repeat(1000).as_bytes()).expect("read");
        assert_eq!((history.skipped.len(), history.further), (20, 980));
        assert_eq!(
            history.warnings(Path::new("h")).last().expect("one"),
            "h: 980 more lines skipped"
        );
    }

    #[test]
    fn rows_that_are_appended_at_once_do_not_mix() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.jsonl");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for nth in 0..25 {
                        append(path, &made(&format!("{writer}-{nth}"))).expect("appended");
                    }
                });
            }
        });
        let (runs, skipped) = runs(&path);
        assert_eq!((runs.len(), skipped), (100, vec![]));
    }
}
