//! A history for people: a table of trends, and a page with a curve a figure.

use std::io;

use super::html::chart::{Axis, Chart, Form, Mark, Series};
use super::html::page::{Section, page};
use super::human;
use super::table::{Table, cell, left, right};
use super::terminal::page::{INDENT, Page};
use super::view::{Tone, View};
use crate::escape::{self, plain, xml};
use crate::measure::history::trend::{Family, Trend, Turn};
use crate::measure::results::{Certainty, Marked};

/// The table, a family after another.
#[must_use]
pub fn terminal(families: &[Family], view: &View) -> String {
    let mut page = Page::new(view);
    for family in families {
        let runs = human::counted(family.runs.len() as u64, "run", "runs");
        let mut facts = vec![plain(&family.scenario), plain(&family.target_kind), runs];
        if family.invalid > 0 {
            facts.push(format!("{} more were invalid", family.invalid));
        }
        page.flow("", &facts);
        let mut table = Table::new(vec![
            left(""),
            right("runs"),
            right("median"),
            right("last"),
            right("changes"),
        ]);
        family.trends.iter().for_each(|trend| table.row(row(trend)));
        page.headed_table("TRENDS", &table);
        for trend in &family.trends {
            trend.changes.iter().for_each(|turn| change_point(&mut page, trend, turn));
        }
        for text in resembling(family).into_iter().chain(lacking(family)) {
            page.prose(INDENT, (Tone::Dim, "-"), &plain(&text));
        }
        page.line("");
    }
    page.finish()
}

fn row(trend: &Trend) -> Vec<super::table::Cell> {
    let mut known: Vec<Marked<f64>> = trend.values().flatten().collect();
    let shown = |it: Option<&Marked<f64>>| {
        it.map_or("-".to_owned(), |it| it.text(|it| value(&trend.metric, it)))
    };
    let last = shown(known.last());
    let count = known.len();
    known.sort_by(|one, other| one.bare().total_cmp(&other.bare()));
    let median = shown(known.get(count / 2).map(|it| of_median(&known, it)).as_ref());
    let mark = if trend.decides { "*" } else { " " };
    let tone = match trend.changes.last() {
        Some(turn) if turn.worse && !turn.doubtful => Tone::Bad,
        Some(_) => Tone::Doubt,
        None => Tone::Plain,
    };
    vec![
        format!("  {mark} {}", plain(&trend.metric)).into(),
        human::count(count as u64).into(),
        median.into(),
        last.into(),
        cell(tone, human::count(trend.changes.len() as u64)),
    ]
}

/// The median of sorted values: a bound, if one that is could lie on its other side.
fn of_median(sorted: &[Marked<f64>], median: &Marked<f64>) -> Marked<f64> {
    let up_to = sorted.iter().take_while(|it| it.bare() <= median.bare());
    let is_bound = up_to.into_iter().any(|it| it.certainty == Certainty::AtLeast);
    Marked::new(median.bare(), Certainty::at_least(is_bound))
}

fn change_point(page: &mut Page, trend: &Trend, turn: &Turn) {
    let alarming = turn.worse && !turn.doubtful;
    let tone = if alarming { Tone::Bad } else { Tone::Doubt };
    let (before, after) = levels(trend, turn);
    let doubt = if turn.doubtful { DOUBTFUL } else { "" };
    let (metric, run) = (plain(&trend.metric), plain(&turn.run));
    let text = format!("{metric}: from {before} to {after} at run {run}{doubt}");
    page.prose(INDENT, (tone, if alarming { "!" } else { "-" }), &text);
}

/// What is said of a change that lower bounds leave open.
const DOUBTFUL: &str = " (doubtful: lower bounds on the side that would be nearer)";

/// The levels before and after a change, marked where they hold lower bounds.
fn levels(trend: &Trend, turn: &Turn) -> (String, String) {
    let level = |of: f64, bound| format!("{}{}", at_least(bound), value(&trend.metric, of));
    (level(turn.before, turn.before_at_least), level(turn.after, turn.after_at_least))
}

fn at_least(bound: bool) -> &'static str {
    if bound { ">=" } else { "" }
}

/// Autocorrelation from which on it is worth a word.
const RESEMBLES: f64 = 0.3;

/// Figures that are to decide and that no run has.
fn lacking(family: &Family) -> Option<String> {
    let names = family.lacking.join(", ");
    (!names.is_empty()).then(|| format!("none of these runs has {names}"))
}

/// That runs resemble those before them, of figures that decide.
fn resembling(family: &Family) -> Option<String> {
    let gated = family.trends.iter().filter(|trend| trend.decides);
    let found = gated.filter_map(|trend| {
        let by = trend.autocorrelation.filter(|by| *by >= RESEMBLES)?;
        Some(format!("{} {by:.1}", trend.metric))
    });
    let found: Vec<String> = found.collect();
    (!found.is_empty()).then(|| {
        format!(
            "runs resemble the run before them (lag-1 autocorrelation: {}): a change must be \
             larger to show",
            found.join(", ")
        )
    })
}

/// A figure's value, by the unit its name implies.
fn value(metric: &str, value: f64) -> String {
    label(metric)(value)
}

fn label(metric: &str) -> fn(f64) -> String {
    if metric.ends_with(".rate") {
        human::rate
    } else if metric == "drain_time" || metric.starts_with("recovery_time") {
        human::duration_s
    } else if metric.starts_with("target_rss") || metric.starts_with("target_io") {
        |bytes| human::bytes(bytes.max(0.0).round() as u64)
    } else if [".p50", ".p90", ".p99"].iter().any(|stat| metric.ends_with(stat)) {
        |us| human::duration_s(us / 1e6)
    } else {
        human::number
    }
}

/// The families as JSON.
///
/// # Errors
/// When it cannot be written, which nothing here gives cause for.
pub fn json(families: &[Family]) -> io::Result<String> {
    Ok(escape::json(&serde_json::to_string_pretty(families)?) + "\n")
}

/// The page: a section a family, a curve a figure, a mark a change.
///
/// # Errors
/// As [`json`].
pub fn html(families: &[Family]) -> io::Result<String> {
    let head = "<header>\n<h1>History</h1>\n<p>Runs that count, one after another; only runs of \
                the same scenario, kind of target and machine stand on one curve. A dashed edge \
                is a change for good.</p>\n</header>\n";
    let body: String = families.iter().map(family).collect();
    let sections = [Section { id: "trends", title: "Trends", body }];
    let data = escape::json_in_html(&serde_json::to_string(families)?);
    Ok(page("mailbench history", head, &sections, &data))
}

fn family(family: &Family) -> String {
    let facts: Vec<String> =
        family.environment.iter().map(|(name, fact)| format!("{name} {fact}")).collect();
    let heading = format!(
        "<h3>{} ({})</h3>\n<p class=\"faint\">{}, {} more invalid · scenario {} · {}</p>\n",
        xml(&family.scenario),
        xml(&family.target_kind),
        human::counted(family.runs.len() as u64, "run", "runs"),
        family.invalid,
        xml(&family.digest),
        xml(&facts.join(" · ")),
    );
    let turns = family.trends.iter().flat_map(|trend| {
        trend.changes.iter().map(move |turn| {
            let (before, after) = levels(trend, turn);
            let tone = if turn.worse && !turn.doubtful { "bad" } else { "" };
            let doubt = if turn.doubtful { DOUBTFUL } else { "" };
            let commit = family.runs.get(turn.at).and_then(|run| run.commit.as_deref());
            let commit = commit.map_or(String::new(), |it| format!(", commit {it}"));
            format!(
                "<li class=\"{tone}\"><code>{}</code>: from {} to {} at run {}{}{doubt}</li>\n",
                xml(&trend.metric),
                xml(&before),
                xml(&after),
                xml(&turn.run),
                xml(&commit)
            )
        })
    });
    let turns: String = turns.collect();
    let turns = if turns.is_empty() { turns } else { format!("<ul>\n{turns}</ul>\n") };
    let resembling = resembling(family)
        .map_or(String::new(), |text| format!("<p class=\"faint\">{}</p>\n", xml(&text)));
    let charts: String = family.trends.iter().map(|trend| chart(family, trend)).collect();
    heading + &turns + &resembling + &charts
}

fn note(trend: &Trend) -> String {
    let decides = if trend.decides { "decides" } else { "" };
    let bounds = trend.at_least.iter().filter(|bound| **bound).count();
    let bounds = (bounds > 0).then(|| format!("{bounds} values are lower bounds"));
    let parts = [Some(decides.to_owned()).filter(|it| !it.is_empty()), bounds];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn chart(family: &Family, trend: &Trend) -> String {
    let points = trend.values.iter().zip(1_u32..).map(|(value, n)| (f64::from(n), *value));
    let top = trend.values.iter().flatten().copied().fold(0.0, f64::max);
    let last = family.runs.len().max(2);
    let step = last.div_ceil(8).max(1);
    let at = |index: usize| f64::from(u32::try_from(index + 1).unwrap_or(u32::MAX));
    let day = |index: usize| {
        let run = family.runs.get(index);
        run.map_or(String::new(), |run| run.started_at.chars().take(10).collect())
    };
    let edge = |turn: &Turn| Mark { at: at(turn.at), label: turn.run.clone() };
    Chart {
        title: trend.metric.clone(),
        note: note(trend),
        bands: Vec::new(),
        series: vec![Series {
            name: trend.metric.clone(),
            colour: "sent",
            form: Form::Line,
            points: points.collect(),
            said: match trend.at_least.iter().filter(|bound| **bound).count() {
                0 => String::new(),
                some => format!("{some} of them lower bounds"),
            },
        }],
        spans: Vec::new(),
        edges: trend.changes.iter().map(edge).collect(),
        x: Axis::Linear { low: 1.0, high: at(last - 1) },
        ticks: (0..last).step_by(step).map(|n| Mark { at: at(n), label: day(n) }).collect(),
        y: Axis::from_zero(top),
        place: |run| format!("run {run:.0}"),
        label: label(&trend.metric),
    }
    .figure()
}
