//! The parameters that a MAIL or RCPT line names (RFC 5321 §4.1.1.11). The parser of `smtp-proto`
//! takes those of extensions that are served nowhere here, and of one that is given twice the last.

use super::Flaw;

/// Those of MAIL that belong to an extension that can be offered.
pub(super) const OF_MAIL: [&str; 7] =
    ["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "MT-PRIORITY"];

/// Those of RCPT.
pub(super) const OF_RCPT: [&str; 2] = ["NOTIFY", "ORCPT"];

/// What is wrong with the parameters of a line, whatever their values: one that is not known, or one
/// that is given twice.
pub(super) fn flaw(line: &str, known: &[&'static str]) -> Option<Flaw> {
    // One bit for each that is known: every message is read by this, without an allocation.
    let mut seen = 0_u32;
    for word in words(line) {
        let keyword = keyword(word);
        let Some(place) = known.iter().position(|name| name.eq_ignore_ascii_case(keyword)) else {
            return Some(Flaw::Parameter(word.to_owned()));
        };
        if seen & 1 << place != 0 {
            return Some(Flaw::Value(known[place]));
        }
        seen |= 1 << place;
    }
    None
}

/// The parameter that the parser did not take, by its keyword: with a bad value if that is known.
pub(super) fn rejected(written: String) -> Flaw {
    let known = OF_MAIL.iter().chain(&OF_RCPT);
    let name = known.copied().find(|name| name.eq_ignore_ascii_case(keyword(&written)));
    name.map_or(Flaw::Parameter(written), Flaw::Value)
}

/// Whether a line names this parameter: the parser reads one with its default value as none.
pub(super) fn has(line: &str, name: &str) -> bool {
    words(line).any(|word| keyword(word).eq_ignore_ascii_case(name))
}

fn keyword(word: &str) -> &str {
    word.split_once('=').map_or(word, |(keyword, _)| keyword)
}

/// What follows the path.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split_once('<').and_then(|(_, rest)| rest.get(path_end(rest)? + 1..));
    after.unwrap_or_default().split_ascii_whitespace()
}

/// Where a path ends that begins behind its `<`: at the first `>` that is not quoted.
pub(super) fn path_end(rest: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    rest.find(|character: char| {
        let closes = character == '>' && !quoted;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    })
}
