//! The destinations of a simulated run: the same rules, asked at the same moments and keyed by the
//! same things as at the real sink, so that the same seed strikes the same mail.
//!
//! A delivery takes its service time when its content goes; one that is refused before takes half
//! of it, and what happens before MAIL takes the time of the connection alone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::Job;
use crate::clock::Time;
use crate::fault::judge::{Effect, Moment, Verdict};
use crate::fault::limit::Limits;
use crate::fault::rule::{Action, Rule};
use crate::fault::{judge, refuse};
use crate::probe::DestinationId;
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::smtp::client::Timeouts;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// What one attempt came to for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 250 to the final dot.
    Taken,
    /// Content seen whole, 250 withheld.
    Withheld,
    /// 4yz.
    Deferred,
    /// 5yz.
    Rejected,
    /// The connection broke.
    Broken,
    /// No transaction began: the sink saw no attempt.
    NotReached,
}

/// An attempt, whole.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// When it is over, nanoseconds.
    pub(super) end: u64,
    /// One a recipient, in the order of the job.
    pub(super) outcomes: Vec<Outcome>,
    /// The session, if it can be used again.
    pub(super) session: Option<u64>,
}

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
    pub(super) strikes: Vec<u64>,
    pub(super) replies: Replies,
}

/// Connections that the target tried to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Connections {
    /// With a greeting, and without one.
    pub(super) accepted: u64,
    pub(super) turned_away: u64,
    /// The port was closed.
    pub(super) refused: u64,
}

/// How a stage ends.
enum Step {
    /// The dialogue goes on, later by so much.
    On,
    /// A refusal; whether the session closes with it.
    Refused { permanent: bool, closes: bool },
    /// The connection breaks.
    Broken,
}

/// Times of one attempt, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Takes {
    pub(super) connect: u64,
    pub(super) service: u64,
}

/// An attempt under way.
struct Under<'a> {
    job: &'a Job,
    session: u64,
    at: u64,
    outcomes: Vec<Outcome>,
    /// Bytes a second the sink reads, when it is slowed down.
    throttle: f64,
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
            rules.iter().any(|rule| rule.action == Action::Refuse && concerns(&rule, place))
        };
        Sink {
            watched: (0..places).map(bits).collect(),
            refusing: (0..places).map(closes).collect(),
            has_limits: rules.iter().any(|rule| matches!(rule.action, Action::Limit(_))),
            strikes: vec![0; rules.len()],
            routed: scenario.simulate.is_some() || scenario.target.kind.is_routed(places),
            rules,
            seed: scenario.seed,
            limits: Limits::default(),
            measured_from,
            timeouts: Timeouts::default(),
            sessions: 0,
            connections: Connections::default(),
            before: Connections::default(),
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
    pub(super) fn visit(&mut self, job: &Job, now: u64, idle: Option<u64>, takes: Takes) -> Visit {
        let refusing = self.refusing.get(usize::from(job.destination)).copied().unwrap_or(false);
        if refusing && let Some(rule) = self.port(job.destination, now).closed_by {
            self.strike(rule);
            self.tried(now).refused += 1;
            idle.into_iter().for_each(|session| self.closed(session));
            return not_reached(job, now);
        }
        let entered = match idle {
            Some(session) => (session, now, true),
            None => self.enter(job, now.saturating_add(takes.connect)),
        };
        let (session, at, true) = entered else {
            self.closed(entered.0);
            return not_reached(job, entered.1);
        };
        let outcomes = vec![Outcome::Taken; job.len()];
        let mut under = Under { job, session, at, outcomes, throttle: f64::INFINITY };
        let survives = self.transact(&mut under, takes.service);
        let mut visit =
            Visit { end: under.at, outcomes: under.outcomes, session: survives.then_some(session) };
        if refusing {
            self.cut(job, now, &mut visit);
        }
        if visit.session.is_none() {
            self.closed(session);
        }
        visit
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
            self.strike(rule);
            visit.outcomes.fill(Outcome::Broken);
            (visit.end, visit.session) = (edge, None);
        }
    }

    /// A new session up to MAIL: its number, the time, and whether it was let in.
    fn enter(&mut self, job: &Job, at: u64) -> (u64, u64, bool) {
        let session = self.sessions;
        self.sessions += 1;
        let nobody = Job { others: Box::default(), ..job.clone() };
        let mut under =
            Under { job: &nobody, session, at, outcomes: Vec::new(), throttle: f64::INFINITY };
        for stage in [Stage::Connect, Stage::Banner, Stage::Ehlo] {
            let let_in = matches!(self.step(&mut under, stage, session, 1), Step::On);
            match stage {
                Stage::Banner if let_in => self.tried(at).accepted += 1,
                Stage::Connect | Stage::Banner if !let_in => self.tried(at).turned_away += 1,
                _ => {}
            }
            if !let_in {
                return (session, under.at, false);
            }
        }
        (session, under.at, true)
    }

    /// A report is delivered over a connection of its own.
    pub(super) fn reported(&mut self, at: u64) {
        self.tried(at).accepted += 1;
    }

    /// Where a connection tried at this time is counted.
    fn tried(&mut self, at: u64) -> &mut Connections {
        let counts = at >= self.measured_from;
        if counts { &mut self.connections } else { &mut self.before }
    }

    /// MAIL to the reply to the final dot; whether the session can be used again.
    fn transact(&mut self, under: &mut Under<'_>, service: u64) -> bool {
        let attempt = u32::from(under.job.seen) + 1;
        let message = under.job.message;
        let step = self.step(under, Stage::MailFrom, message.0, attempt);
        if let Some(survives) = under.ended(&step, Stage::MailFrom, service / 2) {
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
            if let Some(survives) = under.ended(&step, stage, takes) {
                return survives;
            }
        }
        under.at += service + under.read_slowly();
        true
    }

    fn name_recipients(&mut self, under: &mut Under<'_>, attempt: u32, takes: u64) -> Option<bool> {
        let job = under.job;
        for (place, recipient) in job.recipients().enumerate() {
            let subject = job.message.probe(recipient).0;
            match self.step(under, Stage::RcptTo, subject, attempt) {
                Step::On => {}
                Step::Refused { permanent, closes: false } => {
                    under.outcomes[place] = refused(permanent);
                }
                step => {
                    let outcome = match step {
                        Step::Refused { permanent, .. } => refused(permanent),
                        _ => Outcome::Broken,
                    };
                    under.outcomes[place] = outcome;
                    let taken = under.outcomes.iter_mut().filter(|one| **one == Outcome::Taken);
                    taken.for_each(|one| *one = Outcome::Broken);
                    under.at += takes;
                    return Some(false);
                }
            }
        }
        None
    }

    /// Puts one moment to the rules and moves time on by what they delay.
    fn step(&mut self, under: &mut Under<'_>, stage: Stage, subject: u64, attempt: u32) -> Step {
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
        verdict.striking().for_each(|rule| self.strike(rule));
        self.enact(under, stage, verdict)
    }

    fn enact(&mut self, under: &mut Under<'_>, stage: Stage, verdict: Verdict) -> Step {
        match verdict.decided {
            None => Step::On,
            Some((_, Effect::Reply(reply))) if reply.is_positive() => Step::On,
            Some((_, Effect::Reply(reply))) => self.reply(stage, &reply),
            Some((_, Effect::Stall(length))) => {
                let patience = self.patience(stage);
                under.at = Time(under.at).plus(length.min(patience)).0;
                Step::Broken
            }
            // Scenarios with the last two are refused: what a target makes of them is its own.
            Some((
                _,
                Effect::Disconnect { .. } | Effect::Refuse | Effect::Garble(_) | Effect::Tls(_),
            )) => Step::Broken,
        }
    }

    fn reply(&mut self, stage: Stage, reply: &Reply) -> Step {
        let fresh = || (0, reply.text.clone());
        self.replies.entry((stage, reply.code)).or_insert_with(fresh).0 += 1;
        Step::Refused { permanent: reply.code >= 500, closes: reply.code == 421 }
    }

    /// How long the target waits for a reply (RFC 5321 §4.5.3.2).
    fn patience(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Connect => self.timeouts.connect,
            Stage::Banner => self.timeouts.banner,
            Stage::Data => self.timeouts.data,
            Stage::Content => self.timeouts.content,
            Stage::EndOfData => self.timeouts.end_of_data,
            _ => self.timeouts.reply,
        }
    }

    fn strike(&mut self, rule: u16) {
        if let Some(count) = self.strikes.get_mut(usize::from(rule)) {
            *count += 1;
        }
    }
}

impl Under<'_> {
    /// Ends the attempt by a step that does not go on, after `takes`; whether the session
    /// survives.
    fn ended(&mut self, step: &Step, stage: Stage, takes: u64) -> Option<bool> {
        let (outcome, survives) = match step {
            Step::On => return None,
            Step::Refused { permanent, closes } => (refused(*permanent), !closes),
            Step::Broken if stage == Stage::EndOfData => (Outcome::Withheld, false),
            Step::Broken => (Outcome::Broken, false),
        };
        let open = self.outcomes.iter_mut().filter(|one| **one == Outcome::Taken);
        open.for_each(|one| *one = outcome);
        let slow = if stage >= Stage::Content { self.read_slowly() } else { 0 };
        self.at += takes + slow;
        Some(survives)
    }

    /// What a throttle adds to the content.
    fn read_slowly(&self) -> u64 {
        (f64::from(self.job.size) / self.throttle * 1e9) as u64
    }
}

fn refused(permanent: bool) -> Outcome {
    if permanent { Outcome::Rejected } else { Outcome::Deferred }
}

fn not_reached(job: &Job, end: u64) -> Visit {
    Visit { end, outcomes: vec![Outcome::NotReached; job.len()], session: None }
}
