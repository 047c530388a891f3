//! The report for a terminal: result and counts first, then the cases that do not conform, worst
//! first, families of cases folded into one entry.

use super::finding::{ConformanceReport, Row, Verdict};
use super::render::{counts, result};
use crate::report::escape::plain;
use crate::report::table::elided;
use crate::report::terminal::page::Page;
use crate::report::view::{Tone, View};

/// Width of the verdict in front of an entry, the mark of a failure included.
const VERDICT: usize = 14;

/// Where the text of an entry begins.
const INDENT: usize = VERDICT + 1;

/// Characters of one observation; `--verbose` shows all.
const OBSERVATION: usize = 400;

/// The report as text. `verbose`: every case, none folded.
pub(super) fn render(report: &ConformanceReport, view: &View, verbose: bool) -> String {
    let mut page = Page::new(view);
    header(&mut page, report);
    let mut rows: Vec<&Row> = report.rows.iter().collect();
    rows.sort_by_key(|row| severity(row));
    match verbose {
        true => rows.iter().for_each(|row| single(&mut page, row)),
        false => folded(&mut page, &rows),
    }
    footer(&mut page, report, verbose);
    page.finish()
}

fn header(page: &mut Page, report: &ConformanceReport) {
    let target = format!("{} {}", report.target_kind, report.target_version);
    text(page, 0, (Tone::Plain, ""), &format!("conformance of {}", target.trim_end()));
    result_line(page, report);
    text(page, 0, (Tone::Plain, ""), &counts(report));
}

fn result_line(page: &mut Page, report: &ConformanceReport) {
    let tone = if report.failures() == 0 { Tone::Good } else { Tone::Bad };
    let line = page.view.paint(tone, &result(report));
    page.line(&line);
}

fn footer(page: &mut Page, report: &ConformanceReport, verbose: bool) {
    page.line("");
    match (verbose, report.count(Verdict::Conforms)) {
        (true, _) => result_line(page, report),
        (false, 0) => page.line("`--verbose` shows every case by itself."),
        (false, conform) => {
            let cases = if conform == 1 { "case that conforms" } else { "cases that conform" };
            let note = format!("Not shown: {conform} {cases}. `--verbose` shows every case.");
            text(page, 0, (Tone::Plain, ""), &note);
        }
    }
}

/// Worst first: failures, other bad verdicts, what is undecided, what is harmless.
fn severity(row: &Row) -> (u8, u8) {
    let rank = match row.verdict {
        Verdict::Vulnerable => 0,
        Verdict::Violates => 1,
        Verdict::Inconclusive => 2,
        Verdict::Skipped => 3,
        Verdict::Tolerates => 4,
        Verdict::Hardened => 5,
        Verdict::Conforms => 6,
    };
    (u8::from(!row.gates), rank)
}

/// Cases with the same verdict, expectation and source are one entry.
fn folded(page: &mut Page, rows: &[&Row]) {
    let key = |row: &Row| (severity(row), row.expected.clone(), row.source.clone());
    let mut families: Vec<Vec<&Row>> = Vec::new();
    for row in rows.iter().filter(|row| row.verdict != Verdict::Conforms) {
        match families.iter_mut().find(|family| key(family[0]) == key(row)) {
            Some(family) => family.push(row),
            None => families.push(vec![row]),
        }
    }
    for family in families {
        match family.as_slice() {
            [row] => single(page, row),
            rows => together(page, rows),
        }
    }
}

/// One case with its title.
fn single(page: &mut Page, row: &Row) {
    page.line("");
    text(page, 0, verdict(row).as_mark(), &format!("{}: {}", row.id, row.title));
    if row.verdict != Verdict::Conforms {
        label(page, "expected:", &row.expected);
    }
    label(page, "observed:", &row.observed);
    if row.verdict != Verdict::Conforms {
        label(page, "source:", &row.source);
    }
}

/// Several cases in one entry.
fn together(page: &mut Page, rows: &[&Row]) {
    page.line("");
    let names = names(rows);
    text(page, 0, verdict(rows[0]).as_mark(), &format!("{} cases: {names}", rows.len()));
    label(page, "expected:", &rows[0].expected);
    let observations = by_observation(rows);
    for (observed, of) in &observations {
        match observations.len() {
            1 => label(page, "observed:", &elided(observed, OBSERVATION, page.view)),
            _ => {
                let observed = elided(observed, OBSERVATION, page.view);
                label(page, "observed:", &format!("{}: {observed}", self::names(of)));
            }
        }
    }
    label(page, "source:", &rows[0].source);
}

fn names(rows: &[&Row]) -> String {
    rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(", ")
}

/// The rows of each observation, in the order of its first row.
fn by_observation<'r>(rows: &[&'r Row]) -> Vec<(&'r str, Vec<&'r Row>)> {
    let mut found: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in rows {
        match found.iter_mut().find(|(observed, _)| *observed == row.observed) {
            Some((_, of)) => of.push(row),
            None => found.push((&row.observed, vec![row])),
        }
    }
    found
}

/// The verdict as it stands in front of an entry.
struct Mark {
    tone: Tone,
    text: String,
}

impl Mark {
    fn as_mark(&self) -> (Tone, &str) {
        (self.tone, &self.text)
    }
}

fn verdict(row: &Row) -> Mark {
    let tone = match row.verdict {
        Verdict::Vulnerable | Verdict::Violates => Tone::Bad,
        Verdict::Inconclusive => Tone::Doubt,
        Verdict::Conforms => Tone::Good,
        Verdict::Skipped | Verdict::Tolerates | Verdict::Hardened => Tone::Plain,
    };
    let mark = if row.gates { '!' } else { ' ' };
    Mark { tone, text: format!("{:VERDICT$}", format!("{mark} {}", row.verdict.name())) }
}

fn label(page: &mut Page, name: &str, content: &str) {
    text(page, INDENT, (Tone::Dim, name), content);
}

/// Wrapped prose, harmless to a terminal. Words that are wider than the page are broken.
fn text(page: &mut Page, indent: usize, mark: (Tone, &str), content: &str) {
    let content = match page.view.unicode {
        true => plain(content),
        false => plain(&content.replace('§', "section ").replace('×', "x")),
    };
    let room = page.view.width.saturating_sub(indent + mark.1.chars().count() + 1).max(1);
    page.prose(indent, mark, &with_breaks(&content, room));
}

/// `text` with a space wherever a word reaches `room` characters.
fn with_breaks(text: &str, room: usize) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut length = 0;
    for c in text.chars() {
        if c == ' ' {
            length = 0;
        } else if length == room {
            broken.push(' ');
            length = 1;
        } else {
            length += 1;
        }
        broken.push(c);
    }
    broken
}
