//! No text, and no override, makes the scenario reader panic; what it takes reads back.

use mailbench::scenario::{self, Override};
use proptest::prelude::*;

const EVERYTHING: &str = include_str!("scenario_grammar/everything.toml");

/// Pieces that scenario texts are made of, so that changed texts stay near the grammar.
const PIECES: [&str; 24] = [
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    ".",
    "\n",
    "#",
    "\"\"\"",
    "\\u0000",
    "é",
    "-",
    "0",
    "9999",
    "1e400",
    "nan",
    "s",
    "/s",
    "KiB",
    "%",
    "..",
    "[[fault]]\n",
];

/// What a text reads as must read back; otherwise it must be refused with a place.
fn survives(text: &str, overrides: &[Override]) {
    match scenario::parse("s.toml", text, overrides) {
        Ok(loaded) => {
            let again = scenario::parse("s.toml", &loaded.resolved, &[]);
            let again = again.unwrap_or_else(|error| panic!("{error}\n{}", loaded.resolved));
            assert_eq!(again.resolved, loaded.resolved);
        }
        Err(error) => {
            assert!(error.to_string().starts_with("error: "));
            assert!(!error.styled().is_empty());
        }
    }
}

/// `text` with the characters from `at` on, `length` of them, replaced by `piece`.
fn changed(text: &str, at: usize, length: usize, piece: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at % (characters.len() + 1);
    let end = (at + length).min(characters.len());
    characters.splice(at..end, piece.chars());
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn any_text(text: String) {
        survives(&text, &[]);
    }

    #[test]
    fn texts_near_the_grammar(
        changes in prop::collection::vec(
            (any::<usize>(), 0_usize..12, prop::sample::select(PIECES.to_vec())), 1..4,
        ),
    ) {
        let text = changes.iter().fold(EVERYTHING.to_owned(), |text, (at, length, piece)| {
            changed(&text, *at, *length, piece)
        });
        survives(&text, &[]);
    }

    #[test]
    fn any_override(key in "[a-z_.0-9\"{}=é]{0,40}", value: String) {
        survives(EVERYTHING, &[Override::new(key, value)]);
    }

    #[test]
    fn overrides_of_known_keys(
        key in prop::sample::select(vec![
            "seed", "load.rate", "load.segment", "load.messages", "message.size", "fault.cut.delay",
            "fault.0.attempts", "destination.0.weight", "thresholds.x", "thresholds", "target.retry",
        ]),
        value in "[0-9a-zA-Z/.%\\[\\]{}=\", -]{0,30}",
    ) {
        survives(EVERYTHING, &[Override::new(key, value)]);
    }

    #[test]
    fn any_relay_settings(text in "(\\[retry\\]\n)?[a-z_=\"0-9s .\n]{0,80}") {
        let _either_way = scenario::relay_settings("r.toml", &text);
    }
}
