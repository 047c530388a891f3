//! Lays out columns of text. Knows widths and what to leave out when they do not fit; the words
//! are the caller's.

use super::view::{Tone, View};

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    title: &'static str,
    right: bool,
    /// 0: always shown; where the width does not suffice the greatest goes first.
    rank: u8,
}

/// A left-aligned column.
pub(super) fn left(title: &'static str) -> Column {
    Column { title, right: false, rank: 0 }
}

/// A right-aligned column.
pub(super) fn right(title: &'static str) -> Column {
    Column { title, right: true, rank: 0 }
}

impl Column {
    /// The same column, left out where the width does not suffice; the greatest rank goes first.
    pub(super) fn optional(self, rank: u8) -> Column {
        Column { rank, ..self }
    }
}

/// One cell: text that is safe to show, and its tone.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

/// A cell in a tone.
pub(super) fn cell(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        cell(Tone::Plain, text)
    }
}

/// Rows under column titles.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

const GAP: usize = 2;

/// Least width to which a text column shrinks.
const LEAST: usize = 12;

impl Table {
    /// An empty table.
    pub(super) fn new(columns: Vec<Column>) -> Table {
        Table { columns, rows: Vec::new() }
    }

    /// Adds a row; missing cells at its end are empty.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert!(cells.len() <= self.columns.len(), "more cells than columns");
        self.rows.push(cells);
    }

    /// Whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as lines, without titles.
    pub(super) fn lines(&self, view: &View) -> Vec<String> {
        self.laid_out(view, None)
    }

    /// A line of titles that begins with `heading`, then the rows.
    pub(super) fn under(&self, heading: &str, view: &View) -> Vec<String> {
        self.laid_out(view, Some(heading))
    }

    fn laid_out(&self, view: &View, heading: Option<&str>) -> Vec<String> {
        let titles: Vec<Cell> = self
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| match heading {
                Some(heading) if n == 0 => cell(Tone::Strong, heading),
                _ => cell(Tone::Dim, column.title),
            })
            .collect();
        let titles = heading.is_some().then_some(&titles);
        let rows: Vec<&Vec<Cell>> = titles.into_iter().chain(&self.rows).collect();
        let widths = self.widths(&rows, view.width);
        rows.into_iter().map(|row| self.line(row, &widths, view)).collect()
    }

    /// Width of each column; 0: left out.
    fn widths(&self, rows: &[&Vec<Cell>], limit: usize) -> Vec<usize> {
        let width =
            |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|cell| chars(&cell.text)).max();
        let mut widths: Vec<usize> =
            (0..self.columns.len()).map(|n| width(n).unwrap_or(0)).collect();
        // A column without any cell below its title says nothing.
        for (n, width) in widths.iter_mut().enumerate() {
            let used = |row: &Vec<Cell>| row.get(n).is_some_and(|cell| !cell.text.is_empty());
            if !self.rows.iter().any(used) {
                *width = 0;
            }
        }
        while total(&widths) > limit {
            let shown = (0..widths.len()).filter(|n| widths[*n] > 0);
            match shown.max_by_key(|n| self.columns[*n].rank) {
                Some(n) if self.columns[n].rank > 0 => widths[n] = 0,
                _ => break,
            }
        }
        self.shrink(&mut widths, limit);
        widths
    }

    /// Takes what is still too much from the widest text column.
    fn shrink(&self, widths: &mut [usize], limit: usize) {
        let excess = total(widths).saturating_sub(limit);
        let texts = (0..widths.len()).filter(|n| !self.columns[*n].right);
        if let Some(widest) = texts.max_by_key(|n| widths[*n])
            && excess > 0
        {
            widths[widest] = widths[widest].saturating_sub(excess).max(LEAST);
        }
    }

    fn line(&self, row: &[Cell], widths: &[usize], view: &View) -> String {
        let mut line = String::new();
        let mut pending = 0;
        let shown = self.columns.iter().zip(widths).enumerate().filter(|(_, (_, w))| **w > 0);
        for (n, (column, width)) in shown {
            let empty = Cell::default();
            let cell = row.get(n).unwrap_or(&empty);
            let text = elided(&cell.text, *width, view);
            let pad = width.saturating_sub(chars(&text));
            let (before, after) = if column.right { (pad, 0) } else { (0, pad) };
            if !text.is_empty() {
                line.push_str(&" ".repeat(pending + before));
                line.push_str(&view.paint(cell.tone, &text));
                pending = 0;
            } else {
                pending += before;
            }
            pending += after + GAP;
        }
        line
    }
}

fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Columns a text takes, by its characters: peers' text is spelt out where it is not printable.
pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

/// `text`, cut to `width` with a mark where it was cut.
pub(crate) fn elided(text: &str, width: usize, view: &View) -> String {
    if chars(text) <= width {
        return text.to_owned();
    }
    let mark = view.pick("…", "...");
    let kept: String = text.chars().take(width.saturating_sub(chars(mark))).collect();
    kept + mark
}

/// `text` broken at spaces into lines of at most `width`; a longer word stands alone.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if chars(line) + 1 + chars(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            left("name"),
            right("n"),
            right("more").optional(1),
            right("most").optional(2),
            left("never"),
        ]);
        table.row(vec!["a".into(), "1".into(), "22".into(), "333".into()]);
        table.row(vec!["a long name of a thing".into(), cell(Tone::Bad, "10")]);
        table
    }

    #[test]
    fn columns_line_up_and_an_empty_one_is_left_out() {
        assert_eq!(
            table().under("THINGS", &View::plain(80)),
            [
                "THINGS                   n  more  most",
                "a                        1    22   333",
                "a long name of a thing  10",
            ]
        );
    }

    #[test]
    fn what_does_not_fit_goes_in_order_of_rank_then_text_is_cut() {
        let at = |width| table().lines(&View::plain(width)).remove(0);
        assert_eq!(at(35), "a                        1  22  333");
        assert_eq!(at(32), "a                        1  22");
        assert_eq!(at(27), "a                        1");
        assert_eq!(table().lines(&View::plain(20))[1], "a long name of …  10");
    }

    #[test]
    fn text_wraps_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incompressible", 5), ["incompressible"]);
    }
}
