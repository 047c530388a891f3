//! `[target]` of kind external: where it is, and the commands it is handled with.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use super::{TargetKind, Written};
use crate::grammar::at::{At, some};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::units::{NotAUnit, address};

/// An MTA of the user's: running already, or started by a command of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Where it takes mail.
    pub address: SocketAddr,
    /// Prints its queue (see `targets::queue_command`).
    pub queue_command: Option<Vec<String>>,
    /// Starts it: in the foreground, or leaving it behind.
    pub start_command: Option<Vec<String>>,
    /// Stops it in order; without one it is sent SIGTERM.
    pub stop_command: Option<Vec<String>>,
    /// Where it writes the id of its first process.
    pub pid_file: Option<PathBuf>,
}

pub(super) fn resolve(
    target: &Written,
    section: &Range<usize>,
    problems: &mut Problems,
) -> TargetKind {
    let Some(written) = &target.address else {
        problems.refuse(
            section,
            "an external target needs an address",
            "write `address = \"127.0.0.1:25\"`",
        );
        return TargetKind::Relay;
    };
    if let (None, Some(stop)) = (&target.start_command, &target.stop_command) {
        let what = "`stop_command` without `start_command`";
        let help = "what mailbench did not start it leaves alone: add `start_command`";
        problems.refuse(&stop.span, what, help);
    }
    let queue_command = command("queue_command", target.queue_command.as_ref(), problems);
    let start_command = command("start_command", target.start_command.as_ref(), problems);
    let stop_command = command("stop_command", target.stop_command.as_ref(), problems);
    let pid_file = pid_file(target.pid_file.as_ref(), problems);
    match address(&written.value) {
        Ok(address) if address.port() == 0 => {
            let what = format!("`{}` names no port", written.value);
            problems.refuse(&written.span, what, "write the port where the target listens");
            TargetKind::Relay
        }
        Ok(address) => TargetKind::External(External {
            address,
            queue_command,
            start_command,
            stop_command,
            pid_file,
        }),
        Err(NotAUnit { what, right }) => {
            problems.refuse(&written.span, what, right);
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
        problems.refuse(
            span,
            format!("`{key}` is empty"),
            "write program and arguments, each a string",
        );
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

impl External {
    /// Puts it into the written form.
    pub(super) fn write(&self, written: &mut Written) {
        let command = |command: &Option<Vec<String>>| command.clone().map(At::from);
        written.address = some(self.address.to_string());
        written.queue_command = command(&self.queue_command);
        written.start_command = command(&self.start_command);
        written.stop_command = command(&self.stop_command);
        written.pid_file = self.pid_file.as_ref().map(|it| At::from(it.display().to_string()));
    }
}
