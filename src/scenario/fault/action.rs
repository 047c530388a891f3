//! What a `[[fault]]` does: exactly one action, at a stage where it can be done.

use std::ops::Range;
use std::time::Duration;

use super::{Limit, Per, Written};
use crate::fault::rule::{self, Action};
use crate::limits;
use crate::scenario::amount::{Bounds, amount, quantity};
use crate::scenario::at::{At, place, some};
use crate::scenario::checks::{length, misplaced};
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::units::{ByteCount, ByteRate, Rate, Timespan};
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// The keys that name an action.
pub(super) const KEYS: [&str; 11] = [
    "delay",
    "defer",
    "reject",
    "disconnect",
    "stall",
    "throttle",
    "garble",
    "refuse",
    "limit",
    "script",
    "tls",
];

/// The stage of an action that has only one.
pub(super) fn natural_stage(fault: &Written) -> Option<Stage> {
    let tls = fault.tls.as_ref().map(|tls| tls.value.stage());
    let places = fault.limit.as_ref().and_then(|limit| limit.value.connections.as_ref());
    let connect = fault.refuse.is_some() || places.is_some();
    tls.or(connect.then_some(Stage::Connect))
}

/// The keys of `fault` that name an action, with their places.
fn said(fault: &Written) -> Vec<(&'static str, Range<usize>)> {
    let places = [
        place(&fault.delay),
        place(&fault.defer),
        place(&fault.reject),
        place(&fault.disconnect),
        place(&fault.stall),
        place(&fault.throttle),
        place(&fault.garble),
        place(&fault.refuse),
        place(&fault.limit),
        place(&fault.script),
        place(&fault.tls),
    ];
    KEYS.into_iter().zip(places).filter_map(|(name, span)| Some((name, span?.clone()))).collect()
}

/// The one action of a fault; `None` when there is none to speak of, which is noted.
pub(super) fn resolve(
    fault: &At<Written>,
    stage: Stage,
    problems: &mut Problems,
) -> Option<Action> {
    let At { value: fault, span } = fault;
    let said = said(fault);
    check_after_bytes(fault, stage, problems);
    match said.as_slice() {
        [] => {
            problems.refuse(
                span,
                "the fault does nothing",
                "add one action, such as `defer = \"451 4.7.1 Try later\"`",
            );
            return None;
        }
        [(name, span)] => {
            check_stage(name, span, stage, problems);
            let odds = fault.odds.as_ref().filter(|odds| odds.value.0 < 1.0);
            if let Some(odds) = odds.filter(|_| *name == "refuse") {
                problems.refuse(
                    &odds.span,
                    "a port is closed or open, without odds",
                    "use `disconnect` at stage connect",
                );
            }
        }
        [(first, _), rest @ ..] => {
            for (name, place) in rest {
                let what = format!("`{name}` and `{first}` in one fault");
                problems.refuse(place, what, "a fault does one thing: write two [[fault]] entries");
            }
            return None;
        }
    }
    read(fault, problems)
}

fn read(fault: &Written, problems: &mut Problems) -> Option<Action> {
    if let Some(delay) = &fault.delay {
        let greatest = Timespan(limits::TIMESPAN);
        let bounds = Bounds { least: Timespan(Duration::ZERO), greatest };
        return Some(Action::Delay(quantity(delay, &bounds, problems)));
    }
    if let Some(defer) = &fault.defer {
        return reply_of(defer, Severity::Transient, problems).map(Action::Defer);
    }
    if let Some(reject) = &fault.reject {
        return reply_of(reject, Severity::Permanent, problems).map(Action::Reject);
    }
    if let Some(disconnect) = &fault.disconnect {
        let after_bytes = fault.after_bytes.as_ref().map(|bytes| bytes.value.0);
        return Some(Action::Disconnect { how: disconnect.value, after_bytes });
    }
    if fault.stall.is_some() {
        return Some(Action::Stall(length(fault.stall.as_ref(), Duration::ZERO, problems)));
    }
    if let Some(throttle) = &fault.throttle {
        let bytes_per_second = throttle.value.0;
        if bytes_per_second < 1.0 {
            problems.refuse(
                &throttle.span,
                "slower than a byte a second",
                "use `stall` for no progress at all",
            );
        }
        return Some(Action::Throttle { bytes_per_second });
    }
    read_others(fault, problems)
}

fn read_others(fault: &Written, problems: &mut Problems) -> Option<Action> {
    if let Some(limit) = &fault.limit {
        return limit_of(limit, problems).map(Action::Limit);
    }
    if let Some(script) = &fault.script {
        return script_of(script, problems);
    }
    if let Some(refuse) = &fault.refuse {
        if !refuse.value {
            problems.refuse(&refuse.span, "`refuse = false` does nothing", "leave the fault out");
        }
        return Some(Action::Refuse);
    }
    if let Some(garble) = &fault.garble {
        return Some(Action::Garble(garble.value));
    }
    fault.tls.as_ref().map(|tls| Action::Tls(tls.value))
}

/// Notes an action at a stage where there is nothing it could act on.
fn check_stage(action: &str, place: &Range<usize>, stage: Stage, problems: &mut Problems) {
    let replies = "before the greeting and while content flows nothing is answered: use stage \
                   banner, mail-from, rcpt-to, data or end-of-data";
    let (possible, help) = match action {
        "refuse" => (stage == Stage::Connect, "a port is closed or open: use stage connect"),
        "throttle" => {
            (stage == Stage::Content, "reading is slowed while content flows: use stage content")
        }
        "limit" => (
            !matches!(stage, Stage::Content | Stage::EndOfData | Stage::Quit),
            "what has come so far cannot be turned away: use an earlier stage",
        ),
        "tls" => (
            matches!(stage, Stage::Starttls | Stage::Ehlo),
            "TLS breaks where it begins: use stage starttls, or leave it out",
        ),
        "defer" | "reject" | "script" | "garble" => {
            (!matches!(stage, Stage::Connect | Stage::Content | Stage::Quit), replies)
        }
        _ => (true, ""),
    };
    if !possible {
        problems.refuse(place, format!("`{action}` cannot happen at stage {stage}"), help);
    }
}

fn check_after_bytes(fault: &Written, stage: Stage, problems: &mut Problems) {
    let Some(after_bytes) = place(&fault.after_bytes) else { return };
    if fault.disconnect.is_none() {
        let help = "add `disconnect = \"fin\"` or `disconnect = \"rst\"`";
        misplaced([("after_bytes", Some(after_bytes))], "`disconnect`", help, problems);
    } else if stage != Stage::Content {
        let what = format!("no content flows at stage {stage}");
        problems.refuse(after_bytes, what, "use stage content");
    }
}

/// A reply of the severity that its key demands.
fn reply_of(written: &At<String>, demanded: Severity, problems: &mut Problems) -> Option<Reply> {
    let reply = reply(written, problems)?;
    if reply.severity() == Some(demanded) {
        return Some(reply);
    }
    let (what, help) = match (demanded, reply.severity()) {
        (Severity::Transient, Some(Severity::Permanent)) => {
            ("deferral", "use `reject` for a 5yz reply")
        }
        (Severity::Transient, _) => {
            ("deferral", "a deferral is a 4yz reply, such as \"451 4.7.1 Try later\"")
        }
        (_, Some(Severity::Transient)) => ("rejection", "use `defer` for a 4yz reply"),
        _ => ("rejection", "a rejection is a 5yz reply, such as \"550 5.1.1 No such user\""),
    };
    problems.refuse(&written.span, format!("{} is no {what}", reply.code), help);
    None
}

/// A reply whose code and enhanced status say the same (RFC 2034 §4).
fn reply(written: &At<String>, problems: &mut Problems) -> Option<Reply> {
    let printable = written.value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let reply: Reply = match written.value.parse() {
        Ok(reply) if printable && written.value.len() <= limits::REPLY_TEXT => reply,
        _ => {
            problems.refuse(
                &written.span,
                format!("{:?} is not a reply", written.value),
                "write `CODE [x.y.z] text` in ASCII, such as \"451 4.7.1 Try later\"",
            );
            return None;
        }
    };
    let class = u16::from(reply.enhanced.map_or(0, |enhanced| enhanced.class));
    if class != 0 && class != reply.code / 100 {
        let what = format!("{} and a status of class {class} contradict each other", reply.code);
        problems.refuse(&written.span, what, "the first digit of both must be the same");
    }
    Some(reply)
}

fn script_of(script: &At<Vec<At<String>>>, problems: &mut Problems) -> Option<Action> {
    if script.value.is_empty() {
        problems.push(Problem::new(&script.span, "the script is empty"));
    }
    let replies: Vec<Reply> =
        script.value.iter().filter_map(|written| reply(written, problems)).collect();
    for (reply, written) in replies.iter().zip(&script.value) {
        if reply.severity() == Some(Severity::Intermediate) {
            problems.refuse(
                &written.span,
                format!("{} decides nothing", reply.code),
                "a 2yz reply lets the dialogue go on as it would",
            );
        }
    }
    Some(Action::Script(replies))
}

fn limit_of(written: &At<Limit>, problems: &mut Problems) -> Option<rule::Limit> {
    let At { value: limit, span } = written;
    if limit.connections.is_some() {
        misplaced([("per", place(&limit.per))], "`rate`", "leave it out", problems);
    }
    match (&limit.connections, &limit.rate) {
        (Some(connections), None) => Some(rule::Limit::Connections(connections.value)),
        (None, Some(rate)) => {
            if rate.value.0 <= 0.0 {
                problems.push(Problem::new(&rate.span, "a limit must be above 0"));
            }
            Some(rule::Limit::Rate {
                per_second: rate.value.0,
                per_destination: limit.per.is_some(),
            })
        }
        _ => {
            problems.refuse(
                span,
                "a limit is of connections or of a rate",
                "write `{ connections = 20 }` or `{ rate = \"50/s\", per = \"destination\" }`",
            );
            None
        }
    }
}

/// Puts an action into the written form.
pub(super) fn write(action: &Action, written: &mut Written) {
    match action {
        Action::Delay(delay) => written.delay = some(amount(delay)),
        Action::Defer(reply) => written.defer = some(reply.to_string()),
        Action::Reject(reply) => written.reject = some(reply.to_string()),
        Action::Disconnect { how, after_bytes } => {
            written.disconnect = some(*how);
            written.after_bytes = after_bytes.map(|bytes| At::from(ByteCount(bytes)));
        }
        Action::Stall(length) => written.stall = some(Timespan(*length)),
        Action::Throttle { bytes_per_second } => {
            written.throttle = some(ByteRate(*bytes_per_second));
        }
        Action::Refuse => written.refuse = some(true),
        Action::Limit(limit) => written.limit = some(Limit::from(limit)),
        Action::Script(replies) => {
            written.script = some(replies.iter().map(|r| At::from(r.to_string())).collect());
        }
        Action::Garble(form) => written.garble = some(*form),
        Action::Tls(fault) => written.tls = some(*fault),
    }
}

impl From<&rule::Limit> for Limit {
    fn from(limit: &rule::Limit) -> Limit {
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
}
