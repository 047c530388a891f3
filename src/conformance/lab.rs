//! Runs the cases against a target: opens the servers, runs every case of a server first, since
//! retries take time, then every case of a client, waits for what was accepted, and judges.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, ClientScript, Script, ServerScript, Step, TestMessage};
use super::client::{self, Addresses, ClientEvent};
use super::envelope::{addresses, companion, domain, recipients, submission};
use super::finding::{Direction, Row};
use super::judge::client::ClientFacts;
use super::judge::server::ServerFacts;
use super::judge::{self, Finding};
use super::server_record::ReceivedMessage;
use super::subject::Subject;
use super::test_server::TestServer;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::sink::tls::Identity;
use crate::smtp::server_tls::TlsError;
use crate::targets::conformance::{Capabilities, ConformanceNeeds};
use tokio::net::TcpSocket;

/// How often the servers' records are checked.
const POLL: Duration = Duration::from_millis(250);

/// Why the servers could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// An address cannot be bound.
    #[error("cannot open the test servers")]
    Port(#[from] io::Error),
    /// The certificates cannot be created.
    #[error("cannot create certificates for the test servers")]
    Tls(#[from] TlsError),
}

/// The servers of a conformance test and its cases.
pub struct Lab {
    clock: Clock,
    /// How long to wait for mail that was accepted.
    patience: Duration,
    cases: Vec<Case>,
    compliant: TestServer,
    /// One for each case of a server, in the order of the cases.
    servers: Vec<Option<TestServer>>,
    /// A port that is bound but does not listen: the first host of a domain with two.
    closed: TcpSocket,
}

/// What happened in one case.
#[derive(Default)]
struct CaseRun {
    /// The precondition that is missing; the case was not run.
    missing: Option<&'static str>,
    events: Vec<ClientEvent>,
    /// Whether the target still sent a banner after the case.
    is_responsive: bool,
    /// How the target exited because of the case.
    exited: Option<String>,
}

impl Lab {
    /// Opens the compliant server at `main` (port 0: any free one) and a server for each case that
    /// needs one.
    ///
    /// # Errors
    /// If an address cannot be bound or the certificates cannot be created.
    pub async fn open(
        cases: Vec<Case>,
        main: SocketAddr,
        patience: Duration,
    ) -> Result<Lab, LabError> {
        let clock = Clock::start();
        let identity = Arc::new(Identity::make(Ipv4Addr::LOCALHOST.into())?);
        let open =
            |address, script| TestServer::open(address, script, clock, Arc::clone(&identity));
        let compliant = open(main, ServerScript::default()).await?;
        let mut servers = Vec::new();
        for (number, case) in (1_u16..).zip(&cases) {
            servers.push(match &case.script {
                Script::Client(_) => None,
                Script::Server(script) => {
                    // A host of its own: some targets count failures by host.
                    let [high, low] = number.to_be_bytes();
                    let host = SocketAddr::from(([127, 77, high, low], 0));
                    Some(open(host, script.clone()).await?)
                }
            });
        }
        let closed = TcpSocket::new_v4()?;
        closed.bind(SocketAddr::from(([127, 78, 0, 1], 0)))?;
        Ok(Lab { clock, patience, cases, compliant, servers, closed })
    }

    /// The compliant server, the next hop for every domain without a route.
    #[must_use]
    pub fn main(&self) -> SocketAddr {
        self.compliant.address()
    }

    /// The route for the domain of each misbehaving server. A domain that is listed twice has two
    /// hosts, in this order.
    #[must_use]
    pub fn routes(&self) -> Vec<(String, SocketAddr)> {
        let closed = self.closed.local_addr().ok();
        let both = self.cases.iter().zip(&self.servers);
        let route = |(case, server): (&Case, &Option<TestServer>)| {
            let first = closed.filter(|_| server_script(case).is_some_and(|it| it.second_host));
            let hosts = first.into_iter().chain(server.as_ref().map(TestServer::address));
            hosts.map(|host| (domain(case), host)).collect::<Vec<_>>()
        };
        both.flat_map(route).collect()
    }

    /// Settings that the cases require of the target beside the routes.
    #[must_use]
    pub fn demands(&self) -> ConformanceNeeds {
        let requires_tls = |case: &&Case| server_script(case).is_some_and(|it| it.requires_tls);
        ConformanceNeeds {
            secured: self.cases.iter().filter(requires_tls).map(domain).collect(),
            unknown_clients: self.cases.iter().any(is_from_untrusted),
        }
    }

    /// Runs every case against the target; one row for each. `means` says what could be configured
    /// in it: cases that need more are skipped. `tell` gets the progress.
    pub async fn examine(
        &self,
        target: &mut impl Subject,
        means: Capabilities,
        mut tell: impl FnMut(&str),
    ) -> Vec<Row> {
        let mut runs: Vec<CaseRun> = self.cases.iter().map(|_| CaseRun::default()).collect();
        for number in self.order() {
            let case = &self.cases[number];
            if let Some(missing) = missing_precondition(case, means) {
                runs[number].missing = Some(missing);
                continue;
            }
            tell(&case.id);
            runs[number].events = self.run_case(number, case, target.address()).await;
            attribute_exit(self.restart_if_down(target, Some(number)).await, &mut runs);
            runs[number].is_responsive = sends_banner(target.address(), &addresses(case)).await;
        }
        tell("waiting for accepted mail");
        self.wait(target, &mut runs).await;
        let delivered = self.compliant.record().messages;
        let queued = target.queue_length().await.unwrap_or(0);
        let findings = self.findings(&runs, &delivered).collect();
        let rows = self.cases.iter().zip(judge::with_queue(findings, queued));
        rows.map(|(case, finding)| row(case, finding)).collect()
    }

    /// Numbers of the cases in the order in which they are run.
    fn order(&self) -> Vec<usize> {
        let is_server = |number: &usize| matches!(self.cases[*number].script, Script::Server(_));
        let (servers, clients): (Vec<usize>, Vec<usize>) =
            (0..self.cases.len()).partition(is_server);
        servers.into_iter().chain(clients).collect()
    }

    /// Runs one case; the events at its client.
    async fn run_case(&self, number: usize, case: &Case, at: SocketAddr) -> Vec<ClientEvent> {
        let addresses = addresses(case);
        match (&case.script, &self.servers[number]) {
            (Script::Client(script), _) => client::run(at, &script.steps, &addresses).await,
            (Script::Server(script), server) => {
                let to = recipients(case, &script.message);
                let steps = submission(&to, &script.message);
                let events = client::run(at, &steps, &addresses).await;
                if let Some(server) = server {
                    self.await_contact(server).await;
                }
                if script.message.companion {
                    let steps = submission(&[companion(case)], &TestMessage::default());
                    client::run(at, &steps, &addresses).await;
                }
                events
            }
        }
    }

    /// Waits for the target to connect to this server and for the effect to show.
    async fn await_contact(&self, server: &TestServer) {
        let end = self.clock.now().plus(limits::CONFORMANCE_SETTLE);
        while !server.was_contacted() && self.clock.now() < end {
            tokio::time::sleep(POLL / 10).await;
        }
        tokio::time::sleep(POLL).await;
        let end = self.clock.now().plus(limits::CONFORMANCE_BLAME);
        while server.may_be_in_handshake() && self.clock.now() < end {
            tokio::time::sleep(POLL / 10).await;
        }
    }

    /// Waits until no finding is provisional, and then a little longer for mail that should not
    /// come.
    async fn wait(&self, target: &mut impl Subject, runs: &mut [CaseRun]) {
        let end = self.clock.now().plus(self.patience);
        while self.clock.now() < end {
            attribute_exit(self.restart_if_down(target, None).await, runs);
            let delivered = self.compliant.record().messages;
            if !self.findings(runs, &delivered).any(|finding| finding.is_provisional) {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        tokio::time::sleep(limits::CONFORMANCE_REST).await;
        attribute_exit(self.restart_if_down(target, None).await, runs);
    }

    /// Restarts a target that has exited. Returns how it exited and the case that caused it: that of
    /// the server that misbehaved last, if it did so recently, else the one under way; `None` once
    /// all cases have been run.
    async fn restart_if_down(
        &self,
        target: &mut impl Subject,
        under_way: Option<usize>,
    ) -> Option<(usize, String)> {
        let how = target.exited()?;
        let is_recent = |at: &Time| self.clock.now().since(*at) < limits::CONFORMANCE_BLAME;
        let misbehaved =
            |server: &Option<TestServer>| server.as_ref()?.last_misbehaved().filter(is_recent);
        let servers = self.servers.iter().map(misbehaved).enumerate();
        let last = servers.filter_map(|(number, at)| Some((at?, number))).max();
        let number = last.map(|(_, number)| number).or(under_way)?;
        if let Some(server) = &self.servers[number] {
            // The queued message would take the target down again as soon as it is restarted.
            server.behave();
        }
        Some((number, format!("{how}; {}", target.restart().await)))
    }

    fn findings(
        &self,
        runs: &[CaseRun],
        delivered: &[ReceivedMessage],
    ) -> impl Iterator<Item = Finding> {
        let cases = self.cases.iter().zip(&self.servers).zip(runs);
        cases.map(|((case, server), run)| judge_case(case, server.as_ref(), run, delivered))
    }
}

fn judge_case(
    case: &Case,
    server: Option<&TestServer>,
    run: &CaseRun,
    delivered: &[ReceivedMessage],
) -> Finding {
    if let Some(missing) = run.missing {
        return judge::skipped(missing);
    }
    if let Some(how) = &run.exited {
        return judge::exited(how);
    }
    let addresses = addresses(case);
    match (&case.script, server) {
        (Script::Client(script), _) => judge_client(script, run, &addresses, delivered),
        (Script::Server(script), Some(server)) => {
            let facts = ServerFacts {
                events: &run.events,
                recipients: &recipients(case, &script.message),
                record: &server.record(),
                bounces: delivered_to(delivered, &addresses.from).count(),
                companion: delivered_to(delivered, &companion(case)).map(|one| one.at).min(),
            };
            judge::server::server(script, &facts)
        }
        // `Lab::open` opens one for every such case.
        (Script::Server(_), None) => judge::skipped("there is no test server"),
    }
}

fn judge_client(
    script: &ClientScript,
    run: &CaseRun,
    addresses: &Addresses,
    delivered: &[ReceivedMessage],
) -> Finding {
    if script.pipelines
        && run.is_responsive
        && let Some(finding) = judge::without_extension(&run.events, "PIPELINING")
    {
        return finding;
    }
    let facts =
        ClientFacts { events: &run.events, addresses, delivered, is_responsive: run.is_responsive };
    judge::client::client(&script.check, &facts)
}

/// Records the case that made the target exit.
fn attribute_exit(exited: Option<(usize, String)>, runs: &mut [CaseRun]) {
    if let Some((number, how)) = exited {
        runs[number].exited = Some(how);
    }
}

async fn sends_banner(target: SocketAddr, addresses: &Addresses) -> bool {
    let events = client::run(target, &[], addresses).await;
    events.iter().any(|event| matches!(event, ClientEvent::Reply(_)))
}

/// Messages that were delivered to this address.
fn delivered_to<'a>(
    delivered: &'a [ReceivedMessage],
    address: &'a str,
) -> impl Iterator<Item = &'a ReceivedMessage> {
    delivered.iter().filter(move |message| message.to.iter().any(|to| to == address))
}

fn server_script(case: &Case) -> Option<&ServerScript> {
    match &case.script {
        Script::Client(_) => None,
        Script::Server(script) => Some(script),
    }
}

fn is_from_untrusted(case: &Case) -> bool {
    match &case.script {
        Script::Client(script) => matches!(script.steps.first(), Some(Step::FromUntrusted)),
        Script::Server(_) => false,
    }
}

/// What a case requires that cannot be configured in the target.
fn missing_precondition(case: &Case, means: Capabilities) -> Option<&'static str> {
    let Some(script) = server_script(case) else {
        let is_missing = is_from_untrusted(case) && !means.unknown_clients;
        return is_missing.then_some("mailbench cannot configure which clients this target trusts");
    };
    if !means.routed {
        return Some("mailbench cannot route this target's mail to the misbehaving server");
    }
    if script.requires_tls && !means.secured {
        return Some("mailbench cannot configure this target to require TLS for one domain");
    }
    (script.second_host && !means.spares)
        .then_some("mailbench cannot configure a second host for a domain of this target")
}

fn row(case: &Case, finding: Finding) -> Row {
    Row {
        id: case.id.clone(),
        direction: match case.script {
            Script::Client(_) => Direction::Inbound,
            Script::Server(_) => Direction::Outbound,
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
