//! `[smtp]`: how mail is submitted.

pub(super) mod dsn;
pub(super) mod login;
pub(super) mod sources;
mod timeout;
pub(super) mod tls;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::targets::{Mta, TargetKind};
use crate::grammar::at::{At, some, value_or};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::smtp::client::{Protocol, Timeouts};
use dsn::DsnTerms;
use login::LoginTerms;
use sources::SourceRange;
pub(super) use tls::Begin;
use tls::TlsTerms;

/// `[smtp]`: how mail is submitted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Smtp")]
pub(super) struct Written {
    /// SMTP, or LMTP to a target that speaks it. Default: smtp.
    pub protocol: Option<At<Protocol>>,
    /// When TLS begins. Default: none.
    pub tls: Option<At<Begin>>,
    /// Whether the certificate must be trusted and bear the name. Default: not on this machine.
    pub tls_verify: Option<At<bool>>,
    /// PEM file of the certificates to trust. Default: those the system trusts.
    pub tls_ca: Option<At<String>>,
    /// The name that is asked for and expected. Default: localhost; elsewhere the address.
    pub tls_name: Option<At<String>>,
    /// Resume TLS sessions, as most senders do; false: every handshake is a full one. Default:
    /// true.
    pub tls_resumption: Option<At<bool>>,
    /// Use PIPELINING when the target offers it. Default: true.
    pub pipelining: Option<At<bool>>,
    /// Send content by BDAT when the target offers CHUNKING. Default: false.
    pub chunking: Option<At<bool>>,
    /// Log in.
    pub auth: Option<At<login::Auth>>,
    /// What is said when the target offers DSN.
    pub dsn: Option<At<dsn::Dsn>>,
    /// Loopback addresses to connect from, in turn, such as 127.0.0.0/24. Default: the kernel's
    /// choice.
    pub sources: Option<At<String>>,
    /// Time limits by stage. Defaults: RFC 5321 §4.5.3.2.
    pub timeout: Option<At<timeout::Timeout>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let own = vec![("Smtp.sources", schema::pattern(sources::FORM))];
    [own, login::refinements(), dsn::refinements(), timeout::refinements()].concat()
}

/// `[smtp]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// `None`: in the clear.
    pub tls: Option<TlsTerms>,
    /// `None`: no log-in.
    pub login: Option<LoginTerms>,
    /// Use PIPELINING (RFC 2920) when it is offered.
    pub pipelining: bool,
    /// Use CHUNKING (RFC 3030) when it is offered.
    pub chunking: bool,
    /// What is said when DSN (RFC 3461) is offered.
    pub dsn: DsnTerms,
    /// Where connections come from; `None`: the kernel chooses.
    pub sources: Option<SourceRange>,
    /// Time limits by stage.
    pub timeouts: Timeouts,
}

impl Default for Submission {
    fn default() -> Submission {
        Submission {
            protocol: Protocol::Smtp,
            tls: None,
            login: None,
            pipelining: true,
            chunking: false,
            dsn: DsnTerms::default(),
            sources: None,
            timeouts: Timeouts::default(),
        }
    }
}

pub(super) fn resolve(
    written: Option<&At<Written>>,
    target: &TargetKind,
    problems: &mut Problems,
) -> Submission {
    let nothing = Written::default();
    let smtp = written.map_or(&nothing, |written| &written.value);
    offered(smtp, target, problems);
    Submission {
        protocol: protocol(smtp.protocol.as_ref(), target, problems),
        tls: tls::resolve(smtp, target, problems),
        login: smtp.auth.as_ref().map(|auth| login::resolve(&auth.value, problems)),
        pipelining: value_or(&smtp.pipelining, true),
        chunking: value_or(&smtp.chunking, false),
        dsn: dsn::resolve(smtp.dsn.as_ref(), problems),
        sources: smtp.sources.as_ref().and_then(|it| sources::resolve(it, target, problems)),
        timeouts: timeout::resolve(smtp.timeout.as_ref(), problems),
    }
}

/// Notes what a target that mailbench sets up cannot offer, however it is set up.
fn offered(smtp: &Written, target: &TargetKind, problems: &mut Problems) {
    let (TargetKind::Managed(managed), Some(auth)) = (target, &smtp.auth) else { return };
    let mechanism = &auth.value.mechanism;
    let known = login::mechanisms(managed.mta);
    if !known.iter().any(|(known, _)| *known == mechanism.value) {
        let problem = Problem::new(&mechanism.span, "this kind of target does not know it");
        let names: Vec<String> = known.iter().map(|(_, name)| format!("\"{name}\"")).collect();
        problems.push(problem.help(format!("use one of {}", names.join(", "))));
    }
    let in_the_clear = smtp.tls.as_ref().is_none_or(|tls| tls.value == Begin::None);
    if managed.mta == Mta::Opensmtpd && in_the_clear {
        problems.refuse(
            &auth.span,
            "OpenSMTPD takes a log-in under TLS only",
            "add `tls = \"starttls\"` or `tls = \"implicit\"`",
        );
    }
}

fn protocol(
    written: Option<&At<Protocol>>,
    target: &TargetKind,
    problems: &mut Problems,
) -> Protocol {
    let Some(written) = written.filter(|written| written.value == Protocol::Lmtp) else {
        return Protocol::Smtp;
    };
    if !matches!(target, TargetKind::External { .. } | TargetKind::Direct) {
        problems.refuse(
            &written.span,
            "this kind of target does not speak LMTP",
            "use kind `external` or `direct`",
        );
    }
    Protocol::Lmtp
}

impl From<&Submission> for Written {
    fn from(submission: &Submission) -> Written {
        let mut written = Written {
            protocol: some(submission.protocol),
            tls: some(Begin::None),
            pipelining: some(submission.pipelining),
            chunking: some(submission.chunking),
            auth: submission.login.as_ref().map(|login| At::from(login::Auth::from(login))),
            dsn: some(dsn::Dsn::from(&submission.dsn)),
            sources: submission.sources.map(|range| At::from(range.to_string())),
            timeout: some(timeout::Timeout::from(&submission.timeouts)),
            ..Written::default()
        };
        if let Some(terms) = &submission.tls {
            terms.write(&mut written);
        }
        written
    }
}
