//! An offering from start to end, for the tests that look at what came of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mailbench::clock::{Clock, Time};
use mailbench::ledger::Ledger;
use mailbench::ledger::event::{Event, SubmitResult, Submitted, Unanswered};
use mailbench::ledger::journal;
use mailbench::plan::Plan;
use mailbench::probe::MessageId;
use mailbench::quantity::Quantity;
use mailbench::queue::ordering::OrderingKind;
use mailbench::queue::schedule::{Growth, RetrySchedule};
use mailbench::scenario::model::{
    Arrival, Changes, Delivery, Destination, Durability, Encoding, Engine, Extent, Load, LoadModel,
    MessageSpec, OnwardTls, Parts, Scenario, Segment, SinkSpec, Submission, TargetKind, TargetSpec,
    TextStyle,
};
use mailbench::seed::Seed;
use mailbench::smtp::client::Peer;
use mailbench::traffic::{Gauges, Instruments, Settings, Summary, offer};
use tokio_util::sync::CancellationToken;

/// `rate` messages a second, evenly, for `length`.
pub(crate) fn open(rate: f64, length: Duration) -> Load {
    let segment = Segment { from_per_second: rate, to_per_second: rate, duration: length };
    Load {
        model: LoadModel::Open { arrival: Arrival::Constant, segments: vec![segment] },
        warm_up: Duration::ZERO,
        extent: Extent::Duration(length),
        drain: Duration::from_secs(10),
        sessions: 10,
        messages_per_session: 100,
    }
}

pub(crate) fn closed(think_time: f64, extent: Extent) -> Load {
    let think_time = Quantity::Constant(think_time);
    Load {
        model: LoadModel::Closed { think_time },
        extent,
        sessions: 3,
        ..open(1.0, Duration::ZERO)
    }
}

pub(crate) fn scenario(load: Load) -> Scenario {
    let second = Duration::from_secs(1);
    let destination =
        |domain: &str| Destination { domain: domain.to_owned(), weight: 1.0, extensions: None };
    Scenario {
        name: "offering".to_owned(),
        question: String::new(),
        seed: Seed(7),
        target: TargetSpec {
            kind: TargetKind::Direct,
            retry: RetrySchedule {
                kind: Growth::Fixed { first: second },
                jitter: 0.0,
                give_up_after: second,
            },
            retry_is_given: false,
            delivery: Delivery {
                concurrency: 1,
                per_destination: 1,
                ordering: OrderingKind::Fifo,
                durability: Durability::None,
                tls: OnwardTls::May,
            },
            changes: Changes::default(),
            network: None,
            disk: None,
        },
        load,
        smtp: Submission::default(),
        sink: SinkSpec {
            addresses: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            engine: Engine::Native,
            extensions: Engine::Native.extensions(),
            implicit_tls: false,
            lmtp: false,
        },
        message: MessageSpec {
            size: Quantity::Constant(2048.0),
            recipients: Quantity::Constant(2.0),
            parts: Parts::Text,
            corpus: None,
            text: TextStyle::Prose,
            encoding: Encoding::SevenBit,
            priority: None,
            null_sender: 0.0,
            dkim: None,
        },
        destinations: vec![destination("a.test"), destination("b.test")],
        chaos: Vec::new(),
        abuse: Vec::new(),
        faults: Vec::new(),
        simulate: None,
        thresholds: Vec::new(),
        compare: None,
    }
}

/// An offering that has ended.
pub(crate) struct Offered {
    pub(crate) plan: Plan,
    pub(crate) start: Time,
    pub(crate) summary: Summary,
    /// Message, due time, time of handing over.
    pub(crate) offers: Vec<(MessageId, Time, Time)>,
    pub(crate) results: Vec<Submitted>,
    pub(crate) unanswered: Vec<Unanswered>,
    pub(crate) limits: Vec<String>,
}

impl Offered {
    pub(crate) fn lags(&self) -> Vec<Duration> {
        self.offers.iter().map(|(_, due, at)| at.since(*due)).collect()
    }

    pub(crate) fn accepted(&self) -> usize {
        let all = |submitted: &&Submitted| {
            submitted.results.iter().all(|result| matches!(result, SubmitResult::Accepted { .. }))
        };
        self.results.iter().filter(all).count()
    }
}

pub(crate) async fn offered(load: Load, address: SocketAddr) -> Offered {
    offered_until(load, address, None).await
}

/// Offers the load; stops after so long, if at all.
pub(crate) async fn offered_until(
    load: Load,
    address: SocketAddr,
    stop_after: Option<Duration>,
) -> Offered {
    offered_as(&scenario(load), Peer::new(address, "me.test"), stop_after).await
}

/// Offers the load of a scenario to such a peer; stops after so long, if at all.
pub(crate) async fn offered_as(
    scenario: &Scenario,
    peer: Peer,
    stop_after: Option<Duration>,
) -> Offered {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.bin");
    let plan = Plan::new(scenario, None);
    let clock = Clock::start();
    let start = Time::from_offset(Duration::from_millis(100));
    let ledger = Ledger::create(&path).expect("a journal");
    let gauges = Arc::new(Gauges::default());
    let instruments = Instruments { clock, ledger, gauges: Arc::clone(&gauges) };
    let stop = CancellationToken::new();
    if let Some(after) = stop_after {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            stop.cancel();
        });
    }
    let settings = Settings::new(scenario, peer, start);
    let summary = offer(plan.clone(), settings, instruments, stop).await.expect("an offering");
    assert_eq!((gauges.sessions(), gauges.waiting()), (0, 0));
    let (mut offers, mut results, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let mut unanswered = Vec::new();
    for event in journal::open(&path).expect("a journal") {
        match event {
            Event::Offered { message, due, at, recipients } => {
                assert_eq!(Quantity::Constant(f64::from(recipients)), scenario.message.recipients);
                offers.push((message, due, at));
            }
            Event::Unanswered(one) => unanswered.push(one),
            Event::Submitted(submitted) => results.push(submitted),
            Event::Limit { name, .. } => limits.push(name),
            other => panic!("not traffic's to say: {other:?}"),
        }
    }
    Offered { plan, start, summary, offers, results, unanswered, limits }
}
