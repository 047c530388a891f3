//! Tables and short facts as HTML. Cells come escaped.

use crate::escape::xml;
use crate::report::view::Tone;

/// A table; columns whose title begins with `#` are numbers, with `~` long text, with `=` text
/// that stays on one line.
pub(in crate::report) fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let class = |n: usize| match titles.get(n) {
        Some(title) if title.starts_with('#') => " class=\"n\"",
        Some(title) if title.starts_with('~') => " class=\"w\"",
        Some(title) if title.starts_with('=') => " class=\"o\"",
        _ => "",
    };
    let said = |title: &str| title.trim_start_matches(['#', '~', '=']).to_owned();
    let heading = |(n, title): (usize, &&str)| format!("<th{}>{}</th>", class(n), said(title));
    let headings: String = titles.iter().enumerate().map(heading).collect();
    let row = |cells: &Vec<String>| {
        let cell = |(n, cell): (usize, &String)| format!("<td{}>{cell}</td>", class(n));
        let cells: String = cells.iter().enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    let head = if titles.iter().all(|title| said(title).is_empty()) {
        String::new()
    } else {
        format!("<thead><tr>{headings}</tr></thead>\n")
    };
    format!("<div class=\"wide\"><table>\n{head}<tbody>\n{rows}</tbody>\n</table></div>\n")
}

/// Text in a class of colour.
pub(in crate::report) fn toned(class: &str, text: &str) -> String {
    if class.is_empty() {
        xml(text)
    } else {
        format!("<span class=\"{class}\">{}</span>", xml(text))
    }
}

/// The class of a tone.
pub(in crate::report) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "bad",
        Tone::Doubt => "doubt",
        Tone::Good => "good",
        Tone::Dim => "faint",
        Tone::Plain | Tone::Strong => "",
    }
}

/// Code, escaped.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", xml(text))
}

/// A figure that is read at a glance: what, how much, and a word more; plain text all three.
pub(super) struct Tile(pub &'static str, pub String, pub String);

/// Figures side by side; those without a value are left out.
pub(super) fn tiles(tiles: &[Tile]) -> String {
    let tile = |Tile(what, value, more): &Tile| {
        let more =
            if more.is_empty() { String::new() } else { format!("<small>{}</small>", xml(more)) };
        format!("<div><dt>{what}</dt><dd>{}{more}</dd></div>\n", xml(value))
    };
    let shown = tiles.iter().filter(|Tile(_, value, _)| !value.is_empty());
    let html: String = shown.map(tile).collect();
    if html.is_empty() { html } else { format!("<dl class=\"tiles\">\n{html}</dl>\n") }
}

/// A bar as long as a share of one.
pub(super) fn meter(share: f64) -> String {
    let percent = (share * 100.0).clamp(0.0, 100.0);
    format!("<span class=\"meter\"><i style=\"width:{percent:.1}%\"></i></span>")
}
