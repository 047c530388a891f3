//! `[[chaos]]`: when, and exactly one act, on a target that can bear it.

use std::ops::Range;
use std::time::Duration;

use super::{bounded, place};
use crate::fault::chaos::{Act, Chaos, When};
use crate::limits;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{External, TargetKind};
use crate::scenario::units::Timespan;

/// Least time between two strikes of one entry.
const OFTEN: Duration = Duration::from_millis(100);

pub(super) fn chaos(
    written: &[At<file::Chaos>],
    target: &TargetKind,
    problems: &mut Problems,
) -> Vec<Chaos> {
    if written.len() > limits::CHAOS {
        let many = written.len();
        let what = format!("{many} [[chaos]] entries are too many");
        problems.push(Problem::new(&written[0].span, what));
    }
    let mut entries = Vec::new();
    for At { value, span } in written {
        let at = when(&value.at, problems);
        let Some((act, place)) = act(value, span, problems) else { continue };
        check_target(&act, &place, target, problems);
        entries.push(Chaos { at, act });
    }
    entries
}

fn when(written: &At<file::When>, problems: &mut Problems) -> When {
    match &written.value {
        file::When::Once(at) => When::Once(at.0),
        file::When::Every(again) => {
            let longest = Timespan(limits::TIMESPAN);
            let often = Timespan(OFTEN)..=longest;
            let every = bounded(Some(&again.every), longest, often, problems).0;
            let none = Timespan(Duration::ZERO);
            let jitter = again.jitter.as_ref();
            let jitter = bounded(jitter, none, none..=Timespan(every / 2), problems).0;
            When::Every { every, jitter }
        }
    }
}

/// The one act of an entry and where it stands; `None` when there is not one, which is noted.
fn act(
    chaos: &file::Chaos,
    section: &Range<usize>,
    problems: &mut Problems,
) -> Option<(Act, Range<usize>)> {
    let keys = [
        ("kill", place(&chaos.kill)),
        ("pause", place(&chaos.pause)),
        ("restart", place(&chaos.restart)),
        ("run", place(&chaos.run)),
    ];
    let said: Vec<_> = keys.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
    match said.as_slice() {
        [] => {
            let problem = Problem::new(section, "nothing happens");
            problems.push(problem.help("write one of `kill`, `pause`, `restart`, `run`"));
            None
        }
        [(_, span)] => Some((read(chaos, problems)?, (*span).clone())),
        [(first, _), rest @ ..] => {
            for (key, span) in rest {
                let problem = Problem::new(span, format!("`{key}` and `{first}` at one time"));
                problems.push(problem.help("one thing happens: write two [[chaos]] entries"));
            }
            None
        }
    }
}

fn read(chaos: &file::Chaos, problems: &mut Problems) -> Option<Act> {
    if let Some(kill) = &chaos.kill {
        let restart_after = kill.value.restart_after.as_ref().map(|time| time.value.0);
        return Some(Act::Kill { restart_after });
    }
    if let Some(pause) = &chaos.pause {
        let least = Timespan(Duration::from_millis(1));
        let bounds = least..=Timespan(limits::TIMESPAN);
        return Some(Act::Pause(bounded(Some(pause), least, bounds, problems).0));
    }
    if let Some(run) = &chaos.run {
        if run.value.first().is_none_or(String::is_empty) {
            let problem = Problem::new(&run.span, "the command is empty");
            problems.push(problem.help("write program and arguments: `run = [\"./hook.sh\"]`"));
        }
        return Some(Act::Run(run.value.clone()));
    }
    chaos.restart.as_ref().map(|_| Act::Restart)
}

/// Notes an act that this target cannot be made to bear.
fn check_target(act: &Act, span: &Range<usize>, target: &TargetKind, problems: &mut Problems) {
    let missing = match target {
        _ if !act.needs_own_target() => return,
        TargetKind::Direct => {
            let what = format!("`{}` cannot be done to a target of kind direct", act.name());
            let problem = Problem::new(span, what);
            problems.push(problem.help("there is no target between traffic and sink"));
            return;
        }
        TargetKind::External(external) => lacks(act, external),
        _ => None,
    };
    if let Some((lacking, help)) = missing {
        let what = format!("`{}` needs `target.{lacking}` of an external target", act.name());
        problems.push(Problem::new(span, what).help(help));
    }
}

/// What an external target would have to say for this act to be possible, and a way out.
fn lacks(act: &Act, external: &External) -> Option<(&'static str, &'static str)> {
    let starts = external.start_command.is_some();
    let is_known = starts || external.pid_file.is_some();
    match act {
        Act::Kill { restart_after: Some(_) } | Act::Restart if !starts => Some((
            "start_command",
            "say how it is started again: `start_command = [\"./start.sh\"]`, or do it all \
             yourself: `run = [\"./your-hook.sh\"]`",
        )),
        Act::Kill { .. } | Act::Pause(_) if !is_known => Some((
            "pid_file",
            "say which process it is: `pid_file = \"/run/your-mta.pid\"`, or how mailbench starts \
             it: `start_command = [\"./start.sh\"]`",
        )),
        _ => None,
    }
}
