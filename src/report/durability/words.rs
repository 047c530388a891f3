//! What the reports of a campaign of power cuts say, in words.

use crate::measure::durability::{CutOutcome, Durability};
use crate::report::human;

/// Columns of the table.
pub(super) const TITLES: [&str; 8] = [
    "file system",
    "keep",
    "cuts",
    "accepted",
    "lost",
    "cuts losing",
    "loss at most",
    "flushes each",
];

/// A row for each file system and way to survive.
pub(super) fn rows(durability: &Durability) -> Vec<[String; 8]> {
    let row = |campaign: &crate::measure::durability::Campaign| {
        let CutOutcome { acknowledged, lost, cuts, cuts_losing, upper_bound_95, .. } =
            campaign.outcome;
        [
            campaign.filesystem.name().to_owned(),
            campaign.keep.name().to_owned(),
            human::count(cuts),
            human::count(acknowledged),
            human::count(lost),
            human::count(cuts_losing),
            percent(upper_bound_95),
            campaign.outcome.flushes_per_accepted.map_or("-".to_owned(), |it| format!("{it:.2}")),
        ]
    };
    durability.campaigns.iter().map(row).collect()
}

/// The answer in a line.
pub(super) fn answer(durability: &Durability) -> String {
    let CutOutcome { acknowledged, lost, cuts, .. } = durability.outcome;
    let cuts = human::counted(cuts, "power cut", "power cuts");
    match durability.exit_code {
        0 => format!("no mail lost of {} accepted in {cuts}", human::count(acknowledged)),
        97 => format!(
            "{} of {} accepted recipients lost in {cuts}",
            human::count(lost),
            human::count(acknowledged)
        ),
        _ => format!("not known after {cuts}"),
    }
}

/// What the figures mean.
pub(super) fn story(durability: &Durability) -> Vec<String> {
    let outcome = &durability.outcome;
    let mut lines = vec![format!(
        "With 95 % confidence a cut loses mail with a probability of at most {}, and an accepted \
         recipient is lost with at most {}, were they independent (Clopper and Pearson). Zero lost is \
         {}, not a proof.",
        percent(outcome.upper_bound_95_per_cut),
        percent(outcome.upper_bound_95),
        human::counted(outcome.cuts, "cut", "cuts")
    )];
    if outcome.lost > 0 && outcome.flushes_per_accepted.is_some_and(|share| share < 0.5) {
        lines.push(
            "The target flushes its disk less than once for two accepted recipients: it answers 250 \
             before the mail is durable."
                .to_owned(),
        );
    }
    let missing: u64 = durability.runs.iter().map(|run| run.missing).sum();
    if missing > 0 {
        lines.push(format!(
            "{} of the lost are missing by the count of the queue: at the close it held fewer than were \
             neither delivered nor returned.",
            human::count(missing)
        ));
    }
    lines.extend(durability.reasons.iter().map(|reason| format!("not known: {reason}")));
    lines
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent >= 10.0 => format!("{percent:.0} %"),
        _ if percent >= 0.01 => format!("{percent:.2} %"),
        _ => format!("{percent:.4} %"),
    }
}
