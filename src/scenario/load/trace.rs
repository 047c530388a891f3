//! `load.trace`: a CSV of arrivals. Columns `time` (seconds from the start), and where wanted
//! `size` (bytes) and `destinations` (domains, blanks between them).
//!
//! Two are the same when their contents are. Where they lie is no part of them.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::spreadsheet;
use crate::grammar::at::At;
use crate::grammar::diagnosis::{Problem, Problems, Unusable, suggest};
use crate::probe::BOUNCE_DOMAIN;
use crate::scenario::destination::{Destination, is_domain};
use crate::{files, limits};

/// Arrivals as they once came. Cheap to clone.
#[derive(Clone)]
pub struct Trace(pub Arc<TraceFile>);

/// A trace, row after row.
#[derive(Debug, Default)]
pub struct TraceFile {
    /// Where it was read.
    pub path: PathBuf,
    /// Digest of its contents.
    pub digest: String,
    /// When each message is due, from the start of offering; never going back.
    pub dues: Vec<Duration>,
    /// Size of each message; empty: the trace says nothing of it.
    pub sizes: Vec<u64>,
    /// For each message the number of its first recipient in `destinations`; empty as they.
    pub firsts: Vec<u64>,
    /// Destination of every recipient of every message; empty: the trace says nothing of it.
    pub destinations: Vec<u16>,
}

impl TraceFile {
    /// The row of the message with this number; `None`: beyond the end, or not given.
    #[must_use]
    pub fn row(&self, message: u64) -> Option<usize> {
        self.firsts.binary_search(&message).ok()
    }

    /// The recipients of a row.
    #[must_use]
    pub fn recipients(&self, row: usize) -> &[u16] {
        let place = |at: Option<&u64>| at.map(|at| usize::try_from(*at).unwrap_or(usize::MAX));
        let from = place(self.firsts.get(row)).unwrap_or(self.destinations.len());
        let to = place(self.firsts.get(row + 1)).unwrap_or(self.destinations.len());
        self.destinations.get(from..to).unwrap_or_default()
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.digest.serialize(serializer)
    }
}

impl PartialEq for Trace {
    fn eq(&self, other: &Trace) -> bool {
        self.0.digest == other.0.digest
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace {} of {} messages", self.0.digest, self.0.dues.len())
    }
}

/// Reads the trace a scenario names. The domains it brings are added to the destinations.
pub(in crate::scenario) fn resolve(
    written: &At<String>,
    folder: &Path,
    destinations: &mut Vec<Destination>,
    problems: &mut Problems,
) -> Trace {
    let path = folder.join(&written.value);
    let read = read(&path, destinations).unwrap_or_else(|wrong| {
        let problem = Problem::unusable("", &wrong.of(&path)).at(&written.span);
        problems.push(problem.help(
            "a CSV with the columns `time`, and if you like `size` and `destinations`; \
             `mailbench trace` makes one from a mail log",
        ));
        TraceFile::default()
    });
    Trace(Arc::new(TraceFile { path, ..read }))
}

fn read(path: &Path, destinations: &mut Vec<Destination>) -> Result<TraceFile, Unusable> {
    let bytes = files::read(path, limits::TRACE_BYTES)?;
    Ok(rows(&bytes, destinations)?)
}

fn rows(bytes: &[u8], destinations: &mut Vec<Destination>) -> Result<TraceFile, String> {
    spreadsheet::form(bytes)?;
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let columns = Columns::of(csv.headers().map_err(|error| error.to_string())?)?;
    let mut numbers: HashMap<String, u16> = HashMap::new();
    for (number, destination) in (0..).zip(&*destinations) {
        numbers.insert(destination.domain.clone(), number);
    }
    let mut trace =
        TraceFile { digest: blake3::hash(bytes).to_hex()[..16].to_owned(), ..TraceFile::default() };
    for record in csv.records() {
        let record = record.map_err(|error| error.to_string())?;
        // A cell may hold line ends.
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row { record: &record, columns: &columns, trace: &mut trace };
        row.read(&mut numbers, destinations).map_err(|wrong| format!("line {line}: {wrong}"))?;
    }
    if trace.dues.is_empty() {
        return Err("it has no rows".to_owned());
    }
    Ok(trace)
}

/// Where each column stands.
struct Columns {
    time: usize,
    size: Option<usize>,
    destinations: Option<usize>,
}

impl Columns {
    fn of(headers: &csv::StringRecord) -> Result<Columns, String> {
        let place = |name: &str| headers.iter().position(|header| header == name);
        let known = ["time", "size", "destinations"];
        if let Some(unknown) = headers.iter().find(|header| !known.contains(header)) {
            let hint = suggest(&unknown.to_ascii_lowercase(), known);
            return Err(format!("there is no column `{unknown}`; {hint}"));
        }
        let count = |name: &str| headers.iter().filter(|header| *header == name).count();
        if let Some(twice) = known.iter().find(|name| count(name) > 1) {
            return Err(format!("the column `{twice}` is defined twice"));
        }
        let time = place("time").ok_or("the column `time` is missing")?;
        Ok(Columns { time, size: place("size"), destinations: place("destinations") })
    }
}

struct Row<'a> {
    record: &'a csv::StringRecord,
    columns: &'a Columns,
    trace: &'a mut TraceFile,
}

impl Row<'_> {
    fn read(
        &mut self,
        numbers: &mut HashMap<String, u16>,
        destinations: &mut Vec<Destination>,
    ) -> Result<(), String> {
        let cell = |at: usize| self.record.get(at).unwrap_or_default();
        let written = cell(self.columns.time);
        let due = written.parse().ok().and_then(|time| Duration::try_from_secs_f64(time).ok());
        let due = due.filter(|due| *due <= limits::TIMESPAN);
        let due = due.ok_or_else(|| {
            let hint = spreadsheet::time_hint(written);
            format!("`{written}` is not a time in seconds from the start{hint}")
        })?;
        if self.trace.dues.last().is_some_and(|last| *last > due) {
            return Err("times go back: sort them".to_owned());
        }
        if self.trace.dues.len() >= limits::TRACE_ROWS {
            return Err(format!("more than {} messages", limits::TRACE_ROWS));
        }
        if let Some(at) = self.columns.size {
            let size = cell(at).parse().ok().filter(|size| *size <= limits::MESSAGE_SIZE);
            let size = size.ok_or_else(|| {
                let hint = spreadsheet::size_hint(cell(at));
                format!("`{}` is not a size in bytes{hint}", cell(at))
            })?;
            self.trace.sizes.push(size);
        }
        if let Some(at) = self.columns.destinations {
            let domains = cell(at).to_ascii_lowercase();
            self.recipients(&domains, numbers, destinations)?;
        }
        self.trace.dues.push(due);
        Ok(())
    }

    fn recipients(
        &mut self,
        domains: &str,
        numbers: &mut HashMap<String, u16>,
        destinations: &mut Vec<Destination>,
    ) -> Result<(), String> {
        let first = self.trace.destinations.len();
        for domain in domains.split_whitespace() {
            let number = match numbers.get(domain) {
                Some(number) => *number,
                None => {
                    let number = add(domain, destinations)?;
                    numbers.insert(domain.to_owned(), number);
                    number
                }
            };
            self.trace.destinations.push(number);
        }
        match self.trace.destinations.len() - first {
            0 => Err("a message without a destination".to_owned()),
            count if count > limits::RECIPIENTS => Err(format!("{count} recipients are too many")),
            _ => {
                self.trace.firsts.push(first as u64);
                Ok(())
            }
        }
    }
}

fn add(domain: &str, destinations: &mut Vec<Destination>) -> Result<u16, String> {
    if !is_domain(domain) || domain == BOUNCE_DOMAIN {
        return Err(format!("`{domain}` cannot be a destination"));
    }
    let number = u16::try_from(destinations.len());
    let number = number.map_err(|_| format!("more than {} destinations", limits::DESTINATIONS))?;
    destinations.push(Destination { domain: domain.to_owned(), weight: 1.0, extensions: None });
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(TraceFile, Vec<String>), String> {
        let mut all =
            vec![Destination { domain: "b.test".to_owned(), weight: 2.0, extensions: None }];
        let trace = rows(text.as_bytes(), &mut all)?;
        Ok((trace, all.into_iter().map(|one| one.domain).collect()))
    }

    #[test]
    fn rows_are_messages() {
        let text = "time, size, destinations\n0,100,a.test\n0.5,200,B.test a.test c.test\n";
        let (trace, domains) = of(text).expect("a trace");
        assert_eq!(domains, ["b.test", "a.test", "c.test"]);
        assert_eq!(trace.dues, [Duration::ZERO, Duration::from_millis(500)]);
        assert_eq!(trace.sizes, [100, 200]);
        assert_eq!((trace.row(0), trace.row(1), trace.row(2)), (Some(0), Some(1), None));
        assert_eq!((trace.recipients(0), trace.recipients(1)), (&[1][..], &[0, 1, 2][..]));
        let (times, _) = of("time\n1\n1\n2\n").expect("a trace");
        assert_eq!((times.dues.len(), times.sizes.len(), times.firsts.len()), (3, 0, 0));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, wrong) in [
            ("size\n1\n", "the column `time` is missing"),
            ("time,what\n1,2\n", "there is no column `what`; known here: time, size, destinations"),
            ("Time\n1\n", "there is no column `Time`; did you mean `time`?"),
            ("time,size,size\n1,2,3\n", "the column `size` is defined twice"),
            ("time,size\n0,\"1\n\"\n1,x\n", "line 4: `x` is not a size in bytes"),
            ("time\n", "it has no rows"),
            ("time\n1\n0\n", "line 3: times go back: sort them"),
            ("time\n-1\n", "line 2: `-1` is not a time in seconds from the start"),
            ("time\nNaN\n", "line 2: `NaN` is not a time in seconds from the start"),
            ("time,size\n1,x\n", "line 2: `x` is not a size in bytes"),
            ("time,destinations\n1,\n", "line 2: a message without a destination"),
            ("time,destinations\n1,a@b\n", "line 2: `a@b` cannot be a destination"),
        ] {
            assert_eq!(of(text).err().as_deref(), Some(wrong));
        }
    }
}
