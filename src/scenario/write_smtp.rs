//! `[smtp]` as meant back to as written.

use super::file::{
    At, Auth, Dsn, Mechanism as WrittenMechanism, Notify as WrittenNotify,
    Protocol as WrittenProtocol, Ret as WrittenRet, Smtp, Timeout, Tls,
};
use super::model::{DsnTerms, LoginTerms, Submission, Timeouts, TlsTerms};
use super::units::Timespan;
use super::write::some;
use crate::smtp::client::{Mechanism, Protocol, Trust};
use crate::smtp::envelope::{Notify, Ret};

pub(super) fn smtp(submission: &Submission) -> Smtp {
    let smtp = Smtp {
        protocol: some(match submission.protocol {
            Protocol::Smtp => WrittenProtocol::Smtp,
            Protocol::Lmtp => WrittenProtocol::Lmtp,
        }),
        tls: some(Tls::None),
        pipelining: some(submission.pipelining),
        chunking: some(submission.chunking),
        auth: submission.login.as_ref().map(|login| At::from(auth(login))),
        dsn: some(dsn(&submission.dsn)),
        sources: submission
            .sources
            .map(|range| At::from(format!("{}/{}", range.address, range.prefix))),
        timeout: some(timeout(&submission.timeouts)),
        ..Smtp::default()
    };
    match &submission.tls {
        Some(terms) => tls(smtp, terms),
        None => smtp,
    }
}

fn tls(smtp: Smtp, terms: &TlsTerms) -> Smtp {
    Smtp {
        tls: some(if terms.implicit { Tls::Implicit } else { Tls::Starttls }),
        tls_verify: some(terms.trust != Trust::Any),
        tls_ca: match &terms.trust {
            Trust::File(path) => some(path.display().to_string()),
            Trust::Any | Trust::System => None,
        },
        tls_name: some(terms.name.clone()),
        tls_resumption: some(terms.resumption),
        ..smtp
    }
}

fn auth(login: &LoginTerms) -> Auth {
    Auth {
        mechanism: At::from(match login.mechanism {
            Mechanism::Plain => WrittenMechanism::Plain,
            Mechanism::Login => WrittenMechanism::Login,
            Mechanism::CramMd5 => WrittenMechanism::CramMd5,
            Mechanism::ScramSha256 => WrittenMechanism::ScramSha256,
            Mechanism::Xoauth2 => WrittenMechanism::Xoauth2,
        }),
        user: At::from(login.user.clone()),
        password_env: At::from(login.password_env.clone()),
    }
}

fn dsn(terms: &DsnTerms) -> Dsn {
    Dsn {
        envid: some(terms.envelope_id),
        orcpt: some(terms.original_recipient),
        notify: terms.notify.map(|notify| At::from(wanted(notify))),
        ret: terms.ret.map(|ret| {
            At::from(match ret {
                Ret::Full => WrittenRet::Full,
                Ret::Headers => WrittenRet::Headers,
            })
        }),
    }
}

fn wanted(notify: Notify) -> Vec<WrittenNotify> {
    let all = [
        (notify.success, WrittenNotify::Success),
        (notify.failure, WrittenNotify::Failure),
        (notify.delay, WrittenNotify::Delay),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, which)| which).collect()
}

fn timeout(timeouts: &Timeouts) -> Timeout {
    Timeout {
        connect: some(Timespan(timeouts.connect)),
        banner: some(Timespan(timeouts.banner)),
        reply: some(Timespan(timeouts.reply)),
        data: some(Timespan(timeouts.data)),
        content: some(Timespan(timeouts.content)),
        end_of_data: some(Timespan(timeouts.end_of_data)),
    }
}
