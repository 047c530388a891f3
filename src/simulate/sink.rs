//! The destinations of a simulated run: the same rules, asked at the same moments and keyed by the
//! same things as at the real sink, so that the same seed strikes the same mail.
//!
//! A delivery takes its service time when its content goes; one that is refused before takes half
//! of it, and what happens before MAIL takes the time of the connection alone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::Job;
use super::visit::{
    AttemptInProgress, AttemptTimes, CUT, Ending, Outcome, Step, Visit, not_reached, refused,
};
use crate::clock::Time;
use crate::fault::judge;
use crate::fault::judge::{Effect, Moment, Verdict};
use crate::fault::limit::Limits;
use crate::fault::refuse::{self, Refuse};
use crate::fault::rule::{Action, Rule};
use crate::probe::DestinationId;
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::smtp::client::Timeouts;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// Replies by stage and code: how many, and one text.
pub(super) type Replies = BTreeMap<(Stage, u16), (u64, String)>;

/// The sink.
pub(super) struct Sink {
    rules: Vec<Rule>,
    seed: Seed,
    limits: Limits,
    pub(super) has_limits: bool,
    /// Bits of the stages at which a rule may hold, by destination.
    watched: Vec<u16>,
    /// Whether a rule may close the port, by destination.
    refusing: Vec<bool>,
    routed: bool,
    measured_from: u64,
    timeouts: Timeouts,
    sessions: u64,
    /// Connections of the target's from the measured period on.
    pub(super) connections: Connections,
    /// And those before it.
    before: Connections,
    /// Sessions that were opened or turned away, for the observer; taken after each attempt.
    entered: Vec<Entered>,
    /// How often each rule took effect, from the measured period on.
    pub(super) strikes: Vec<u64>,
    /// The latest of them, with their times; taken after each attempt.
    struck: Vec<(u64, u16)>,
    pub(super) replies: Replies,
}

/// The session of every report; reports have none of their own.
const REPORTS: u64 = u64::MAX;

/// Connections that the target tried to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Connections {
    /// With a greeting, and without one.
    pub(super) accepted: u64,
    pub(super) turned_away: u64,
    /// The port was closed.
    pub(super) refused: u64,
}

/// A connection that was let in, or why it was not.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    pub(super) session: u64,
    pub(super) at: u64,
    pub(super) kept_out: Option<Ending>,
}

impl Sink {
    pub(super) fn new(scenario: &Scenario, measured_from: u64) -> Sink {
        let rules = scenario.faults.clone();
        let places = scenario.destinations.len();
        let concerns = |rule: &&Rule, place: usize| {
            rule.scope.destination.is_none_or(|named| usize::from(named.0) == place)
        };
        let bits = |place| {
            let concerned = rules.iter().filter(|rule| concerns(rule, place));
            concerned.fold(0, |bits, rule| bits | 1_u16 << (rule.scope.stage as u16))
        };
        let closes = |place| {
            rules.iter().any(|rule| rule.action == Action::Refuse(Refuse) && concerns(&rule, place))
        };
        Sink {
            watched: (0..places).map(bits).collect(),
            refusing: (0..places).map(closes).collect(),
            has_limits: rules.iter().any(|rule| matches!(rule.action, Action::Limit(_))),
            strikes: vec![0; rules.len()],
            routed: scenario.simulate.is_some() || scenario.is_routed(),
            rules,
            seed: scenario.seed,
            limits: Limits::default(),
            measured_from,
            timeouts: Timeouts::default(),
            sessions: 0,
            struck: Vec::new(),
            connections: Connections::default(),
            before: Connections::default(),
            entered: Vec::new(),
            replies: Replies::new(),
        }
    }

    /// A session of the target's ended.
    pub(super) fn closed(&mut self, session: u64) {
        if self.has_limits {
            self.limits.session_ended(session);
        }
    }

    /// One attempt from its start, over an idle session if there is one.
    pub(super) fn visit(
        &mut self,
        job: &Job,
        now: u64,
        idle: Option<u64>,
        takes: AttemptTimes,
    ) -> Visit {
        let refusing = self.refusing.get(usize::from(job.destination)).copied().unwrap_or(false);
        if refusing && let Some(rule) = self.port(job.destination, now).closed_by {
            self.strike(rule, now);
            self.tried(now).refused += 1;
            idle.into_iter().for_each(|session| self.closed(session));
            return not_reached(job, (now, now), None);
        }
        let (session, at) = match idle {
            Some(session) => (session, now),
            None => {
                let (session, at, ending) = self.enter(job, now.saturating_add(takes.connect));
                if let Some(ending) = ending {
                    self.closed(session);
                    return not_reached(job, (now, at), Some((session, ending)));
                }
                (session, at)
            }
        };
        let mut under = AttemptInProgress::new(job, session, at);
        under.outcomes = vec![Outcome::Taken; job.len()];
        let survives = self.transact(&mut under, takes.service);
        let mut visit = Visit {
            start: now,
            end: under.at,
            outcomes: under.outcomes,
            endings: under.endings,
            session_used: session,
            session: survives.then_some(session),
        };
        if refusing {
            self.cut(job, now, &mut visit);
        }
        if visit.session.is_none() {
            self.closed(session);
        }
        visit
    }

    /// Whether each destination has an address of its own.
    pub(super) fn is_routed(&self) -> bool {
        self.routed
    }

    /// What rules did since this was last asked, with the time.
    pub(super) fn take_struck(&mut self) -> Vec<(u64, u16)> {
        std::mem::take(&mut self.struck)
    }

    /// Whether the port of a destination was closed at any moment of a span, so that attempts made
    /// meanwhile were seen by no sink.
    pub(super) fn was_closed(&self, destination: u16, from: u64, to: u64) -> bool {
        let refusing = self.refusing.get(usize::from(destination)).copied().unwrap_or(false);
        if !refusing {
            return false;
        }
        let port = self.port(destination, from);
        let next = port.asked_again_at.map(|at| self.measured_from + Time::from_offset(at).0);
        port.closed_by.is_some() || next.is_some_and(|next| next <= to)
    }

    fn port(&self, destination: u16, now: u64) -> refuse::Port {
        let own = self.routed.then_some(DestinationId(destination));
        refuse::port(&self.rules, own, self.offset(now))
    }

    fn offset(&self, now: u64) -> Option<Duration> {
        now.checked_sub(self.measured_from).map(Duration::from_nanos)
    }

    /// The port closed while the attempt was under way: it is cut then.
    fn cut(&mut self, job: &Job, start: u64, visit: &mut Visit) {
        let Some(edge) = self.port(job.destination, start).asked_again_at else { return };
        let edge = self.measured_from.saturating_add(Time::from_offset(edge).0);
        if edge >= visit.end {
            return;
        }
        if let Some(rule) = self.port(job.destination, edge).closed_by {
            self.strike(rule, edge);
            visit.outcomes.fill(Outcome::Broken);
            let ending = |place| Ending { place, stage: CUT, rule: Some(rule), reply: None };
            visit.endings = (0..job.len()).map(ending).collect();
            (visit.end, visit.session) = (edge, None);
        }
    }

    /// A new session up to MAIL: its number, the time, and what kept it out.
    fn enter(&mut self, job: &Job, at: u64) -> (u64, u64, Option<Ending>) {
        let session = self.sessions;
        self.sessions += 1;
        let nobody = Job { others: Box::default(), ..job.clone() };
        let mut under = AttemptInProgress::new(&nobody, session, at);
        for stage in [Stage::Connect, Stage::Banner, Stage::Ehlo] {
            let ending = match self.step(&mut under, stage, session, 1) {
                Step::On if stage == Stage::Banner => {
                    self.entered(session, at, None);
                    continue;
                }
                Step::On => continue,
                Step::Refused(rule, reply) => (Some(rule), Some(reply)),
                Step::Broken(rule) => (Some(rule), None),
            };
            let ending = Ending { place: 0, stage, rule: ending.0, reply: ending.1 };
            if stage <= Stage::Banner {
                self.entered(session, at, Some(ending.clone()));
            }
            return (session, under.at, Some(ending));
        }
        (session, under.at, None)
    }

    /// A report is delivered over a connection of its own.
    pub(super) fn reported(&mut self, at: u64) {
        self.entered(REPORTS, at, None);
    }

    /// A connection was let in, or kept out by this.
    fn entered(&mut self, session: u64, at: u64, kept_out: Option<Ending>) {
        match kept_out {
            None => self.tried(at).accepted += 1,
            Some(_) => self.tried(at).turned_away += 1,
        }
        self.entered.push(Entered { session, at, kept_out });
    }

    /// Connections that were let in or kept out since this was last asked.
    pub(super) fn take_entered(&mut self) -> Vec<Entered> {
        std::mem::take(&mut self.entered)
    }

    /// Where a connection tried at this time is counted.
    fn tried(&mut self, at: u64) -> &mut Connections {
        let counts = at >= self.measured_from;
        if counts { &mut self.connections } else { &mut self.before }
    }

    /// MAIL to the reply to the final dot; whether the session can be used again.
    fn transact(&mut self, under: &mut AttemptInProgress<'_>, service: u64) -> bool {
        let attempt = u32::from(under.job.seen) + 1;
        let message = under.job.message;
        let step = self.step(under, Stage::MailFrom, message.0, attempt);
        if let Some(survives) = under.ended(step, Stage::MailFrom, service / 2) {
            return survives;
        }
        if let Some(survives) = self.name_recipients(under, attempt, service / 2) {
            return survives;
        }
        let recipients = under.job.recipients().zip(&under.outcomes);
        let mut open = recipients.filter(|(_, outcome)| **outcome == Outcome::Taken);
        let Some((first, _)) = open.next() else {
            under.at += service / 2;
            return true;
        };
        let subject = message.probe(first).0;
        for stage in [Stage::Data, Stage::Content, Stage::EndOfData] {
            let step = self.step(under, stage, subject, attempt);
            let takes = if stage == Stage::Data { service / 2 } else { service };
            if let Some(survives) = under.ended(step, stage, takes) {
                return survives;
            }
        }
        under.at += service + under.read_slowly();
        true
    }

    fn name_recipients(
        &mut self,
        under: &mut AttemptInProgress<'_>,
        attempt: u32,
        takes: u64,
    ) -> Option<bool> {
        let job = under.job;
        for (place, recipient) in job.recipients().enumerate() {
            let subject = job.message.probe(recipient).0;
            let stage = Stage::RcptTo;
            let (rule, outcome, closes) = match self.step(under, stage, subject, attempt) {
                Step::On => continue,
                Step::Refused(rule, reply) => {
                    let (outcome, closes) = (refused(&reply), reply.code == 421);
                    under.end(
                        place,
                        outcome,
                        Ending { place, stage, rule: Some(rule), reply: Some(reply) },
                    );
                    (rule, outcome, closes)
                }
                Step::Broken(rule) => (rule, Outcome::Broken, true),
            };
            if closes {
                under.outcomes[place] = outcome;
                under.end_rest(
                    Outcome::Broken,
                    &Ending { place, stage, rule: Some(rule), reply: None },
                );
                under.at += takes;
                return Some(false);
            }
        }
        None
    }

    /// Puts one moment to the rules and moves time on by what they delay.
    fn step(
        &mut self,
        under: &mut AttemptInProgress<'_>,
        stage: Stage,
        subject: u64,
        attempt: u32,
    ) -> Step {
        let place = usize::from(under.job.destination);
        if self.watched.get(place).is_none_or(|bits| bits >> (stage as u16) & 1 == 0) {
            return Step::On;
        }
        let known = self.routed || stage >= Stage::RcptTo;
        let moment = Moment {
            stage,
            destination: known.then_some(DestinationId(under.job.destination)),
            at: self.offset(under.at),
            subject,
            attempt,
            session: under.session,
            now: Time(under.at),
        };
        let verdict = judge(&self.rules, self.seed, &moment, &mut self.limits);
        let Verdict { delay, throttle, .. } = &verdict;
        under.at = Time(under.at).plus(*delay).0;
        under.throttle = throttle.map_or(under.throttle, |(_, rate)| rate.min(under.throttle));
        let at = under.at;
        verdict.striking().for_each(|rule| self.strike(rule, at));
        self.enact(under, stage, verdict)
    }

    fn enact(&mut self, under: &mut AttemptInProgress<'_>, stage: Stage, verdict: Verdict) -> Step {
        match verdict.decided {
            None => Step::On,
            Some((_, Effect::Reply(reply))) if reply.is_positive() => Step::On,
            Some((rule, Effect::Reply(reply))) => {
                self.count_reply(stage, &reply);
                Step::Refused(rule, reply)
            }
            Some((rule, Effect::Stall(length))) => {
                under.at = Time(under.at).plus(length.min(self.timeouts.at(stage))).0;
                Step::Broken(rule)
            }
            // Scenarios with the last two are refused: what a target makes of them is its own.
            Some((
                rule,
                Effect::Disconnect { .. } | Effect::Refuse | Effect::Garble(_) | Effect::Tls(_),
            )) => Step::Broken(rule),
        }
    }

    fn count_reply(&mut self, stage: Stage, reply: &Reply) {
        let fresh = || (0, reply.text.clone());
        self.replies.entry((stage, reply.code)).or_insert_with(fresh).0 += 1;
    }

    fn strike(&mut self, rule: u16, at: u64) {
        self.struck.push((at, rule));
        if at < self.measured_from {
            return;
        }
        if let Some(count) = self.strikes.get_mut(usize::from(rule)) {
            *count += 1;
        }
    }
}
