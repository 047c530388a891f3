//! `timeseries.csv` and `attempts.csv`: one row a second, one row an attempt.

use std::io;

use serde::Serialize;

use crate::escape;
use crate::measure::results::{AttemptRow, Attempts, SeriesRow};

/// One row a second of the run.
pub(super) fn series(rows: &[SeriesRow]) -> io::Result<String> {
    let inert =
        rows.iter().map(|row| SeriesRow { faults: escape::csv(&row.faults), ..row.clone() });
    write(inert, &SERIES)
}

/// One row an attempt seen by the sink.
pub(super) fn attempts(attempts: &Attempts) -> io::Result<String> {
    let mut bytes = Vec::new();
    write_attempts(attempts, &mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// The same without holding it in memory: a row a message can be more text than everything else
/// that is known of a run.
pub(super) fn write_attempts(attempts: &Attempts, out: &mut dyn io::Write) -> io::Result<()> {
    let inert = attempts.rows().map(|row| AttemptRow {
        destination: escape::csv(&row.destination),
        enhanced: escape::csv(&row.enhanced),
        text: escape::csv(&row.text),
        fault: escape::csv(&row.fault),
        ..row
    });
    write_to(out, inert, &ATTEMPTS)
}

fn write<R: Serialize>(rows: impl Iterator<Item = R>, header: &[&str]) -> io::Result<String> {
    let mut bytes = Vec::new();
    write_to(&mut bytes, rows, header)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// The header stands even above no rows at all.
fn write_to<R: Serialize>(
    out: &mut dyn io::Write,
    rows: impl Iterator<Item = R>,
    header: &[&str],
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    writer.write_record(header)?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.flush()
}

const SERIES: [&str; 32] = [
    "t_s",
    "period",
    "offered",
    "accepted",
    "delivered",
    "bounced",
    "rejected",
    "deferred",
    "backlog",
    "queue_length",
    "inflight",
    "conns",
    "sink_conns",
    "submit_p50_us",
    "submit_p99_us",
    "e2e_p50_us",
    "e2e_p99_us",
    "lag_p99_us",
    "cpu_pct",
    "rss_bytes",
    "target_cpu_pct",
    "target_rss_bytes",
    "target_io_bytes",
    "target_files",
    "target_processes",
    "faults",
    "queue_active",
    "queue_deferred",
    "queue_frozen",
    "submit_censored",
    "e2e_censored",
    "hiccup_us",
];

const ATTEMPTS: [&str; 15] = [
    "started_s",
    "ended_s",
    "probe",
    "destination",
    "attempt",
    "session",
    "stage",
    "outcome",
    "code",
    "enhanced",
    "text",
    "fault",
    "confirmed",
    "damage",
    "changes",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The headers written by hand above are those serde would write.
    #[test]
    fn headers_name_the_fields() {
        let header = |row: serde_json::Value| -> Vec<String> {
            row.as_object().expect("an object").keys().cloned().collect()
        };
        let same = |mut fields: Vec<String>, header: &[&str]| {
            let mut header = header.to_vec();
            header.sort_unstable();
            fields.sort_unstable();
            assert_eq!(fields, header);
        };
        same(header(serde_json::to_value(SeriesRow::default()).expect("JSON")), &SERIES);
        same(header(serde_json::to_value(attempt()).expect("JSON")), &ATTEMPTS);
    }

    #[test]
    fn no_rows_still_have_a_header() {
        assert!(series(&[]).expect("text").starts_with("t_s,period,offered,"));
    }

    #[test]
    fn a_hostile_reply_stays_in_its_cell() {
        let text = attempts(&Attempts::from_iter([attempt()])).expect("text");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let row: AttemptRow = reader.deserialize().next().expect("a row").expect("a whole row");
        assert_eq!(row.text, "'=cmd(),\"x\"\\n\\x1b[31m");
    }

    fn attempt() -> AttemptRow {
        AttemptRow {
            started_s: 1.5,
            ended_s: 1.501,
            probe: 7,
            destination: "gmail.test".to_owned(),
            attempt: 1,
            session: 3,
            stage: "rcpt-to".to_owned(),
            outcome: "deferred".to_owned(),
            code: Some(451),
            enhanced: "4.7.1".to_owned(),
            text: "=cmd(),\"x\"\n\x1b[31m".to_owned(),
            fault: "greylist".to_owned(),
            confirmed: false,
            damage: String::new(),
            changes: String::new(),
        }
    }
}
