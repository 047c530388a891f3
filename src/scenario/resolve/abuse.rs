//! `[[abuse]]`: kinds, their own keys, and their bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fault::window;
use super::{bounded, check_name, misplaced, place};
use crate::limits;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Abuse, AbuseKind, Submission};
use crate::scenario::units::{ByteCount, Timespan};
use crate::smtp::client::Protocol;
use crate::smtp::stage::Stage;

const SESSIONS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);
const INTERVAL: Duration = Duration::from_secs(1);
const LINE: u64 = 64 * 1024;
const CONTENT: u64 = 1024 * 1024;

pub(super) fn abuse(
    written: &[At<file::Abuse>],
    smtp: &Submission,
    problems: &mut Problems,
) -> Vec<Abuse> {
    let all: Vec<Abuse> = written.iter().map(|one| profile(&one.value, problems)).collect();
    let Some(first) = written.first() else { return all };
    let sessions: u64 = all.iter().map(|one| u64::from(one.sessions)).sum();
    if sessions > u64::from(limits::ABUSE_SESSIONS) || all.len() > limits::ABUSES {
        let what = format!("{sessions} sessions of {} [[abuse]] entries are too many", all.len());
        let help = format!("at most {} of {}", limits::ABUSE_SESSIONS, limits::ABUSES);
        problems.push(Problem::new(&first.span, what).help(help));
    }
    let implicit = smtp.tls.as_ref().is_some_and(|tls| tls.implicit);
    if implicit || smtp.protocol == Protocol::Lmtp {
        let problem = Problem::new(&first.span, "[[abuse]] speaks SMTP in the clear");
        problems.push(problem.help("not with `tls = \"implicit\"` or `protocol = \"lmtp\"`"));
    }
    let mut seen = BTreeSet::new();
    for (one, At { span, .. }) in all.iter().zip(written) {
        if !seen.insert(&one.name) {
            let problem = Problem::new(span, format!("abuse `{}` stands twice", one.name));
            problems.push(problem.help("give each a `name`"));
        }
    }
    all
}

fn profile(written: &file::Abuse, problems: &mut Problems) -> Abuse {
    if let Some(name) = &written.name {
        check_name(name, problems);
    }
    let kind = kind(written, problems);
    let most = Timespan(limits::TIMESPAN);
    let least = Timespan(Duration::from_millis(1));
    let sessions = 1..=limits::ABUSE_SESSIONS;
    Abuse {
        name: written.name.as_ref().map_or(kind.name().to_owned(), |name| name.value.clone()),
        kind,
        sessions: bounded(written.sessions.as_ref(), SESSIONS, sessions, problems),
        pause: bounded(written.pause.as_ref(), Timespan(PAUSE), least..=most, problems).0,
        during: written.during.as_ref().and_then(|during| window(during, problems)),
    }
}

fn kind(written: &file::Abuse, problems: &mut Problems) -> AbuseKind {
    use file::AbuseKind as Written;
    let kind = written.kind.value;
    let sized = matches!(kind, Written::OversizedLine | Written::LyingSize);
    let stray = [
        ("interval", place(&written.interval).filter(|_| kind != Written::Slowloris)),
        ("stage", place(&written.stage).filter(|_| kind != Written::Disconnect)),
        ("bytes", place(&written.bytes).filter(|_| !sized)),
    ];
    misplaced(stray, "another kind of abuse", "leave it out", problems);
    let mut bytes = |default: u64| {
        let Some(At { value: ByteCount(bytes), span }) = &written.bytes else { return default };
        if !(1..=limits::MESSAGE_SIZE).contains(bytes) {
            let problem = Problem::new(span, format!("{bytes} bytes are out of range"));
            problems.push(problem.help(format!("from 1 to {}", limits::MESSAGE_SIZE)));
        }
        *bytes
    };
    match kind {
        Written::OversizedLine => AbuseKind::OversizedLine { bytes: bytes(LINE) },
        Written::LyingSize => AbuseKind::LyingSize { bytes: bytes(CONTENT) },
        Written::Idle => AbuseKind::Idle,
        Written::EarlyTalker => AbuseKind::EarlyTalker,
        Written::UnauthorisedPipelining => AbuseKind::UnauthorisedPipelining,
        Written::Disconnect => AbuseKind::Disconnect { stage: stage(written, problems) },
        Written::Slowloris => {
            let least = Timespan(Duration::from_millis(1));
            let range = least..=Timespan(limits::TIMESPAN);
            let interval = written.interval.as_ref();
            let interval = bounded(interval, Timespan(INTERVAL), range, problems).0;
            AbuseKind::Slowloris { interval }
        }
    }
}

fn stage(written: &file::Abuse, problems: &mut Problems) -> Option<Stage> {
    use Stage::{Banner, Connect, Content, Data, Ehlo, MailFrom, RcptTo};
    let stage = written.stage.as_ref()?;
    if ![Connect, Banner, Ehlo, MailFrom, RcptTo, Data, Content].contains(&stage.value) {
        let what = format!("no client disconnects at stage {} here", stage.value);
        let help = "connect, banner, ehlo, mail-from, rcpt-to, data or content";
        problems.push(Problem::new(&stage.span, what).help(help));
    }
    Some(stage.value)
}
