//! The report for a terminal: result and counts first, then the cases that do not conform, worst
//! first, families of cases folded into one entry.

use super::finding::{ConformanceReport, Row, Verdict};
use super::render::{counts, result};
use crate::escape::plain;
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
        true => rows.iter().for_each(|row| single(&mut page, row, &row.observed)),
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
            [row] => single(page, row, &elided(&row.observed, OBSERVATION, page.view)),
            rows => together(page, rows),
        }
    }
}

/// One case with its title.
fn single(page: &mut Page, row: &Row, observed: &str) {
    page.line("");
    text(page, 0, verdict(row).as_mark(), &format!("{}: {}", row.id, row.title));
    if row.verdict != Verdict::Conforms {
        label(page, "expected:", &row.expected);
    }
    label(page, "observed:", observed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::finding::{Direction, SCHEMA_VERSION};

    fn row(id: &str, verdict: Verdict, mandated: bool) -> Row {
        Row {
            id: id.to_owned(),
            direction: Direction::Inbound,
            title: format!("title of {id}"),
            expected: "only CRLF.CRLF ends the data".to_owned(),
            source: "RFC 5321 §2.3.8".to_owned(),
            mandated,
            observed: "the inner message was delivered".to_owned(),
            verdict,
            gates: mandated && verdict.is_bad(),
        }
    }

    fn report(rows: Vec<Row>) -> ConformanceReport {
        ConformanceReport {
            schema_version: SCHEMA_VERSION,
            tool: "mailbench 0".to_owned(),
            target_kind: "postfix".to_owned(),
            target_version: "3.7".to_owned(),
            started_at: "2026-12-01T00:00:00Z".to_owned(),
            rows,
        }
    }

    fn one_of_each() -> ConformanceReport {
        let verdicts = Verdict::ALL.iter().map(|one| row(one.name(), *one, false));
        let failures = [("failure-1", Verdict::Violates), ("failure-2", Verdict::Vulnerable)];
        let failures = failures.map(|(id, verdict)| row(id, verdict, true));
        report(verdicts.chain(failures).collect())
    }

    /// Names of the entries in their order.
    fn entries(text: &str, all: &ConformanceReport) -> Vec<String> {
        let id = |line: &str| {
            let found = all.rows.iter().find(|row| line.contains(&format!(" {}:", row.id)));
            found.map(|row| row.id.clone())
        };
        text.lines().filter(|line| line.contains(": title of")).filter_map(id).collect()
    }

    #[test]
    fn result_and_counts_come_first() {
        let text = render(&one_of_each(), &View::plain(100), false);
        let expected = "conformance of postfix 3.7\nFAIL: 2 of 9 cases failed\n\
            9 cases: 1 conforms, 1 tolerates, 1 hardened, 2 violates, 2 vulnerable, 1 skipped, \
            1 inconclusive\n";
        assert!(text.starts_with(expected), "{text}");
        let passes =
            render(&report(vec![row("a", Verdict::Conforms, true)]), &View::plain(80), false);
        let expected = "conformance of postfix 3.7\nPASS: no case failed\n1 case: 1 conforms\n\n\
            Not shown: 1 case that conforms. `--verbose` shows every case.\n";
        assert_eq!(passes, expected);
    }

    #[test]
    fn worst_comes_first_and_conforming_cases_only_with_verbose() {
        let all = one_of_each();
        let mut expected = vec![
            "failure-2",
            "failure-1",
            "vulnerable",
            "violates",
            "inconclusive",
            "skipped",
            "tolerates",
            "hardened",
        ];
        let text = render(&all, &View::plain(80), false);
        assert_eq!(entries(&text, &all), expected, "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("! ")).count(), 2);
        expected.push("conforms");
        let text = render(&all, &View::plain(80), true);
        assert_eq!(entries(&text, &all), expected, "{text}");
        assert!(text.ends_with("\nFAIL: 2 of 9 cases failed\n"), "{text}");
    }

    #[test]
    fn family_is_one_entry_with_its_names_and_one_source() {
        let ids: Vec<String> = (1..=12).map(|n| format!("i1-sequence-{n}")).collect();
        let all = report(ids.iter().map(|id| row(id, Verdict::Vulnerable, true)).collect());
        let text = render(&all, &View::plain(80), false);
        assert!(text.contains("! vulnerable   12 cases: i1-sequence-1, i1-sequence-2,"), "{text}");
        assert!(ids.iter().all(|id| text.contains(id.as_str())), "{text}");
        for once in ["RFC 5321", "the inner message", "only CRLF.CRLF"] {
            assert_eq!(text.matches(once).count(), 1, "{once}: {text}");
        }
        let text = render(&all, &View::plain(80), true);
        assert_eq!(text.matches("RFC 5321").count(), 12, "{text}");
        assert_eq!(text.matches(": title of").count(), 12, "{text}");
    }

    #[test]
    fn family_keeps_each_observation_with_its_cases() {
        let mut rows: Vec<Row> =
            ["a", "b", "c"].iter().map(|id| row(id, Verdict::Tolerates, false)).collect();
        rows[1].observed = "delivered twice".to_owned();
        rows.push(Row { expected: "other".to_owned(), ..row("d", Verdict::Tolerates, false) });
        let text = render(&report(rows), &View::plain(80), false);
        assert!(text.contains("3 cases: a, b, c"), "{text}");
        assert!(text.contains("observed: a, c: the inner message was delivered\n"), "{text}");
        assert!(text.contains("observed: b: delivered twice\n"), "{text}");
        assert!(text.contains("d: title of d"), "another expectation is another entry: {text}");
    }

    #[test]
    fn text_of_a_peer_is_harmless_and_fits_the_width() {
        let hostile = format!("\u{1b}[31m`250 {}` ::error::x\u{202e}", "o".repeat(2_000));
        let mut rows = vec![row("a", Verdict::Violates, true), row("b", Verdict::Violates, false)];
        rows.iter_mut().for_each(|row| row.observed.clone_from(&hostile));
        rows.push(Row { expected: "x".repeat(300), ..row("c", Verdict::Skipped, false) });
        for (width, verbose) in [(60, false), (140, false), (60, true), (140, true)] {
            let text = render(&report(rows.clone()), &View::plain(width), verbose);
            assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("::error"), "{text}");
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{widest:?} of {width}: {text}");
            let octets = text.matches('o').count();
            assert_eq!(octets > 4_000, verbose, "only `--verbose` shows all: {octets}");
        }
    }

    #[test]
    fn terminal_without_unicode_gets_ascii() {
        let view = View { unicode: false, ..View::plain(80) };
        let text = render(&one_of_each(), &view, false);
        assert!(text.is_ascii() && text.contains("RFC 5321 section 2.3.8"), "{text}");
    }
}
