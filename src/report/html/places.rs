//! Destination by destination, and how alike the healthy ones fared.

use super::table::{meter, table, toned};
use crate::measure::results::{DestinationFacts, Results};
use crate::report::escape::xml;
use crate::report::figures;
use crate::report::human;
use crate::report::story::value;

/// Destinations in the table; the rest is in `report.json`.
const LISTED: usize = 200;

/// The section.
pub(super) fn destinations(results: &Results) -> String {
    let delivered = |place: &DestinationFacts| value(&place.counts, "delivered");
    let most = results.destinations.iter().map(delivered).max().unwrap_or(0).max(1);
    let row = |place: &DestinationFacts| {
        let count = |name| human::count(value(&place.counts, name));
        let bad = |name| {
            let class = if value(&place.counts, name) > 0 { "bad" } else { "" };
            toned(class, &count(name))
        };
        let e2e = |stat| {
            let e2e = place.latency.get("e2e_response");
            xml(&e2e.map_or_else(String::new, |latency| figures::text(latency, stat)))
        };
        let attempts = place.attempts_per_delivery_mean.map_or("-".to_owned(), human::number);
        let rate = place.rates.get("delivered").map_or("-".to_owned(), |rate| human::rate(*rate));
        let faulty = if place.faulty { " <small class=\"doubt\">faulty</small>" } else { "" };
        vec![
            xml(&place.domain) + faulty,
            count("accepted"),
            count("delivered"),
            rate,
            meter(delivered(place) as f64 / most as f64),
            count("deferred"),
            count("bounced"),
            bad("lost"),
            attempts,
            e2e("p50"),
            e2e("p99"),
        ]
    };
    let titles = [
        "",
        "#accepted",
        "#delivered",
        "#a second in the period",
        "",
        "#deferred",
        "#bounced",
        "#lost",
        "#attempts",
        "#e2e p50",
        "#p99",
    ];
    let listed = results.destinations.iter().take(LISTED).map(row).collect();
    table(&titles, listed) + &notes(results)
}

fn notes(results: &Results) -> String {
    let mut notes = String::new();
    let rest = results.destinations.len().saturating_sub(LISTED);
    if rest > 0 {
        notes.push_str(&format!("<p class=\"faint\">and {rest} more in report.json</p>\n"));
    }
    if let Some(fairness) = results.queue.fairness {
        notes.push_str(&format!(
            "<p>Fairness among healthy destinations (Jain index of 1 / mean end-to-end time; 1: all \
             alike): <b>{fairness:.3}</b></p>\n"
        ));
    }
    if let Some(isolation) = &results.queue.isolation {
        notes.push_str(&format!(
            "<p>Isolation: p99 of healthy destinations {} while another was faulty, {} before: \
             <b>{}</b></p>\n",
            xml(&figures::duration(Some(isolation.during()))),
            xml(&figures::duration(Some(isolation.before()))),
            xml(&figures::times(isolation.inflation())),
        ));
    }
    notes
}
