//! What only a target's log tells: connections to destinations that found the port closed, which the
//! kernel refuses and mailbench does not see; and what the embedded relay ran short of.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::limits;
use crate::scenario::model::{Mta, TargetKind};
use crate::shortage::{self, Shortage};

/// How many refused connections the log tells of; `None` where a target of this kind does not log
/// each of them, or the log cannot be read.
#[must_use]
pub fn logged(kind: &TargetKind, log: &Path) -> Option<u64> {
    let tells = match kind {
        TargetKind::Relay => relay,
        TargetKind::Managed(managed) if managed.mta == Mta::Postfix => postfix,
        TargetKind::Managed(_) | TargetKind::External { .. } | TargetKind::Direct => return None,
    };
    let count = count(BufReader::new(File::open(log).ok()?), tells)?;
    // Only of the relay it is certain that no line means no such connection.
    (count > 0 || *kind == TargetKind::Relay).then_some(count)
}

/// What the embedded relay ran short of, by its log, and how often.
#[must_use]
pub fn shortages(kind: &TargetKind, log: &Path) -> BTreeMap<Shortage, u64> {
    let text = match kind {
        TargetKind::Relay => std::fs::read(log).unwrap_or_default(),
        TargetKind::Managed(_) | TargetKind::External(_) | TargetKind::Direct => Vec::new(),
    };
    shortage::logged(String::from_utf8_lossy(&text).lines())
}

fn count(log: impl BufRead, tells: fn(&str) -> bool) -> Option<u64> {
    let (mut log, mut count, mut line) = (log, 0, Vec::new());
    loop {
        line.clear();
        // What a target prints without a line end must not fill the memory; cut, it is no such line.
        if (&mut log).take(limits::LOG_LINE as u64).read_until(b'\n', &mut line).ok()? == 0 {
            return Some(count);
        }
        count += u64::from(tells(String::from_utf8_lossy(&line).trim_end()));
    }
}

/// A line of `relay::delivery`.
fn relay(line: &str) -> bool {
    line.contains("a destination refused the connection")
}

/// `postfix/smtp[4711]: connect to 127.1.0.1[127.1.0.1]:2525: Connection refused`: one line for each
/// try. Why a delivery was put off then, or was not even tried, is told in brackets.
fn postfix(line: &str) -> bool {
    line.contains("]: connect to ") && line.ends_with(": Connection refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refused_connection_of_postfix_is_one_line() {
        let log = "Nov 30 12:00:01 h postfix/smtp[9]: connect to a.test[127.1.0.1]:25: Connection \
                   refused\n\
                   Nov 30 12:00:01 h postfix/smtp[9]: 4F: to=<x@a.test>, relay=none, delay=1, \
                   dsn=4.4.1, status=deferred (connect to a.test[127.1.0.1]:25: Connection refused)\n\
                   Nov 30 12:00:02 h postfix/error[9]: 50: to=<y@a.test>, relay=none, \
                   status=deferred (delivery temporarily suspended: connect to \
                   a.test[127.1.0.1]:25: Connection refused)\n\
                   Nov 30 12:00:03 h postfix/smtp[9]: connect to a.test[127.1.0.1]:25: Connection \
                   timed out\n";
        assert_eq!(count(log.as_bytes(), postfix), Some(1));
    }

    #[test]
    fn a_log_that_is_not_there_tells_nothing() {
        assert_eq!(logged(&TargetKind::Relay, Path::new("/nowhere/target.log")), None);
    }

    #[test]
    fn only_of_the_relay_an_empty_log_means_that_no_connection_was_refused() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        assert_eq!(logged(&TargetKind::Relay, log.path()), Some(0));
        assert_eq!(logged(&TargetKind::Direct, log.path()), None);
    }
}
