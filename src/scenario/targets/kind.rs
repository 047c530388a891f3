//! The kinds of target, and the facts of each real MTA: what it is called, where it comes from, how it
//! keeps to a retry schedule, what it cannot do. How one is set up is in `targets`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::smtp::client::Mechanism;

/// Kinds of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Kind {
    /// The embedded relay.
    Relay,
    /// No target: straight to the sink.
    Direct,
    /// One of the user's, running already or started by `start_command`.
    External,
    /// A private instance of Postfix.
    Postfix,
    /// A private instance of Exim.
    Exim,
    /// A private instance of OpenSMTPD.
    Opensmtpd,
    /// A private instance of Haraka.
    Haraka,
}

impl Kind {
    /// The real MTA that it is a private instance of.
    pub(super) fn mta(self) -> Option<Mta> {
        Mta::ALL.into_iter().find(|mta| mta.facts().kind == self)
    }
}

/// The real MTAs that we know how to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mta {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
    /// OpenSMTPD.
    Opensmtpd,
    /// Haraka.
    Haraka,
}

impl Mta {
    /// All of them.
    pub const ALL: [Mta; 4] = [Mta::Postfix, Mta::Exim, Mta::Opensmtpd, Mta::Haraka];

    /// Its facts.
    #[must_use]
    pub fn facts(self) -> &'static Facts {
        match self {
            Mta::Postfix => &POSTFIX,
            Mta::Exim => &EXIM,
            Mta::Opensmtpd => &OPENSMTPD,
            Mta::Haraka => &HARAKA,
        }
    }

    /// As scenarios name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }
}

/// What is known of a real MTA.
#[derive(Debug)]
pub struct Facts {
    pub(super) kind: Kind,
    /// As scenarios name it.
    pub name: &'static str,
    /// The setting that chooses it.
    pub setting: &'static str,
    /// The program to start, and the folder of a package that has it.
    pub program: (&'static str, &'static str),
    /// What reports its version.
    pub version: VersionSource,
    /// The Debian packages that have it; else how else to get it.
    pub packages: Result<&'static str, &'static str>,
    /// How it keeps to a retry schedule.
    pub waits: Waits,
    /// Whether it gives up at the age that it is given, and returns what it gives up as failed.
    pub gives_up_as_configured: bool,
    /// Mechanisms by which a user can log in, as scenarios name them.
    pub mechanisms: &'static [(Mechanism, &'static str)],
    /// Why a log-in needs TLS, where it does.
    pub login_needs_tls: Option<&'static str>,
    /// Whether a domain can be given several hosts.
    pub has_spare_hosts: bool,
    /// Whether a line of its log is about a connection to a destination that was refused: one line
    /// for each.
    pub logs_refused_connection: fn(&str) -> bool,
}

/// What reports the version of an MTA.
#[derive(Clone, Copy, Debug)]
pub enum VersionSource {
    /// Its program with this argument: the word after this one.
    Program(&'static str, &'static str),
    /// Another program beside it, with these arguments: the first line.
    Beside(&'static str, &'static [&'static str]),
    /// The file `package.json` of its package.
    Package,
}

/// How an MTA keeps to a retry schedule: by how much it is late by its nature.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Whose schedule it keeps.
    pub schedule: Schedule,
    /// It ignores a schedule with a shorter wait.
    pub shortest: Duration,
    /// What is added to the waits that it is given, so that it is never early.
    pub added: Duration,
    /// How often it looks at its queue, by the first wait of the schedule.
    pub queue_run: fn(Duration) -> Duration,
    /// Its own timer, and the rounding of a delay.
    pub rounding: Duration,
}

/// Whose retry schedule an MTA keeps.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    /// The scenario's; but a wait depends on more than the number of the attempt, such as the age
    /// of the message, and can be as long as the longest.
    ByAge,
    /// The scenario's, attempt by attempt.
    ByAttempt,
    /// Its own: the longest wait after failed attempt number so and so.
    Own(fn(u32) -> Duration),
}

impl Waits {
    /// By how much a retry may be late.
    #[must_use]
    pub fn grain(&self, first: Duration) -> Duration {
        self.added + (self.queue_run)(first) + self.rounding
    }
}

const SECOND: Duration = Duration::from_secs(1);
const TWO_SECONDS: Duration = Duration::from_secs(2);

const PLAIN: (Mechanism, &str) = (Mechanism::Plain, "plain");
const LOGIN: (Mechanism, &str) = (Mechanism::Login, "login");
const CRAM_MD5: (Mechanism, &str) = (Mechanism::CramMd5, "cram-md5");
const SCRAM_SHA_256: (Mechanism, &str) = (Mechanism::ScramSha256, "scram-sha-256");

/// Postfix.
const POSTFIX: Facts = Facts {
    kind: Kind::Postfix,
    name: "postfix",
    setting: "target.kind = \"postfix\"",
    program: ("postfix", "usr/sbin"),
    version: VersionSource::Beside("postconf", &["-d", "-h", "mail_version"]),
    packages: Ok("postfix"),
    waits: Waits {
        schedule: Schedule::ByAge,
        shortest: Duration::ZERO,
        // Its queue manager's clock has whole seconds, and takes a message up one second before
        // the time noted on its file.
        added: TWO_SECONDS,
        // Of the deferred queue.
        queue_run: |first| Duration::from_secs((first.as_secs() / 10).clamp(1, 60)),
        rounding: SECOND,
    },
    gives_up_as_configured: true,
    mechanisms: &[PLAIN, LOGIN, CRAM_MD5, SCRAM_SHA_256],
    login_needs_tls: None,
    has_spare_hosts: true,
    logs_refused_connection: refused_by_postfix,
};

/// Exim. The choice between the parts of its retry rule depends on the age of a message.
const EXIM: Facts = Facts {
    kind: Kind::Exim,
    name: "exim",
    setting: "target.kind = \"exim\"",
    program: ("exim4", "usr/sbin"),
    version: VersionSource::Program("--version", "version"),
    packages: Ok("exim4-daemon-light exim4-base"),
    waits: Waits {
        schedule: Schedule::ByAge,
        shortest: Duration::ZERO,
        // Its clock has whole seconds.
        added: SECOND,
        queue_run: |_| SECOND,
        rounding: SECOND,
    },
    // It remembers for how long a host has failed, and holds that against new mail.
    gives_up_as_configured: false,
    mechanisms: &[PLAIN, LOGIN, CRAM_MD5],
    login_needs_tls: None,
    has_spare_hosts: true,
    logs_refused_connection: refused_by_exim,
};

/// OpenSMTPD. It tries again at an age of 400 s, then at 4, 9, 16, … times this age; part of the first
/// wait is over when the first attempt ends.
const OPENSMTPD: Facts = Facts {
    kind: Kind::Opensmtpd,
    name: "opensmtpd",
    setting: "target.kind = \"opensmtpd\"",
    program: ("smtpd", "usr/sbin"),
    version: VersionSource::Program("-h", "OpenSMTPD"),
    packages: Ok("opensmtpd"),
    waits: Waits {
        schedule: Schedule::Own(|attempt| Duration::from_secs(400) * (2 * attempt.max(1) - 1)),
        shortest: Duration::ZERO,
        added: Duration::ZERO,
        queue_run: |_| Duration::ZERO,
        rounding: TWO_SECONDS,
    },
    // What it returns then it calls delayed (6.8).
    gives_up_as_configured: false,
    mechanisms: &[PLAIN, LOGIN],
    login_needs_tls: Some("OpenSMTPD takes a log-in under TLS only"),
    has_spare_hosts: false,
    logs_refused_connection: refused_by_opensmtpd,
};

/// Haraka.
const HARAKA: Facts = Facts {
    kind: Kind::Haraka,
    name: "haraka",
    setting: "target.kind = \"haraka\"",
    program: ("haraka", "node_modules/Haraka/bin"),
    version: VersionSource::Package,
    packages: Err("npm install Haraka, then target.program, or tests/mtas/install DIR"),
    waits: Waits {
        schedule: Schedule::ByAttempt,
        // It ignores a list of delays with a shorter one.
        shortest: Duration::from_secs(5),
        added: Duration::ZERO,
        queue_run: |_| Duration::ZERO,
        rounding: TWO_SECONDS,
    },
    gives_up_as_configured: true,
    mechanisms: &[PLAIN, LOGIN, CRAM_MD5],
    login_needs_tls: None,
    has_spare_hosts: true,
    logs_refused_connection: refused_by_haraka,
};

/// `postfix/smtp[4711]: connect to 127.1.0.1[127.1.0.1]:2525: Connection refused`: one line for each
/// attempt. Why a delivery was deferred then, or not even attempted, stands in parentheses.
fn refused_by_postfix(line: &str) -> bool {
    line.contains("]: connect to ") && line.ends_with(": Connection refused")
}

/// `1xYCLS-0000YD-2N H=127.1.0.2 [127.1.0.2] Connection refused`: one line for each attempt. That the
/// delivery is deferred for it is another line, with `==`; until the retry time none is attempted.
fn refused_by_exim(line: &str) -> bool {
    line.contains(" H=") && !line.contains(" == ") && line.ends_with(" Connection refused")
}

/// `6c5282390409465a mta error reason=IO Error: Connection refused`: one line for each session.
fn refused_by_opensmtpd(line: &str) -> bool {
    line.contains(" mta error reason=") && line.ends_with(": Connection refused")
}

/// `[outbound] Failed to get socket: connect ECONNREFUSED 127.1.0.2:44509`: one line for each attempt.
fn refused_by_haraka(line: &str) -> bool {
    line.contains("[outbound] Failed to get socket: connect ECONNREFUSED")
}
