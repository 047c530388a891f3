//! The summary for people at a terminal: a story in reading order, one file a chapter or two.
//!
//! What was asked, which bounds held, what became of the mail, what the queue did, how long it
//! took, where it went and what was done to it, whether to believe it, and the result.

pub(super) mod abuse;
mod chart;
mod evidence;
pub(crate) mod page;
mod places;
mod queue;
mod target;
mod times;
mod top;

use crate::measure::results::Findings;

use super::view::View;
use page::Page;

/// The summary; of a quiet view only its last line.
#[must_use]
pub(super) fn render(findings: &Findings, view: &View) -> String {
    let mut page = Page::new(view);
    if view.quiet {
        page.line(&evidence::result_line(&findings.results, view));
    } else {
        chapters(&mut page, findings);
    }
    page.finish()
}

fn chapters(page: &mut Page, findings: &Findings) {
    let results = &findings.results;
    top::header(page, results);
    top::thresholds(page, results);
    top::mail(page, findings);
    queue::queue(page, findings);
    times::latency(page, results);
    places::destinations(page, results);
    places::faults(page, results);
    target::chaos(page, results);
    target::disk(page, results);
    abuse::abuse(page, results);
    target::resources(page, results);
    evidence::sizing(page, results);
    evidence::health(page, results);
    evidence::warnings(page, results);
    evidence::changes(page, results);
    evidence::violations(page, results);
    evidence::result(page, results);
}
