//! What only a target's log shows: connections to destinations that found the port closed, which the
//! kernel refuses and mailbench does not see; and what the embedded relay ran short of.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::limits;
use crate::scenario::model::TargetKind;
use crate::shortage::{self, Shortage};

/// How many refused connections the log shows; `None` where a target of this kind does not log
/// each of them, or the log cannot be read.
#[must_use]
pub fn logged(kind: &TargetKind, log: &Path) -> Option<u64> {
    let shows = match kind {
        TargetKind::Relay => relay,
        TargetKind::Managed(managed) => managed.mta.facts().logs_refused_connection,
        TargetKind::External { .. } | TargetKind::Direct => return None,
    };
    let count = count(BufReader::new(File::open(log).ok()?), shows)?;
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

fn count(log: impl BufRead, shows: fn(&str) -> bool) -> Option<u64> {
    let (mut log, mut count, mut line) = (log, 0, Vec::new());
    loop {
        line.clear();
        // What a target prints without a line end must not fill the memory; cut, it is no such line.
        if (&mut log).take(limits::LOG_LINE as u64).read_until(b'\n', &mut line).ok()? == 0 {
            return Some(count);
        }
        count += u64::from(shows(String::from_utf8_lossy(&line).trim_end()));
    }
}

/// A line of `relay::delivery`.
fn relay(line: &str) -> bool {
    line.contains("a destination refused the connection")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::Mta;

    /// Lines as each MTA wrote them in a run in which a destination's port was closed for some
    /// seconds, those about the same connections that must not count as further ones among them.
    #[test]
    fn each_refused_connection_is_one_line() {
        let postfix_log = "\
Dec 01 01:07:31 postfix postfix/smtp[1836]: connect to 127.1.0.2[127.1.0.2]:39903: Connection refused
Dec 01 01:07:31 postfix postfix/smtp[1836]: CE5B29C8777: to=<mb+51@two.test>, relay=none, \
delay=0.01, delays=0.01/0/0/0, dsn=4.4.1, status=deferred (connect to \
127.1.0.2[127.1.0.2]:39903: Connection refused)
Dec 01 01:07:32 postfix postfix/error[1839]: 50C8777: to=<mb+60@two.test>, relay=none, \
status=deferred (delivery temporarily suspended: connect to 127.1.0.2[127.1.0.2]:39903: \
Connection refused)
Dec 01 01:07:33 postfix postfix/smtp[1836]: connect to 127.1.0.2[127.1.0.2]:39903: Connection timed out
";
        let exim_log = "\
2026-12-01 01:07:46.746 1xYCLS-0000YD-2N H=127.1.0.2 [127.1.0.2] Connection refused
2026-12-01 01:07:46.750 1xYCLS-0000YD-2N == mb+51@two.test R=sink T=sink defer (111): Connection refused
2026-12-01 01:07:47.100 1xYCLS-0000YE-2a == mb+52@two.test R=sink T=sink defer (-53): retry time not \
reached for any host for 'two.test'
";
        let opensmtpd_log = "\
6c5282390409465a mta connecting address=smtp://127.1.0.2:45521 host=127.1.0.2
6c5282390409465a mta error reason=IO Error: Connection refused
6c528237adc71e5a mta delivery evpid=ce264d680aeb2a4f from=<b@x.test> to=<mb+21@two.test> rcpt=<-> \
source=\"127.0.0.1\" relay=\"127.1.0.2 (127.1.0.2)\" delay=1s result=\"TempFail\" stat=\"Network error\"
";
        let haraka_log = "\
2026-12-01T01:08:14.846Z [NOTICE] [94B1081B.22.1] [outbound] Failed to get socket: connect \
ECONNREFUSED 127.1.0.2:44509
2026-12-01T01:08:14.846Z [NOTICE] [94B1081B.22.1] [outbound] temp fail code=450 Tried all MXs
";
        for (log, mta) in [
            (postfix_log, Mta::Postfix),
            (exim_log, Mta::Exim),
            (opensmtpd_log, Mta::Opensmtpd),
            (haraka_log, Mta::Haraka),
        ] {
            let shows = mta.facts().logs_refused_connection;
            assert_eq!(count(log.as_bytes(), shows), Some(1), "{log}");
        }
    }

    #[test]
    fn without_a_log_nothing_is_known() {
        assert_eq!(logged(&TargetKind::Relay, Path::new("/nowhere/target.log")), None);
    }

    #[test]
    fn only_of_the_relay_an_empty_log_means_that_no_connection_was_refused() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        assert_eq!(logged(&TargetKind::Relay, log.path()), Some(0));
        assert_eq!(logged(&TargetKind::Direct, log.path()), None);
    }
}
