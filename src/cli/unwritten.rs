//! What could not be written after a verdict was reached: it is said, and the verdict's exit code
//! stays. A full disk is no bug, and loses no verdict.

use super::exit::Exit;

/// What could not be written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    errors: Vec<anyhow::Error>,
}

impl Unwritten {
    /// Takes note of an attempt to write.
    pub(super) fn note<E: Into<anyhow::Error>>(&mut self, written: Result<(), E>) {
        self.errors.extend(written.err().map(Into::into));
    }

    /// Prints a result; where stdout does not take it, a line on stderr says what it came to.
    pub(super) fn print(&mut self, text: &str, verdict: Exit) {
        if let Err(error) = super::print(text) {
            super::complain(&format!("the result is exit code {}", verdict.code()));
            self.note(Err(anyhow::Error::new(error).context("cannot write to stdout")));
        }
    }

    /// Says what could not be written. The code with which the program ends: the verdict's, unless
    /// that is that all is well.
    pub(super) fn exit(self, verdict: Exit) -> Exit {
        for error in &self.errors {
            super::complain(&format!("error: {error:#}"));
        }
        match self.errors.first() {
            Some(error) if verdict == Exit::Passed => Exit::of(error),
            _ => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_verdict_outlives_a_full_disk() {
        let full = || Err(Error::from(ErrorKind::StorageFull));
        for verdict in [Exit::Correctness, Exit::Threshold, Exit::Invalid, Exit::Interrupted] {
            let mut unwritten = Unwritten::default();
            unwritten.note(full());
            assert_eq!(unwritten.exit(verdict), verdict);
        }
        let mut unwritten = Unwritten::default();
        unwritten.note(full());
        assert_eq!(unwritten.exit(Exit::Passed), Exit::Unreachable);
        let mut unwritten = Unwritten::default();
        unwritten.note(Ok::<(), Error>(()));
        assert_eq!(unwritten.exit(Exit::Passed), Exit::Passed);
    }
}
