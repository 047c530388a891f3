//! Bodies: pseudo-random prose and base64 of an exact length.
//!
//! Ordinary bodies carry lines that broken software trips over: leading dots (RFC 5321 §4.5.2),
//! `From ` (mbox), white space at line ends, commands, a line of the greatest length.

use rand::Rng;

use crate::probe::MessageId;
use crate::scenario::model::{Encoding, TextStyle};

/// Bytes of one line of base64 with its line end (RFC 2045 §6.8).
pub(super) const BASE64_LINE: usize = 78;

/// The longest line of a message, line end excluded (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

/// At most this much is left to the last line; more than any other line but the longest has.
const LAST_LINE: usize = 160;

/// Words in a line: six bits each, of the 64 of one draw; four bits are left.
const WORDS_A_LINE: usize = 10;

/// Lines that broken software trips over.
const AWKWARD: [&str; 15] = [
    ".",
    "..",
    "...",
    ".x",
    ".a line with a leading dot",
    "..a line with two",
    ". ",
    "From the start of a line",
    "trailing space ",
    "trailing tab\t",
    " ",
    "=2E=20 is not encoded here",
    "QUIT",
    "Received: from nowhere",
    "-- ",
];

/// The words of prose, each with a space behind it, and the lines they make.
#[derive(Clone, Copy)]
pub(super) struct Words {
    words: &'static [Word; 64],
    style: TextStyle,
}

/// A word and a space in a room of one size, which is copied faster than what must be measured.
#[derive(Clone, Copy)]
struct Word {
    room: [u8; WORD],
    length: usize,
}

impl Word {
    fn spaced(&self) -> &[u8] {
        &self.room[..self.length]
    }
}

/// The longest word with its space.
const WORD: usize = 16;

impl Words {
    pub(super) fn of(encoding: Encoding, style: TextStyle) -> Words {
        static SEVEN_BIT: [Word; 64] = words(&ASCII);
        static EIGHT_BIT: [Word; 64] = words(&UTF8);
        let words = match encoding {
            Encoding::SevenBit => &SEVEN_BIT,
            Encoding::EightBit | Encoding::Utf8 => &EIGHT_BIT,
        };
        Words { words, style }
    }
}

/// What does not fit into its room does not compile.
const fn words(list: &[&str; 64]) -> [Word; 64] {
    let mut all = [Word { room: [b' '; WORD], length: 0 }; 64];
    let mut at = 0;
    while at < all.len() {
        let word = list[at].as_bytes();
        let mut place = 0;
        while place < word.len() {
            all[at].room[place] = word[place];
            place += 1;
        }
        assert!(word.len() < WORD);
        all[at].length = word.len() + 1;
        at += 1;
    }
    all
}

/// The first lines of every text part: whose body it is, then leading dots.
pub(super) fn opening(tag: &str, message: MessageId) -> String {
    [itoa::Buffer::new().format(message.0), " ", tag, "\r\n.\r\n..\r\n.x\r\n"].concat()
}

/// Appends prose of exactly this many bytes, in whole lines. One byte cannot be a line: nothing
/// but 1 is met to the byte.
pub(super) fn prose(out: &mut Vec<u8>, length: usize, words: Words, stream: &mut impl Rng) {
    let end = out.len() + length;
    while end - out.len() > LAST_LINE {
        let draw = stream.next_u64();
        match words.style {
            TextStyle::LongLines if end - out.len() > LONGEST_LINE + 2 + LAST_LINE => {
                long_line(out, words, stream);
            }
            TextStyle::Dots => dots_line(out, words, draw),
            // One line in sixteen.
            TextStyle::Prose if draw >> 60 == 0 => awkward_line(out, end, draw),
            TextStyle::Prose | TextStyle::LongLines => words_line(out, words, draw),
        }
    }
    if let Some(left) = (end - out.len()).checked_sub(2) {
        out.extend_from_slice(&PADDING[..left]);
        out.extend_from_slice(b"\r\n");
    }
}

/// As long as a line may be.
fn long_line(out: &mut Vec<u8>, words: Words, stream: &mut impl Rng) {
    let end = out.len() + LONGEST_LINE;
    let mut draw = 0;
    loop {
        if draw == 0 {
            draw = stream.next_u64() | 1 << 63;
        }
        let word = words.words[(draw & 63) as usize].spaced();
        draw >>= 6;
        if out.len() + word.len() > end {
            break;
        }
        out.extend_from_slice(word);
    }
    // Not a blank, which some take off at the end of a line.
    out.resize(end, b'm');
    out.extend_from_slice(b"\r\n");
}

/// One to eight dots, and in three lines of four a word.
fn dots_line(out: &mut Vec<u8>, words: Words, draw: u64) {
    out.resize(out.len() + 1 + (draw & 7) as usize, b'.');
    if draw >> 3 & 3 != 0 {
        out.extend_from_slice(words.words[(draw >> 5 & 63) as usize].spaced().trim_ascii_end());
    }
    out.extend_from_slice(b"\r\n");
}

fn words_line(out: &mut Vec<u8>, words: Words, draw: u64) {
    let mut line = [0; WORDS_A_LINE * WORD];
    let mut end = 0;
    for place in 0..WORDS_A_LINE {
        let word = &words.words[(draw >> (6 * place) & 63) as usize];
        line[end..end + WORD].copy_from_slice(&word.room);
        end += word.length;
    }
    // The last space gives way to the line end.
    line[end - 1..=end].copy_from_slice(b"\r\n");
    out.extend_from_slice(&line[..=end]);
}

fn awkward_line(out: &mut Vec<u8>, end: usize, draw: u64) {
    match AWKWARD.get((draw & 15) as usize) {
        Some(line) => out.extend_from_slice(line.as_bytes()),
        None if end - out.len() > LONGEST_LINE + 2 + LAST_LINE => {
            out.resize(out.len() + LONGEST_LINE, b'm');
        }
        None => out.push(b'.'),
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends this many bytes, whole lines of [`BASE64_LINE`], of base64 that decodes to noise.
pub(super) fn base64(out: &mut Vec<u8>, length: usize, stream: &mut impl Rng) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for _ in 0..length / BASE64_LINE {
        let mut line = [0; BASE64_LINE];
        for digits in line[..BASE64_LINE - 2].chunks_mut(10) {
            let draw = stream.next_u64();
            for (place, digit) in digits.iter_mut().enumerate() {
                *digit = DIGITS[(draw >> (6 * place) & 63) as usize];
            }
        }
        line[BASE64_LINE - 2..].copy_from_slice(b"\r\n");
        out.extend_from_slice(&line);
    }
}

/// What last lines are cut from.
const PADDING: &[u8; LAST_LINE] = b"the rest of this line is here so that the message has exactly \
the size that was planned for it and ends where the plan says that it ends, and not one byte later";

#[rustfmt::skip]
const ASCII: [&str; 64] = [
    "letter", "harbour", "window", "silver", "under", "morning", "carries", "north",
    "station", "paper", "slowly", "bridge", "the", "answers", "orchard", "winter",
    "and", "lantern", "keeper", "writes", "of", "distant", "engine", "garden",
    "postman", "waits", "in", "copper", "valley", "reads", "quiet", "market",
    "a", "journey", "beside", "folded", "river", "to", "evening", "returns",
    "clock", "village", "opens", "with", "narrow", "street", "sorting", "office",
    "from", "another", "country", "bells", "early", "traveller", "asks", "whether",
    "train", "stops", "here", "today", "or", "goes", "on", "again",
];

#[rustfmt::skip]
const UTF8: [&str; 64] = [
    "letter", "café", "window", "argent", "under", "morgen", "trägt", "nørd",
    "station", "paper", "långsam", "Brücke", "the", "réponses", "orchard", "hiver",
    "and", "фонарь", "keeper", "écrit", "of", "lejano", "motör", "garden",
    "postman", "wartet", "in", "cobre", "dolina", "czyta", "còmodo", "market",
    "a", "voyage", "près", "plié", "řeka", "to", "večer", "returns",
    "hodiny", "άνεμος", "opens", "with", "estreita", "Straße", "sorting", "bureau",
    "from", "další", "país", "колокол", "tôt", "näher", "asks", "ob",
    "train", "駅", "hier", "heute", "or", "goes", "on", "encore",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed};

    fn stream() -> rand_chacha::ChaCha8Rng {
        Seed(7).stream(Purpose::Text, crate::seed::Key::default())
    }

    const EACH: [(Encoding, TextStyle); 6] = [
        (Encoding::SevenBit, TextStyle::Prose),
        (Encoding::EightBit, TextStyle::Prose),
        (Encoding::SevenBit, TextStyle::LongLines),
        (Encoding::EightBit, TextStyle::LongLines),
        (Encoding::SevenBit, TextStyle::Dots),
        (Encoding::EightBit, TextStyle::Dots),
    ];

    #[test]
    fn a_style_holds_for_every_line() {
        let lines = |encoding, style| {
            let mut out = Vec::new();
            prose(&mut out, 100_000, Words::of(encoding, style), &mut stream());
            let text = String::from_utf8(out).expect("UTF-8");
            let mut lines: Vec<String> = text.split_terminator("\r\n").map(str::to_owned).collect();
            lines.pop();
            lines
        };
        for encoding in [Encoding::SevenBit, Encoding::EightBit] {
            let long = lines(encoding, TextStyle::LongLines);
            assert!(long.len() >= 98 && long[..98].iter().all(|line| line.len() == LONGEST_LINE));
            let dots = lines(encoding, TextStyle::Dots);
            assert!(dots.iter().all(|line| line.starts_with('.')));
            assert!(dots.iter().any(|line| line == ".") && dots.iter().any(|line| line == ".."));
        }
    }

    #[test]
    fn prose_has_exactly_the_length_asked_for() {
        for (encoding, style) in EACH {
            for length in (2..600).chain([0, 5000, 20_000, 20_001]) {
                let mut out = b"before".to_vec();
                prose(&mut out, length, Words::of(encoding, style), &mut stream());
                assert_eq!(out.len(), 6 + length);
                assert!(length == 0 || out.ends_with(b"\r\n"));
                assert!(std::str::from_utf8(&out).is_ok());
            }
        }
    }

    #[test]
    fn ordinary_bodies_hold_awkward_lines() {
        let mut out = Vec::new();
        prose(&mut out, 200_000, Words::of(Encoding::SevenBit, TextStyle::Prose), &mut stream());
        let text = String::from_utf8(out).expect("ASCII");
        let longest = "m".repeat(LONGEST_LINE);
        for line in AWKWARD.into_iter().chain([longest.as_str()]) {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}");
        }
        assert!(text.split("\r\n").all(|line| line.len() <= LONGEST_LINE));
        assert!(text.is_ascii());
    }

    #[test]
    fn base64_is_whole_lines_that_decode() {
        use base64::Engine as _;
        let mut out = Vec::new();
        base64(&mut out, 10 * BASE64_LINE, &mut stream());
        assert_eq!(out.len(), 10 * BASE64_LINE);
        let digits: Vec<u8> = out.into_iter().filter(|byte| !b"\r\n".contains(byte)).collect();
        assert_eq!(
            base64::engine::general_purpose::STANDARD.decode(digits).expect("base64").len(),
            570
        );
    }
}
