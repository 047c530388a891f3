//! Fault rules and chaos, from as meant back to as written.

use super::file::{self, At, AttemptsText, Connection, Fault, Limit, Per};
use super::model::{Abuse, AbuseKind, Destination};
use super::units::{ByteCount, ByteRate, Rate, Share, Timespan};
use super::write::{amount, some};
use crate::fault::chaos::{Act, Chaos, When};
use crate::fault::rule::{self, Action, Attempts, Hangup, Odds, Rule, Window};

pub(super) fn faults(rules: &[Rule], destinations: &[Destination]) -> Vec<At<Fault>> {
    rules.iter().map(|rule| At::from(fault(rule, destinations))).collect()
}

fn fault(rule: &Rule, destinations: &[Destination]) -> Fault {
    let scope = &rule.scope;
    let domain = |id: crate::probe::DestinationId| {
        destinations.get(usize::from(id.0)).map(|destination| At::from(destination.domain.clone()))
    };
    let mut written = Fault {
        name: some(rule.name.clone()),
        destination: scope.destination.and_then(domain),
        stage: some(scope.stage),
        during: scope.during.map(|window| At::from(during(window))),
        attempts: scope.attempts.map(|attempts| At::from(AttemptsText(range(attempts)))),
        odds: some(Share(f64::from(scope.odds.0) / f64::from(Odds::ALWAYS.0))),
        ..Fault::default()
    };
    write_action(&rule.action, &mut written);
    written
}

fn during(window: Window) -> String {
    format!("{}..{}", Timespan(window.start), Timespan(window.end))
}

fn range(attempts: Attempts) -> String {
    match attempts.last {
        Some(last) if last == attempts.first => last.to_string(),
        Some(last) => format!("{}..{last}", attempts.first),
        None => format!("{}..", attempts.first),
    }
}

fn write_action(action: &Action, written: &mut Fault) {
    match action {
        Action::Delay(delay) => written.delay = some(amount(delay)),
        Action::Defer(reply) => written.defer = some(reply.to_string()),
        Action::Reject(reply) => written.reject = some(reply.to_string()),
        Action::Disconnect { how, after_bytes } => {
            written.disconnect = some(match how {
                Hangup::Fin => Connection::Fin,
                Hangup::Rst => Connection::Rst,
            });
            written.after_bytes = after_bytes.map(|bytes| At::from(ByteCount(bytes)));
        }
        Action::Stall(length) => written.stall = some(Timespan(*length)),
        Action::Throttle { bytes_per_second } => {
            written.throttle = some(ByteRate(*bytes_per_second));
        }
        Action::Refuse => written.refuse = some(true),
        Action::Limit(bound) => written.limit = some(limit(bound)),
        Action::Script(replies) => {
            written.script = some(replies.iter().map(|r| At::from(r.to_string())).collect());
        }
        Action::Garble(form) => written.garble = some(*form),
        Action::Tls(fault) => written.tls = some(*fault),
    }
}

fn limit(limit: &rule::Limit) -> Limit {
    match limit {
        rule::Limit::Connections(connections) => {
            Limit { connections: some(*connections), ..Limit::default() }
        }
        rule::Limit::Rate { per_second, per_destination } => Limit {
            rate: some(Rate(*per_second)),
            per: per_destination.then(|| At::from(Per::Destination)),
            connections: None,
        },
    }
}

pub(super) fn chaos(entries: &[Chaos]) -> Vec<At<file::Chaos>> {
    entries.iter().map(|entry| At::from(entry_of(entry))).collect()
}

fn entry_of(Chaos { at, act }: &Chaos) -> file::Chaos {
    let at = match at {
        When::Once(offset) => file::When::Once(Timespan(*offset)),
        When::Every { every, jitter } => file::When::Every(file::Every {
            every: At::from(Timespan(*every)),
            jitter: some(Timespan(*jitter)),
        }),
    };
    let at = At::from(at);
    let mut written = file::Chaos { at, kill: None, pause: None, restart: None, run: None };
    match act {
        Act::Kill { restart_after } => {
            let restart_after = restart_after.map(|time| At::from(Timespan(time)));
            written.kill = some(file::Kill { restart_after });
        }
        Act::Pause(length) => written.pause = some(Timespan(*length)),
        Act::Restart => written.restart = some(file::Restart {}),
        Act::Run(command) => written.run = some(command.clone()),
    }
    written
}

/// `[[abuse]]`.
pub(super) fn abuse(abuse: &Abuse) -> file::Abuse {
    let mut written = file::Abuse {
        name: some(abuse.name.clone()),
        kind: At::from(file::AbuseKind::Idle),
        sessions: some(abuse.sessions),
        pause: some(Timespan(abuse.pause)),
        during: abuse.during.map(|window| At::from(during(window))),
        interval: None,
        stage: None,
        bytes: None,
    };
    written.kind = At::from(match abuse.kind {
        AbuseKind::Idle => file::AbuseKind::Idle,
        AbuseKind::EarlyTalker => file::AbuseKind::EarlyTalker,
        AbuseKind::UnauthorisedPipelining => file::AbuseKind::UnauthorisedPipelining,
        AbuseKind::Slowloris { interval } => {
            written.interval = some(Timespan(interval));
            file::AbuseKind::Slowloris
        }
        AbuseKind::Disconnect { stage } => {
            written.stage = stage.map(At::from);
            file::AbuseKind::Disconnect
        }
        AbuseKind::OversizedLine { bytes } => {
            written.bytes = some(ByteCount(bytes));
            file::AbuseKind::OversizedLine
        }
        AbuseKind::LyingSize { bytes } => {
            written.bytes = some(ByteCount(bytes));
            file::AbuseKind::LyingSize
        }
    });
    written
}
