//! The live view of a run, on stderr: a bar that moves on a terminal, a plain line every ten
//! seconds elsewhere, nothing when quiet. Where the figures come from is the caller's business.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::human;
use crate::escape::plain;
use crate::ledger::Tally;
use crate::ledger::event::Period;

/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Faults named at once.
const NAMED: usize = 3;

/// The run as it stands, taken once a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Period of the run.
    pub period: Period,
    /// Since the epoch.
    pub elapsed: Duration,
    /// Expected length: warm-up, measured period, and the longest drain.
    pub total: Duration,
    /// Sums over the run so far.
    pub tally: Tally,
    /// Probes delivered in the last second.
    pub rate_per_s: f64,
    /// 99th percentile of the end-to-end times of the last few seconds.
    pub e2e_p99: Option<Duration>,
    /// Names of the faults whose window is open, and of chaos that lasts.
    pub faults: Vec<String>,
}

impl Snapshot {
    /// What happened to the mail so far; what changes most stands first, the rest may be cut off.
    fn figures(&self) -> String {
        let tally = &self.tally;
        let p99 =
            self.e2e_p99.map_or_else(|| "-".to_owned(), |p99| human::duration_s(p99.as_secs_f64()));
        let mut line = format!(
            "{}  backlog {}  e2e p99 {p99}",
            human::rate(self.rate_per_s),
            human::count(tally.backlog),
        );
        let errors = tally.refused + tally.indeterminate + tally.not_sent;
        if errors > 0 {
            line.push_str(&format!("  errors {}", human::count(errors)));
        }
        line.push_str(&format!(
            "  delivered {} of {}  offered {}",
            human::count(tally.delivered),
            human::count(tally.accepted),
            human::count(tally.offered),
        ));
        line
    }

    /// Where the run stands, and what is being done to it.
    fn place(&self) -> String {
        let left = human::moment(self.left().as_secs() as f64);
        let elapsed = human::moment(self.elapsed.as_secs() as f64);
        // How long a queue takes to empty is not known before.
        let mut line = format!("{} {elapsed}, at most {left} left", self.period.name());
        let names: Vec<String> = self.faults.iter().take(NAMED).map(|name| plain(name)).collect();
        if !names.is_empty() {
            line.push_str(&format!("  fault {}", names.join(", ")));
        }
        if self.faults.len() > NAMED {
            line.push_str(&format!(" and {} more", self.faults.len() - NAMED));
        }
        line
    }

    /// Until the run ends, at most.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.total.saturating_sub(self.elapsed)
    }

    /// As a line of its own.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}  {}", self.place(), self.figures())
    }
}

/// The last snapshot, for readers on other threads.
#[derive(Clone, Debug, Default)]
pub struct Board {
    last: Arc<Mutex<Option<Snapshot>>>,
}

impl Board {
    /// The last one there was.
    #[must_use]
    pub fn last(&self) -> Option<Snapshot> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn post(&self, snapshot: &Snapshot) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
    }
}

/// Shows snapshots, and posts them where a board was given.
#[derive(Debug)]
pub struct Progress {
    view: View,
    board: Option<Board>,
}

/// Draws snapshots.
#[derive(Debug)]
enum View {
    /// A line on a terminal, redrawn.
    Live(ProgressBar),
    /// A line now and then.
    Plain {
        /// When the next is due, by the run's own time.
        next: Duration,
    },
    /// Nothing.
    Quiet,
}

impl Progress {
    /// As stderr wants it.
    #[must_use]
    pub fn on_stderr(quiet: bool) -> Progress {
        let view = if quiet {
            View::Quiet
        } else if io::stderr().is_terminal() {
            View::Live(bar(ProgressDrawTarget::stderr()))
        } else {
            View::Plain { next: PLAIN_EVERY }
        };
        Progress { view, board: None }
    }

    /// The same, and each snapshot goes to `board` too.
    #[must_use]
    pub fn posting(self, board: Board) -> Progress {
        Progress { board: Some(board), ..self }
    }

    /// Shows `snapshot`.
    pub fn show(&mut self, snapshot: &Snapshot) {
        if let Some(board) = &self.board {
            board.post(snapshot);
        }
        self.view.show(snapshot);
    }

    /// Says which of several runs begins; the next plain line counts from there.
    pub fn announce(&mut self, text: &str) {
        let text = plain(text);
        match &mut self.view {
            View::Live(bar) => bar.println(text),
            View::Plain { next } => {
                *next = PLAIN_EVERY;
                let _nobody = writeln!(io::stderr(), "{text}");
            }
            View::Quiet => {}
        }
    }

    /// Clears the live line before the summary.
    pub fn finish(self) {
        if let View::Live(bar) = self.view {
            bar.finish_and_clear();
        }
    }
}

impl View {
    fn show(&mut self, snapshot: &Snapshot) {
        match self {
            View::Live(bar) => {
                bar.set_length(millis(snapshot.total));
                bar.set_position(millis(snapshot.elapsed.min(snapshot.total)));
                bar.set_prefix(snapshot.place());
                bar.set_message(snapshot.figures());
            }
            View::Plain { next } => {
                if is_due(next, snapshot.elapsed) {
                    // Nobody to tell when stderr is closed.
                    let _nobody = writeln!(io::stderr(), "{}", snapshot.line());
                }
            }
            View::Quiet => {}
        }
    }
}

fn bar(target: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let style = ProgressStyle::with_template("{bar:24} {prefix}\n{wide_msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a plain line is due; then the next is due ten seconds on, however late this one was.
fn is_due(next: &mut Duration, elapsed: Duration) -> bool {
    let due = elapsed >= *next;
    if due {
        *next = elapsed + PLAIN_EVERY;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let tally = Tally {
            offered: 1_203,
            accepted: 1_199,
            delivered: 1_020,
            backlog: 179,
            ..Tally::default()
        };
        Snapshot {
            period: Period::Measured,
            elapsed: Duration::from_millis(12_300),
            total: Duration::from_secs(65),
            tally,
            rate_per_s: 98.7,
            e2e_p99: Some(Duration::from_millis(1_310)),
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_line_shows_the_progress_of_the_run() {
        assert_eq!(
            snapshot().line(),
            "measured 12s, at most 52s left  98.7/s  backlog 179  e2e p99 1.31s  \
             delivered 1,020 of 1,199  offered 1,203"
        );
        let faults = ["grey\x1blist", "b", "c", "d"].map(str::to_owned).to_vec();
        let tally = Tally { refused: 3, not_sent: 1, ..snapshot().tally };
        let worse = Snapshot { period: Period::Drain, tally, e2e_p99: None, faults, ..snapshot() };
        assert_eq!(
            worse.line(),
            "drain 12s, at most 52s left  fault grey\\x1blist, b, c and 1 more  98.7/s  \
             backlog 179  e2e p99 -  errors 4  delivered 1,020 of 1,199  offered 1,203"
        );
    }

    #[test]
    fn a_board_holds_the_last_snapshot() {
        let board = Board::default();
        let mut progress = Progress::on_stderr(true).posting(board.clone());
        assert_eq!(board.last(), None);
        progress.show(&snapshot());
        assert_eq!(board.last(), Some(snapshot()));
    }

    #[test]
    fn a_plain_line_comes_every_ten_seconds() {
        let mut next = PLAIN_EVERY;
        let shown: Vec<u64> =
            (0..35).filter(|s| is_due(&mut next, Duration::from_secs(*s))).collect();
        assert_eq!(shown, [10, 20, 30]);
    }
}
