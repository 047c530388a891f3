//! `latency.hlog`: HdrHistogram interval log, one tag a metric, values in microseconds.

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::measure::results::Findings;
use crate::measure::samples;

/// The maxima beside the histograms, for people, are in milliseconds.
const MICROSECONDS_IN_MILLISECOND: f64 = 1000.0;

/// The log of every interval.
pub(super) fn render(findings: &Findings) -> io::Result<String> {
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment("values in microseconds, maxima in milliseconds");
    if let Some(started) = wall_time(&findings.results.run.started_at) {
        builder.with_start_time(started);
    }
    builder.with_max_value_divisor(MICROSECONDS_IN_MILLISECOND);
    let mut writer = builder.begin_log_with(&mut log, &mut serializer)?;
    for interval in &findings.intervals {
        let histogram = samples::interval(&interval.values);
        let start = Duration::from_secs_f64(interval.start_s.max(0.0));
        let length = Duration::from_secs_f64(interval.length_s.max(0.0));
        writer
            .write_histogram(&histogram, start, length, Tag::new(&interval.metric))
            .map_err(|error| io::Error::other(error.to_string()))?;
    }
    String::from_utf8(log).map_err(io::Error::other)
}

/// `started_at` is RFC 3339; a journal that says otherwise gives a log without a start time.
fn wall_time(rfc3339: &str) -> Option<SystemTime> {
    let since_1970 = rfc3339.parse::<jiff::Timestamp>().ok()?.as_duration();
    Some(SystemTime::UNIX_EPOCH + Duration::try_from(since_1970).ok()?)
}
