//! Every format of a comparison, against its golden file.

use crate::other_readers_agree::junit;
use mailbench::measure::comparison::results::{Comparison, Outcome};
use mailbench::measure::comparison::single::{Options, Stored, compare};
use mailbench::measure::comparison::{Terms, comparable};
use mailbench::report::comparison::render;
use mailbench::report::forms::Format;
use mailbench::report::view::View;

use super::fixture::clean;
use super::fixture::rich::{HOSTILE, rich};
use super::golden;

/// A clean run against a rich one, whose name is hostile; they are not comparable.
pub(crate) fn compared() -> Comparison {
    let (base, mut new) = (clean().results, rich().results);
    new.run.id = "another".to_owned();
    let differences = comparable::differences(&base, &new);
    let named = |name: &str, results| Stored { name: name.to_owned(), results };
    let others = [named("reports/rich", &new), named(HOSTILE, &base)];
    let options = Options { noise: 0.1, differences, allow: &[] };
    compare(&named("reports/clean", &base), &others, &Terms::default(), options)
}

fn text(format: Format, view: &View) -> String {
    render(format, &compared(), view).expect("text")
}

#[test]
fn every_format_of_a_comparison_is_as_a_person_has_read_it() {
    golden("compare-80.txt", &text(Format::Terminal, &View::plain(80)));
    golden("compare-120.txt", &text(Format::Terminal, &View::plain(120)));
    golden("compare-summary.md", &text(Format::Markdown, &View::plain(80)));
    golden("compare-report.html", &text(Format::Html, &View::plain(80)));
    golden("compare-runs.csv", &text(Format::Csv, &View::plain(80)));
    golden("compare-junit.xml", &text(Format::Junit, &View::plain(80)));
}

#[test]
fn an_xml_parser_reads_a_case_for_each_figure_that_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("junit.xml");
    std::fs::write(&path, text(Format::Junit, &View::plain(80))).expect("written");
    let Some(read) = junit(&path) else { return };
    let compared = compared();
    let gated = compared.contrasts.iter().flat_map(|it| &it.figures).filter(|row| row.gated);
    let worse = gated.clone().filter(|row| row.verdict == Outcome::Regression).count();
    let cases = read["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), gated.count() + 1, "and the verdict");
    let failed: Vec<_> = cases.iter().filter(|case| case[2] == "failed").collect();
    assert!(worse > 0 && failed.len() >= worse, "{worse} {failed:?}");
    assert!(failed[0][3].as_str().is_some_and(|why| why.starts_with("regression: ")), "{read}");
}

#[test]
fn nothing_a_peer_or_a_path_says_acts() {
    let ascii = View { unicode: false, ..View::plain(80) };
    assert!(text(Format::Terminal, &ascii).is_ascii());
    for format in Format::ALL {
        let text = text(format, &View::plain(80));
        let acting = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(acting), "{} has control characters", format.name());
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::error"), "{}: {line}", format.name());
        }
        if matches!(format, Format::Html | Format::Markdown) {
            assert!(!text.contains("</script>]]>"), "{}", format.name());
        }
    }
}

#[test]
fn the_terminal_keeps_to_its_width() {
    for width in [80, 120] {
        let text = text(Format::Terminal, &View::plain(width));
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{} columns: {line}", line.chars().count());
        }
    }
}
