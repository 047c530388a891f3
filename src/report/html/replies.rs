//! Replies by stage of the dialogue: what the target said to traffic, what the sink said to it.

use super::table::{code, meter, table, toned};
use crate::escape::xml;
use crate::measure::results::{ReplyCount, Results};
use crate::report::human;

/// The section.
pub(super) fn replies(results: &Results) -> String {
    let of = |by: &str, title: &str| {
        let replies: Vec<&ReplyCount> =
            results.replies.iter().filter(|reply| reply.by == by).collect();
        if replies.is_empty() {
            String::new()
        } else {
            format!("<h3>{title}</h3>\n{}", rows(&replies))
        }
    };
    let mut html = of("target", "Given by the target") + &of("sink", "Given by the sink");
    // A stored report may name others; nothing is hidden.
    let other: Vec<&ReplyCount> =
        results.replies.iter().filter(|it| it.by != "target" && it.by != "sink").collect();
    html.push_str(&rows(&other));
    html
}

fn rows(replies: &[&ReplyCount]) -> String {
    let most = replies.iter().map(|reply| reply.count).max().unwrap_or(0).max(1);
    let mut before = "";
    let mut rows = Vec::new();
    for reply in replies {
        let class = match reply.code {
            400..500 => "doubt",
            500..600 => "bad",
            _ => "",
        };
        let stage = if reply.stage == before { String::new() } else { xml(&reply.stage) };
        before = &reply.stage;
        rows.push(vec![
            stage,
            toned(class, &reply.code.to_string()),
            human::count(reply.count),
            meter(reply.count as f64 / most as f64),
            code(&reply.example),
        ]);
    }
    table(&["stage", "#code", "#count", "", "~such as"], rows)
}
