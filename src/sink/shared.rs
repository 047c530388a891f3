//! What all sessions of one sink share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::addressee::Directory;
use super::attempts::Attempts;
use super::bench::Bench;
use super::preflight::Preflight;
use super::tls::Identity;
use super::{Settings, SinkError, grammar};
use crate::clock::{self, Clock, Time};
use crate::ledger::Ledger;
use crate::ledger::event::Event;
use crate::limits;
use crate::plan::Plan;
use crate::probe::DestinationId;
use crate::probe::change::Change;
use crate::probe::compare::Difference;
use crate::scenario::model::Engine;
use crate::smtp::dialogue::{Extension, Terms};

/// What all sessions of one sink share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) engine: Engine,
    /// What is offered, and what each destination offers at its own address.
    terms: Arc<Terms>,
    own_terms: Vec<Option<Arc<Terms>>>,
    pub(super) implicit_tls: bool,
    /// Certificates, where any of the terms needs them.
    pub(super) identity: Option<Identity>,
    pub(super) patience: Duration,
    pub(super) bench: Bench,
    pub(super) directory: Directory,
    /// What the run sends, where the sink is part of one.
    pub(super) plan: Option<Plan>,
    /// Contents with each kind of change whose differences were recorded.
    told: [AtomicU32; Change::ALL.len()],
    pub(super) attempts: Attempts,
    pub(super) stop: CancellationToken,
    /// Start of the measured period, once it is known.
    pub(super) measured_from: watch::Sender<Option<Time>>,
    sessions: AtomicUsize,
    next_session: AtomicU64,
    next_reception: AtomicU64,
    worst_processing_us: AtomicU64,
    processing_us: AtomicU64,
    processed: AtomicU64,
    begun: AtomicBool,
    told_full: AtomicBool,
    pub(super) preflight: Preflight,
}

impl Shared {
    pub(super) fn new(
        settings: Settings,
        address: IpAddr,
        clock: Clock,
        ledger: Ledger,
    ) -> Result<Shared, SinkError> {
        let usual = settings.engine.extensions();
        let common = settings.extensions.as_ref().unwrap_or(&usual);
        let terms = grammar::terms(&settings, common);
        let own = |own: &Option<Vec<_>>| Some(grammar::terms(&settings, own.as_ref()?));
        let own_terms: Vec<_> = settings.own_extensions.iter().map(own).collect();
        let offers_tls = |terms: &Arc<Terms>| terms.offers(Extension::StartTls);
        let tls = settings.implicit_tls
            || offers_tls(&terms)
            || own_terms.iter().flatten().any(offers_tls);
        let identity = tls.then(|| Identity::make(address)).transpose()?;
        Ok(Shared {
            clock,
            ledger,
            engine: settings.engine,
            terms,
            own_terms,
            implicit_tls: settings.implicit_tls,
            identity,
            patience: settings.patience,
            begun: AtomicBool::new(settings.identity.is_none()),
            bench: Bench::new(settings.rules, settings.seed),
            directory: Directory::new(
                settings.identity,
                &settings.destinations,
                settings.null_senders,
            ),
            plan: settings.plan,
            told: std::array::from_fn(|_| AtomicU32::new(0)),
            attempts: Attempts::default(),
            stop: CancellationToken::new(),
            measured_from: watch::Sender::new(None),
            sessions: AtomicUsize::new(0),
            told_full: AtomicBool::new(false),
            next_session: AtomicU64::new(0),
            next_reception: AtomicU64::new(0),
            worst_processing_us: AtomicU64::new(0),
            processing_us: AtomicU64::new(0),
            processed: AtomicU64::new(0),
            preflight: Preflight::new(settings.destinations.len()),
        })
    }

    /// What a session is offered that came to the address of this destination.
    pub(super) fn terms(&self, destination: Option<DestinationId>) -> Arc<Terms> {
        let own = destination.and_then(|id| self.own_terms.get(usize::from(id.0)));
        Arc::clone(own.and_then(Option::as_ref).unwrap_or(&self.terms))
    }

    /// Offset of `now` into the measured period; `None` before it.
    pub(super) fn measured(&self, now: Time) -> Option<Duration> {
        let from = *self.measured_from.borrow();
        from.filter(|from| *from <= now).map(|from| now.since(from))
    }

    /// Whether the load has begun. Before it only the preflight message comes, and at the stages
    /// before MAIL a session of it cannot be distinguished from others, so no rule holds there yet.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// The load has begun: its first mail came, or the measured period was announced.
    pub(super) fn begin(&self) {
        if !self.begun.swap(true, Ordering::AcqRel) {
            // Wakes the listener, whose port a rule may close from now on.
            self.measured_from.send_modify(|_| {});
        }
    }

    /// A place for a session, numbered; `None` when all are taken.
    pub(super) fn admit(&self) -> (u64, bool) {
        let session = self.next_session.fetch_add(1, Ordering::Relaxed);
        let taken = self.sessions.fetch_add(1, Ordering::AcqRel);
        (session, taken < limits::SINK_SESSIONS)
    }

    /// All places are taken; reported once.
    pub(super) fn tell_full(&self) {
        if !self.told_full.swap(true, Ordering::AcqRel) {
            let (at, value) = (self.clock.now(), limits::SINK_SESSIONS as u64);
            let name = "SINK_SESSIONS".to_owned();
            self.ledger.record(&Event::Limit { at, name, value });
        }
    }

    /// Gives a session's place back.
    pub(super) fn dismiss(&self, session: u64) {
        self.sessions.fetch_sub(1, Ordering::AcqRel);
        self.bench.session_ended(session);
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Acquire)
    }

    pub(super) fn next_reception(&self) -> u64 {
        self.next_reception.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes note of the time one message took from final dot to reply, injected delay left out.
    pub(super) fn processed(&self, took: Duration) {
        let us = clock::micros(took);
        self.worst_processing_us.fetch_max(us, Ordering::Relaxed);
        self.processing_us.fetch_add(us, Ordering::Relaxed);
        self.processed.fetch_add(1, Ordering::Relaxed);
    }

    /// The sum of those times, microseconds, and of how many it is.
    pub(super) fn processing(&self) -> (u64, u64) {
        (self.processing_us.load(Ordering::Relaxed), self.processed.load(Ordering::Relaxed))
    }

    /// The worst of those times since last asked.
    pub(super) fn worst_processing(&self) -> Duration {
        Duration::from_micros(self.worst_processing_us.swap(0, Ordering::Relaxed))
    }

    /// Whether such differences were recorded often enough, or there are none; else they count as
    /// recorded from now on.
    pub(super) fn is_new_difference(&self, differences: &[Difference]) -> bool {
        let mut new = false;
        for difference in differences {
            let told = self.told[difference.change as usize].fetch_add(1, Ordering::Relaxed);
            new |= told < limits::DIFFERENCES_RECORDED;
        }
        !new
    }
}
