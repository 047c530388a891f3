//! How mailbench ends: exit codes, whose numbers are promises to scripts. Those of a judged run
//! are the verdict's.

use std::fmt;
use std::process::ExitCode;

use crate::measure::verdict;
use crate::run::RunError;
use crate::scenario::ScenarioError;

/// What a run of the program came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; of a run: every threshold met, ledger clean, run valid.
    Passed = 0,
    /// Internal error (a bug).
    Internal = 1,
    /// Command-line usage.
    Usage = 2,
    /// Run invalid or inconclusive.
    Invalid = verdict::INVALID,
    /// Lost, corrupted, phantom, misrouted, delivered after refusal, unexcused duplicate.
    Correctness = verdict::CORRECTNESS,
    /// Regression against the baseline.
    Regression = verdict::REGRESSION,
    /// A threshold missed.
    Threshold = verdict::THRESHOLD,
    /// Scenario invalid.
    Scenario = 104,
    /// Interrupted.
    Interrupted = verdict::INTERRUPTED,
    /// The surroundings: target or sink could not be started or reached, or the system refused what
    /// was needed (disk full, no descriptor left).
    Unreachable = 106,
}

impl Exit {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a number, as a report holds it; one that has none is a bug.
    #[must_use]
    pub fn from_code(code: u8) -> Exit {
        let all = [
            Exit::Passed,
            Exit::Usage,
            Exit::Invalid,
            Exit::Correctness,
            Exit::Regression,
            Exit::Threshold,
            Exit::Scenario,
            Exit::Interrupted,
            Exit::Unreachable,
        ];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Exit::Internal)
    }

    /// The code with which a scenario that cannot be used ends the program.
    #[must_use]
    pub fn of_scenario(problems: &ScenarioError) -> Exit {
        if problems.is_refusal() { Exit::Unreachable } else { Exit::Scenario }
    }

    /// `error`, ending the program with this code instead of [`Exit::Internal`].
    pub fn because(self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        self.with_details(error, Vec::new())
    }

    /// As [`Exit::because`], with lines to be shown below the error.
    pub fn with_details(
        self,
        error: impl Into<anyhow::Error>,
        details: Vec<String>,
    ) -> anyhow::Error {
        anyhow::Error::new(Failure { exit: self, cause: error.into(), details })
    }

    /// The lines that go with an error.
    #[must_use]
    pub fn details(error: &anyhow::Error) -> &[String] {
        error.downcast_ref::<Failure>().map_or(&[], |failure| &failure.details)
    }

    /// The code with which `error` ends the program.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Exit {
        if let Some(problems) = error.downcast_ref::<ScenarioError>() {
            return Exit::of_scenario(problems);
        }
        match error.downcast_ref::<Failure>() {
            Some(failure) => failure.exit,
            None if error.chain().any(is_of_the_surroundings) => Exit::Unreachable,
            None => Exit::Internal,
        }
    }
}

/// Whether the system refused something: a disk that is full or read-only, no descriptor left, a
/// closed stdout. What our own code says of data is not that.
fn is_of_the_surroundings(cause: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, Other, Unsupported};
    cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
        let ours = matches!(error.kind(), InvalidData | InvalidInput | Other | Unsupported);
        error.raw_os_error().is_some() || !ours
    })
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error that knows its exit code.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    cause: anyhow::Error,
    details: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}

impl std::error::Error for Failure {}

pub(super) fn exit_of(error: &RunError) -> Exit {
    match error {
        RunError::Aborted => Exit::Interrupted,
        RunError::Folder(cause) if is_misplaced(cause) => Exit::Usage,
        RunError::Mixed { .. } => Exit::Usage,
        RunError::Stored(_) => Exit::Internal,
        RunError::Folder(_)
        | RunError::Journal(_)
        | RunError::Traffic(_)
        | RunError::Runtime(_)
        | RunError::Safety(_)
        | RunError::Peer(_)
        | RunError::Sink(_)
        | RunError::Target(_)
        | RunError::Disk(_)
        | RunError::Preflight(_) => Exit::Unreachable,
        RunError::NotEmpty(_) => Exit::Invalid,
    }
}

/// Whether a folder cannot be where the user wants it, rather than not be written.
fn is_misplaced(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        AlreadyExists, InvalidData, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
    };
    matches!(
        cause.kind(),
        AlreadyExists
            | InvalidData
            | NotADirectory
            | NotFound
            | PermissionDenied
            | ReadOnlyFilesystem
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_carries_its_code_through_context() {
        let error = Exit::Unreachable.because(anyhow::anyhow!("port taken"));
        assert_eq!(Exit::of(&error), Exit::Unreachable);
        assert_eq!(Exit::of(&error.context("while starting")), Exit::Unreachable);
        assert_eq!(Exit::of(&anyhow::anyhow!("bug")), Exit::Internal);
    }

    #[test]
    fn what_the_system_refuses_is_no_bug() {
        use std::io::{Error, ErrorKind};
        // ENOSPC, EDQUOT, EMFILE, ENFILE, EROFS, EPIPE, EIO, EBADF
        for number in [28, 122, 24, 23, 30, 32, 5, 9] {
            let error = anyhow::Error::new(Error::from_raw_os_error(number)).context("while");
            assert_eq!(Exit::of(&error), Exit::Unreachable, "{error:#}");
        }
        // As crates wrap them, the number is lost.
        let wrapped = Error::new(ErrorKind::StorageFull, "a path: full");
        assert_eq!(Exit::of(&wrapped.into()), Exit::Unreachable);
        assert_eq!(Exit::of(&Error::other("odd").into()), Exit::Internal);
    }
}
