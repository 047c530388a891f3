//! The live view of a run, on stderr: a bar that moves on a terminal, a plain line every ten
//! seconds elsewhere, nothing when quiet. Where the figures come from is the caller's business.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::escape::plain;
use super::human;
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
    /// Probes handed to sessions.
    pub offered: u64,
    /// Probes accepted by the target.
    pub accepted: u64,
    /// Probes delivered to the sink.
    pub delivered: u64,
    /// Accepted less delivered less bounced.
    pub backlog: u64,
    /// Probes delivered in the last second.
    pub rate_per_s: f64,
    /// Probes refused, broken or without a readable answer at the target.
    pub errors: u64,
    /// Names of the faults whose window is open.
    pub faults: Vec<String>,
}

impl Snapshot {
    /// What became of the mail so far.
    fn figures(&self) -> String {
        let mut line = format!(
            "offered {}  accepted {}  delivered {} ({})  backlog {}",
            human::count(self.offered),
            human::count(self.accepted),
            human::count(self.delivered),
            human::rate(self.rate_per_s),
            human::count(self.backlog),
        );
        if self.errors > 0 {
            line.push_str(&format!("  errors {}", human::count(self.errors)));
        }
        line
    }

    /// Where the run stands, and what is being done to it.
    fn place(&self) -> String {
        let mut line = format!("{} {}", self.time(), self.period());
        let names: Vec<String> = self.faults.iter().take(NAMED).map(|name| plain(name)).collect();
        if !names.is_empty() {
            line.push_str(&format!("  fault {}", names.join(", ")));
        }
        if self.faults.len() > NAMED {
            line.push_str(&format!(" and {} more", self.faults.len() - NAMED));
        }
        line
    }

    fn period(&self) -> &'static str {
        match self.period {
            Period::WarmUp => "warm-up",
            Period::Measured => "measured",
            Period::Drain => "drain",
            Period::Closed => "closed",
        }
    }

    /// Elapsed and expected, in whole seconds: `12s/50s`.
    fn time(&self) -> String {
        let whole = |time: Duration| human::moment(time.as_secs() as f64);
        format!("{}/{}", whole(self.elapsed), whole(self.total))
    }

    /// As a line of its own.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}  {}", self.place(), self.figures())
    }
}

/// Draws snapshots.
#[derive(Debug)]
pub enum Progress {
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
        if quiet {
            Progress::Quiet
        } else if io::stderr().is_terminal() {
            Progress::Live(bar(ProgressDrawTarget::stderr()))
        } else {
            Progress::Plain { next: PLAIN_EVERY }
        }
    }

    /// Shows `snapshot`.
    pub fn show(&mut self, snapshot: &Snapshot) {
        match self {
            Progress::Live(bar) => {
                bar.set_length(millis(snapshot.total));
                bar.set_position(millis(snapshot.elapsed.min(snapshot.total)));
                bar.set_prefix(snapshot.place());
                bar.set_message(snapshot.figures());
            }
            Progress::Plain { next } => {
                if is_due(next, snapshot.elapsed) {
                    // Nobody to tell when stderr is closed.
                    let _nobody = writeln!(io::stderr(), "{}", snapshot.line());
                }
            }
            Progress::Quiet => {}
        }
    }

    /// Says which of several runs begins; the next plain line counts from there.
    pub fn announce(&mut self, text: &str) {
        match self {
            Progress::Live(bar) => bar.println(text),
            Progress::Plain { next } => {
                *next = PLAIN_EVERY;
                let _nobody = writeln!(io::stderr(), "{text}");
            }
            Progress::Quiet => {}
        }
    }

    /// Clears the live line before the summary.
    pub fn finish(self) {
        if let Progress::Live(bar) = self {
            bar.finish_and_clear();
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
        Snapshot {
            period: Period::Measured,
            elapsed: Duration::from_millis(12_300),
            total: Duration::from_secs(65),
            offered: 1_203,
            accepted: 1_199,
            delivered: 1_020,
            backlog: 179,
            rate_per_s: 98.7,
            errors: 0,
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_line_says_where_the_run_stands() {
        assert_eq!(
            snapshot().line(),
            "12s/1m05s measured  offered 1,203  accepted 1,199  delivered 1,020 (98.7/s)  \
             backlog 179"
        );
        let faults = ["grey\x1blist", "b", "c", "d"].map(str::to_owned).to_vec();
        let worse = Snapshot { errors: 4, faults, ..snapshot() };
        assert_eq!(
            worse.line(),
            "12s/1m05s measured  fault grey\\x1blist, b, c and 1 more  offered 1,203  \
             accepted 1,199  delivered 1,020 (98.7/s)  backlog 179  errors 4"
        );
    }

    #[test]
    fn a_plain_line_comes_every_ten_seconds() {
        let mut next = PLAIN_EVERY;
        let shown: Vec<u64> =
            (0..35).filter(|s| is_due(&mut next, Duration::from_secs(*s))).collect();
        assert_eq!(shown, [10, 20, 30]);
    }
}
