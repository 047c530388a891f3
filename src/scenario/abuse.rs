//! `[[abuse]]`: clients that behave badly, beside the honest load: kinds, their own keys, and their
//! bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::smtp::Submission;
use crate::fault::scope::{Window, window, window_text};
use crate::grammar::at::{At, place, some};
use crate::grammar::checks::{bounded, check_name, length, misplaced};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::{ByteCount, Timespan};
use crate::limits;
use crate::smtp::client::Protocol;
use crate::smtp::stage::Stage;

const SESSIONS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);
const INTERVAL: Duration = Duration::from_secs(1);
const LINE: u64 = 64 * 1024;
const CONTENT: u64 = 1024 * 1024;

/// `[[abuse]]`: clients that behave badly, beside the honest load. They never end a message.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Abuse")]
pub(super) struct Written {
    /// Its name in reports. Default: its kind.
    pub name: Option<At<String>>,
    /// What such a client does.
    pub kind: At<Kind>,
    /// How many at a time. Default: 10.
    pub sessions: Option<At<u32>>,
    /// How long each rests before it comes again. Default: 100ms.
    pub pause: Option<At<Timespan>>,
    /// Offsets into the measured period, such as `10s..20s`. Default: all of it. With a part left
    /// out, the report compares what legitimate clients saw with that part.
    pub during: Option<At<String>>,
    /// Kind slowloris: between two bytes. Default: 1s.
    pub interval: Option<At<Timespan>>,
    /// Kind disconnect: at this stage, connect to content. Default: at each in turn.
    pub stage: Option<At<Stage>>,
    /// Kind oversized-line: length of the line. Default: 64KiB. Kind lying-size: what is sent
    /// after 1000 bytes were declared. Default: 1MiB.
    pub bytes: Option<At<ByteCount>>,
}

/// What a bad client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "AbuseKind")]
pub(super) enum Kind {
    /// Says everything byte by byte, for ever.
    Slowloris,
    /// Greets and says nothing more.
    Idle,
    /// Does not wait for the banner.
    EarlyTalker,
    /// Does not wait for the replies to EHLO and DATA.
    UnauthorisedPipelining,
    /// Leaves without a word.
    Disconnect,
    /// Sends a command line without measure.
    OversizedLine,
    /// Declares a small message and sends a large one.
    LyingSize,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Abuse.name", schema::name()),
        ("Abuse.during", schema::during()),
        ("Abuse.pause", schema::some_time()),
        ("Abuse.interval", schema::some_time()),
        ("Abuse.sessions", schema::from_to(1, u64::from(limits::ABUSE_SESSIONS))),
    ]
}

/// One kind of bad client, so many at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abuse {
    /// Its name in reports.
    pub name: String,
    /// What it does.
    pub kind: AbuseKind,
    /// How many at a time.
    pub sessions: u32,
    /// How long each of them rests before it comes again.
    pub pause: Duration,
    /// When; `None`: over the whole measured period.
    pub during: Option<Window>,
}

/// What a bad client does. None of them ever ends a message, so that no mail of theirs is
/// accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbuseKind {
    /// Says everything byte by byte, for ever.
    Slowloris {
        /// Between two bytes.
        interval: Duration,
    },
    /// Greets and says nothing more.
    Idle,
    /// Does not wait for the banner.
    EarlyTalker,
    /// Does not wait for the replies to EHLO and DATA (RFC 2920 §3.1).
    UnauthorisedPipelining,
    /// Leaves without a word, by FIN and RST in turn.
    Disconnect {
        /// At this stage; `None`: at each in turn.
        stage: Option<Stage>,
    },
    /// Sends a command line without measure.
    OversizedLine {
        /// Its length.
        bytes: u64,
    },
    /// Declares a small message and sends a large one.
    LyingSize {
        /// Its size.
        bytes: u64,
    },
}

impl AbuseKind {
    /// As scenarios and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AbuseKind::Slowloris { .. } => "slowloris",
            AbuseKind::Idle => "idle",
            AbuseKind::EarlyTalker => "early-talker",
            AbuseKind::UnauthorisedPipelining => "unauthorised-pipelining",
            AbuseKind::Disconnect { .. } => "disconnect",
            AbuseKind::OversizedLine { .. } => "oversized-line",
            AbuseKind::LyingSize { .. } => "lying-size",
        }
    }
}

pub(super) fn resolve(
    written: &[At<Written>],
    smtp: &Submission,
    problems: &mut Problems,
) -> Vec<Abuse> {
    let all: Vec<Abuse> = written.iter().map(|one| profile(&one.value, problems)).collect();
    let Some(first) = written.first() else { return all };
    let sessions: u64 = all.iter().map(|one| u64::from(one.sessions)).sum();
    if sessions > u64::from(limits::ABUSE_SESSIONS) || all.len() > limits::ABUSES {
        let what = format!("{sessions} sessions of {} [[abuse]] entries are too many", all.len());
        let help = format!("at most {} of {}", limits::ABUSE_SESSIONS, limits::ABUSES);
        problems.refuse(&first.span, what, help);
    }
    let implicit = smtp.tls.as_ref().is_some_and(|tls| tls.implicit);
    if implicit || smtp.protocol == Protocol::Lmtp {
        problems.refuse(
            &first.span,
            "[[abuse]] speaks SMTP in the clear",
            "not with `tls = \"implicit\"` or `protocol = \"lmtp\"`",
        );
    }
    let mut seen = BTreeSet::new();
    for (one, At { span, .. }) in all.iter().zip(written) {
        if !seen.insert(&one.name) {
            problems.refuse(
                span,
                format!("abuse `{}` is defined twice", one.name),
                "give each a `name`",
            );
        }
    }
    all
}

fn profile(written: &Written, problems: &mut Problems) -> Abuse {
    if let Some(name) = &written.name {
        check_name(name, problems);
    }
    let kind = kind(written, problems);
    let sessions = 1..=limits::ABUSE_SESSIONS;
    Abuse {
        name: written.name.as_ref().map_or(kind.name().to_owned(), |name| name.value.clone()),
        kind,
        sessions: bounded(written.sessions.as_ref(), SESSIONS, sessions, problems),
        pause: length(written.pause.as_ref(), PAUSE, problems),
        during: written.during.as_ref().and_then(|during| window(during, problems)),
    }
}

fn kind(written: &Written, problems: &mut Problems) -> AbuseKind {
    let kind = written.kind.value;
    let sized = matches!(kind, Kind::OversizedLine | Kind::LyingSize);
    let stray = [
        ("interval", place(&written.interval).filter(|_| kind != Kind::Slowloris)),
        ("stage", place(&written.stage).filter(|_| kind != Kind::Disconnect)),
        ("bytes", place(&written.bytes).filter(|_| !sized)),
    ];
    misplaced(stray, "another kind of abuse", "leave it out", problems);
    let mut bytes = |default: u64| {
        let Some(At { value: ByteCount(bytes), span }) = &written.bytes else { return default };
        if !(1..=limits::MESSAGE_SIZE).contains(bytes) {
            problems.refuse(
                span,
                format!("{bytes} bytes are out of range"),
                format!("from 1 to {}", limits::MESSAGE_SIZE),
            );
        }
        *bytes
    };
    match kind {
        Kind::OversizedLine => AbuseKind::OversizedLine { bytes: bytes(LINE) },
        Kind::LyingSize => AbuseKind::LyingSize { bytes: bytes(CONTENT) },
        Kind::Idle => AbuseKind::Idle,
        Kind::EarlyTalker => AbuseKind::EarlyTalker,
        Kind::UnauthorisedPipelining => AbuseKind::UnauthorisedPipelining,
        Kind::Disconnect => AbuseKind::Disconnect { stage: stage(written, problems) },
        Kind::Slowloris => {
            AbuseKind::Slowloris { interval: length(written.interval.as_ref(), INTERVAL, problems) }
        }
    }
}

fn stage(written: &Written, problems: &mut Problems) -> Option<Stage> {
    use Stage::{Banner, Connect, Content, Data, Ehlo, MailFrom, RcptTo};
    let stage = written.stage.as_ref()?;
    if ![Connect, Banner, Ehlo, MailFrom, RcptTo, Data, Content].contains(&stage.value) {
        let what = format!("no client disconnects at stage {} here", stage.value);
        let help = "connect, banner, ehlo, mail-from, rcpt-to, data or content";
        problems.refuse(&stage.span, what, help);
    }
    Some(stage.value)
}

impl From<&Abuse> for Written {
    fn from(abuse: &Abuse) -> Written {
        let mut written = Written {
            name: some(abuse.name.clone()),
            kind: At::from(Kind::Idle),
            sessions: some(abuse.sessions),
            pause: some(Timespan(abuse.pause)),
            during: abuse.during.map(|window| At::from(window_text(window))),
            interval: None,
            stage: None,
            bytes: None,
        };
        written.kind = At::from(match abuse.kind {
            AbuseKind::Idle => Kind::Idle,
            AbuseKind::EarlyTalker => Kind::EarlyTalker,
            AbuseKind::UnauthorisedPipelining => Kind::UnauthorisedPipelining,
            AbuseKind::Slowloris { interval } => {
                written.interval = some(Timespan(interval));
                Kind::Slowloris
            }
            AbuseKind::Disconnect { stage } => {
                written.stage = stage.map(At::from);
                Kind::Disconnect
            }
            AbuseKind::OversizedLine { bytes } => {
                written.bytes = some(ByteCount(bytes));
                Kind::OversizedLine
            }
            AbuseKind::LyingSize { bytes } => {
                written.bytes = some(ByteCount(bytes));
                Kind::LyingSize
            }
        });
        written
    }
}
