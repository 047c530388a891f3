//! The servers of an examination, and the examination itself: mail for servers that misbehave
//! first, since retries take time; then every client's case; then waiting; then the judgement.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::case::{Act, Case, Errand, Manner, Script, Step};
use super::client::{Addresses, Heard, play};
use super::far_end::{Arrived, FarEnd};
use super::finding::{Direction, Row};
use super::judge::{self, Facts, Finding, ServerFacts};
use crate::clock::Clock;
use crate::limits;
use crate::sink::tls::{Identity, TlsError};

/// Domain of all senders: what is returned comes to the obedient server.
const SENDERS: &str = "sender.test";

/// How often what has come is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Why there are no servers.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No port.
    #[error("cannot open the examination's servers")]
    Port(#[from] io::Error),
    /// No certificates.
    #[error("cannot make certificates")]
    Tls(#[from] TlsError),
}

/// The servers of an examination.
pub struct Lab {
    clock: Clock,
    /// How long is waited for what was accepted.
    patience: Duration,
    cases: Vec<Case>,
    obedient: FarEnd,
    /// One for each case of a server, in the order of the cases.
    servers: Vec<Option<FarEnd>>,
}

/// What has been heard in a case, and whether the target still greeted after it.
struct Played {
    heard: Vec<Heard>,
    alive: bool,
}

impl Lab {
    /// Opens a server for mail in general at `main` (port 0: a free one), and one for each case.
    ///
    /// # Errors
    /// When there is no port, or there are no certificates.
    pub async fn open(
        cases: Vec<Case>,
        main: SocketAddr,
        patience: Duration,
    ) -> Result<Lab, LabError> {
        let clock = Clock::start();
        let identity = Arc::new(Identity::make(Ipv4Addr::LOCALHOST.into())?);
        let open = |address, manner| FarEnd::open(address, manner, clock, Arc::clone(&identity));
        let obedient = open(main, Manner::default()).await?;
        let mut servers = Vec::new();
        for (number, case) in (1_u16..).zip(&cases) {
            servers.push(match &case.act {
                Act::Client(_) => None,
                Act::Server(manner) => {
                    // A host of its own: some targets count failures by host.
                    let [high, low] = number.to_be_bytes();
                    let host = SocketAddr::from(([127, 77, high, low], 0));
                    Some(open(host, manner.clone()).await?)
                }
            });
        }
        Ok(Lab { clock, patience, cases, obedient, servers })
    }

    /// Where mail for everybody else goes.
    #[must_use]
    pub fn main(&self) -> SocketAddr {
        self.obedient.address()
    }

    /// Where mail for each domain of a misbehaving server goes.
    #[must_use]
    pub fn routes(&self) -> Vec<(String, SocketAddr)> {
        let both = self.cases.iter().zip(&self.servers);
        both.filter_map(|(case, server)| Some((domain(case), server.as_ref()?.address()))).collect()
    }

    /// Plays every case against the target at this address. Where it was not told the routes, the
    /// cases of servers are left out.
    pub async fn examine(
        &self,
        target: SocketAddr,
        is_routed: bool,
        mut tell: impl FnMut(&str),
    ) -> Vec<Row> {
        let mut played: Vec<Option<Played>> = self.cases.iter().map(|_| None).collect();
        for servers in [true, false] {
            for (case, played) in self.cases.iter().zip(&mut played) {
                if matches!(case.act, Act::Server(_)) == servers && (is_routed || !servers) {
                    tell(&case.id);
                    *played = Some(self.play(case, target).await);
                }
            }
        }
        tell("waiting for what was accepted");
        self.wait(&played).await;
        let rows = self.cases.iter().enumerate().zip(&played);
        rows.filter_map(|((number, case), played)| {
            Some(row(case, self.judge(number, case, played.as_ref()?)))
        })
        .collect()
    }

    async fn play(&self, case: &Case, target: SocketAddr) -> Played {
        let addresses = addresses(case);
        let heard = match &case.act {
            Act::Client(script) => play(target, &script.steps, &addresses).await,
            Act::Server(manner) => play(target, &errand(case, &manner.message), &addresses).await,
        };
        let greeting = play(target, &[], &addresses).await;
        let alive = greeting.iter().any(|heard| matches!(heard, Heard::Reply(_)));
        Played { heard, alive }
    }

    /// Waits until no finding may become better, and then for what should not come.
    async fn wait(&self, played: &[Option<Played>]) {
        let end = self.clock.now().plus(self.patience);
        while self.clock.now() < end {
            let mut findings = self.cases.iter().enumerate().zip(played);
            let any_waits = findings.any(|((number, case), played)| {
                played.as_ref().is_some_and(|played| self.judge(number, case, played).waits)
            });
            if !any_waits {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        tokio::time::sleep(limits::CONFORMANCE_REST).await;
    }

    fn judge(&self, number: usize, case: &Case, played: &Played) -> Finding {
        let arrived = self.obedient.seen().arrived;
        let addresses = addresses(case);
        match (&case.act, &self.servers[number]) {
            (Act::Client(Script { question, .. }), _) => {
                let Played { heard, alive } = played;
                let facts =
                    Facts { heard, addresses: &addresses, arrived: &arrived, alive: *alive };
                judge::client(question, &facts)
            }
            (Act::Server(manner), Some(server)) => {
                let back = |one: &Arrived| one.to.contains(&addresses.from);
                let returned: Vec<Arrived> = arrived.into_iter().filter(|one| back(one)).collect();
                let recipients = recipients(case, &manner.message);
                let (heard, seen) = (&played.heard[..], &server.seen());
                let facts =
                    ServerFacts { heard, recipients: &recipients, seen, returned: &returned };
                judge::server(manner, &facts)
            }
            // Every case of a server has one.
            (Act::Server(_), None) => Finding {
                verdict: super::finding::Verdict::Untold,
                observed: "it had no server".to_owned(),
                waits: false,
            },
        }
    }
}

fn domain(case: &Case) -> String {
    match &case.act {
        Act::Client(script) => script.domain.to_owned(),
        Act::Server(_) => format!("{}.test", case.id),
    }
}

fn addresses(case: &Case) -> Addresses {
    let domain = domain(case);
    Addresses {
        from: format!("{}.from@{SENDERS}", case.id),
        to: format!("{}.to@{domain}", case.id),
        other: format!("{}.other@{domain}", case.id),
    }
}

fn recipients(case: &Case, errand: &Errand) -> Vec<String> {
    let domain = domain(case);
    errand.recipients.iter().map(|local| format!("{}.{local}@{domain}", case.id)).collect()
}

/// The steps that submit an errand.
fn errand(case: &Case, errand: &Errand) -> Vec<Step> {
    let mut lines = vec![
        "EHLO client.mailbench.test\r\n".to_owned(),
        format!("MAIL FROM:<@FROM@>{}\r\n", errand.parameters),
    ];
    lines.extend(recipients(case, errand).iter().map(|to| format!("RCPT TO:<{to}>\r\n")));
    lines.push("DATA\r\n".to_owned());
    let ask = |line: String| [Step::Say(line.into_bytes()), Step::Hear(1)];
    let mut steps: Vec<Step> = lines.into_iter().flat_map(ask).collect();
    let header = b"From: <@FROM@>\r\nSubject: conformance\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
        Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <@TO@>\r\n\r\n";
    let text = [&header[..], &errand.body, b".\r\n"].concat();
    steps.extend([Step::Say(text), Step::Hear(1)]);
    steps
}

fn row(case: &Case, finding: Finding) -> Row {
    Row {
        id: case.id.clone(),
        direction: match case.act {
            Act::Client(_) => Direction::Inbound,
            Act::Server(_) => Direction::Outbound,
        },
        title: case.title.clone(),
        expected: case.expected.to_owned(),
        source: case.source.to_owned(),
        mandated: case.mandated,
        gates: case.mandated && finding.verdict.is_bad(),
        observed: finding.observed,
        verdict: finding.verdict,
    }
}
