//! The accounts: from offered to delivered as bars of one scale, every count, and each violation
//! with its evidence.

use std::fmt::Write as _;

use super::table::{class, table, toned};
use crate::escape::xml;
use crate::measure::results::{Results, Violation};
use crate::report::changes;
use crate::report::human;
use crate::report::story::{self, Part, value};

/// Part of a bar: the count, and the class of its colour.
type Segment = (&'static str, &'static str);

/// What became of the offered, at the target.
const AT_TARGET: [Segment; 4] = [
    ("accepted", "received"),
    ("refused", "deferred"),
    ("indeterminate", "queue"),
    ("not_sent", "none"),
];

/// What became of the accepted.
const AT_END: [Segment; 7] = [
    ("delivered", "sent"),
    ("bounced", "bounced"),
    ("unconfirmed", "queue"),
    ("null_sender_discarded", "offered"),
    ("pending", "deferred"),
    ("unaccounted", "rejected"),
    ("lost", "rejected"),
];

/// Below this share of a bar there is no room for words.
const ROOMY: f64 = 0.14;

/// The section.
pub(super) fn accounts(results: &Results) -> String {
    [flow(results), counts(results), changed(results), violations(results)].concat()
}

/// Three bars of one scale: offered, at the target, at the end.
fn flow(results: &Results) -> String {
    let offered = value(&results.counts, "offered");
    if offered == 0 {
        return String::new();
    }
    let bar = |segments: &[Segment]| {
        let sum: u64 = segments.iter().map(|(name, _)| value(&results.counts, name)).sum();
        let mut html: String =
            segments.iter().map(|segment| part(results, *segment, offered)).collect();
        let rest = offered.saturating_sub(sum);
        if rest > 0 {
            let _infallible =
                write!(html, "<span class=\"c-blank\" style=\"flex:{rest} 1 0\"></span>");
        }
        html
    };
    format!(
        "<div class=\"flow\">\n<span>offered</span><div class=\"bar\">{}</div>\n\
         <span>at the target</span><div class=\"bar\">{}</div>\n\
         <span>at the end</span><div class=\"bar\">{}</div>\n</div>\n",
        bar(&[("offered", "offered")]),
        bar(&AT_TARGET),
        bar(&AT_END),
    )
}

fn part(results: &Results, (name, colour): Segment, offered: u64) -> String {
    let count = value(&results.counts, name);
    if count == 0 {
        return String::new();
    }
    let roomy = count as f64 / offered as f64 >= ROOMY;
    let said = format!("{} {}", human::count(count), name.replace('_', " "));
    let (class, text) = if roomy { (" roomy", said.as_str()) } else { ("", "") };
    let inner =
        format!("class=\"c-{colour}{class}\" style=\"flex:{count} 1 0\" title=\"{said}\">{text}");
    if has_evidence(results, name) {
        format!("<a href=\"#v-{name}\" {inner}</a>")
    } else {
        format!("<span {inner}</span>")
    }
}

fn has_evidence(results: &Results, class: &str) -> bool {
    results.correctness.violations.iter().any(|found| found.class == class)
}

fn counts(results: &Results) -> String {
    let row = |line: story::Line| {
        let tone = class(line.tone);
        let indent = "&emsp;".repeat(line.part.depth());
        let name = toned(tone, &line.name);
        let name = if has_evidence(results, &line.name) {
            format!("<a href=\"#v-{}\">{name}</a>", anchor(&line.name))
        } else {
            name
        };
        vec![
            format!("{indent}{name}"),
            toned(tone, &human::count(line.count)),
            xml(&line.share),
            line.rate,
            format!("<span class=\"faint\">{}</span>", xml(line.note)),
        ]
    };
    let mut rows = Vec::new();
    let mut part = Part::Offered;
    for line in story::lines(results) {
        if let (true, Some(heading)) = (line.part != part, line.part.heading()) {
            rows.push(vec![format!("<span class=\"faint\">{heading}</span>")]);
            part = line.part;
        }
        rows.push(row(line));
    }
    table(&["", "#probes", "#share", "#rate in the period", "="], rows)
}

/// How content differed from what was sent.
fn changed(results: &Results) -> String {
    let rows: Vec<Vec<String>> = changes::lines(results)
        .map(|line| {
            let count = human::count(line.receptions);
            vec![toned(class(line.tone), line.kind), xml(line.level), count, xml(&line.note)]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let table = table(&["change", "level", "#receptions", "~seen"], rows);
    format!("<h3>Content changed in transit</h3>\n{table}")
}

/// A class as part of an anchor: classes are ours, but a stored report may hold anything.
fn anchor(class: &str) -> String {
    class.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// Class by class, the first case of each unfolded.
fn violations(results: &Results) -> String {
    let found = &results.correctness.violations;
    if found.is_empty() {
        return String::new();
    }
    let mut classes: Vec<&str> = Vec::new();
    for one in found {
        if !classes.contains(&one.class.as_str()) {
            classes.push(&one.class);
        }
    }
    let mut html = "<h3>Violations, with what was seen</h3>\n".to_owned();
    for class in classes {
        let count = results.count_anywhere(class);
        let listed: Vec<&Violation> = found.iter().filter(|one| one.class == class).collect();
        let rest = match count.saturating_sub(listed.len() as u64) {
            0 => String::new(),
            _ => format!(" <small>the first {} here</small>", listed.len()),
        };
        let total = human::count(count.max(listed.len() as u64));
        let _infallible = writeln!(
            html,
            "<div id=\"v-{}\"><p>{} {total}{rest}</p>",
            anchor(class),
            toned("bad", class)
        );
        for (n, one) in listed.iter().enumerate() {
            html.push_str(&violation(one, n == 0));
        }
        html.push_str("</div>\n");
    }
    html
}

fn violation(found: &Violation, open: bool) -> String {
    let probe = found.probe.map_or_else(String::new, |probe| format!("probe {probe} "));
    let recipient = xml(found.recipient.as_deref().unwrap_or(""));
    let seen: String = found
        .evidence
        .iter()
        .map(|seen| format!("<li><code>{}</code></li>\n", xml(seen)))
        .collect();
    let open = if open { " open" } else { "" };
    format!("<details{open}><summary>{probe}{recipient}</summary>\n<ol>\n{seen}</ol>\n</details>\n")
}
