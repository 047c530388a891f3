//! A campaign of power cuts as people and programs want it. What it says is in `words`; each format
//! writes that.

mod words;

use std::io;
use std::path::Path;

use super::forms::Format;
use super::html::page::{Section, page};
use super::suite::{Case, Outcome, Suite};
use super::table::{Cell, Table, left, right};
use super::terminal::page::Page;
use super::view::{Tone, View};
use crate::escape::{self, json_in_html, markdown, plain, xml};
use crate::measure::durability::Durability;
use words::{TITLES, answer, rows, story};

/// The text in `format`. Only the terminal summary looks at `view`.
///
/// # Errors
/// When a serialiser fails, which text in memory gives no cause for.
pub fn render(format: Format, durability: &Durability, view: &View) -> io::Result<String> {
    Ok(match format {
        Format::Terminal => escape::styled(&terminal(durability, view)),
        Format::Json => escape::json(&serde_json::to_string_pretty(durability)?) + "\n",
        Format::Csv => csv(durability)?,
        Format::Markdown => summary(durability),
        Format::Html => html(durability)?,
        Format::Junit => junit(durability),
    })
}

/// JSON Schema of `durability.json`, as text.
///
/// # Errors
/// When it cannot be written as JSON, which none of our schemas gives cause for.
pub fn schema() -> io::Result<String> {
    let schema = schemars::schema_for!(Durability);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// Writes every file of a campaign. A reader sees each whole or not at all.
///
/// # Errors
/// When one cannot be written.
pub fn write_all(durability: &Durability, folder: &Path) -> io::Result<()> {
    super::forms::write_all(folder, "durability", |format, view| render(format, durability, view))
}

fn tone(durability: &Durability) -> Tone {
    match durability.exit_code {
        0 => Tone::Good,
        97 => Tone::Bad,
        _ => Tone::Doubt,
    }
}

fn terminal(durability: &Durability, view: &View) -> String {
    let mut page = Page::new(view);
    if !view.quiet {
        let tool = format!("{} {}", durability.tool.name, durability.tool.version);
        let name = plain(&durability.name);
        page.flow("", &[plain(&tool), "durability".to_owned(), name, plain(&durability.target)]);
        page.prose(2, (Tone::Plain, ""), &plain(&durability.question));
        let mut columns = vec![left(TITLES[0])];
        columns.extend(TITLES[1..].iter().map(|title| right(title)));
        let mut table = Table::new(columns);
        for row in rows(durability) {
            let cells = row.iter().enumerate().map(|(at, text)| match at {
                0 => format!("    {}", plain(text)).into(),
                _ => Cell::from(plain(text)),
            });
            table.row(cells.collect());
        }
        page.headed_table("CUTS", &table);
        for line in story(durability) {
            page.prose(4, (Tone::Plain, ""), &plain(&line));
        }
    }
    page.line("");
    let said = view.paint(tone(durability), &plain(&answer(durability)));
    page.line(&format!("DURABILITY: {said}  exit {}", durability.exit_code));
    if !view.quiet {
        page.line(&format!("  repeat: {}", plain(&durability.command)));
        if let Some(folder) = &view.folder {
            page.line(&format!("  files:  {}", plain(folder)));
        }
    }
    page.finish()
}

fn csv(durability: &Durability) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "filesystem",
        "keep",
        "seed",
        "folder",
        "cuts",
        "cuts_losing",
        "acknowledged",
        "open",
        "lost",
        "missing",
        "undecided",
        "duplicates_excused",
        "flushes",
        "accepted",
    ])?;
    for run in &durability.runs {
        let counts = [
            run.cuts,
            run.cuts_losing,
            run.acknowledged,
            run.open,
            run.lost,
            run.missing,
            run.undecided,
            run.duplicates_excused,
            run.flushes,
            run.accepted,
        ];
        let names = [run.filesystem.name().to_owned(), run.keep.name().to_owned()];
        let place = [run.seed.to_string(), run.folder.clone()];
        let counts = counts.map(|count| count.to_string());
        writer.write_record(names.into_iter().chain(place).chain(counts))?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn summary(durability: &Durability) -> String {
    let mut text = format!(
        "### mailbench durability: {}\n\n{}\n\n**{} {}**\n\n| {} |\n|:---|:---|---:|---:|---:|---:|---:|---:|\n",
        markdown(&durability.name),
        markdown(&durability.question),
        markdown(&durability.target),
        markdown(&answer(durability)),
        TITLES.join(" | ")
    );
    for row in rows(durability) {
        let cells: Vec<String> = row.iter().map(|text| markdown(text)).collect();
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text.push('\n');
    for line in story(durability) {
        text += &format!("- {}\n", markdown(&line));
    }
    text
}

fn html(durability: &Durability) -> io::Result<String> {
    let data = json_in_html(&serde_json::to_string(durability)?);
    let tone = match tone(durability) {
        Tone::Good => "good",
        Tone::Bad => "bad",
        _ => "doubt",
    };
    let head = format!(
        "<header>\n<h1>{}</h1>\n<p>{}</p>\n<p class=\"faint\">target {}</p>\n\
         <div class=\"verdict {tone}\"><b>{}</b></div>\n</header>\n",
        xml(&durability.name),
        xml(&durability.question),
        xml(&durability.target),
        xml(&answer(durability)),
    );
    let titles: Vec<String> = TITLES
        .iter()
        .enumerate()
        .map(|(at, title)| if at < 2 { (*title).to_owned() } else { format!("#{title}") })
        .collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let cells = |row: [String; 8]| row.iter().map(|text| xml(text)).collect();
    let table =
        super::html::table::table(&titles, rows(durability).into_iter().map(cells).collect());
    let story: String =
        story(durability).iter().map(|line| format!("<p>{}</p>\n", xml(line))).collect();
    let section = Section { id: "cuts", title: "Power cuts", body: table + &story };
    let title = format!("{}: durability (mailbench)", durability.name);
    Ok(page(&title, &head, &[section], &data))
}

fn junit(durability: &Durability) -> String {
    let case = |row: [String; 8]| {
        let lost = &row[4];
        let outcome = match lost.as_str() {
            "0" => Outcome::Passed,
            lost => Outcome::Failed(format!("{lost} acknowledged recipients lost"), String::new()),
        };
        Case { group: "durability".to_owned(), name: format!("{} {}", row[0], row[1]), outcome }
    };
    let mut cases: Vec<Case> = rows(durability).into_iter().map(case).collect();
    let known = match durability.reasons.first() {
        Some(why) => Outcome::Error(why.clone()),
        None => Outcome::Passed,
    };
    cases.push(Case { group: "durability".to_owned(), name: "known".to_owned(), outcome: known });
    Suite {
        name: durability.name.clone(),
        started: String::new(),
        duration_s: 0.0,
        properties: vec![
            ("answer", answer(durability)),
            ("target", durability.target.clone()),
            ("version", durability.tool.version.clone()),
            ("command", durability.command.clone()),
        ],
        cases,
        summary: terminal(durability, &View::plain(100)),
    }
    .render()
}
