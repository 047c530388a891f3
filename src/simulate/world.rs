//! The simulated run: senders, the target's intake, disk, queue and slots, and the destinations,
//! moved on from event to event. Which delivery goes when is `queue`'s, as in the embedded relay.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::course::Course;
use super::events::{Event, Events};
use super::job::Jobs;
use super::model::Model;
use super::observer::Observer;
use super::sink::Sink;
use super::tally::Tally;
use super::visit::Visit;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::destinations::thundering_herd::Buckets;
use crate::metric::latency::LatencyMetric as Metric;
use crate::plan::{Offer, Offers, Plan};
use crate::probe::BOUNCE_DOMAIN;
use crate::queue::ready::Ready;
use crate::relay::idle::Idle;
use crate::scenario::Scenario;
use crate::scenario::model::{Extent, LoadModel};

/// How often idle connections are looked at, as the embedded relay does.
const SWEEP: u64 = 1_000_000_000;

/// A message in a session.
pub(super) struct Submission {
    pub(super) offer: Offer,
    pub(super) due: u64,
    pub(super) handed: u64,
    /// When its first word went out.
    pub(super) sent: u64,
}

/// What waits for the disk.
pub(super) enum Order {
    /// The message in this session.
    Accept(u32),
    /// The result of a delivery.
    Result,
}

/// A delivery that holds a slot.
pub(super) struct Running {
    pub(super) job: u32,
    pub(super) visit: Visit,
}

/// Everything there is.
pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) model: &'a Model,
    pub(super) now: u64,
    pub(super) events: Events,
    pub(super) plan: &'a Plan,
    offers: Offers,
    next: Option<Offer>,
    pub(super) closed_model: bool,
    free: u32,
    pub(super) sessions: Vec<Option<Submission>>,
    pub(super) vacant: Vec<u32>,
    pub(super) orders: VecDeque<Order>,
    pub(super) accepts_waiting: u32,
    pub(super) commit: Vec<Order>,
    pub(super) commits: u64,
    /// Results wait for company since this many commits.
    pub(super) lingering: Option<u64>,
    pub(super) ready: Ready,
    pub(super) jobs: Jobs,
    pub(super) entries: u64,
    pub(super) running: Vec<Option<Running>>,
    pub(super) spare: Vec<u32>,
    pub(super) idle: Idle<u64>,
    sweeping: bool,
    pub(super) domains: Vec<Arc<str>>,
    pub(super) sink: Sink,
    pub(super) tally: Tally,
    pub(super) course: Course,
    pub(super) herd: Option<Buckets>,
    /// Slot time by destination in the measured period, nanoseconds.
    pub(super) busy: Vec<u64>,
    pub(super) refused: u64,
    /// When the last delivery left the queue.
    pub(super) last_end: u64,
    period: Period,
    deadline: u64,
    /// When the load ended: what was due before is still handed out.
    load_end: u64,
    /// Is shown what a real run would record.
    pub(super) observer: Option<&'a mut dyn Observer>,
    /// Transactions whose content went, numbered for it.
    pub(super) receptions: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        plan: &'a Plan,
        model: &'a Model,
        (tally, course, herd): (Tally, Course, Option<Buckets>),
    ) -> World<'a> {
        let load = &scenario.load;
        let delivery = scenario.target.delivery;
        let mut offers = plan.offers();
        let next = offers.next();
        let measured = Time::from_offset(load.warm_up).0;
        let mut events = Events::default();
        events.note(measured, Event::Period(Period::Measured));
        if let Extent::Duration(duration) = load.extent {
            let end = Time(measured).plus(duration).0;
            events.note(end, Event::Period(Period::Drain));
        }
        // The last is where reports on failed mail go.
        let places = scenario.destinations.iter().map(|place| place.domain.as_str());
        let domains: Vec<Arc<str>> = places.chain([BOUNCE_DOMAIN]).map(Arc::from).collect();
        World {
            ready: Ready::new(delivery.ordering, delivery.concurrency, delivery.per_destination),
            sink: Sink::new(scenario, measured),
            busy: vec![0; domains.len()],
            closed_model: matches!(load.model, LoadModel::Closed { .. }),
            free: load.sessions,
            scenario,
            model,
            now: 0,
            events,
            plan,
            offers,
            next,
            sessions: Vec::new(),
            vacant: Vec::new(),
            orders: VecDeque::new(),
            accepts_waiting: 0,
            commit: Vec::new(),
            commits: 0,
            lingering: None,
            jobs: Jobs::default(),
            entries: 0,
            running: Vec::new(),
            spare: Vec::new(),
            idle: Idle::default(),
            sweeping: false,
            domains,
            tally,
            course,
            herd,
            refused: 0,
            last_end: 0,
            period: Period::WarmUp,
            deadline: u64::MAX,
            load_end: u64::MAX,
            observer: None,
            receptions: 0,
        }
    }

    /// Runs to the close; `look` is called now and then.
    pub(super) fn run(&mut self, look: &mut dyn FnMut(&World<'_>)) {
        self.show_period(Period::WarmUp);
        self.show_ports();
        let mut steps = 0_u64;
        while let Some(at) = self.next_moment().filter(|_| !self.is_over()) {
            if at > self.deadline {
                break;
            }
            self.move_to(at);
            while self.events.next_at().is_some_and(|at| at <= self.now)
                && let Some(event) = self.events.next()
            {
                self.happen(event);
            }
            self.hand_out();
            self.start_due();
            steps += 1;
            if steps.is_multiple_of(LOOK) {
                look(self);
            }
        }
        self.close();
    }

    fn move_to(&mut self, at: u64) {
        self.now = at;
        self.course.advance(at);
    }

    /// The next moment at which anything can happen.
    fn next_moment(&self) -> Option<u64> {
        let offer = self.next_due();
        let retry = self.ready.next_due().map(|due| due.0);
        let soonest = [self.events.next_at(), offer, retry].into_iter().flatten().min();
        soonest.map(|at| at.max(self.now))
    }

    /// When the next message is handed out, if a session is free for it.
    fn next_due(&self) -> Option<u64> {
        self.waiting_due().filter(|_| self.free > 0)
    }

    /// When the next message is due, if it is part of the load.
    fn waiting_due(&self) -> Option<u64> {
        let counted = self.has_counted_all();
        let due = self.next.as_ref().filter(|_| !counted).map(|offer| self.due(offer))?;
        (due < self.load_end).then_some(due)
    }

    /// When a message is due; now, in the closed model.
    fn due(&self, offer: &Offer) -> u64 {
        offer.due.map_or(self.now, |due| Time::from_offset(due).0)
    }

    /// Whether a message that is due is handed to a session soon enough for the load to be as
    /// planned.
    pub(super) fn is_in_time(&self, due: u64, handed: u64) -> bool {
        let end = self.load_end.min(self.planned_end());
        let length = end.saturating_sub(self.tally.measured_from) as f64;
        due >= self.tally.measured_from
            && handed as f64 <= end as f64 + length * crate::measure::load::GRACE
    }

    /// When the load ends, where that is a matter of time.
    fn planned_end(&self) -> u64 {
        match self.scenario.load.extent {
            Extent::Duration(length) => Time(self.tally.measured_from).plus(length).0,
            Extent::Messages(_) => u64::MAX,
        }
    }

    fn offering(&self) -> bool {
        matches!(self.period, Period::WarmUp | Period::Measured)
    }

    /// The load is over and nothing is left.
    fn is_over(&self) -> bool {
        !self.offering()
            && self.waiting_due().is_none()
            && self.course.levels.in_flight == 0
            && self.jobs.len() == 0
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Free => self.free += 1,
            Event::Arrived(session) => self.arrived(session),
            Event::Committed => self.committed(),
            Event::Lingered(commits) => self.lingered(commits),
            Event::Attempted(slot) => self.attempted(slot),
            Event::Sweep => self.sweep(),
            Event::Period(period) => self.begin(period),
        }
    }

    fn begin(&mut self, period: Period) {
        self.period = period;
        self.course.begin(period);
        self.show_period(period);
        if period == Period::Drain {
            self.deadline = Time(self.now).plus(self.scenario.load.drain).0;
            self.load_end = self.now;
        }
    }

    /// Hands every message that is due to a free session.
    fn hand_out(&mut self) {
        while self.next_due().is_some_and(|due| due <= self.now) {
            let Some(offer) = self.next.take() else { return };
            self.next = self.offers.next();
            let due = self.due(&offer);
            self.free -= 1;
            self.submit(Submission { offer, due, handed: self.now, sent: self.now });
        }
        self.end_by_count();
    }

    /// A load of so many messages ends with the reply to the last.
    fn end_by_count(&mut self) {
        let counted = matches!(self.scenario.load.extent, Extent::Messages(_));
        let over = self.next.is_none() || self.has_counted_all();
        if counted && over && self.period == Period::Measured && self.course.levels.in_flight == 0 {
            // The period holds the moment of the last reply.
            self.move_to(self.now + 1);
            self.begin(Period::Drain);
        }
    }

    fn has_counted_all(&self) -> bool {
        let Extent::Messages(count) = self.scenario.load.extent else { return false };
        self.tally.offered_measured >= count
    }

    /// The session is done with its message.
    pub(super) fn release_session(&mut self, message: u64) {
        let pause = self.think(message);
        if pause == 0 {
            self.free += 1;
        } else {
            self.events.note(self.now.saturating_add(pause), Event::Free);
        }
    }

    /// A connection came back: it will have to be looked at.
    pub(super) fn keep(&mut self, domain: Arc<str>, session: u64) {
        if let Some(surplus) = self.idle.put(domain, session, Time(self.now)) {
            self.sink.closed(surplus);
        }
        if !self.sweeping {
            self.sweeping = true;
            self.events.note(self.now + SWEEP, Event::Sweep);
        }
    }

    fn sweep(&mut self) {
        for session in self.idle.expire(Time(self.now)) {
            self.sink.closed(session);
        }
        self.sweeping = !self.idle.is_empty();
        if self.sweeping {
            self.events.note(self.now + SWEEP, Event::Sweep);
        }
    }

    /// Ends the run: at the deadline, or when nothing is left.
    fn close(&mut self) {
        let left = self.jobs.len() > 0 || self.course.levels.in_flight > 0;
        if left && self.deadline != u64::MAX {
            self.now = self.deadline;
            self.course.advance_to_close(self.now);
        }
        self.cut_off_waiting();
        for submission in std::mem::take(&mut self.sessions).iter().flatten() {
            self.cut_off(submission);
        }
        while let Some(due) = self.waiting_due()
            && let Some(offer) = self.next.take()
        {
            self.unserved(offer, due);
            self.next = self.offers.next();
        }
        self.course.begin(Period::Closed);
        self.show_close();
    }

    /// What waits in the queue, or for the end of an attempt.
    fn cut_off_waiting(&mut self) {
        let running: HashSet<u32> = self.running.iter().flatten().map(|it| it.job).collect();
        for (slot, job) in self.jobs.left() {
            for recipient in job.recipients() {
                let idle = !running.contains(&slot);
                self.tally.waiting(job, recipient, self.now, idle);
                let age = self.now.saturating_sub(job.due);
                self.course.cut(Metric::E2eResponse, job.due, age);
            }
        }
    }

    pub(super) fn period(&self) -> Period {
        self.period
    }

    /// When the run is closed at the latest, as far as is known.
    pub(super) fn deadline(&self) -> Option<u64> {
        (self.deadline != u64::MAX).then_some(self.deadline)
    }
}

/// Moments between two looks.
const LOOK: u64 = 1 << 16;
