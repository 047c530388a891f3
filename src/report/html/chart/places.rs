//! Labels below an axis, none on another: what has no room is left out, and on a narrow screen more.

use super::{Axis, Mark};
use crate::escape::xml;

/// An axis on a screen of its usual width and on a telephone, and a letter, in pixels.
const WIDE: f64 = 640.0;
const NARROW: f64 = 300.0;
const LETTER: f64 = 7.4;

/// Between two labels, pixels.
const GAP: f64 = 6.0;

/// The labels; those at its ends stay inside.
pub(in crate::report::html) fn places(marks: &[Mark], x: &Axis) -> String {
    let (mut wide, mut narrow) = (Row::new(WIDE), Row::new(NARROW));
    let mut text = String::new();
    for mark in marks {
        let share = x.share(mark.at);
        let length = mark.label.chars().count() as f64 * LETTER;
        if !wide.has_room(share, length) {
            continue;
        }
        let end = match share {
            share if share < EDGE => "first ",
            share if share > 1.0 - EDGE => "last ",
            _ => "",
        };
        let spare = if narrow.has_room(share, length) { "" } else { "spare" };
        let class = match format!("{end}{spare}").trim_end() {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let (left, label) = (share * 100.0, xml(&mark.label));
        text += &format!("<span{class} style=\"left:{left:.2}%\">{label}</span>");
    }
    text
}

/// A label this near an end begins or ends there instead of standing across it.
const EDGE: f64 = 0.02;

/// A row of labels as it fills.
struct Row {
    width: f64,
    /// Where the last label ends.
    end: f64,
}

impl Row {
    fn new(width: f64) -> Row {
        Row { width, end: f64::NEG_INFINITY }
    }

    /// Takes the room for a label, if there is.
    fn has_room(&mut self, share: f64, length: f64) -> bool {
        let at = share * self.width;
        let from = match share {
            share if share < EDGE => at,
            share if share > 1.0 - EDGE => at - length,
            _ => at - length / 2.0,
        };
        let fits = from >= self.end + GAP;
        if fits {
            self.end = from + length;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: u32, label: &str) -> String {
        let mark = |n| Mark { at: f64::from(n), label: label.to_owned() };
        let marks: Vec<Mark> = (0..=count).map(mark).collect();
        places(&marks, &Axis::Linear { low: 0.0, high: f64::from(count) })
    }

    #[test]
    fn what_has_room_is_shown_as_it_is() {
        let text = labels(4, "10s");
        assert_eq!(text.matches("<span").count(), 5);
        assert!(!text.contains("spare"), "{text}");
        assert!(text.starts_with("<span class=\"first\"") && text.contains("class=\"last\""));
    }

    #[test]
    fn long_labels_are_thinned_out_and_more_on_a_narrow_screen() {
        let text = labels(7, "2026-10-01");
        // The second would lie on the first, the last on the one before.
        assert_eq!(text.matches("<span").count(), 6, "{text}");
        assert_eq!(text.matches("spare").count(), 3, "{text}");
    }

    #[test]
    fn many_labels_become_few() {
        let shown = labels(100, "100.0/s").matches("<span").count();
        assert!((8..=11).contains(&shown), "{shown}");
    }
}
