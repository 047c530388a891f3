//! `latency.hlog`: HdrHistogram interval log, values in microseconds. The tags keep apart what must
//! not be read as one: warm-up and measured period, and observations without an end.

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::measure::latency::samples;
use crate::measure::results::{Findings, Latency};

/// The maxima beside the histograms, for people, are in milliseconds.
const MICROSECONDS_IN_MILLISECOND: f64 = 1000.0;

/// The log of every interval.
pub(super) fn render(findings: &Findings) -> io::Result<String> {
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment("values in microseconds, maxima in milliseconds");
    builder
        .add_comment("tag METRIC: mail due in the measured period; METRIC.warm-up: in the warm-up");
    builder.add_comment("tag *.censored: ages of observations that the end of the run cut off");
    builder.add_comment("tag *.failed: ages of observations that never ended");
    for comment in without_end(findings) {
        builder.add_comment(&comment);
    }
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
            .write_histogram(&histogram, start, length, Tag::new(&interval.tag()))
            .map_err(|error| io::Error::other(error.to_string()))?;
    }
    String::from_utf8(log).map_err(io::Error::other)
}

/// What a reader of the histograms of one tag alone would miss.
fn without_end(findings: &Findings) -> Vec<String> {
    let latencies = findings.results.latency.iter().filter(|(_, latency)| latency.censored > 0);
    let comment = |(metric, latency): (&String, &Latency)| {
        let all = latency.count + latency.censored;
        format!("{} of {all} observations of {metric} have no end", latency.censored)
    };
    latencies.map(comment).collect()
}

/// `started_at` is RFC 3339; a journal that says otherwise gives a log without a start time.
fn wall_time(rfc3339: &str) -> Option<SystemTime> {
    let since_1970 = rfc3339.parse::<jiff::Timestamp>().ok()?.as_duration();
    Some(SystemTime::UNIX_EPOCH + Duration::try_from(since_1970).ok()?)
}
