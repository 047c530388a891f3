//! The servers of an examination, and the examination itself: mail for servers that misbehave
//! first, since retries take time; then every client's case; then waiting; then the judgement.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::case::{Act, Case, Errand, Manner, Script, Step};
use super::cases;
use super::client::{Addresses, Heard, play};
use super::far_end::{Arrived, FarEnd};
use super::finding::{Direction, Row};
use super::judge::server::ServerFacts;
use super::judge::{self, Facts, Finding};
use super::subject::Subject;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::sink::tls::Identity;
use crate::smtp::server_tls::TlsError;
use crate::target::demands::{Demands, Means};
use tokio::net::TcpSocket;

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
    /// A port that is bound and closed: the first host of who has a second.
    closed: TcpSocket,
}

/// What came of playing a case.
#[derive(Default)]
struct Played {
    /// Why it could not be played.
    lacking: Option<&'static str>,
    heard: Vec<Heard>,
    /// Whether the target still greeted after it.
    alive: bool,
    /// How the target ended in it.
    ended: Option<String>,
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
        let closed = TcpSocket::new_v4()?;
        closed.bind(SocketAddr::from(([127, 78, 0, 1], 0)))?;
        Ok(Lab { clock, patience, cases, obedient, servers, closed })
    }

    /// Where mail for everybody else goes.
    #[must_use]
    pub fn main(&self) -> SocketAddr {
        self.obedient.address()
    }

    /// Where mail for each domain of a misbehaving server goes. A domain that stands twice has two
    /// hosts, in this order.
    #[must_use]
    pub fn routes(&self) -> Vec<(String, SocketAddr)> {
        let closed = self.closed.local_addr().ok();
        let both = self.cases.iter().zip(&self.servers);
        let route = |(case, server): (&Case, &Option<FarEnd>)| {
            let first = closed.filter(|_| manner(case).is_some_and(|manner| manner.spare));
            let hosts = server.as_ref().map(FarEnd::address);
            let hosts = first.into_iter().chain(hosts);
            hosts.map(|host| (domain(case), host)).collect::<Vec<_>>()
        };
        both.flat_map(route).collect()
    }

    /// What the target is to be told beside.
    #[must_use]
    pub fn demands(&self) -> Demands {
        let secured = |case: &&Case| manner(case).is_some_and(|manner| manner.secured);
        Demands {
            secured: self.cases.iter().filter(secured).map(domain).collect(),
            strangers: self.cases.iter().any(is_stranger),
        }
    }

    /// Plays every case against the target. Where that was not told the routes, the cases of servers
    /// are left out; what else it was not told makes a case untold.
    pub async fn examine(
        &self,
        target: &mut impl Subject,
        told: Means,
        mut tell: impl FnMut(&str),
    ) -> Vec<Row> {
        let mut played: Vec<Option<Played>> = self.cases.iter().map(|_| None).collect();
        for servers in [true, false] {
            for (number, case) in self.cases.iter().enumerate() {
                if matches!(case.act, Act::Server(_)) == servers && (told.routed || !servers) {
                    tell(&case.id);
                    if let Some(lacking) = lacking(case, told) {
                        let lacking = Some(lacking);
                        played[number] = Some(Played { lacking, ..Played::default() });
                        continue;
                    }
                    let heard = self.play(number, case, target.address()).await;
                    played[number] = Some(Played { heard, ..Played::default() });
                    blame(self.mend(target, Some(number)).await, &mut played);
                    let alive = greets(target.address(), &addresses(case)).await;
                    played[number].iter_mut().for_each(|played| played.alive = alive);
                }
            }
        }
        tell("waiting for what was accepted");
        self.wait(target, &mut played).await;
        let arrived = self.obedient.seen().arrived;
        let queued = target.queued().await.unwrap_or(0);
        let played = self.cases.iter().enumerate().zip(&played);
        let (cases, findings): (Vec<&Case>, Vec<Finding>) = played
            .filter_map(|((number, case), played)| {
                Some((case, self.judge(number, case, played.as_ref()?, &arrived)))
            })
            .unzip();
        let findings = judge::with_queue(findings, queued);
        cases.into_iter().zip(findings).map(|(case, one)| row(case, one)).collect()
    }

    /// What was heard in a case.
    async fn play(&self, number: usize, case: &Case, at: SocketAddr) -> Vec<Heard> {
        let addresses = addresses(case);
        match (&case.act, &self.servers[number]) {
            (Act::Client(script), _) => play(at, &script.steps, &addresses).await,
            (Act::Server(manner), server) => {
                let to = recipients(case, &manner.message);
                let heard = play(at, &errand(&to, &manner.message), &addresses).await;
                if let Some(server) = server {
                    self.meet(server).await;
                }
                if manner.message.companion {
                    let errand = errand(&[companion(case)], &Errand::default());
                    play(at, &errand, &addresses).await;
                }
                heard
            }
        }
    }

    /// Waits for the target to come to this server, and for what that does to it to show.
    async fn meet(&self, server: &FarEnd) {
        let end = self.clock.now().plus(limits::CONFORMANCE_SETTLE);
        while !server.was_met() && self.clock.now() < end {
            tokio::time::sleep(LOOK / 10).await;
        }
        tokio::time::sleep(LOOK).await;
        let end = self.clock.now().plus(limits::CONFORMANCE_BLAME);
        while server.is_shaking_hands() && self.clock.now() < end {
            tokio::time::sleep(LOOK / 10).await;
        }
    }

    /// Waits until no finding may become better, and then for what should not come.
    async fn wait(&self, target: &mut impl Subject, played: &mut [Option<Played>]) {
        let end = self.clock.now().plus(self.patience);
        while self.clock.now() < end {
            blame(self.mend(target, None).await, played);
            let arrived = self.obedient.seen().arrived;
            let mut findings = self.cases.iter().enumerate().zip(played.iter());
            let any_waits = findings.any(|((number, case), played)| {
                let finding = |played| self.judge(number, case, played, &arrived);
                played.as_ref().is_some_and(|played| finding(played).waits)
            });
            if !any_waits {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        tokio::time::sleep(limits::CONFORMANCE_REST).await;
        blame(self.mend(target, None).await, played);
    }

    /// Starts a target again that has ended: by what a server did to it just now, whichever, or else
    /// by the case under way, `None` where all have been played.
    async fn mend(
        &self,
        target: &mut impl Subject,
        under_way: Option<usize>,
    ) -> Option<(usize, String)> {
        let how = target.ended()?;
        let recent = |struck: &Time| self.clock.now().since(*struck) < limits::CONFORMANCE_BLAME;
        let struck = |server: &Option<FarEnd>| server.as_ref()?.last_struck().filter(recent);
        let servers = self.servers.iter().map(struck).enumerate();
        let last = servers.filter_map(|(number, at)| Some((at?, number))).max();
        let number = last.map(|(_, number)| number).or(under_way)?;
        if let Some(server) = &self.servers[number] {
            // Else it would meet the same again as soon as it is there.
            server.relent();
        }
        Some((number, format!("{how}; {}", target.start_again().await)))
    }

    fn judge(&self, number: usize, case: &Case, played: &Played, arrived: &[Arrived]) -> Finding {
        if let Some(lacking) = played.lacking {
            return judge::untold(lacking);
        }
        if let Some(how) = &played.ended {
            return judge::ended(how);
        }
        let addresses = addresses(case);
        match (&case.act, &self.servers[number]) {
            (Act::Client(Script { question, pipelines, .. }), _) => {
                let Played { heard, alive, .. } = played;
                if *pipelines && !judge::offers(heard, "PIPELINING") {
                    return judge::untold("it offers no PIPELINING");
                }
                let facts = Facts { heard, addresses: &addresses, arrived, alive: *alive };
                judge::client(question, &facts)
            }
            (Act::Server(manner), Some(server)) => {
                let facts = ServerFacts {
                    heard: &played.heard,
                    recipients: &recipients(case, &manner.message),
                    seen: &server.seen(),
                    returned: at(arrived, &addresses.from).count(),
                    companion: at(arrived, &companion(case)).map(|one| one.at).min(),
                };
                judge::server::server(manner, &facts)
            }
            // Every case of a server has one.
            (Act::Server(_), None) => judge::untold("it had no server"),
        }
    }
}

/// Notes in which case a target ended.
fn blame(ended: Option<(usize, String)>, played: &mut [Option<Played>]) {
    if let Some((number, how)) = ended
        && let Some(played) = &mut played[number]
    {
        played.ended = Some(how);
    }
}

async fn greets(target: SocketAddr, addresses: &Addresses) -> bool {
    let greeting = play(target, &[], addresses).await;
    greeting.iter().any(|heard| matches!(heard, Heard::Reply(_)))
}

/// What arrived at this address.
fn at<'a>(arrived: &'a [Arrived], address: &'a str) -> impl Iterator<Item = &'a Arrived> {
    arrived.iter().filter(move |one| one.to.iter().any(|to| to == address))
}

fn manner(case: &Case) -> Option<&Manner> {
    match &case.act {
        Act::Client(_) => None,
        Act::Server(manner) => Some(manner),
    }
}

fn is_stranger(case: &Case) -> bool {
    match &case.act {
        Act::Client(script) => matches!(script.steps.first(), Some(Step::AsStranger)),
        Act::Server(_) => false,
    }
}

/// What of a case the target was not told.
fn lacking(case: &Case, told: Means) -> Option<&'static str> {
    let wants = |of: fn(&Manner) -> bool| manner(case).is_some_and(of);
    if wants(|manner| manner.secured) && !told.secured {
        return Some("it cannot be told to demand TLS");
    }
    if wants(|manner| manner.spare) && !told.spares {
        return Some("it cannot be told a second host");
    }
    (is_stranger(case) && !told.strangers).then_some("it cannot be told whom not to trust")
}

fn domain(case: &Case) -> String {
    match &case.act {
        Act::Client(script) => script.domain.to_owned(),
        Act::Server(_) => format!("{}.test", case.id),
    }
}

fn addresses(case: &Case) -> Addresses {
    let domain = domain(case);
    let senders = match &case.act {
        Act::Server(manner) if manner.message.own_sender => &domain,
        _ => SENDERS,
    };
    Addresses {
        from: format!("{}.from@{senders}", case.id),
        to: format!("{}.to@{domain}", case.id),
        other: format!("{}.other@{domain}", case.id),
    }
}

fn recipients(case: &Case, errand: &Errand) -> Vec<String> {
    let domain = domain(case);
    errand.recipients.iter().map(|local| format!("{}.{local}@{domain}", case.id)).collect()
}

/// Recipient of the message beside the case's own.
fn companion(case: &Case) -> String {
    format!("{}.companion@{}", case.id, cases::OBEDIENT)
}

/// The steps that submit an errand to these recipients.
fn errand(recipients: &[String], errand: &Errand) -> Vec<Step> {
    let mut lines = vec![
        "EHLO client.mailbench.test\r\n".to_owned(),
        format!("MAIL FROM:<@FROM@>{}\r\n", errand.parameters),
    ];
    lines.extend(recipients.iter().map(|to| format!("RCPT TO:<{to}>\r\n")));
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
