//! `[smtp]` and `[smtp.timeout]`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::{bounded, misplaced, place};
use crate::limits;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At, Smtp, Timeout, Tls};
use crate::scenario::model::{
    DsnTerms, External, LoginTerms, Mta, SourceRange, Submission, TargetKind, Timeouts, TlsTerms,
};
use crate::scenario::units::Timespan;
use crate::smtp::client::{Mechanism, Protocol, Trust};
use crate::smtp::envelope::{Notify, Ret};

/// Not in RFC 5321 §4.5.3.2; the others below are, and are its least values.
const CONNECT: u64 = 30;
const BANNER: u64 = 5 * 60;
const REPLY: u64 = 5 * 60;
const DATA: u64 = 2 * 60;
const CONTENT: u64 = 3 * 60;
const END_OF_DATA: u64 = 10 * 60;

pub(super) fn submission(
    written: Option<&At<Smtp>>,
    target: &TargetKind,
    problems: &mut Problems,
) -> Submission {
    let nothing = Smtp::default();
    let smtp = written.map_or(&nothing, |written| &written.value);
    offered(smtp, target, problems);
    Submission {
        protocol: protocol(smtp.protocol.as_ref(), target, problems),
        tls: tls(smtp, target, problems),
        login: smtp.auth.as_ref().map(|auth| login(&auth.value, problems)),
        pipelining: smtp.pipelining.as_ref().is_none_or(|pipelining| pipelining.value),
        chunking: smtp.chunking.as_ref().is_some_and(|chunking| chunking.value),
        dsn: dsn(smtp.dsn.as_ref(), problems),
        sources: smtp.sources.as_ref().and_then(|sources| range(sources, target, problems)),
        timeouts: timeouts(smtp.timeout.as_ref(), problems),
    }
}

/// Notes what a target that mailbench sets up cannot offer, however it is set up.
fn offered(smtp: &Smtp, target: &TargetKind, problems: &mut Problems) {
    let (TargetKind::Managed(managed), Some(auth)) = (target, &smtp.auth) else { return };
    let mechanism = &auth.value.mechanism;
    let known = mechanisms(managed.mta);
    if !known.iter().any(|(known, _)| *known == mechanism.value) {
        let problem = Problem::new(&mechanism.span, "this kind of target does not know it");
        let names: Vec<String> = known.iter().map(|(_, name)| format!("\"{name}\"")).collect();
        problems.push(problem.help(format!("use one of {}", names.join(", "))));
    }
    let in_the_clear = smtp.tls.as_ref().is_none_or(|tls| tls.value == Tls::None);
    if managed.mta == Mta::Opensmtpd && in_the_clear {
        let problem = Problem::new(&auth.span, "OpenSMTPD takes a log-in under TLS only");
        problems.push(problem.help("add `tls = \"starttls\"` or `tls = \"implicit\"`"));
    }
}

/// By which mechanisms the user of an MTA that mailbench sets up can log in, with their names.
fn mechanisms(mta: Mta) -> &'static [(file::Mechanism, &'static str)] {
    const ALL: &[(file::Mechanism, &str)] = &[
        (file::Mechanism::Plain, "plain"),
        (file::Mechanism::Login, "login"),
        (file::Mechanism::CramMd5, "cram-md5"),
        (file::Mechanism::ScramSha256, "scram-sha-256"),
    ];
    match mta {
        Mta::Opensmtpd => &ALL[..2],
        Mta::Exim | Mta::Haraka => &ALL[..3],
        Mta::Postfix => ALL,
    }
}

fn protocol(
    written: Option<&At<file::Protocol>>,
    target: &TargetKind,
    problems: &mut Problems,
) -> Protocol {
    let Some(written) = written.filter(|written| written.value == file::Protocol::Lmtp) else {
        return Protocol::Smtp;
    };
    if !matches!(target, TargetKind::External { .. } | TargetKind::Direct) {
        let problem = Problem::new(&written.span, "this kind of target does not speak LMTP");
        problems.push(problem.help("use kind `external` or `direct`"));
    }
    Protocol::Lmtp
}

fn tls(smtp: &Smtp, target: &TargetKind, problems: &mut Problems) -> Option<TlsTerms> {
    let begins = smtp.tls.as_ref().map_or(Tls::None, |tls| tls.value);
    if begins == Tls::None {
        let keys = [
            ("tls_verify", place(&smtp.tls_verify)),
            ("tls_ca", place(&smtp.tls_ca)),
            ("tls_name", place(&smtp.tls_name)),
            ("tls_resumption", place(&smtp.tls_resumption)),
        ];
        let help = "write `tls = \"starttls\"` or `tls = \"implicit\"`, or leave it out";
        misplaced(keys, "TLS", help, problems);
        return None;
    }
    let away = away(target);
    let name = smtp.tls_name.as_ref().map(|name| name.value.clone());
    let here = || away.map_or("localhost".to_owned(), |address| address.to_string());
    Some(TlsTerms {
        implicit: begins == Tls::Implicit,
        trust: trust(smtp, away.is_some(), problems),
        name: name.unwrap_or_else(here),
        resumption: smtp.tls_resumption.as_ref().is_none_or(|resumption| resumption.value),
    })
}

fn trust(smtp: &Smtp, is_away: bool, problems: &mut Problems) -> Trust {
    match (&smtp.tls_ca, smtp.tls_verify.as_ref().map(|verify| verify.value)) {
        (Some(ca), Some(false)) => {
            let what = "`tls_ca` and `tls_verify = false` contradict each other";
            problems.push(Problem::new(&ca.span, what).help("keep one"));
            Trust::Any
        }
        (Some(ca), _) => Trust::File(PathBuf::from(&ca.value)),
        (None, Some(true)) => Trust::System,
        (None, Some(false)) => Trust::Any,
        (None, None) => {
            if is_away {
                Trust::System
            } else {
                Trust::Any
            }
        }
    }
}

/// Where a target is, if it is not on this machine.
fn away(target: &TargetKind) -> Option<IpAddr> {
    match target {
        TargetKind::External(External { address, .. }) => {
            Some(address.ip()).filter(|ip| !ip.to_canonical().is_loopback())
        }
        _ => None,
    }
}

fn login(auth: &file::Auth, problems: &mut Problems) -> LoginTerms {
    let mechanism = match auth.mechanism.value {
        file::Mechanism::Plain => Mechanism::Plain,
        file::Mechanism::Login => Mechanism::Login,
        file::Mechanism::CramMd5 => Mechanism::CramMd5,
        file::Mechanism::Xoauth2 => Mechanism::Xoauth2,
        file::Mechanism::ScramSha256 => Mechanism::ScramSha256,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let variable = &auth.password_env;
    if variable.value.is_empty() || !variable.value.bytes().all(plain) {
        let what = format!("`{}` cannot name an environment variable", variable.value);
        let help = "name the variable that holds the password, such as \"MAILBENCH_PASSWORD\"; \
                    the password itself does not belong into a scenario";
        problems.push(Problem::new(&variable.span, what).help(help));
    }
    if auth.user.value.is_empty() || auth.user.value.chars().any(char::is_control) {
        problems.push(Problem::new(&auth.user.span, "this cannot be the name of a user"));
    }
    LoginTerms { mechanism, user: auth.user.value.clone(), password_env: variable.value.clone() }
}

fn dsn(written: Option<&At<file::Dsn>>, problems: &mut Problems) -> DsnTerms {
    let nothing = file::Dsn::default();
    let dsn = written.map_or(&nothing, |written| &written.value);
    DsnTerms {
        envelope_id: dsn.envid.as_ref().is_none_or(|envid| envid.value),
        original_recipient: dsn.orcpt.as_ref().is_some_and(|orcpt| orcpt.value),
        notify: dsn.notify.as_ref().map(|notify| wanted(notify, problems)),
        ret: dsn.ret.as_ref().map(|ret| match ret.value {
            file::Ret::Full => Ret::Full,
            file::Ret::Headers => Ret::Headers,
        }),
    }
}

fn wanted(written: &At<Vec<file::Notify>>, problems: &mut Problems) -> Notify {
    let has = |which| written.value.contains(&which);
    let notify = Notify {
        success: has(file::Notify::Success),
        failure: has(file::Notify::Failure),
        delay: has(file::Notify::Delay),
    };
    if !notify.failure {
        let problem = Problem::new(&written.span, "`failure` is missing");
        problems.push(
            problem.help(
                "without a DSN on failure a bounce cannot be told from a loss: add \"failure\"",
            ),
        );
    }
    notify
}

fn range(
    written: &At<String>,
    target: &TargetKind,
    problems: &mut Problems,
) -> Option<SourceRange> {
    let is_v6 = |target: &TargetKind| match target {
        TargetKind::External(external) => external.address.is_ipv6(),
        _ => false,
    };
    let mut wrong = |what: String, help: &str| {
        problems.push(Problem::new(&written.span, what).help(help));
        None
    };
    let (address, prefix) = written.value.split_once('/').unwrap_or((&written.value, "32"));
    let parsed = (address.parse::<Ipv4Addr>(), prefix.parse::<u8>());
    match parsed {
        (Ok(address), Ok(prefix)) if address.is_loopback() && (8..=32).contains(&prefix) => {
            if away(target).is_some() || is_v6(target) {
                return wrong(
                    "a target that is not on an IPv4 loopback address cannot be reached from one"
                        .to_owned(),
                    "leave `sources` out",
                );
            }
            Some(SourceRange { address, prefix })
        }
        _ => wrong(
            format!("`{}` is no range of loopback addresses", written.value),
            "such as \"127.0.0.0/24\"",
        ),
    }
}

fn timeouts(written: Option<&At<Timeout>>, problems: &mut Problems) -> Timeouts {
    let nothing = Timeout::default();
    let timeout = written.map_or(&nothing, |written| &written.value);
    let mut limit = |written: &Option<At<Timespan>>, default: u64| {
        let least = Timespan(Duration::from_millis(1));
        let default = Timespan(Duration::from_secs(default));
        bounded(written.as_ref(), default, least..=Timespan(limits::TIMESPAN), problems).0
    };
    Timeouts {
        connect: limit(&timeout.connect, CONNECT),
        banner: limit(&timeout.banner, BANNER),
        reply: limit(&timeout.reply, REPLY),
        data: limit(&timeout.data, DATA),
        content: limit(&timeout.content, CONTENT),
        end_of_data: limit(&timeout.end_of_data, END_OF_DATA),
    }
}
