//! The summary for people at a terminal: a story in reading order, one file a chapter or two.
//!
//! What was asked, which bounds held, what became of the mail, what the queue did, how long it
//! took, where it went and what was done to it, whether to believe it, and the result.

mod chart;
mod evidence;
mod page;
mod places;
mod queue;
mod times;
mod top;

use crate::measure::results::Findings;

use super::view::View;
use page::Page;

/// The whole summary.
#[must_use]
pub fn render(findings: &Findings, view: &View) -> String {
    let results = &findings.results;
    let mut page = Page::new(view);
    top::header(&mut page, results);
    top::thresholds(&mut page, results);
    top::mail(&mut page, findings);
    queue::queue(&mut page, findings);
    times::latency(&mut page, results);
    places::destinations(&mut page, results);
    places::faults(&mut page, results);
    evidence::health(&mut page, results);
    evidence::warnings(&mut page, results);
    evidence::violations(&mut page, results);
    evidence::result(&mut page, results);
    page.finish()
}

/// Only the line that says how it ended: what `--quiet` prints.
#[must_use]
pub fn result_line(findings: &Findings, view: &View) -> String {
    let mut page = Page::new(view);
    page.line(&evidence::result_line(&findings.results, view));
    page.finish()
}
