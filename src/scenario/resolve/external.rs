//! `[target]` of kind external: where it is, and the commands it is handled with.

use std::ops::Range;
use std::path::PathBuf;

use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{At, Target};
use crate::scenario::model::{External, TargetKind};
use crate::scenario::units::{NotAUnit, address};

pub(super) fn external(
    target: &Target,
    section: &Range<usize>,
    problems: &mut Problems,
) -> TargetKind {
    let Some(written) = &target.address else {
        let problem = Problem::new(section, "an external target needs an address");
        problems.push(problem.help("write `address = \"127.0.0.1:25\"`"));
        return TargetKind::Relay;
    };
    if let (None, Some(stop)) = (&target.start_command, &target.stop_command) {
        let what = "`stop_command` without `start_command`";
        let help = "what mailbench did not start it leaves alone: add `start_command`";
        problems.push(Problem::new(&stop.span, what).help(help));
    }
    let queue_command = command("queue_command", target.queue_command.as_ref(), problems);
    let start_command = command("start_command", target.start_command.as_ref(), problems);
    let stop_command = command("stop_command", target.stop_command.as_ref(), problems);
    let pid_file = pid_file(target.pid_file.as_ref(), problems);
    match address(&written.value) {
        Ok(address) => TargetKind::External(External {
            address,
            queue_command,
            start_command,
            stop_command,
            pid_file,
        }),
        Err(NotAUnit { what, right }) => {
            problems.push(Problem::new(&written.span, what).help(right));
            TargetKind::Relay
        }
    }
}

fn command(
    key: &str,
    written: Option<&At<Vec<String>>>,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let At { value, span } = written?;
    if value.first().is_none_or(String::is_empty) {
        let problem = Problem::new(span, format!("`{key}` is empty"));
        problems.push(problem.help("write program and arguments, each a string"));
    }
    Some(value.clone())
}

fn pid_file(written: Option<&At<String>>, problems: &mut Problems) -> Option<PathBuf> {
    let At { value, span } = written?;
    if value.is_empty() {
        problems.push(Problem::new(span, "`pid_file` is empty"));
    }
    Some(PathBuf::from(value))
}
